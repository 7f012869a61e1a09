//! Rules from object views to symptoms: what is wrong with a pod, a workload or a node right now. They serve three times:
//! for signals (a new symptom is a signal), for "is it still true" before acting, and for the recovery.
//!
//! The rules take no clock: a symptom says since when and from when on it counts, and callers compare that with their time.
//! An end stays in a container's status until the next one, so a container that was killed a month ago and works since then
//! still shows it: [`is_history`] tells such a symptom from one that is news.
mod container;
mod event;
mod node;
mod pod;
#[cfg(test)]
mod tests;
mod workload;

pub use container::{has_outlived, is_history, outlives_at};
pub use event::of_event;
pub use node::of_node;
pub use pod::of_pod;
pub use workload::of_workload;

use super::family::Family;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Something wrong with one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Symptom {
    /// What kind of trouble.
    pub family: Family,
    /// The container that shows it, if one does.
    pub container: Option<String>,
    /// Kubernetes' reason word.
    pub reason: String,
    /// Kubernetes' text.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// From when on it is worth a card: some symptoms are normal for a while (a pod that is not scheduled yet, a probe
    /// that fails while an application starts). Equal to `since` when it counts at once.
    pub mature: Timestamp,
    /// How often: restarts for containers, counts for events. A higher number is news.
    pub count: u32,
}

/// How long symptoms may last before they count.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Grace {
    /// A pod that fits on no node: autoscalers need a moment.
    pub unschedulable: SignedDuration,
    /// A running pod whose readiness probe fails.
    pub not_ready: SignedDuration,
    /// A missing ConfigMap, Secret or key: both may be applied in any order, and the kubelet looks again every 10 s or so.
    pub config: SignedDuration,
    /// A node that is not ready.
    pub node: SignedDuration,
    /// Pods that may not be created.
    pub admission: SignedDuration,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            unschedulable: SignedDuration::from_secs(30),
            not_ready: SignedDuration::from_secs(60),
            config: SignedDuration::from_secs(25),
            node: SignedDuration::from_secs(20),
            admission: SignedDuration::from_secs(15),
        }
    }
}
