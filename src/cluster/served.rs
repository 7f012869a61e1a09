//! Kinds and where the API server serves them.

/// Where a kind is served: the coordinates of its URL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// `Deployment`
    pub kind: &'static str,
    /// `apps`; empty for the core group.
    pub group: &'static str,
    /// `v1`
    pub version: &'static str,
    /// `deployments`
    pub plural: &'static str,
}

impl Served {
    const fn v1(kind: &'static str, group: &'static str, plural: &'static str) -> Self {
        Self {
            kind,
            group,
            version: "v1",
            plural,
        }
    }
}

/// core/v1 Pod
pub const PODS: Served = Served::v1("Pod", "", "pods");
/// core/v1 Event
pub const EVENTS: Served = Served::v1("Event", "", "events");
/// core/v1 Node
pub const NODES: Served = Served::v1("Node", "", "nodes");
/// core/v1 ConfigMap
pub const CONFIG_MAPS: Served = Served::v1("ConfigMap", "", "configmaps");
/// core/v1 ResourceQuota
pub const QUOTAS: Served = Served::v1("ResourceQuota", "", "resourcequotas");
/// core/v1 LimitRange
pub const LIMIT_RANGES: Served = Served::v1("LimitRange", "", "limitranges");
/// apps/v1 Deployment
pub const DEPLOYMENTS: Served = Served::v1("Deployment", "apps", "deployments");
/// apps/v1 ReplicaSet
pub const REPLICA_SETS: Served = Served::v1("ReplicaSet", "apps", "replicasets");
/// apps/v1 StatefulSet
pub const STATEFUL_SETS: Served = Served::v1("StatefulSet", "apps", "statefulsets");
/// apps/v1 DaemonSet
pub const DAEMON_SETS: Served = Served::v1("DaemonSet", "apps", "daemonsets");
/// apps/v1 ControllerRevision
pub const CONTROLLER_REVISIONS: Served =
    Served::v1("ControllerRevision", "apps", "controllerrevisions");
/// batch/v1 CronJob
pub const CRON_JOBS: Served = Served::v1("CronJob", "batch", "cronjobs");
/// batch/v1 Job
pub const JOBS: Served = Served::v1("Job", "batch", "jobs");
/// policy/v1 PodDisruptionBudget
pub const BUDGETS: Served = Served {
    kind: "PodDisruptionBudget",
    group: "policy",
    version: "v1",
    plural: "poddisruptionbudgets",
};
/// autoscaling/v2 HorizontalPodAutoscaler
pub const AUTOSCALERS: Served = Served {
    kind: "HorizontalPodAutoscaler",
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
};
/// metrics.k8s.io/v1beta1 PodMetrics
pub const POD_METRICS: Served = Served {
    kind: "PodMetrics",
    group: "metrics.k8s.io",
    version: "v1beta1",
    plural: "pods",
};
