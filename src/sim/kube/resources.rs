//! The table of resource types that the API serves.

/// One resource type.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resource {
    /// API group; empty for the core group.
    pub(super) group: &'static str,
    pub(super) version: &'static str,
    pub(super) plural: &'static str,
    pub(super) kind: &'static str,
    pub(super) namespaced: bool,
    /// Whether `metadata.generation` counts changes of the spec.
    pub(super) generation: bool,
    /// Whether `status` is a subresource, ignored by writes to the main path.
    pub(super) status: bool,
}

impl Resource {
    /// `v1` or `apps/v1`.
    pub(super) fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `deployments.apps`, as in error messages.
    pub(super) fn qualified(&self) -> String {
        if self.group.is_empty() {
            self.plural.to_owned()
        } else {
            format!("{}.{}", self.plural, self.group)
        }
    }

    /// `Pod` or `Deployment.apps`, as in other error messages.
    pub(super) fn qualified_kind(&self) -> String {
        if self.group.is_empty() {
            self.kind.to_owned()
        } else {
            format!("{}.{}", self.kind, self.group)
        }
    }
}

const fn entry(
    group: &'static str,
    version: &'static str,
    plural: &'static str,
    kind: &'static str,
    flags: &'static str,
) -> Resource {
    let flags = flags.as_bytes();
    Resource {
        group,
        version,
        plural,
        kind,
        namespaced: flags[0] == b'n',
        generation: flags[1] == b'g',
        status: flags[2] == b's',
    }
}

macro_rules! table {
    ($($name:ident = $group:literal $version:literal $plural:literal $kind:literal $flags:literal;)*) => {
        $(pub(super) static $name: Resource = entry($group, $version, $plural, $kind, $flags);)*
        /// Every resource type.
        pub(super) static ALL: &[&Resource] = &[$(&$name),*];
    };
}

// Flags: n = namespaced, g = has a generation, s = has a status subresource.
table! {
    NODES = "" "v1" "nodes" "Node" "--s";
    NAMESPACES = "" "v1" "namespaces" "Namespace" "--s";
    PODS = "" "v1" "pods" "Pod" "ngs";
    EVENTS = "" "v1" "events" "Event" "n--";
    CONFIG_MAPS = "" "v1" "configmaps" "ConfigMap" "n--";
    SECRETS = "" "v1" "secrets" "Secret" "n--";
    SERVICES = "" "v1" "services" "Service" "n-s";
    SERVICE_ACCOUNTS = "" "v1" "serviceaccounts" "ServiceAccount" "n--";
    RESOURCE_QUOTAS = "" "v1" "resourcequotas" "ResourceQuota" "n-s";
    LIMIT_RANGES = "" "v1" "limitranges" "LimitRange" "n--";
    CLAIMS = "" "v1" "persistentvolumeclaims" "PersistentVolumeClaim" "n-s";
    DEPLOYMENTS = "apps" "v1" "deployments" "Deployment" "ngs";
    REPLICA_SETS = "apps" "v1" "replicasets" "ReplicaSet" "ngs";
    STATEFUL_SETS = "apps" "v1" "statefulsets" "StatefulSet" "ngs";
    DAEMON_SETS = "apps" "v1" "daemonsets" "DaemonSet" "ngs";
    CONTROLLER_REVISIONS = "apps" "v1" "controllerrevisions" "ControllerRevision" "n--";
    JOBS = "batch" "v1" "jobs" "Job" "ngs";
    CRON_JOBS = "batch" "v1" "cronjobs" "CronJob" "ngs";
    DISRUPTION_BUDGETS = "policy" "v1" "poddisruptionbudgets" "PodDisruptionBudget" "ngs";
    AUTOSCALERS = "autoscaling" "v2" "horizontalpodautoscalers" "HorizontalPodAutoscaler" "n-s";
    LEASES = "coordination.k8s.io" "v1" "leases" "Lease" "n--";
}

/// The resource type of a path.
pub(super) fn by_path(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    ALL.iter()
        .copied()
        .find(|r| r.group == group && r.version == version && r.plural == plural)
}

/// The resource type of a kind, such as `Deployment`.
pub(super) fn by_kind(kind: &str) -> Option<&'static Resource> {
    ALL.iter().copied().find(|r| r.kind == kind)
}
