//! What is said in an incident's thread. Data here; sentences in the Slack renderer.
use super::{
    super::{action::Action, memory::TrackRecord, policy::Person, recovery::Verdict},
    DismissReason,
};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One message in the thread.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Note {
    /// The first of two approvals is there.
    FirstApproval {
        /// Who.
        by: Person,
        /// How many it needs.
        needed: u8,
    },
    /// Approved; the call is being made.
    Approved {
        /// Who, all of them.
        by: Vec<Person>,
        /// What.
        action: Action,
    },
    /// The change was made.
    Applied {
        /// What.
        action: Action,
        /// How long the signal must stay clear.
        soak: SignedDuration,
    },
    /// Nothing was changed, and why.
    NotDone {
        /// What was to be done.
        action: Action,
        /// Why not.
        why: String,
    },
    /// Nobody knows whether the change was made: the cluster did not answer.
    Unclear {
        /// What was to be done.
        action: Action,
        /// The error.
        why: String,
    },
    /// How the recovery goes. There is one such message per execution; it is brought up to date rather than repeated.
    Progress {
        /// Which execution: the message's slot.
        execution: String,
        /// In words.
        summary: String,
        /// Since when the signal is clear, and for how long it must stay so.
        clear: Option<(Timestamp, SignedDuration)>,
    },
    /// The verdict.
    Verdict {
        /// Which.
        verdict: Verdict,
        /// Why, in words.
        detail: String,
        /// From the change (or the opening) until now.
        took: SignedDuration,
        /// What was done, if anything was.
        action: Option<Action>,
        /// The record of that action after this verdict.
        record: Option<TrackRecord>,
    },
    /// Somebody said no.
    Dismissed {
        /// Who.
        by: Person,
        /// Why.
        reason: DismissReason,
        /// In their words.
        comment: String,
    },
    /// Nobody decided in time.
    Expired {
        /// What was on offer.
        action: Action,
    },
    /// The cause was found to be another one.
    NewCause {
        /// The headline now.
        headline: String,
        /// The cause now.
        cause: String,
    },
    /// The kill that was forecast came: the forecast and the kill are one story.
    KillCame {
        /// When it was forecast.
        forecast: Timestamp,
        /// When it came.
        at: Timestamp,
        /// Between which times it was expected, at last (90 % sure).
        expected: Option<(Timestamp, Timestamp)>,
    },
}

impl Note {
    /// Messages with the same slot replace each other.
    pub fn slot(&self) -> Option<&str> {
        match self {
            Note::Progress { execution, .. } => Some(execution),
            _ => None,
        }
    }

    /// Also shown in the channel: only what ends an incident whose fix people are waiting for.
    pub fn is_broadcast(&self) -> bool {
        matches!(
            self,
            Note::Verdict {
                verdict: Verdict::Regressed,
                ..
            }
        )
    }
}
