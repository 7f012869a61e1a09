//! Lets effects out: to the cluster in tasks of their own, to Slack through its queue. Answers come back as messages.
use super::handle::Message;
use crate::{
    domain::{
        family::Family,
        forecast::Outlook,
        incident::{Effect, Incident, IncidentId, Input, Outcome, State},
        policy::Approved,
    },
    ports::{CardState, ChatJob, Cluster, ClusterError, Subject},
    telemetry::Metrics,
};
use std::{sync::Arc, time::Duration};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::Instrument;

/// Reads from the cluster under way at the same time: enough for a storm, gentle to an API server.
const READS: usize = 16;
/// Changes under way at the same time.
const WRITES: usize = 4;

pub(super) struct Dispatcher {
    cluster: Arc<dyn Cluster>,
    chat: mpsc::UnboundedSender<ChatJob>,
    back: mpsc::Sender<Message>,
    metrics: Arc<Metrics>,
    reads: Arc<Semaphore>,
    writes: Arc<Semaphore>,
    tasks: TaskTracker,
    executions: TaskTracker,
    /// Ends with the dispatcher, and the tasks with it: an engine that is gone takes no answers, and its successor runs them.
    life: DropGuard,
}

impl Dispatcher {
    pub(super) fn new(
        cluster: Arc<dyn Cluster>,
        chat: mpsc::UnboundedSender<ChatJob>,
        back: mpsc::Sender<Message>,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            cluster,
            chat,
            back,
            metrics,
            reads: Arc::new(Semaphore::new(READS)),
            writes: Arc::new(Semaphore::new(WRITES)),
            tasks: TaskTracker::new(),
            executions: TaskTracker::new(),
            life: CancellationToken::new().drop_guard(),
        }
    }

    /// Runs an effect. `number` names its row in the store, if it has one.
    pub(super) fn send(&self, number: Option<u64>, incident: &Incident, effect: Effect) {
        match effect {
            Effect::Tell { note } => {
                if let Some(effect) = number {
                    // The sender lives as long as the engine; at shutdown what it does not take is still stored.
                    let _ = self.chat.send(ChatJob::Tell {
                        effect,
                        incident: incident.id,
                        note,
                    });
                }
            }
            Effect::Execute { execution } => self.execute(number, incident, execution),
            read => self.read(number, incident, read),
        }
    }

    /// Brings a card up to date.
    pub(super) fn card(&self, card: Arc<CardState>) {
        let _ = self.chat.send(ChatJob::Card(card));
    }

    /// Brings a card up to date after a while.
    pub(super) fn show_later(&self, id: IncidentId, after: Duration) {
        let back = self.back.clone();
        self.tasks.spawn(async move {
            tokio::time::sleep(after).await;
            // When the engine is gone, the next start shows the card.
            let _ = back.send(Message::Show(id)).await;
        });
    }

    /// Takes no more executions.
    pub(super) fn close(&self) {
        self.executions.close();
    }

    /// Resolves when no execution is under way.
    pub(super) fn idle(&self) -> impl Future<Output = ()> + use<> {
        let executions = self.executions.clone();
        async move { executions.wait().await }
    }

    fn execute(&self, number: Option<u64>, incident: &Incident, execution: String) {
        if self.executions.is_closed() {
            return; // Stored: the next start takes it up.
        }
        let approved = Approved::of(incident).filter(|approved| approved.execution() == execution);
        let (cluster, writes, subject) =
            (self.cluster.clone(), self.writes.clone(), subject(incident));
        let answer = self.answer(number, incident.id);
        let work = async move {
            let outcome = match approved {
                // The record is the only source of an approval; without one nothing is done.
                None => Outcome::Refused {
                    why: "there is no valid approval on record".to_owned(),
                },
                Some(approved) => {
                    let _permit = writes.acquire().await;
                    cluster.execute(approved, subject).await
                }
            };
            match &outcome {
                Outcome::Refused { why } | Outcome::Unknown { why } | Outcome::Stale { why } => {
                    tracing::warn!(execution, why, "execution.not_done");
                }
                Outcome::Applied { .. } | Outcome::Healed => {}
            }
            answer.give(Input::Executed { execution, outcome }).await;
        };
        // Of the highest level: a line inside it names its incident, whatever the filter lets through.
        let span = tracing::error_span!("execute", incident = %incident.id);
        self.executions
            .spawn(self.while_alive(work).instrument(span));
    }

    fn read(&self, number: Option<u64>, incident: &Incident, effect: Effect) {
        let (cluster, reads, subject) =
            (self.cluster.clone(), self.reads.clone(), subject(incident));
        let (metrics, answer) = (self.metrics.clone(), self.answer(number, incident.id));
        let what = match &effect {
            Effect::Inspect { .. } => "inspect",
            Effect::DryRun { .. } => "dry_run",
            _ => "look",
        };
        let span = tracing::error_span!("read", what, incident = %incident.id);
        let work = async move {
            let _permit = reads.acquire().await;
            let begun = tokio::time::Instant::now();
            let input = match effect {
                Effect::Inspect { request } => {
                    let result = cluster.inspect(subject).await;
                    metrics.inspected(begun.elapsed());
                    Input::Inspected {
                        request,
                        result: said(result).map(Box::new),
                    }
                }
                Effect::DryRun { request, action } => {
                    let result = said(cluster.dry_run(action).await);
                    Input::DryRan { request, result }
                }
                Effect::Observe { request } => {
                    let result = cluster.observe(subject).await;
                    Input::Observed {
                        request,
                        result: said(result).map(Box::new),
                    }
                }
                Effect::Execute { .. } | Effect::Tell { .. } => return,
            };
            answer.give(input).await;
        };
        self.tasks.spawn(self.while_alive(work).instrument(span));
    }

    fn while_alive<W>(&self, work: W) -> impl Future<Output = ()> + use<W>
    where
        W: Future<Output = ()>,
    {
        let life = self.life.token().clone();
        async move {
            // Cut off or done: nobody is left to be told.
            let _ = life.run_until_cancelled(work).await;
        }
    }

    fn answer(&self, effect: Option<u64>, incident: IncidentId) -> Answer {
        Answer {
            back: self.back.clone(),
            effect,
            incident,
        }
    }
}

/// The way back to the engine for one effect.
struct Answer {
    back: mpsc::Sender<Message>,
    effect: Option<u64>,
    incident: IncidentId,
}

impl Answer {
    async fn give(self, input: Input) {
        // When the engine is gone, the stored effect is run again at the next start.
        let _ = self
            .back
            .send(Message::Answer {
                incident: self.incident,
                effect: self.effect,
                input,
            })
            .await;
    }
}

/// The answer for the engine; an error is also said in the log.
fn said<T>(result: Result<T, ClusterError>) -> Result<T, String> {
    result.map_err(|error| {
        tracing::warn!(%error, "cluster.read.failed");
        error.to_string()
    })
}

fn subject(incident: &Incident) -> Subject {
    let after = match &incident.state {
        State::Verifying {
            execution,
            tracking,
        } => Some((
            execution.id.clone(),
            execution.proposal.action.clone(),
            tracking.since,
        )),
        _ => None,
    };
    Subject {
        owner: incident.owner.clone(),
        object: incident.latest.subject.clone(),
        container: incident.latest.container.clone(),
        reason: incident.latest.reason.clone(),
        family: incident.family,
        job: incident.runs.as_ref().map(|runs| runs.latest.clone()),
        since: incident.latest.at,
        run: incident
            .forecast
            .as_deref()
            .filter(|_| incident.family == Family::Forecast)
            .map(Outlook::about),
        after,
    }
}
