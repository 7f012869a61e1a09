//! An incident: the durable record of one problem of one owner. [`step()`] is the only thing that changes one.
mod deciding;
mod effect;
mod following;
mod forecasting;
mod input;
mod note;
mod offering;
mod runs;
mod step;
#[cfg(test)]
mod tests;

pub use effect::{AuditEntry, Effect, Lesson, Step};
pub use forecasting::{came_true, signal as forecast_signal};
pub use input::{Click, ClickKind, ClickReply, DismissReason, Input, Outcome};
pub use note::Note;
pub use runs::Runs;
pub use step::{Context, Opening, open, step};

use super::{
    action::Action,
    diagnosis::{Candidate, Diagnosis},
    family::Family,
    forecast::Outlook,
    object::ObjectRef,
    policy::Person,
    proposal::Proposal,
    recovery::{Tracking, Verdict},
    view::GitOps,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Short, so that it can be typed on a phone: `H17`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct IncidentId(pub u64);

impl fmt::Display for IncidentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "H{}", self.0)
    }
}

impl std::str::FromStr for IncidentId {
    type Err = String;

    /// Takes `H17`, `h17` and `17`.
    fn from_str(text: &str) -> Result<Self, String> {
        let digits = text.strip_prefix(['H', 'h']).unwrap_or(text);
        digits
            .parse()
            .map(IncidentId)
            .map_err(|_| format!("“{text}” is not an incident id: they look like H17"))
    }
}

/// One problem of one owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// Its id.
    pub id: IncidentId,
    /// The cluster's configured name.
    pub cluster: String,
    /// Who has the problem.
    pub owner: ObjectRef,
    /// What kind of trouble; becomes more specific as signals and evidence arrive.
    pub family: Family,
    /// When it was opened.
    pub opened: Timestamp,
    /// The latest signal: time, subject, container, reason, text.
    pub latest: Latest,
    /// Signals so far.
    pub signals: u64,
    /// The runs that failed, when the owner is a CronJob.
    #[serde(default)]
    pub runs: Option<Runs>,
    /// Where it stands.
    pub state: State,
    /// The cause, once known.
    pub diagnosis: Option<Diagnosis>,
    /// Who applies the owner's manifest, if a marker tells.
    pub managed_by: Option<GitOps>,
    /// What is to be expected of the container's memory, when a forecast began it or joined it: the newest.
    #[serde(default)]
    pub forecast: Option<Box<Outlook>>,
    /// What was tried, oldest first.
    pub tries: Vec<Try>,
    /// Number of the silence that keeps it quiet, if one does.
    pub muted: Option<u32>,
    /// Since when its signal is clear, while no execution is being followed.
    pub clear_since: Option<Timestamp>,
    /// The newest request to the cluster; answers to older ones are ignored.
    pub request: u64,
    /// Number of proposals made so far.
    pub proposals: u32,
    /// When it wants to be woken. Every incident that is not closed has one: none can be forgotten.
    pub wake: Option<Timestamp>,
    /// Random text that its button values are derived from.
    pub seed: String,
    /// Closed incidents of the same key in the last day, newest first.
    pub before: Vec<IncidentId>,
}

/// The latest signal of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Latest {
    /// When.
    pub at: Timestamp,
    /// Which object.
    pub subject: ObjectRef,
    /// Which container.
    pub container: Option<String>,
    /// Kubernetes' reason.
    pub reason: String,
    /// Kubernetes' text.
    pub message: String,
}

/// One execution that ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Try {
    /// What was done.
    pub action: Action,
    /// How it ended.
    pub verdict: Verdict,
    /// When.
    pub at: Timestamp,
}

/// Where an incident stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum State {
    /// Evidence is being gathered.
    Inspecting {
        /// Since when.
        since: Timestamp,
        /// Failed attempts so far.
        attempts: u32,
        /// An action to offer first if it is still broken: the undo of one that made it worse.
        undo: Option<Action>,
    },
    /// The best candidate is being dry-run.
    Preparing {
        /// Candidates left, the one being tried first.
        candidates: Vec<Candidate>,
        /// Since when.
        since: Timestamp,
        /// Failed attempts so far.
        attempts: u32,
    },
    /// An action is on offer.
    Proposed {
        /// The offer.
        proposal: Proposal,
    },
    /// Nothing is on offer. Heal watches whether it clears.
    Waiting {
        /// Why nothing is on offer.
        why: Why,
    },
    /// Approved; the call is being made. Only a result leaves this state.
    Executing {
        /// The execution.
        execution: Execution,
    },
    /// The change was made; the recovery is being followed.
    Verifying {
        /// The execution.
        execution: Execution,
        /// How it goes.
        tracking: Tracking,
    },
    /// Over.
    Closed {
        /// How it ended.
        verdict: Verdict,
        /// Why this verdict, in words.
        detail: String,
        /// When.
        at: Timestamp,
        /// The last execution, if there was one.
        execution: Option<Execution>,
    },
}

/// A decision to act, and the attempt that follows from it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Execution {
    /// Its id, written to the changed object.
    pub id: String,
    /// What was approved, with by whom and when.
    pub proposal: Proposal,
    /// When it was decided.
    pub decided: Timestamp,
    /// When the change was made.
    pub applied: Option<Timestamp>,
}

/// Why nothing is on offer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Why {
    /// No action is safe for this cause.
    NothingSafe,
    /// No signature knows this.
    Unknown,
    /// The evidence could not be read.
    Blind {
        /// The error.
        error: String,
    },
    /// The server would refuse it, or it would change nothing.
    Refused {
        /// What was tried.
        action: Action,
        /// Its words.
        refusal: String,
    },
    /// Somebody said no.
    Dismissed {
        /// Who.
        by: Person,
        /// When.
        at: Timestamp,
        /// Why.
        reason: DismissReason,
        /// In their words.
        comment: String,
    },
    /// Nobody decided in time.
    Expired {
        /// What was on offer.
        action: Action,
        /// When it expired.
        at: Timestamp,
    },
    /// It was not broken any more when the approved action was about to run, so nothing was changed.
    Cleared,
    /// Tries did not help: a person has to look.
    NeedsHuman {
        /// In words.
        detail: String,
    },
}

impl Incident {
    /// Closed.
    pub fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed { .. })
    }

    /// What is on offer.
    pub fn proposal(&self) -> Option<&Proposal> {
        match &self.state {
            State::Proposed { proposal } => Some(proposal),
            _ => None,
        }
    }

    /// The execution under way or done.
    pub fn execution(&self) -> Option<&Execution> {
        match &self.state {
            State::Executing { execution } | State::Verifying { execution, .. } => Some(execution),
            State::Closed { execution, .. } => execution.as_ref(),
            _ => None,
        }
    }

    /// The value of the buttons on its card right now. It names the incident and the newest proposal, so that a button of an
    /// older card is recognised as outdated, and it cannot be guessed.
    pub fn token(&self) -> String {
        format!("{}.{}.{}", self.id, self.proposals, self.seed)
    }

    /// The incident that a button's value says it is of. Not whether that is true: only the seed proves it.
    pub fn named_by(token: &str) -> Option<IncidentId> {
        token.split('.').next()?.parse().ok()
    }

    /// What is wrong, to stand behind the owner's name: "is crash-looping".
    pub fn wrong(&self) -> &str {
        self.diagnosis
            .as_ref()
            .map_or(self.family.headline(), |diagnosis| &diagnosis.headline)
    }
}
