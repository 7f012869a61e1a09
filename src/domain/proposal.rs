//! An action on offer: what it would do, what it risks, how it did before, and until when it may be approved.
use super::{
    action::{Action, Risk},
    memory::TrackRecord,
    policy::Person,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One offered action.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// Counts the proposals of the incident, from 1.
    pub number: u32,
    /// The opaque value of its buttons: unguessable, and valid for this proposal only.
    pub token: String,
    /// What would be done.
    pub action: Action,
    /// Why this action, in one sentence.
    pub reason: String,
    /// What it risks.
    pub risk: Risk,
    /// What the server said to a dry run.
    pub dry_run: DryRun,
    /// How it did before.
    pub record: TrackRecord,
    /// What the approver should know: GitOps may revert it, it is an outage for one replica, a leak remains.
    pub warnings: Vec<String>,
    /// Until when it may be approved.
    pub expires: Timestamp,
    /// Who has approved so far (two-person rule).
    pub approvals: Vec<Approval>,
    /// How many must.
    pub approvals_needed: u8,
}

/// One person's approval.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// Who.
    pub by: Person,
    /// When.
    pub at: Timestamp,
}

/// The result of a server-side dry run, and the state of the world that it was made against.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DryRun {
    /// `metadata.generation` of the object at that moment; an execution refuses when it has moved.
    pub generation: i64,
    /// What of its `spec` matters to the change, as a fingerprint: metadata that somebody writes moves the generation of a
    /// Deployment, too, and is no reason to refuse.
    #[serde(default)]
    pub spec: Option<String>,
    /// What would change, as `path: now → then`, at most 20 lines.
    pub diff: Vec<String>,
    /// Why the server would refuse, if it would.
    pub refusal: Option<String>,
}
