//! Workloads of all kinds.
use super::{Condition, Resources, metadata, nullable};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use std::collections::BTreeMap;

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
        max_unavailable: serde_json::Value,
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
        labels: BTreeMap<String, String>,
    }
);
shape!(
    /// The spec of a pod template.
    TemplateSpec {
        service_account_name: Option<String>,
        node_selector: BTreeMap<String, String>,
        init_containers: Vec<Container>,
        containers: Vec<Container>,
        volumes: Vec<Volume>,
    }
);
shape!(
    /// A volume of a template, as far as it may be one in memory.
    Volume {
        name: String,
        empty_dir: Option<EmptyDir>,
    }
);
shape!(
    /// Where an empty folder is.
    EmptyDir {
        medium: String,
    }
);
shape!(
    /// A volume in a container.
    Mount {
        name: String,
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
        volume_mounts: Vec<Mount>,
        liveness_probe: Option<Probe>,
        readiness_probe: Option<Probe>,
        startup_probe: Option<Probe>,
        restart_policy: Option<String>,
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
