//! Small views of cluster objects: the few fields that Heal decides on. The Kubernetes adapter projects to them as objects
//! arrive and drops the rest, so that ten thousand pods cost megabytes and not hundreds of them.
use super::{
    demand::demand,
    object::{Kind, ObjectRef},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The controlling owner of an object (`metadata.ownerReferences` with `controller: true`).
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct OwnerLink {
    /// The owner's kind.
    pub kind: Kind,
    /// The owner's name.
    pub name: String,
    /// The owner's uid.
    pub uid: String,
}

/// A pod.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PodView {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// The controller that made it.
    pub owner: Option<OwnerLink>,
    /// The template it was made from: label `pod-template-hash` or `controller-revision-hash`.
    pub template_hash: Option<String>,
    /// The node it was bound to.
    pub node: Option<String>,
    /// `status.phase`: Pending, Running, Succeeded, Failed, Unknown.
    pub phase: String,
    /// `status.reason`, e.g. `Evicted`.
    pub reason: Option<String>,
    /// `status.message`.
    pub message: Option<String>,
    /// When it was created.
    pub created: Timestamp,
    /// A deletion was asked for.
    pub deleting: bool,
    /// Condition `Ready` is true.
    pub ready: bool,
    /// When condition `Ready` last changed.
    pub ready_changed: Option<Timestamp>,
    /// The scheduler's message while condition `PodScheduled` is False with reason `Unschedulable`, and since when.
    pub unschedulable: Option<(String, Timestamp)>,
    /// Reason of condition `DisruptionTarget`: the pod goes on purpose.
    pub disruption: Option<String>,
    /// Init containers and containers, in this order.
    pub containers: Vec<ContainerView>,
}

impl PodView {
    /// A reference to this pod.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(Kind::Pod, &self.namespace, &self.name, &self.uid)
    }

    /// Restarts of all its containers together.
    pub fn restarts(&self) -> u32 {
        self.containers
            .iter()
            .map(|container| container.restarts)
            .sum()
    }

    /// It ended and will not come back.
    pub fn is_finished(&self) -> bool {
        self.phase == "Succeeded" || self.phase == "Failed"
    }
}

/// A container of a pod: what its status says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerView {
    /// Its name.
    pub name: String,
    /// It is an init container that runs to its end before the others start: no sidecar.
    pub init: bool,
    /// The image as the spec names it.
    pub image: String,
    /// Passed its readiness probe.
    pub ready: bool,
    /// `restartCount`.
    pub restarts: u32,
    /// What it does now.
    pub state: ContainerState,
    /// How its previous run ended (`lastState.terminated`).
    pub last: Option<Terminated>,
    /// Memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// CPU limit in thousandths of a core.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpu_limit: Option<u64>,
    /// It has a readiness, liveness or startup probe.
    pub probed: bool,
}

impl ContainerView {
    /// The end that is known last: of this run if it has ended, otherwise of the previous one.
    pub fn last_end(&self) -> Option<&Terminated> {
        match &self.state {
            ContainerState::Terminated(end) => Some(end),
            _ => self.last.as_ref(),
        }
    }
}

/// `status.containerStatuses[].state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum ContainerState {
    /// Not running yet or again, with Kubernetes' reason and message.
    Waiting {
        /// e.g. `CrashLoopBackOff`.
        reason: String,
        /// Free text.
        message: String,
    },
    /// Running since.
    Running {
        /// `startedAt`.
        since: Option<Timestamp>,
    },
    /// Ended.
    Terminated(Terminated),
    /// The status says nothing yet.
    Unknown,
}

/// How a container's run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Terminated {
    /// e.g. `OOMKilled`, `Error`, `Completed`, `StartError`.
    pub reason: String,
    /// Exit code.
    pub exit_code: i32,
    /// Free text of the runtime.
    pub message: String,
    /// Start of the run.
    pub started: Option<Timestamp>,
    /// End of the run.
    pub finished: Option<Timestamp>,
}

/// A workload (Deployment, StatefulSet, DaemonSet, ReplicaSet, Job) or whatever else owns pods.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WorkloadView {
    /// What it is.
    pub object: ObjectRef,
    /// `metadata.resourceVersion`.
    pub resource_version: String,
    /// `metadata.generation`.
    pub generation: i64,
    /// `status.observedGeneration`.
    pub observed_generation: i64,
    /// When it was created.
    pub created: Timestamp,
    /// Wanted pods (`spec.replicas`, `desiredNumberScheduled`, `parallelism`).
    pub desired: i32,
    /// `status.replicas`: pods of any template.
    pub replicas: i32,
    /// Pods of the newest template.
    pub updated: i32,
    /// Ready pods.
    pub ready: i32,
    /// Available pods.
    pub available: i32,
    /// `spec.paused` (Deployment) or `spec.suspend` (Job).
    pub paused: bool,
    /// Update strategy: `RollingUpdate`, `Recreate`, `OnDelete`; empty when there is none.
    pub strategy: String,
    /// `status.conditions`.
    pub conditions: Vec<Condition>,
    /// Init containers and containers of the template, in this order.
    pub containers: Vec<ContainerSpec>,
    /// The controller above it, if any.
    pub owner: Option<OwnerLink>,
    /// Number of the current revision, where the kind has revisions.
    pub revision: Option<i64>,
    /// Who really owns its manifest, if a marker tells.
    pub managed_by: Option<GitOps>,
    /// The newest execution of Heal on it: annotation [`crate::domain::action::EXECUTION_ANNOTATION`].
    pub last_execution: Option<String>,
    /// Service account of its pods.
    pub service_account: Option<String>,
    /// Node selector of the template.
    pub node_selector: BTreeMap<String, String>,
    /// Failed and succeeded pods, for Jobs.
    pub job: Option<JobCounts>,
    /// Pods that a rolling update may take away before their successors are ready; `None` for kinds without one.
    #[serde(default)]
    pub max_unavailable: Option<i32>,
}

impl WorkloadView {
    /// A condition by its type.
    pub fn condition(&self, kind: &str) -> Option<&Condition> {
        self.conditions
            .iter()
            .find(|condition| condition.kind == kind)
    }

    /// What one of its pods asks for when its containers ask for this.
    pub fn pod_asks(&self, of: impl Fn(&ContainerSpec) -> Option<u64>) -> u64 {
        let of = |spec: &ContainerSpec| (spec.sidecar || !spec.init, of(spec).unwrap_or(0));
        demand(self.containers.iter().map(of))
    }

    /// The rule of `kubectl rollout status`: the newest template is the only one running, and all of it is available.
    pub fn is_rolled_out(&self) -> bool {
        self.observed_generation >= self.generation
            && self.updated >= self.desired
            && self.replicas <= self.updated
            && self.available >= self.updated
    }
}

/// Counts of a Job.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct JobCounts {
    /// `status.failed`
    pub failed: i32,
    /// `status.succeeded`
    pub succeeded: i32,
    /// `spec.backoffLimit`
    pub backoff_limit: i32,
}

/// One status condition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// `type`
    pub kind: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Machine-readable reason.
    pub reason: String,
    /// Free text.
    pub message: String,
    /// `lastTransitionTime`.
    pub since: Option<Timestamp>,
}

/// A container as the template specifies it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ContainerSpec {
    /// Its name.
    pub name: String,
    /// It is an init container.
    pub init: bool,
    /// It is an init container that runs beside the others from its turn on, and is started again like them.
    #[serde(default)]
    pub sidecar: bool,
    /// Image.
    pub image: String,
    /// `command` and `args` together.
    pub command: Vec<String>,
    /// Memory limit in bytes.
    pub memory_limit: Option<u64>,
    /// Memory request in bytes.
    pub memory_request: Option<u64>,
    /// CPU request in thousandths of a core.
    pub cpu_request: Option<u64>,
    /// A volume of it that keeps files in memory (`emptyDir` of medium `Memory`).
    #[serde(default)]
    pub memory_volume: Option<String>,
    /// `containerPort`s.
    pub ports: Vec<u16>,
    /// Probes, if set.
    pub liveness: Option<ProbeSpec>,
    /// See `liveness`.
    pub readiness: Option<ProbeSpec>,
    /// See `liveness`.
    pub startup: Option<ProbeSpec>,
}

/// A probe as the template specifies it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ProbeSpec {
    /// `http`, `tcp`, `exec` or `grpc`.
    pub kind: String,
    /// The port as written: a number or a name.
    pub port: Option<String>,
    /// HTTP path.
    pub path: Option<String>,
    /// Command of an exec probe.
    pub command: Vec<String>,
    /// `initialDelaySeconds`
    pub initial_delay: i32,
    /// `periodSeconds`
    pub period: i32,
    /// `timeoutSeconds`
    pub timeout: i32,
    /// `failureThreshold`
    pub failures: i32,
}

/// Who applies an object's manifest, so that a direct change may be reverted.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GitOps {
    /// `Argo CD`, `Flux` or `Helm`.
    pub tool: String,
    /// The application, release or kustomization, when the marker names it.
    pub name: Option<String>,
}

/// A node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NodeView {
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// Condition `Ready`: `True`, `False` or `Unknown`.
    pub ready: String,
    /// Its reason.
    pub reason: String,
    /// Its message.
    pub message: String,
    /// Since when.
    pub since: Option<Timestamp>,
    /// Pressure conditions that are true: `MemoryPressure`, `DiskPressure`, `PIDPressure`.
    pub pressure: Vec<String>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Taints as `key=value:Effect`.
    pub taints: Vec<String>,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Allocatable CPU in thousandths of a core.
    pub allocatable_cpu: u64,
    /// Allocatable memory in bytes.
    pub allocatable_memory: u64,
    /// Requested by its pods: CPU in thousandths of a core, memory in bytes. Filled by inspection only.
    pub requested: Option<(u64, u64)>,
}

/// The condition of a node whose memory is used up: its kubelet evicts pods.
pub const MEMORY_PRESSURE: &str = "MemoryPressure";

impl NodeView {
    /// Its memory is used up.
    pub fn is_short_of_memory(&self) -> bool {
        self.pressure.iter().any(|one| one == MEMORY_PRESSURE)
    }

    /// A reference to this node.
    pub fn object(&self) -> ObjectRef {
        ObjectRef::new(Kind::Node, "", &self.name, &self.uid)
    }
}

/// An event, from whichever of the two writers.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct EventView {
    /// `metadata.uid`.
    pub uid: String,
    /// `Normal` or `Warning`.
    pub kind: String,
    /// Reason.
    pub reason: String,
    /// Text.
    pub note: String,
    /// The object it is about.
    pub about: ObjectRef,
    /// The container it is about (`spec.containers{name}`).
    pub container: Option<String>,
    /// `max(series.count, count, 1)`.
    pub count: u32,
    /// The best known last time (series, last, event, first, creation; in this order).
    pub at: Timestamp,
    /// The writer (`source.component` or `reportingComponent`).
    pub component: String,
}
