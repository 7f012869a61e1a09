//! What is unusual, in the words of the rest of Heal.
use super::Anomaly;
use crate::domain::object::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is unusual about a workload now; nothing when it is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unusual {
    /// When this was assessed.
    pub at: Timestamp,
    /// The workload.
    pub owner: ObjectRef,
    /// By metric, at most one of each.
    pub anomalies: Vec<Anomaly>,
}
