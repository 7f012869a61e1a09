//! What a step wants done. Effects are stored with the state, in one transaction, before any of them runs.
use super::{super::action::Action, ClickReply, Incident, Note};
use serde::{Deserialize, Serialize};

/// Something to be done outside.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Effect {
    /// Gather the evidence.
    Inspect {
        /// The request number to answer with.
        request: u64,
    },
    /// Ask the server what this would do.
    DryRun {
        /// The request number to answer with.
        request: u64,
        /// What.
        action: Action,
    },
    /// Run the approved action of the incident. The executor asks the record for it.
    Execute {
        /// The execution to answer with.
        execution: String,
    },
    /// Look at the owner and the signal.
    Observe {
        /// The request number to answer with.
        request: u64,
    },
    /// Say something in the thread.
    Tell {
        /// What.
        note: Note,
    },
}

impl Effect {
    /// It only asks: nothing is other afterwards, and it may be asked again.
    pub fn only_asks(&self) -> bool {
        match self {
            Effect::Inspect { .. } | Effect::DryRun { .. } | Effect::Observe { .. } => true,
            Effect::Execute { .. } | Effect::Tell { .. } => false,
        }
    }
}

/// One line of the audit log, before it is numbered and chained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Slack user id, or `heal`.
    pub actor: String,
    /// What happened, a dotted word: `decision.approved`.
    pub what: String,
    /// Particulars as JSON: object, before, after, verdict, refusal.
    pub detail: serde_json::Value,
}

/// What the memory learns from a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Lesson {
    /// Signature id.
    pub signature: String,
    /// The action.
    pub action: Action,
    /// The verdict was a recovery.
    pub success: bool,
    /// The execution that it is about: an execution teaches once.
    pub execution: String,
}

/// The result of one step.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// The incident as it is now.
    pub incident: Incident,
    /// What to do.
    pub effects: Vec<Effect>,
    /// What to write down.
    pub audit: Vec<AuditEntry>,
    /// What to learn.
    pub lesson: Option<Lesson>,
    /// What to answer, if the input was a click.
    pub reply: Option<ClickReply>,
}
