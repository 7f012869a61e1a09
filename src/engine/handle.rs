//! The way in: everything that happens becomes a [`Message`] in the engine's queue.
use crate::{
    domain::{
        command::Command,
        incident::{AuditEntry, ClickReply, IncidentId, Input},
        policy::Person,
        report::Report,
    },
    ports::{Backlog, Delivered, Intake, Pressed, Sighting},
};
use futures::future::BoxFuture;
use jiff::SignedDuration;
use tokio::sync::{mpsc, oneshot};

/// One input of the engine.
pub enum Message {
    /// From the watches.
    Sighting(Sighting),
    /// The answer to an effect.
    Answer {
        /// Whose.
        incident: IncidentId,
        /// The stored effect that it answers, if it was stored.
        effect: Option<u64>,
        /// The answer.
        input: Input,
    },
    /// From the Slack sender.
    Delivered(Delivered),
    /// What is wrong with Slack, in words; nothing while all is well.
    SlackTrouble(Option<String>),
    /// Cards and digests that Slack does not show yet as they should be.
    Waiting(Backlog),
    /// The card of this incident has waited long enough for its diagnosis.
    Show(IncidentId),
    /// From a person; answered when it is on disk.
    Person(Box<Ask>),
}

/// What people ask.
pub enum Ask {
    /// A button was pressed.
    Press(Pressed, oneshot::Sender<ClickReply>),
    /// A silence from a card's menu.
    Silence {
        /// The card's token.
        token: String,
        /// Who.
        by: Person,
        /// How long.
        span: SignedDuration,
        /// Where the answer goes.
        reply: oneshot::Sender<Report>,
    },
    /// Details of a card's incident.
    Details(String, oneshot::Sender<Report>),
    /// A command.
    Command(Command, Person, oneshot::Sender<Report>),
    /// Is this signed request new?
    FirstSight(String, oneshot::Sender<bool>),
    /// Write this refusal down.
    Refused(AuditEntry, oneshot::Sender<()>),
}

/// A cheap handle to the engine's queue.
#[derive(Clone)]
pub struct EngineHandle {
    queue: mpsc::Sender<Message>,
}

impl EngineHandle {
    pub(super) fn new(queue: mpsc::Sender<Message>) -> Self {
        Self { queue }
    }

    /// Puts a message in the queue; waits while it is full. False when the engine is gone.
    pub async fn send(&self, message: Message) -> bool {
        self.queue.send(message).await.is_ok()
    }

    async fn ask<T>(&self, ask: impl FnOnce(oneshot::Sender<T>) -> Ask, otherwise: T) -> T {
        let (reply, answer) = oneshot::channel();
        if self
            .queue
            .send(Message::Person(Box::new(ask(reply))))
            .await
            .is_err()
        {
            return otherwise;
        }
        answer.await.unwrap_or(otherwise)
    }
}

/// What people read while Heal stops.
const STOPPING: &str = "Heal is restarting. Nothing was changed; try again in a moment.";

impl Intake for EngineHandle {
    fn press(&self, pressed: Pressed) -> BoxFuture<'_, ClickReply> {
        Box::pin(self.ask(
            |reply| Ask::Press(pressed, reply),
            ClickReply::Refused(STOPPING.to_owned()),
        ))
    }

    fn silence(&self, token: String, by: Person, span: SignedDuration) -> BoxFuture<'_, Report> {
        let ask = move |reply| Ask::Silence {
            token,
            by,
            span,
            reply,
        };
        Box::pin(self.ask(ask, Report::Refused(STOPPING.to_owned())))
    }

    fn details(&self, token: String) -> BoxFuture<'_, Report> {
        Box::pin(self.ask(
            |reply| Ask::Details(token, reply),
            Report::Refused(STOPPING.to_owned()),
        ))
    }

    fn command(&self, command: Command, by: Person) -> BoxFuture<'_, Report> {
        Box::pin(self.ask(
            |reply| Ask::Command(command, by, reply),
            Report::Refused(STOPPING.to_owned()),
        ))
    }

    fn first_sight(&self, signature_hash: String) -> BoxFuture<'_, bool> {
        // When it cannot be recorded, it counts as seen: nothing is run unguarded.
        Box::pin(self.ask(|reply| Ask::FirstSight(signature_hash, reply), false))
    }

    fn refused(&self, entry: AuditEntry) -> BoxFuture<'_, ()> {
        Box::pin(self.ask(|reply| Ask::Refused(entry, reply), ()))
    }
}
