//! Objects that contracts make. All run busybox, and end within a second when asked to.
use serde_json::{Value, json};

pub const IMAGE: &str = "docker.io/library/busybox:1.36";
/// A registry that nobody runs: the pull fails at once, in both places.
pub const NO_IMAGE: &str = "127.0.0.1:1/shop/web:2";

/// A container that runs a script.
pub fn container(script: &str) -> Value {
    json!({"name": "app", "image": IMAGE, "imagePullPolicy": "IfNotPresent", "command": ["sh", "-c", script]})
}

/// A container that does nothing for an hour.
pub fn idle() -> Value {
    container("sleep 3600")
}

/// The spec of a pod with one container.
pub fn pod_spec(container: Value) -> Value {
    json!({
        "terminationGracePeriodSeconds": 1, "automountServiceAccountToken": false, "enableServiceLinks": false,
        "containers": [container],
    })
}

/// A pod of its own.
pub fn pod(name: &str, container: Value) -> Value {
    json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": pod_spec(container)})
}

/// A Deployment, StatefulSet or DaemonSet.
pub fn workload(kind: &str, name: &str, container: Value) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": pod_spec(container)},
        },
    })
}

/// A Deployment.
pub fn deployment(name: &str, replicas: i64, container: Value) -> Value {
    let mut object = workload("Deployment", name, container);
    object["spec"]["replicas"] = json!(replicas);
    object
}
