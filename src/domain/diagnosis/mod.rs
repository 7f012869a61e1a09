//! Why: from evidence to one cause, its proof, and the actions that may help. Deterministic; one file per failure family.
//!
//! Reading order: this file (the data, and the order of the families), [`table`] (what may be done about what), `look` (finding
//! the container that shows the trouble), `finding` (building a diagnosis), `remedy` (building actions), then one file per family.
mod admission;
mod config;
mod crash;
mod eviction;
mod finding;
mod forecast;
mod image;
mod job;
mod look;
mod node;
mod oom;
mod probe;
mod remedy;
mod rollout;
mod scheduling;
mod start;
pub mod table;
#[cfg(test)]
pub mod testkit;
#[cfg(test)]
mod tests;
mod unknown;

use super::{
    action::Action, evidence::Evidence, family::Family, forecast::Outlook, object::ObjectRef,
};
use jiff::{SignedDuration, Timestamp};
use regex::{Regex, RegexBuilder};
use serde::{Deserialize, Serialize};

/// The largest compiled pattern, in bytes; it bounds what a byte of a log can cost.
const PATTERN_BYTES: usize = 1024 * 1024;

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
    /// What is expected of its memory, if a forecast stands.
    pub forecast: Option<&'a Outlook>,
    /// The [pace](crate::domain::forecast::Tuning::pace) at which forecasts are made.
    pub pace: f64,
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

/// Finds the cause. Evidence may contradict the family of the signal: the most specific cause that the evidence proves wins.
/// Without any, the diagnosis says plainly that nothing is known, and offers nothing.
pub fn diagnose(case: &Case<'_>) -> Diagnosis {
    let anywhere = Case {
        container: None,
        ..*case
    };
    // No rule about a template says anything about a pod that has another one.
    if is_of_containers(case.family)
        && let Some(stuck) = rollout::stuck_ordinal(case)
    {
        return stuck;
    }
    let own = rules_of(case.family);
    // The container that raised the signal is looked at before its neighbours.
    [case, &anywhere]
        .into_iter()
        .find_map(|case| own.iter().find_map(|rule| rule(case)))
        .or_else(|| {
            [case, &anywhere]
                .into_iter()
                .find_map(|case| ALL.iter().find_map(|rule| rule(case)))
        })
        .unwrap_or_else(|| unknown::diagnose(case))
}

/// One family's rules: a diagnosis, if the evidence proves one.
type Rule = fn(&Case<'_>) -> Option<Diagnosis>;

/// Every family, from the most specific cause to the umbrella.
const ALL: &[Rule] = &[
    oom::diagnose,
    start::diagnose,
    image::diagnose,
    config::diagnose,
    probe::diagnose,
    crash::diagnose,
    scheduling::diagnose,
    admission::diagnose,
    eviction::diagnose,
    rollout::diagnose,
];

/// The rules that a signal of this family asks first. The weak families are consequences: they ask everybody in order.
fn rules_of(family: Family) -> &'static [Rule] {
    match family {
        Family::Oom => &[oom::diagnose],
        Family::Forecast => &[forecast::diagnose],
        Family::Start => &[oom::diagnose, start::diagnose],
        Family::Image => &[image::diagnose],
        Family::Config => &[config::diagnose],
        Family::Scheduling => &[scheduling::diagnose],
        Family::Admission => &[admission::diagnose],
        Family::Eviction => &[eviction::diagnose],
        Family::Node => &[node::diagnose],
        Family::Job => &[job::diagnose],
        Family::Crash | Family::Probe | Family::Rollout => ALL,
    }
}

/// Whether a family is about what happens in containers, and so about templates.
fn is_of_containers(family: Family) -> bool {
    !matches!(
        family,
        Family::Job | Family::Node | Family::Admission | Family::Eviction
    )
}

/// A pattern that is written in this program.
#[expect(
    clippy::expect_used,
    reason = "patterns are literals, and the tests compile every one of them"
)]
pub(super) fn pattern(text: &str) -> Regex {
    bounded(text).expect("a literal pattern is valid and small")
}

/// A pattern whose worst case is known: matching takes time in proportion to the size of the compiled pattern times the length
/// of the text, and logs are read up to a limit.
fn bounded(text: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(text).size_limit(PATTERN_BYTES).build()
}
