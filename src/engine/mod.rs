//! The one owner of incidents. Inputs from everywhere go through one queue; the engine applies them with the pure
//! [`crate::domain::incident::step`], commits all consequences of a turn in one transaction, and only then lets anything out that changes
//! something: executions, messages, answers to people. What only asks the cluster goes out while the disk works. A kill at any instruction therefore loses nothing and repeats nothing.
mod dispatch;
mod forecasts;
mod handle;
mod measure;
mod people;
mod state;
mod status;
mod turn;

pub use handle::{EngineHandle, Message};

use crate::{
    domain::{
        action::ActionKind,
        forecast::Correction,
        incident::{IncidentId, State as Stage},
        policy::Policy,
        waits::Waits,
    },
    ports::{ChatJob, Clock, Cluster, Noticed, Notices},
    store::{Store, StoreError, audit_head},
    telemetry::Metrics,
};
use dispatch::Dispatcher;
use jiff::{SignedDuration, Timestamp};
use state::State;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;
use turn::{Turn, Work};

/// At most this many inputs go into one transaction: enough to share a disk flush under load, few enough to answer a
/// click within milliseconds.
const TURN: usize = 256;
/// The queue to the engine. When it is full, the watches wait; nothing is dropped.
const QUEUE: usize = 4096;
/// The longest sleep: so that a clock that was set forward is noticed.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// While the disk refuses, a turn is tried again this often.
const COMMIT_RETRY: Duration = Duration::from_millis(500);
/// A first card waits this long for its diagnosis; then it goes out without one.
const FIRST_CARD: SignedDuration = SignedDuration::from_secs(2);
/// Executions under way may take this long to answer at shutdown.
const SHUTDOWN: Duration = Duration::from_secs(20);

/// What the engine is given.
pub struct Parts {
    /// The cluster's configured name.
    pub cluster_name: String,
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The store.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Waiting times.
    pub waits: Waits,
    /// The [pace](crate::domain::forecast::Tuning::pace) at which forecasts are made.
    pub pace: f64,
    /// Who may decide.
    pub policy: Policy,
    /// The actions that are allowed at all.
    pub actions: Vec<ActionKind>,
    /// Where figures go.
    pub metrics: Arc<Metrics>,
    /// Work for the Slack sender.
    pub chat: mpsc::UnboundedSender<ChatJob>,
    /// Random text for a new incident's button values.
    pub seed: Arc<dyn Fn() -> String + Send + Sync>,
}

/// The engine.
pub struct Engine {
    parts: Parts,
    state: State,
    dispatcher: Dispatcher,
    inbox: mpsc::Receiver<Message>,
    notices: watch::Sender<Arc<Notices>>,
    correction: watch::Sender<Correction>,
}

impl Engine {
    /// Loads the store. The handle can be used at once; its inputs wait until [`Engine::run`].
    pub fn start(parts: Parts) -> Result<(Self, EngineHandle), StoreError> {
        let (outbox, inbox) = mpsc::channel(QUEUE);
        let state = State::load(parts.store.load()?, parts.pace);
        let handle = EngineHandle::new(outbox.clone());
        let score = state.ledger.score(parts.clock.now());
        let correction = watch::Sender::new(score.calibration.correction);
        let dispatcher = Dispatcher::new(
            parts.cluster.clone(),
            parts.chat.clone(),
            outbox,
            parts.metrics.clone(),
        );
        Ok((
            Self {
                parts,
                state,
                dispatcher,
                inbox,
                notices: watch::Sender::default(),
                correction,
            },
            handle,
        ))
    }

    /// What is forecast and calls nobody, as it changes.
    pub fn notices(&self) -> watch::Receiver<Arc<Notices>> {
        self.notices.subscribe()
    }

    /// What the outcomes of forecasts teach, as they come in; from the start what those that are stored do.
    pub fn correction(&self) -> watch::Receiver<Correction> {
        self.correction.subscribe()
    }

    /// Where the message is that lists the notices.
    pub fn noticed(&self) -> Option<Noticed> {
        self.state.noticed()
    }

    /// What the store remembers about Slack's wishes to wait, for the sender: key and time.
    pub fn not_before(&self) -> Vec<(String, jiff::Timestamp)> {
        self.state.not_before()
    }

    /// Where replaceable thread messages are, for the sender.
    pub fn slots(&self) -> Vec<(crate::domain::incident::IncidentId, String, String)> {
        self.state
            .slots
            .iter()
            .map(|((id, slot), ts)| (*id, slot.clone(), ts.clone()))
            .collect()
    }

    /// The newest time of an event that was handled: events before it are not news after a restart.
    pub fn high_water(&self) -> Option<jiff::Timestamp> {
        self.state.high_water
    }

    /// Runs until `cancel`, then finishes what is under way.
    pub async fn run(mut self, cancel: CancellationToken) {
        self.resume();
        let mut inputs = Vec::with_capacity(TURN);
        loop {
            let pause = self.pause();
            tokio::select! {
                biased;
                () = cancel.cancelled() => break,
                count = self.inbox.recv_many(&mut inputs, TURN) => if count == 0 { break },
                () = tokio::time::sleep(pause) => {}
            }
            self.turn(&mut inputs).await;
        }
        self.finish(inputs).await;
    }

    /// Takes up again what was stored and not done.
    fn resume(&mut self) {
        match self.parts.store.read(audit_head) {
            Ok(head) => self.note_audit(head),
            Err(error) => tracing::warn!(%error, "the end of the audit log cannot be read"),
        }
        self.measure_forecasts(self.parts.clock.now());
        self.publish_notices(self.parts.clock.now());
        for pending in std::mem::take(&mut self.state.pending_at_start) {
            if let Some(incident) = self.state.incidents.get(&pending.incident) {
                self.dispatcher
                    .send(Some(pending.id), incident, pending.effect);
            }
        }
        for id in self.state.incidents.keys().copied().collect::<Vec<_>>() {
            if let Some(card) = self.state.card(id) {
                self.dispatcher.card(card);
            }
        }
    }

    fn pause(&self) -> Duration {
        let now = self.parts.clock.now();
        self.state.next_alarm().map_or(LONGEST_SLEEP, |at| {
            Duration::try_from(at.duration_since(now))
                .unwrap_or_default()
                .min(LONGEST_SLEEP)
        })
    }

    /// Applies the inputs and whatever alarm has come, commits, and lets the consequences out.
    async fn turn(&mut self, inputs: &mut Vec<Message>) {
        let mut turn = Turn::new(self.parts.clock.now());
        for input in inputs.drain(..) {
            self.take(input, &mut turn);
        }
        self.alarms(&mut turn);
        self.settle(turn).await;
    }

    async fn settle(&mut self, mut turn: Turn) {
        turn.collect(&mut self.state);
        let batch = &turn.batch;
        let silences = !batch.silences.is_empty() || !batch.unsilenced.is_empty();
        if !batch.forecasts.is_empty() {
            self.measure_forecasts(turn.now);
        }
        if !batch.forecasts.is_empty() || silences || turn.unusual {
            self.publish_notices(turn.now);
        }
        // A question changes nothing, and is asked again should its row be lost: it need not wait for the disk. Its answer is
        // taken after the commit like every input.
        let (questions, deeds) = std::mem::take(&mut turn.work)
            .into_iter()
            .partition(|(_, _, effect)| effect.only_asks());
        self.let_out(questions);
        if !turn.batch.is_empty() {
            let batch = Arc::new(std::mem::take(&mut turn.batch));
            let begun = tokio::time::Instant::now();
            // Nothing may go out before it is stored: a full disk stops Heal, visibly, and loses nothing.
            let head = loop {
                match self.parts.store.commit(batch.clone()).await {
                    Ok(head) => break head,
                    Err(error) => {
                        tracing::error!(%error, "the database does not take writes: waiting, nothing is lost");
                        tokio::time::sleep(COMMIT_RETRY).await;
                    }
                }
            };
            self.parts.metrics.committed(begun.elapsed());
            self.note_audit(head);
        }
        self.let_out(deeds);
        for id in turn.touched {
            self.send_card(id, turn.now);
        }
        for answer in turn.answers {
            answer();
        }
        self.parts.metrics.open_incidents(self.state.open().count());
        let waiting = self.state.waiting();
        self.parts.metrics.outbox(waiting.count, waiting.oldest);
        self.state.forget_old(self.parts.clock.now());
    }

    fn let_out(&self, work: Vec<Work>) {
        for (number, id, effect) in work {
            if let Some(incident) = self.state.incidents.get(&id) {
                self.dispatcher.send(number, incident, effect);
            }
        }
    }

    /// Hands an incident's card to the sender. A first card waits a moment for its diagnosis, which is there in most cases within
    /// milliseconds: one message that can be decided on is better than two.
    pub(super) fn send_card(&mut self, id: IncidentId, now: Timestamp) {
        let Some(card) = self.state.card(id) else {
            return;
        };
        let undiagnosed = matches!(
            card.incident.state,
            Stage::Inspecting { .. } | Stage::Preparing { .. }
        );
        let waited = now.duration_since(card.incident.opened);
        if card.posted.is_none() && undiagnosed && waited < FIRST_CARD {
            if self.state.cards_held.insert(id) {
                let rest = FIRST_CARD.saturating_sub(waited);
                self.dispatcher
                    .show_later(id, rest.try_into().unwrap_or_default());
            }
            return;
        }
        self.dispatcher.card(card);
    }

    /// Stops taking alarms, lets executions answer, and stores their results.
    async fn finish(mut self, mut inputs: Vec<Message>) {
        self.dispatcher.close();
        let deadline = tokio::time::Instant::now() + SHUTDOWN;
        loop {
            self.turn(&mut inputs).await;
            let done = self.dispatcher.idle();
            tokio::select! {
                biased;
                count = self.inbox.recv_many(&mut inputs, TURN) => if count == 0 { break },
                () = done => break,
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        while let Ok(message) = self.inbox.try_recv() {
            inputs.push(message);
        }
        self.turn(&mut inputs).await;
    }
}
