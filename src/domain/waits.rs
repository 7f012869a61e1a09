//! The waiting times of the incident engine. All are configurable; the defaults have their reasons here.
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// Waiting times.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waits {
    /// A proposal may be approved this long: after an hour the evidence is stale.
    pub approval: SignedDuration,
    /// The shortest time that the signal must stay clear before "recovered" is said.
    pub soak: SignedDuration,
    /// The longest soak, however long a run lasted before it failed.
    pub soak_max: SignedDuration,
    /// After an execution, how long the workload may take until it is clear (extended once while it makes progress).
    pub recovery: SignedDuration,
    /// Pause between two looks at the cluster while a recovery is followed.
    pub look: SignedDuration,
    /// Pause between two looks at an incident that waits for people. A watch that sees it clear looks sooner.
    pub idle_look: SignedDuration,
    /// Inspection may take this long before the card goes out without a diagnosis.
    pub inspect: SignedDuration,
    /// Two executions on one target are at least this far apart.
    pub target_pause: SignedDuration,
    /// At most this many executions on one target in a day.
    pub target_per_day: u32,
    /// Pause before an inspection or a look that failed is tried again.
    pub retry: SignedDuration,
}

impl Default for Waits {
    fn default() -> Self {
        Self {
            approval: SignedDuration::from_hours(1),
            soak: SignedDuration::from_mins(2),
            soak_max: SignedDuration::from_mins(15),
            recovery: SignedDuration::from_mins(10),
            look: SignedDuration::from_secs(5),
            idle_look: SignedDuration::from_secs(60),
            inspect: SignedDuration::from_secs(20),
            target_pause: SignedDuration::from_mins(10),
            target_per_day: 3,
            retry: SignedDuration::from_secs(15),
        }
    }
}
