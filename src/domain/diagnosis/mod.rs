//! Why: from evidence to one cause, its proof, and the actions that may help. Deterministic; one file per failure family.
use super::{action::Action, evidence::Evidence, family::Family, object::ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// What is to be diagnosed.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The incident's owner.
    pub owner: &'a ObjectRef,
    /// Its family so far.
    pub family: Family,
    /// The container that showed it, if one did.
    pub container: Option<&'a str>,
    /// Kubernetes' reason of the latest signal.
    pub reason: &'a str,
    /// Kubernetes' text of the latest signal.
    pub message: &'a str,
    /// What was gathered.
    pub evidence: &'a Evidence,
    /// Now.
    pub now: Timestamp,
}

/// The cause, with what proves it and what may help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Diagnosis {
    /// Signature id, e.g. `oom.container`; `unknown.<family>` when no signature fits.
    pub signature: String,
    /// The family, which evidence can make more specific than the signal was.
    pub family: Family,
    /// What is wrong, to stand behind the owner's name: "is crash-looping".
    pub headline: String,
    /// The cause in one or two sentences. Plain text; may contain hostile parts.
    pub cause: String,
    /// What proves it.
    pub proof: Vec<Proof>,
    /// How bad it is.
    pub severity: Severity,
    /// 0 to 1; actions are offered from [`OFFER_FROM`] on.
    pub confidence: f64,
    /// Actions that may help, best first. Empty: nothing safe.
    pub candidates: Vec<Candidate>,
    /// What a person should look at or do when there is no safe action (or beside it).
    pub advice: Option<String>,
    /// How long a run lasted before it failed: sets the soak.
    pub time_to_failure: Option<SignedDuration>,
    /// Details that do not fit on the card, for "More → Details": one plain line each.
    pub details: Vec<String>,
}

/// From this confidence on an action is offered.
pub const OFFER_FROM: f64 = 0.85;

/// A piece of evidence on the card.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Proof {
    /// A plain line, e.g. "exit code 137, reason OOMKilled, 4 times in 6 min".
    Fact {
        /// The line.
        text: String,
    },
    /// Lines of a log or of a runtime's message, shown as preformatted text only.
    Log {
        /// Where from: "last lines of app before it ended".
        title: String,
        /// The lines, oldest first, at most 8.
        lines: Vec<String>,
    },
}

/// How bad an incident is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Redundancy is left, or nothing serves users.
    Warning,
    /// Part of it is down.
    Major,
    /// Nothing of it is available, or a node is lost.
    Critical,
}

/// An action that may help.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Candidate {
    /// The action.
    pub action: Action,
    /// Why it should help, in one sentence.
    pub reason: String,
    /// What the approver should know.
    pub warnings: Vec<String>,
}

/// Finds the cause.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    Diagnosis {
        signature: format!("unknown.{}", case.family),
        family: case.family,
        headline: case.family.headline().to_owned(),
        cause: String::new(),
        proof: Vec::new(),
        severity: Severity::Warning,
        confidence: 0.0,
        candidates: Vec::new(),
        advice: None,
        time_to_failure: None,
        details: Vec::new(),
    }
}
