//! What Heal tells about itself: the data behind `/heal status` and its sisters. Sentences are made by the Slack renderer.
use super::{
    anomaly::Unusual,
    family::Family,
    forecast::{Outlook, Score, SourceHealth},
    incident::Incident,
    memory::Entry,
    object::ObjectRef,
    silence::{Scope, Silence},
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The answer to a command.
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// `/heal status`
    Status(Box<Status>),
    /// `/heal show`: the incident, and where its card is (channel, ts).
    Incident(Box<Incident>, Option<(String, String)>),
    /// `/heal memory`: all entries, the most tried first.
    Memory(Vec<Entry>),
    /// `/heal forecast`
    Forecast(Box<Foresight>),
    /// A silence was set.
    Silenced(Silence),
    /// A silence was lifted.
    Unsilenced(Silence),
    /// Actions are paused now; everybody sees this.
    Paused(Pause),
    /// Actions run again; everybody sees this. With who had paused them.
    Resumed {
        /// Slack user id of who resumed.
        by: String,
        /// The pause that ended.
        was: Pause,
    },
    /// Not done, for this reason (markup text made by Heal itself).
    Refused(String),
}

impl Report {
    /// Whether everybody in the channel should see it.
    pub fn concerns_everybody(&self) -> bool {
        matches!(
            self,
            Report::Paused(_)
                | Report::Resumed { .. }
                | Report::Silenced(_)
                | Report::Unsilenced(_)
        )
    }
}

/// The kill switch, while it is on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pause {
    /// Slack user id of who paused.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// Why, in their words.
    pub reason: String,
}

/// How Heal is.
#[derive(Clone, Debug, PartialEq)]
pub struct Status {
    /// The cluster's configured name.
    pub cluster: String,
    /// When this was true.
    pub now: Timestamp,
    /// Heal's version.
    pub version: String,
    /// Open incidents that are not muted, worst first.
    pub open: Vec<Brief>,
    /// Open incidents that a silence keeps quiet.
    pub muted: Vec<Brief>,
    /// Verdicts in memory: number of signature, action and workload combinations; successes; failures.
    pub memory: (usize, u32, u32),
    /// What was not shown and why, since the first start: reason in words, count.
    pub suppressed: Vec<(String, u64)>,
    /// Silences in force.
    pub silences: Vec<Silence>,
    /// The watches.
    pub watches: Vec<WatchHealth>,
    /// What keeps messages from reaching Slack, in words.
    pub slack: Option<String>,
    /// The kill switch, if it is on.
    pub paused: Option<Pause>,
    /// Messages that wait to be sent, and how long the oldest of them has waited.
    pub outbox: (usize, SignedDuration),
    /// Where memory figures come from; nothing while forecasts are off.
    pub source: Option<SourceHealth>,
}

/// What is to be expected of containers' memory, and how good such forecasts were.
#[derive(Clone, Debug, PartialEq)]
pub struct Foresight {
    /// The cluster's configured name.
    pub cluster: String,
    /// When this was true.
    pub now: Timestamp,
    /// What was asked about; nothing for everything. Score and source are of the whole cluster.
    pub scope: Option<Scope>,
    /// What is told, the most urgent first.
    pub rising: Vec<Rising>,
    /// Workloads whose CPU, memory or restarts are unusual, the newest first; and whether a silence keeps them quiet.
    pub unusual: Vec<(Unusual, bool)>,
    /// The last thirty days.
    pub score: Score,
    /// Where memory figures come from; nothing while forecasts are off.
    pub source: Option<SourceHealth>,
}

/// A container that fills up.
#[derive(Clone, Debug, PartialEq)]
pub struct Rising {
    /// The forecast, without what to draw.
    pub outlook: Box<Outlook>,
    /// Its incident, if it has one, with where its card is (channel, ts).
    pub incident: Option<(super::incident::IncidentId, Option<(String, String)>)>,
    /// A silence keeps it quiet.
    pub muted: bool,
}

/// One line about an incident.
#[derive(Clone, Debug, PartialEq)]
pub struct Brief {
    /// "H17"
    pub id: super::incident::IncidentId,
    /// Who has the problem.
    pub owner: ObjectRef,
    /// What kind of trouble.
    pub family: Family,
    /// What is wrong, to stand behind the owner's name: "is crash-looping".
    pub headline: String,
    /// Since when.
    pub opened: Timestamp,
    /// Where it stands.
    pub stage: Stage,
    /// Where its card is (channel, ts).
    pub card: Option<(String, String)>,
}

/// Where an incident stands, coarsely.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// An action is on offer and waits for a decision.
    Decision,
    /// An action is being run.
    Executing,
    /// A recovery is being followed.
    Verifying,
    /// Being diagnosed.
    Diagnosing,
    /// Nothing is on offer.
    Person,
}

/// How one watch is.
#[derive(Clone, Debug, PartialEq)]
pub struct WatchHealth {
    /// What it watches: `pods`.
    pub kind: String,
    /// Its list is complete and nothing failed since.
    pub synced: bool,
    /// The last sign of life.
    pub last: Option<Timestamp>,
    /// The last error, if it is failing.
    pub error: Option<String>,
}
