//! What was gathered to diagnose one incident. All of it was read at one moment, from the live cluster.
use super::view::{EventView, NodeView, PodView, WorkloadView};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The evidence bundle of one incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// When it was gathered.
    pub at: Timestamp,
    /// The owner, if it still exists and is a workload.
    pub workload: Option<WorkloadView>,
    /// The owner, if it is a node.
    pub node: Option<NodeView>,
    /// The owner's pods, worst first, at most 20.
    pub pods: Vec<PodView>,
    /// All pods of the owner, also those beyond the 20.
    pub pod_count: u32,
    /// Log tails of the containers in trouble.
    pub logs: Vec<LogTail>,
    /// Events about the owner, its replica sets and pods, oldest first, at most 50.
    pub events: Vec<EventView>,
    /// Revisions of a Deployment, StatefulSet or DaemonSet, newest first, the current one included.
    pub revisions: Vec<Revision>,
    /// Nodes, when the family needs them (scheduling), at most 200.
    pub nodes: Vec<NodeView>,
    /// ConfigMaps that the pods refer to.
    pub references: Vec<Reference>,
    /// Quotas and limits of the namespace.
    pub limits: NamespaceLimits,
    /// Name of an autoscaler that owns the replica count.
    pub autoscaler: Option<String>,
    /// The tightest disruption budget over its pods.
    #[serde(default)]
    pub budget: Option<Budget>,
    /// What could not be read, and why, in words.
    pub gaps: Vec<String>,
    /// A gap may be gone when the cluster is asked again: it was out of reach, or had no time.
    #[serde(default)]
    pub partial: bool,
}

impl Evidence {
    /// Evidence that knows nothing yet.
    pub fn empty(at: Timestamp) -> Self {
        Self {
            at,
            workload: None,
            node: None,
            pods: Vec::new(),
            pod_count: 0,
            logs: Vec::new(),
            events: Vec::new(),
            revisions: Vec::new(),
            nodes: Vec::new(),
            references: Vec::new(),
            limits: NamespaceLimits::default(),
            autoscaler: None,
            budget: None,
            gaps: Vec::new(),
            partial: false,
        }
    }

    /// The log tail of a container: of its previous run when that is there, because the present run may have said nothing
    /// yet. Pods of one template fail alike and only one of them is read: its log serves for the others.
    pub fn log_of(&self, pod: &str, container: &str) -> Option<&LogTail> {
        let of = |same_pod: bool, previous: bool| {
            self.logs.iter().find(|log| {
                (log.pod == pod) == same_pod
                    && log.container == container
                    && log.previous == previous
                    && !log.lines.is_empty()
            })
        };
        of(true, true)
            .or_else(|| of(true, false))
            .or_else(|| of(false, true))
            .or_else(|| of(false, false))
    }
}

/// The last lines of a container's log, oldest first. Hostile text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LogTail {
    /// Pod name.
    pub pod: String,
    /// Container name.
    pub container: String,
    /// Of the run before the present one.
    pub previous: bool,
    /// The lines, without time stamps, each cut at 500 characters.
    pub lines: Vec<String>,
}

/// One revision of a workload's template.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The number that `kubectl rollout history` shows.
    pub number: i64,
    /// The ReplicaSet or ControllerRevision that keeps it: its identity, since numbers move on an undo.
    pub name: String,
    /// Template hash.
    pub hash: String,
    /// When it was made.
    pub created: Timestamp,
    /// It is the workload's present template.
    pub current: bool,
    /// Pods of this revision that are available right now: the best proof that it works.
    pub available: i32,
    /// Heal saw the whole workload available on it, at this time. Filled from Heal's own records.
    pub seen_healthy: Option<Timestamp>,
    /// Images of its containers.
    pub images: Vec<String>,
    /// What differs from the current template, as `path: now → then`, at most 20 lines. Secrets' values never are in templates
    /// by reference, and literal environment values are masked.
    pub diff: Vec<String>,
}

impl Revision {
    /// Whether there is proof that this revision was healthy, in words.
    pub fn proof(&self) -> Option<String> {
        if self.available > 0 {
            let pods = if self.available == 1 { "pod" } else { "pods" };
            Some(format!(
                "{} {pods} of revision {} are available now",
                self.available, self.number
            ))
        } else {
            self.seen_healthy
                .map(|_| format!("revision {} was fully available before", self.number))
        }
    }
}

/// A ConfigMap that a pod refers to. (Secrets are never read: a missing one is known from the kubelet's message.)
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reference {
    /// Its name.
    pub name: String,
    /// It exists.
    pub exists: bool,
    /// Its keys (never values).
    pub keys: Vec<String>,
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Its name.
    pub name: String,
    /// Pods that may go at this moment (`status.disruptionsAllowed`).
    pub allowed: i32,
}

/// What the namespace allows.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NamespaceLimits {
    /// Largest memory limit that a LimitRange allows for a container, in bytes.
    pub max_memory: Option<u64>,
    /// Memory limit still free in the tightest quota, in bytes.
    pub quota_memory_left: Option<u64>,
    /// Quotas as `name: resource used of hard`, only those used up to 90 % or more.
    pub tight: Vec<String>,
}
