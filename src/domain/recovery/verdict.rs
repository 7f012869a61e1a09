//! The words that an incident can end with.
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The fix worked: the workload is complete and the signal stayed clear for the soak.
    Recovered,
    /// The signal went away and stayed away without an action of Heal.
    RecoveredByItself,
    /// The fix was made and the problem is still there.
    Ineffective,
    /// The fix could not be made.
    Failed,
    /// After the fix it was worse than before.
    Regressed,
    /// Somebody or something took the change back.
    Reverted,
    /// The object is gone.
    TargetGone,
    /// Heal could not see enough to tell.
    Inconclusive,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 8] = [
        Verdict::Recovered,
        Verdict::RecoveredByItself,
        Verdict::Ineffective,
        Verdict::Failed,
        Verdict::Regressed,
        Verdict::Reverted,
        Verdict::TargetGone,
        Verdict::Inconclusive,
    ];

    /// The name in metrics and audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Recovered => "recovered",
            Verdict::RecoveredByItself => "recovered_by_itself",
            Verdict::Ineffective => "ineffective",
            Verdict::Failed => "failed",
            Verdict::Regressed => "regressed",
            Verdict::Reverted => "reverted",
            Verdict::TargetGone => "target_gone",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// What the memory learns from it: success, failure, or nothing. Only verdicts on the effect of a change that was
    /// made count: a change that was refused, taken back or could not be watched says nothing about the fix.
    pub fn lesson(self) -> Option<bool> {
        match self {
            Verdict::Recovered => Some(true),
            Verdict::Ineffective | Verdict::Regressed => Some(false),
            Verdict::RecoveredByItself
            | Verdict::Failed
            | Verdict::Reverted
            | Verdict::TargetGone
            | Verdict::Inconclusive => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
