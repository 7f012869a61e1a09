//! What can happen to an incident.
use super::super::{
    evidence::Evidence,
    forecast::{Outlook, RunEnd},
    policy::Person,
    proposal::DryRun,
    recovery::Observation,
    signal::Signal,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Input {
    /// A watch saw something wrong.
    Signal(Signal),
    /// A watch saw the owner without symptoms: look now rather than later.
    LooksClear,
    /// The answer to an inspection.
    Inspected {
        /// Which request it answers.
        request: u64,
        /// The evidence, or why there is none.
        result: Result<Box<Evidence>, String>,
    },
    /// The answer to a dry run.
    DryRan {
        /// Which request it answers.
        request: u64,
        /// The result; an error means that the server could not be asked.
        result: Result<DryRun, String>,
    },
    /// The answer to an execution.
    Executed {
        /// Which execution.
        execution: String,
        /// How it went.
        outcome: Outcome,
    },
    /// The answer to a look.
    Observed {
        /// Which request it answers.
        request: u64,
        /// What was seen, or why nothing was.
        result: Result<Box<Observation>, String>,
    },
    /// Somebody pressed a button.
    Click(Click),
    /// Its time has come.
    Wake,
    /// A silence was set or lifted.
    Muted(Option<u32>),
    /// What is to be expected of the owner's memory now.
    Forecast(Box<Outlook>),
    /// A run of one of the owner's containers ended.
    RunEnded(RunEnd),
}

/// How an execution went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Outcome {
    /// The change was made (now, or by this very execution before a crash).
    Applied {
        /// `metadata.generation` after it.
        generation: i64,
        /// When.
        at: Timestamp,
        /// Available pods before it.
        available_before: i32,
        /// What is different now, as the server answered; empty when it was found made after a crash.
        #[serde(default)]
        after: Vec<String>,
    },
    /// The world has moved since the diagnosis: not done.
    Stale {
        /// What moved.
        why: String,
    },
    /// It is not broken any more: not done.
    Healed,
    /// The cluster refused: not done.
    Refused {
        /// Its words.
        why: String,
    },
    /// It is unknown whether it was done: the cluster did not answer for too long.
    Unknown {
        /// The error.
        why: String,
    },
}

/// A button press on the card of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Click {
    /// Who.
    pub by: Person,
    /// The button's value.
    pub token: String,
    /// Which button.
    pub kind: ClickKind,
}

/// Which button.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ClickKind {
    /// Run the action on offer.
    Approve,
    /// Do not.
    Dismiss {
        /// Why.
        reason: DismissReason,
        /// In their words.
        comment: String,
    },
    /// Gather the evidence again and make a new offer.
    CheckAgain,
}

/// Why an offer was dismissed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DismissReason {
    /// Nothing is wrong.
    FalseAlarm,
    /// Something is wrong, and this would not help.
    WrongFix,
    /// A person takes care of it.
    ByHand,
    /// Something else.
    Other,
}

impl DismissReason {
    /// All reasons, as the modal lists them.
    pub const ALL: [DismissReason; 4] = [
        DismissReason::FalseAlarm,
        DismissReason::WrongFix,
        DismissReason::ByHand,
        DismissReason::Other,
    ];

    /// The value in the modal and in the audit.
    pub fn as_str(self) -> &'static str {
        match self {
            DismissReason::FalseAlarm => "false_alarm",
            DismissReason::WrongFix => "wrong_fix",
            DismissReason::ByHand => "by_hand",
            DismissReason::Other => "other",
        }
    }

    /// In words.
    pub fn label(self) -> &'static str {
        match self {
            DismissReason::FalseAlarm => "False alarm",
            DismissReason::WrongFix => "Wrong fix",
            DismissReason::ByHand => "Handled by hand",
            DismissReason::Other => "Other",
        }
    }

    /// The reason with this value.
    pub fn parse(value: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|reason| reason.as_str() == value)
    }
}

/// What the person who clicked is told (only they see it). Every click gets exactly one.
#[derive(Clone, Debug, PartialEq)]
pub enum ClickReply {
    /// It is done or under way; the card and thread show it.
    Accepted,
    /// The first of two approvals.
    NeedsAnother,
    /// Not done, for this reason.
    Refused(String),
}
