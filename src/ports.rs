//! The seams between the engine and the outside, in the words of the domain.
use crate::domain::{
    action::Action,
    evidence::Evidence,
    family::Family,
    forecast::Run,
    incident::{IncidentId, Note, Outcome},
    object::ObjectRef,
    policy::Approved,
    proposal::DryRun,
    recovery::Observation,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::sync::Arc;
use thiserror::Error;

mod usage;
pub use usage::{
    ContainerFact, EndFact, NodeFact, PastPoint, PastRun, PodFact, PodNews, Reading, Readings,
    Span, UsageError, UsageSource,
};

/// Where the time comes from. Only the outermost layer asks; everything else takes it as an argument.
pub trait Clock: Send + Sync {
    /// Now.
    fn now(&self) -> Timestamp;
}

/// Counts and measures. Names are those of `/metrics`, labels are few and never come from outside.
pub trait Meter: Send + Sync {
    /// Adds `n` to the counter `name` under `label` (empty: without one).
    fn add(&self, name: &'static str, label: &str, n: u64);
    /// Notes a duration.
    fn observe(&self, name: &'static str, seconds: f64);
}

/// What an inspection or a look is about.
#[derive(Clone, Debug, PartialEq)]
pub struct Subject {
    /// The incident's owner.
    pub owner: ObjectRef,
    /// The object of the latest signal, usually a pod.
    pub object: ObjectRef,
    /// The container of the latest signal.
    pub container: Option<String>,
    /// Kubernetes' reason in the latest signal.
    pub reason: String,
    /// The incident's family.
    pub family: Family,
    /// The latest failed run of a CronJob, when that is the owner.
    pub job: Option<ObjectRef>,
    /// When the latest signal came.
    pub since: Timestamp,
    /// The run that a forecast is about, while the incident is about that forecast.
    pub run: Option<Run>,
    /// The execution whose change is being followed, if one is, with when it was made.
    pub after: Option<(String, Action, Timestamp)>,
}

/// Why the cluster did not do what was asked: each case is another decision for the caller.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClusterError {
    /// RBAC says no. Retrying does not help.
    #[error("not allowed: {0}")]
    Forbidden(String),
    /// It is not there.
    #[error("not found: {0}")]
    NotFound(String),
    /// The cluster did not answer (in time). Retrying may help.
    #[error("the cluster did not answer: {0}")]
    Unavailable(String),
    /// Anything else that the API server refused, in its words.
    #[error("refused: {0}")]
    Refused(String),
}

/// A cluster, as the engine needs it.
pub trait Cluster: Send + Sync {
    /// Gathers the evidence.
    fn inspect(&self, subject: Subject) -> BoxFuture<'_, Result<Evidence, ClusterError>>;
    /// Asks the server what an action would do. A refusal of the action itself is a result, not an error.
    fn dry_run(&self, action: Action) -> BoxFuture<'_, Result<DryRun, ClusterError>>;
    /// Checks the world again and makes the change, once per execution id however often it is called.
    fn execute(&self, approved: Approved, subject: Subject) -> BoxFuture<'_, Outcome>;
    /// Looks at the owner and the signal.
    fn observe(&self, subject: Subject) -> BoxFuture<'_, Result<Observation, ClusterError>>;
}

/// Work for the Slack sender.
#[derive(Clone, Debug)]
pub enum ChatJob {
    /// The incident's card should look like this now. Only the latest counts.
    Card(Arc<CardState>),
    /// Somebody wants to see this incident: a card of its own, even if a digest names it already.
    Open(IncidentId),
    /// Say this in the incident's thread, once, after what was to be said before it.
    Tell {
        /// Number of the stored effect, to confirm it with.
        effect: u64,
        /// Whose thread.
        incident: IncidentId,
        /// What.
        note: Note,
    },
    /// Tell one person something that only they see. Best effort: not stored.
    Whisper {
        /// Slack user id.
        user: String,
        /// Channel.
        channel: String,
        /// Slack's response URL, when there is one.
        response_url: Option<String>,
        /// Markup text.
        text: String,
    },
}

/// An incident as its card shows it, with where the card is.
#[derive(Clone, Debug)]
pub struct CardState {
    /// The incident.
    pub incident: crate::domain::incident::Incident,
    /// Where its card was posted, if it was.
    pub posted: Option<Posted>,
    /// Actions are paused: who paused them.
    pub paused: Option<String>,
}

/// Messages that wait to be sent to Slack, or to be brought up to date there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backlog {
    /// How many.
    pub count: usize,
    /// Since when the oldest of them waits.
    pub oldest: Option<Timestamp>,
}

/// A message in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    /// Channel id.
    pub channel: String,
    /// Its time stamp, which is its id.
    pub ts: String,
    /// Hash of what it shows.
    pub hash: String,
}

/// What is forecast and calls nobody.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Notices {
    /// The forecasts, the most urgent first, without what to draw.
    pub rising: Vec<crate::domain::forecast::Outlook>,
    /// Workloads whose CPU, memory or restarts are unusual, the newest first.
    pub unusual: Vec<crate::domain::anomaly::Unusual>,
}

impl Notices {
    /// There is nothing to list.
    pub fn is_empty(&self) -> bool {
        self.rising.is_empty() && self.unusual.is_empty()
    }
}

/// Where the message is that lists them.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Noticed {
    /// Channel id.
    pub channel: String,
    /// Its time stamp.
    pub ts: String,
    /// When it was posted.
    pub at: Timestamp,
}

/// What the sender tells the engine, to be stored.
#[derive(Clone, Debug)]
pub enum Delivered {
    /// A card was posted or updated.
    Card {
        /// Whose.
        incident: IncidentId,
        /// Where, and what it shows now.
        posted: Posted,
    },
    /// A thread message was posted or updated.
    Note {
        /// Which stored effect.
        effect: u64,
        /// Whose thread.
        incident: IncidentId,
        /// Its slot and time stamp, when later messages replace it.
        slot: Option<(String, String)>,
    },
    /// A note was given up for good (Slack refuses it): recorded, never silent.
    Lost {
        /// Which stored effect.
        effect: u64,
        /// Why.
        why: String,
    },
    /// Something that belongs to an incident's messages, to be remembered over a restart: the newest picture of its forecast.
    Kept {
        /// Whose.
        incident: IncidentId,
        /// Under which name.
        slot: String,
        /// What the sender wants to know again.
        value: String,
    },
    /// The list of what is forecast and calls nobody was posted.
    Noticed(Noticed),
    /// Slack asked to wait: to be remembered over a restart.
    NotBefore {
        /// Web API method, or `channel:C…`.
        key: String,
        /// Until when.
        until: Timestamp,
    },
}

/// What the observer reports to the engine.
#[derive(Clone, Debug, PartialEq)]
pub enum Sighting {
    /// Something is wrong.
    Signal(crate::domain::signal::Signal),
    /// An owner that had symptoms shows none any more.
    LooksClear(ObjectRef),
    /// A workload is complete and available on this revision (ReplicaSet or ControllerRevision name): proof for a later rollback.
    RevisionHealthy {
        /// The workload.
        owner: ObjectRef,
        /// The revision object's name.
        revision: String,
        /// When it was seen.
        at: Timestamp,
    },
    /// A watch changed its health.
    Watch(crate::domain::report::WatchHealth),
    /// What is to be expected of a container's memory: told when its tier changes, and brought up to date while it is not clear.
    Forecast(Box<crate::domain::forecast::Outlook>),
    /// A run of a container ended that was killed at its memory limit, or that a standing forecast was about.
    RunEnded(crate::domain::forecast::RunEnd),
    /// Where memory figures come from, and how fresh they are: told when it changes, and once a minute.
    ForecastSource(crate::domain::forecast::SourceHealth),
    /// What is unusual about a workload: told when it begins, changes or ends, and brought up to date in between.
    Unusual(crate::domain::anomaly::Unusual),
    /// Something was left out on purpose, and why.
    Suppressed {
        /// Reason in words: "event older than the last start".
        reason: String,
        /// How many.
        count: u64,
    },
}

/// A click that has passed the signature check, the pins and the replay guard.
#[derive(Clone, Debug, PartialEq)]
pub struct Pressed {
    /// Who and which button.
    pub click: crate::domain::incident::Click,
    /// Channel and time stamp of the message whose button it was.
    pub message: (String, String),
}

/// What comes in from people; the future resolves when the input and its consequences are on disk.
pub trait Intake: Send + Sync {
    /// A button of a card. An unknown or outdated token is answered with a refusal that says so.
    fn press(&self, pressed: Pressed) -> BoxFuture<'_, crate::domain::incident::ClickReply>;
    /// A silence from the card's menu: the incident of this token, for this long.
    fn silence(
        &self,
        token: String,
        by: crate::domain::policy::Person,
        span: jiff::SignedDuration,
    ) -> BoxFuture<'_, crate::domain::report::Report>;
    /// Details of the incident of this token.
    fn details(&self, token: String) -> BoxFuture<'_, crate::domain::report::Report>;
    /// A command.
    fn command(
        &self,
        command: crate::domain::command::Command,
        by: crate::domain::policy::Person,
    ) -> BoxFuture<'_, crate::domain::report::Report>;
    /// Remembers a signed request by the hash of its signature; false when it was seen before. Durable.
    fn first_sight(&self, signature_hash: String) -> BoxFuture<'_, bool>;
    /// Writes a refusal down that happened before the engine saw anything (forged, outsider, other workspace).
    fn refused(&self, entry: crate::domain::incident::AuditEntry) -> BoxFuture<'_, ()>;
}
