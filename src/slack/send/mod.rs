//! The sender: brings Slack to the latest projection of every incident, within Slack's limits.
//!
//! Cards are projections: only the latest counts, and what Slack shows already is not sent again. Thread messages are said once
//! and in order, after their incident's card. When more new cards wait than a channel can take, one digest names them all. What
//! may have been posted without our knowing (no answer came, or we were killed) is looked for by its metadata before it is
//! posted again; a token without the scope for that posts again, and counts it.
//!
//! `desk` keeps what waits, `plan` decides what is next, `limits` paces, `build` draws the message, `finish` and
//! `failed` take answers in; this file makes the calls, a few at a time.
mod build;
mod call;
mod desk;
mod digest;
mod failed;
mod finish;
mod limits;
mod line;
mod picture;
mod plan;
#[cfg(test)]
pub(crate) mod tests;

pub use desk::Route;

use self::{
    call::{Answer, Ask, Call, perform},
    desk::{Desk, Next},
};
use super::{
    api::{SlackApi, SlackError},
    whisper::{Whisper, whisper},
};
use crate::{
    domain::incident::IncidentId,
    ports::{Backlog, ChatJob, Clock, Delivered, Meter},
};
use futures::FutureExt;
use jiff::Timestamp;
use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};
use tokio::{
    sync::{mpsc, watch},
    task::JoinSet,
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

/// Calls under way at the same time: one that hangs does not hold up the others.
const AT_ONCE: usize = 4;
/// Jobs taken in before the next decision.
const BATCH: usize = 1_000;

/// What is missing when the token may not upload, in words.
pub(super) const NO_SCOPE: &str =
    "forecasts have no picture: the scope files:write is missing; their cards are complete without";

/// What the sender is made of.
pub struct SenderParts {
    /// Slack.
    pub api: SlackApi,
    /// The channel of an incident's card.
    pub route: Route,
    /// Whether the token may read the history of channels: then nothing is posted twice.
    pub can_search: bool,
    /// Whether the token may upload files: then forecasts get a picture.
    pub can_upload: bool,
    /// Slack's wishes to wait, as stored.
    pub not_before: Vec<(String, Timestamp)>,
    /// Replaceable thread messages, as stored: incident, slot, time stamp.
    pub slots: Vec<(IncidentId, String, String)>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where figures go.
    pub meter: Arc<dyn Meter>,
    /// What to send.
    pub jobs: mpsc::UnboundedReceiver<ChatJob>,
    /// What became of it.
    pub delivered: mpsc::UnboundedSender<Delivered>,
    /// Ends it: what was handed over before is still taken. Connections that people's clicks came in on may keep the way for
    /// jobs open, so its end cannot be waited for.
    pub stop: CancellationToken,
}

/// The sender.
pub struct Sender {
    parts: SenderParts,
    desk: Desk,
    calls: JoinSet<(Call, Result<Answer, SlackError>)>,
    whispers: JoinSet<()>,
    trouble: watch::Sender<Option<String>>,
    /// What waits, as it was told last; moments by our own clock, which nobody sets.
    told: (usize, Option<Instant>),
    waiting: watch::Sender<Backlog>,
}

impl Sender {
    /// A sender that has not begun yet.
    pub fn new(parts: SenderParts) -> Self {
        let (now, wall) = (Instant::now(), parts.clock.now());
        let mut desk = Desk::new(parts.route.clone(), parts.can_search, wall);
        if !parts.can_upload {
            desk.no_pictures = Some(NO_SCOPE.to_owned());
        }
        for (key, until) in &parts.not_before {
            // A time that is over does not convert, and needs no waiting.
            let left = Duration::try_from(until.duration_since(wall)).unwrap_or_default();
            desk.limits.block(key, now + left);
        }
        for (incident, slot, ts) in &parts.slots {
            let slots = desk.slots.entry(*incident).or_default();
            slots.insert(slot.clone(), ts.clone());
        }
        Self {
            parts,
            trouble: watch::Sender::new(desk.no_pictures.clone()),
            desk,
            calls: JoinSet::new(),
            whispers: JoinSet::new(),
            told: (0, None),
            waiting: watch::Sender::default(),
        }
    }

    /// What is wrong with Slack right now, in words; `None` while all is well.
    pub fn trouble(&self) -> watch::Receiver<Option<String>> {
        self.trouble.subscribe()
    }

    /// Cards and digests that Slack does not show yet as they should be.
    pub fn waiting(&self) -> watch::Receiver<Backlog> {
        self.waiting.subscribe()
    }

    /// Runs until it is stopped or the jobs end, then finishes what is under way. What waits for Slack's limits is left: it is stored.
    pub async fn run(mut self) {
        let mut jobs = Vec::new();
        let mut ended = false;
        loop {
            let wait = self.start_calls();
            self.report();
            if ended && self.calls.is_empty() {
                break;
            }
            let busy = self.calls.len() >= AT_ONCE;
            tokio::select! {
                biased;
                Some(done) = self.calls.join_next() => self.take(done),
                count = self.parts.jobs.recv_many(&mut jobs, BATCH), if !ended => {
                    ended = count == 0;
                    for job in jobs.drain(..) {
                        self.accept(job);
                    }
                }
                () = self.parts.stop.cancelled(), if !ended && !self.parts.jobs.is_closed() => self.parts.jobs.close(),
                () = until(wait), if !busy => {}
                Some(_) = self.whispers.join_next() => {}
            }
        }
        while self.whispers.join_next().await.is_some() {}
    }

    fn accept(&mut self, job: ChatJob) {
        let now = Instant::now();
        match job {
            ChatJob::Card(card) => self.desk.project(card, now),
            ChatJob::Open(incident) => self.desk.open(incident),
            ChatJob::Tell {
                effect,
                incident,
                note,
            } => self.desk.tell(incident, effect, note, now),
            ChatJob::Whisper {
                user,
                channel,
                response_url,
                text,
            } => {
                let api = self.parts.api.clone();
                self.whispers.spawn(async move {
                    let to = Whisper {
                        user: &user,
                        channel: &channel,
                        response_url: response_url.as_deref(),
                    };
                    whisper(&api, to, &super::whisper::paragraph(&text)).await;
                });
            }
        }
    }

    /// Starts what can be started; returns when something else can.
    fn start_calls(&mut self) -> Option<Instant> {
        while self.calls.len() < AT_ONCE {
            match self.desk.next(Instant::now(), self.parts.clock.now()) {
                Next::Wait(until) => return until,
                Next::Do(call) => {
                    let api = self.parts.api.clone();
                    let meter = self.parts.meter.clone();
                    self.calls.spawn(async move {
                        let begun = Instant::now();
                        // A call does not panic by design. If one does, its message must not block the others.
                        let work = perform(&api, &call).instrument(call.span());
                        let answer = AssertUnwindSafe(work).catch_unwind().await;
                        let answer = answer.unwrap_or_else(|_| {
                            Err(SlackError::Ambiguous("the call panicked".to_owned()))
                        });
                        meter.observe("slack_call_seconds", begun.elapsed().as_secs_f64());
                        (*call, answer)
                    });
                }
            }
        }
        None
    }

    fn take(&mut self, done: Result<(Call, Result<Answer, SlackError>), tokio::task::JoinError>) {
        // Only a cancelled task has no result, and nothing cancels them.
        let Ok((call, answer)) = done else { return };
        self.parts.meter.add("slack_calls", call.method(), 1);
        let trouble = match &answer {
            Ok(_) => None,
            // Nothing is wrong with Slack.
            Err(SlackError::NotFound(_) | SlackError::RateLimited(_)) => {
                return self.end(call, answer);
            }
            // Cards do without; what it means for pictures is said below.
            Err(_) if matches!(call.ask, Ask::Upload { .. }) => None,
            Err(error) => Some(format!("{} in {}: {error}", call.method(), call.channel)),
        };
        self.end(call, answer);
        let trouble = trouble.or_else(|| self.desk.no_pictures.clone());
        self.trouble.send_if_modified(|now| {
            let changed = *now != trouble;
            *now = trouble;
            changed
        });
    }

    fn end(&mut self, call: Call, answer: Result<Answer, SlackError>) {
        let span = call.span();
        span.in_scope(|| self.desk.finish(call, answer, Instant::now()));
    }

    /// Tells the engine and the metrics what happened.
    fn report(&mut self) {
        for delivered in self.desk.out.drain(..) {
            // Without an engine there is nobody to tell; the next start looks for what was posted.
            let _ = self.parts.delivered.send(delivered);
        }
        for (name, label, count) in self.desk.counts.drain(..) {
            self.parts.meter.add(name, label, count);
        }
        let now = Instant::now();
        let waiting = self.desk.waiting(now);
        if waiting != self.told {
            self.told = waiting;
            let wall = self.parts.clock.now();
            let at = |since: Instant| wall.checked_sub(now - since).unwrap_or(wall);
            self.waiting.send_replace(Backlog {
                count: waiting.0,
                oldest: waiting.1.map(at),
            });
        }
    }
}

async fn until(wait: Option<Instant>) {
    match wait {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
