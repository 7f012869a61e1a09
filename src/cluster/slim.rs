//! Small shapes of Kubernetes objects: only the fields that Heal decides on are ever built in memory.
//!
//! A typed `Pod` costs 79 kB on the heap, half of it `managedFields`; these shapes skip what they do not name while they
//! are parsed, so that a watch over ten thousand pods never holds the rest.
use super::quantity;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference, Time,
};
use kube::core::DynamicResourceScope;
use serde::{Deserialize, Deserializer, de::DeserializeOwned, de::IgnoredAny};
use std::{borrow::Cow, collections::BTreeMap, fmt::Debug};

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
/// batch/v1 Job
pub const JOBS: Served = Served::v1("Job", "batch", "jobs");
/// autoscaling/v2 HorizontalPodAutoscaler
pub const AUTOSCALERS: Served = Served {
    kind: "HorizontalPodAutoscaler",
    group: "autoscaling",
    version: "v2",
    plural: "horizontalpodautoscalers",
};

/// Makes a shape usable with kube's watcher. The kind is a value, because one shape serves several workload kinds.
macro_rules! resource {
    ($shape:ty) => {
        impl kube::Resource for $shape {
            type DynamicType = Served;
            type Scope = DynamicResourceScope;

            fn kind(served: &Served) -> Cow<'_, str> {
                served.kind.into()
            }
            fn group(served: &Served) -> Cow<'_, str> {
                served.group.into()
            }
            fn version(served: &Served) -> Cow<'_, str> {
                served.version.into()
            }
            fn plural(served: &Served) -> Cow<'_, str> {
                served.plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
resource!(Pod);
resource!(Node);
resource!(Event);
resource!(Workload);

/// What a watch needs of a shape.
pub trait Shape:
    kube::Resource<DynamicType = Served> + Clone + DeserializeOwned + Debug + Send + 'static
{
}
impl Shape for Pod {}
impl Shape for Node {}
impl Shape for Event {}
impl Shape for Workload {}

/// A list without its own metadata beyond the continuation.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    // An option is optional without `default`, which would ask for `T: Default`.
    items: Option<Vec<T>>,
    #[serde(default)]
    metadata: ListMeta,
}

impl<T> List<T> {
    /// The items of this page, and the token of the next one if there is one.
    pub fn into_parts(self) -> (Vec<T>, Option<String>) {
        let next = self.metadata.next.filter(|token| !token.is_empty());
        (self.items.unwrap_or_default(), next)
    }
}

#[derive(Debug, Default, Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

macro_rules! shape {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(deserialize_with = "nullable")] #[allow(missing_docs)] pub $field: $type,)*
        }
    };
}

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `spec`
    pub spec: PodSpec,
    /// `status`
    pub status: PodStatus,
}
shape!(
    /// What a pod asks for, without the particulars that only templates are read for.
    PodSpec {
        node_name: Option<String>,
        init_containers: Vec<PodContainer>,
        containers: Vec<PodContainer>,
    }
);
shape!(
    /// A container of a pod.
    PodContainer {
        name: String,
        image: String,
        resources: Resources,
        liveness_probe: Option<IgnoredAny>,
        readiness_probe: Option<IgnoredAny>,
        startup_probe: Option<IgnoredAny>,
    }
);
shape!(
    /// Requests and limits.
    Resources {
        limits: Amounts,
        requests: Amounts,
    }
);
/// Amounts of memory in bytes and of CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Memory in bytes.
    #[serde(deserialize_with = "memory")]
    pub memory: Option<u64>,
    /// CPU in thousandths of a core.
    #[serde(deserialize_with = "cpu")]
    pub cpu: Option<u64>,
}
shape!(
    /// How a pod is.
    PodStatus {
        phase: String,
        reason: Option<String>,
        message: Option<String>,
        conditions: Vec<Condition>,
        init_container_statuses: Vec<ContainerStatus>,
        container_statuses: Vec<ContainerStatus>,
    }
);
shape!(
    /// How a container is.
    ContainerStatus {
        name: String,
        ready: bool,
        restart_count: u32,
        state: State,
        last_state: State,
    }
);
shape!(
    /// A container's state: one of the three is set.
    State {
        waiting: Option<Waiting>,
        running: Option<Running>,
        terminated: Option<Terminated>,
    }
);
shape!(
    /// Not running.
    Waiting {
        reason: String,
        message: String,
    }
);
shape!(
    /// Running.
    Running {
        started_at: Option<Timestamp>,
    }
);
shape!(
    /// Ended.
    Terminated {
        reason: String,
        exit_code: i32,
        message: String,
        started_at: Option<Timestamp>,
        finished_at: Option<Timestamp>,
    }
);
shape!(
    /// A status condition of any kind.
    Condition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
        reason: String,
        message: String,
        last_transition_time: Option<Timestamp>,
    }
);

/// A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job: their fields do not clash, so one shape reads them all.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Workload {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `spec`
    pub spec: WorkloadSpec,
    /// `status`
    pub status: WorkloadStatus,
}
shape!(
    /// What a workload wants.
    WorkloadSpec {
        replicas: Option<i32>,
        parallelism: Option<i32>,
        backoff_limit: Option<i32>,
        paused: bool,
        suspend: bool,
        selector: Selector,
        strategy: Strategy,
        update_strategy: Strategy,
        template: Template,
    }
);
shape!(
    /// A label selector.
    Selector {
        match_labels: BTreeMap<String, String>,
        match_expressions: Vec<Expression>,
    }
);
shape!(
    /// One rule of a label selector.
    Expression {
        key: String,
        operator: String,
        values: Vec<String>,
    }
);
shape!(
    /// How pods are replaced.
    Strategy {
        #[serde(rename = "type")]
        kind: String,
        rolling_update: RollingUpdate,
    }
);
shape!(
    /// Particulars of a rolling update.
    RollingUpdate {
        partition: i32,
    }
);
shape!(
    /// A pod template.
    Template {
        metadata: TemplateMeta,
        spec: TemplateSpec,
    }
);
shape!(
    /// The metadata of a pod template.
    TemplateMeta {
        annotations: BTreeMap<String, String>,
    }
);
shape!(
    /// The spec of a pod template.
    TemplateSpec {
        service_account_name: Option<String>,
        node_selector: BTreeMap<String, String>,
        init_containers: Vec<Container>,
        containers: Vec<Container>,
    }
);
shape!(
    /// A container of a template.
    Container {
        name: String,
        image: String,
        command: Vec<String>,
        args: Vec<String>,
        resources: Resources,
        ports: Vec<Port>,
        liveness_probe: Option<Probe>,
        readiness_probe: Option<Probe>,
        startup_probe: Option<Probe>,
    }
);
shape!(
    /// A port of a container.
    Port {
        container_port: u16,
    }
);
shape!(
    /// A probe.
    Probe {
        http_get: Option<Endpoint>,
        tcp_socket: Option<Endpoint>,
        grpc: Option<Endpoint>,
        exec: Option<Exec>,
        initial_delay_seconds: Option<i32>,
        period_seconds: Option<i32>,
        timeout_seconds: Option<i32>,
        failure_threshold: Option<i32>,
    }
);
shape!(
    /// What a probe asks. The port is a number or a name.
    Endpoint {
        port: serde_json::Value,
        path: Option<String>,
    }
);
shape!(
    /// What a probe runs.
    Exec {
        command: Vec<String>,
    }
);
shape!(
    /// How a workload is: the union of the kinds' fields.
    WorkloadStatus {
        observed_generation: Option<i64>,
        replicas: i32,
        updated_replicas: i32,
        ready_replicas: i32,
        available_replicas: i32,
        current_revision: String,
        update_revision: String,
        desired_number_scheduled: i32,
        current_number_scheduled: i32,
        updated_number_scheduled: i32,
        number_ready: i32,
        number_available: i32,
        active: i32,
        ready: i32,
        failed: i32,
        succeeded: i32,
        conditions: Vec<Condition>,
    }
);

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `spec`
    pub spec: NodeSpec,
    /// `status`
    pub status: NodeStatus,
}
shape!(
    /// What is wanted of a node.
    NodeSpec {
        unschedulable: bool,
        taints: Vec<Taint>,
    }
);
shape!(
    /// A taint.
    Taint {
        key: String,
        value: Option<String>,
        effect: String,
    }
);
shape!(
    /// How a node is.
    NodeStatus {
        allocatable: Amounts,
        conditions: Vec<Condition>,
    }
);

/// An event of core/v1, with the fields of both writers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Event {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `type`
    #[serde(rename = "type", deserialize_with = "nullable")]
    pub kind: String,
    /// `reason`
    #[serde(deserialize_with = "nullable")]
    pub reason: String,
    /// `message`
    #[serde(deserialize_with = "nullable")]
    pub message: String,
    /// `involvedObject`
    pub involved_object: About,
    /// `count`
    pub count: Option<u32>,
    /// `series`
    pub series: Option<Series>,
    /// `firstTimestamp`
    pub first_timestamp: Option<Timestamp>,
    /// `lastTimestamp`
    pub last_timestamp: Option<Timestamp>,
    /// `eventTime`
    pub event_time: Option<Timestamp>,
    /// `source`
    #[serde(deserialize_with = "nullable")]
    pub source: Source,
    /// `reportingComponent`
    #[serde(deserialize_with = "nullable")]
    pub reporting_component: String,
}
shape!(
    /// What an event is about.
    About {
        kind: String,
        namespace: String,
        name: String,
        uid: String,
        field_path: String,
    }
);
shape!(
    /// Repeats, as the newer writer counts them.
    Series {
        count: u32,
        last_observed_time: Option<Timestamp>,
    }
);
shape!(
    /// Who wrote an event, as the older writer says it.
    Source {
        component: String,
    }
);

/// `null` where a value was expected means the default: Go writes empty lists and times so.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn memory<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    amount(d, quantity::bytes)
}

fn cpu<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    amount(d, quantity::millis)
}

/// Quantities are texts, but clients may write bare numbers and some servers hand them back.
fn amount<'de, D: Deserializer<'de>>(
    d: D,
    read: fn(&str) -> Option<u64>,
) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(d)? {
        serde_json::Value::String(text) => read(&text),
        serde_json::Value::Number(number) => read(&number.to_string()),
        _ => None,
    })
}

/// Metadata without the trees: of `managedFields` only who and on which subresource, of annotations none of the manifests
/// that `kubectl apply` stores.
fn metadata<'de, D: Deserializer<'de>>(d: D) -> Result<ObjectMeta, D::Error> {
    let meta = Meta::deserialize(d)?;
    let some = |map: BTreeMap<String, String>| (!map.is_empty()).then_some(map);
    let mut annotations = meta.annotations;
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    Ok(ObjectMeta {
        name: Some(meta.name),
        namespace: meta.namespace,
        uid: Some(meta.uid),
        resource_version: meta.resource_version,
        generation: meta.generation,
        creation_timestamp: meta.creation_timestamp.map(Time),
        deletion_timestamp: meta.deletion_timestamp.map(Time),
        labels: some(meta.labels),
        annotations: some(annotations),
        owner_references: (!meta.owner_references.is_empty()).then_some(meta.owner_references),
        managed_fields: (!meta.managed_fields.is_empty()).then(|| {
            let entry = |writer: Writer| ManagedFieldsEntry {
                manager: Some(writer.manager),
                ..ManagedFieldsEntry::default()
            };
            meta.managed_fields.into_iter().map(entry).collect()
        }),
        ..ObjectMeta::default()
    })
}
shape!(
    /// The part of `metadata` that is kept.
    Meta {
        name: String,
        namespace: Option<String>,
        uid: String,
        resource_version: Option<String>,
        generation: Option<i64>,
        creation_timestamp: Option<Timestamp>,
        deletion_timestamp: Option<Timestamp>,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        owner_references: Vec<OwnerReference>,
        managed_fields: Vec<Writer>,
    }
);
shape!(
    /// One entry of `managedFields`.
    Writer {
        manager: String,
    }
);

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_is_read_without_its_managed_fields_and_its_applied_manifest() {
        let pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "shop", "uid": "p1", "creationTimestamp": "2026-11-01T10:00:00Z",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{…}", "keep": "me"},
                "managedFields": [{"manager": "argocd-controller", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"containers": [{"name": "app", "image": "i", "resources": {"limits": {"memory": "64Mi", "cpu": 1}}}]},
            "status": {"conditions": null}
        }))
        .unwrap();
        let managers = pod.metadata.managed_fields.unwrap();
        assert_eq!(managers[0].manager.as_deref(), Some("argocd-controller"));
        assert!(managers[0].fields_v1.is_none());
        assert_eq!(pod.metadata.annotations.unwrap().len(), 1);
        let limits = pod.spec.containers[0].resources.limits;
        assert_eq!((limits.memory, limits.cpu), (Some(64 << 20), Some(1000)));
    }
}
