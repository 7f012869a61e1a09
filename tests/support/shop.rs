//! The workloads of the scenarios, as manifests: short to write, easy to vary.
use super::world::{NAMESPACE, deployment};
use serde_json::{Value, json};

/// A Deployment of one container; the fields given are laid over those of a container that works for ever.
pub fn app(name: &str, replicas: u32, fields: Value) -> Value {
    let mut object = deployment(name, replicas, super::world::WORKS);
    lay_over(
        &mut object["spec"]["template"]["spec"]["containers"][0],
        fields,
    );
    object
}

/// A container's fields: this script.
pub fn script(text: &str) -> Value {
    json!({"command": ["sh", "-c", text]})
}

/// A container's fields: this script, within a memory limit.
pub fn limited(text: &str, memory: &str) -> Value {
    json!({"command": ["sh", "-c", text], "resources": {"limits": {"memory": memory}}})
}

/// The workload with other fields of its pods' spec.
pub fn pods_with(mut object: Value, fields: Value) -> Value {
    lay_over(&mut object["spec"]["template"]["spec"], fields);
    object
}

/// The workload with a sidecar `proxy` in its pods; the fields given are laid over those of a container that works for ever.
pub fn with_sidecar(object: Value, fields: Value) -> Value {
    let mut proxy = super::world::container(super::world::WORKS);
    (proxy["name"], proxy["restartPolicy"]) = (json!("proxy"), json!("Always"));
    lay_over(&mut proxy, fields);
    pods_with(object, json!({"initContainers": [proxy]}))
}

/// The workload with annotations of its own (not of its pods).
pub fn annotated(mut object: Value, annotations: Value) -> Value {
    object["metadata"]["annotations"] = annotations;
    object
}

/// A ConfigMap or a Secret.
pub fn data(kind: &str, name: &str, data: Value) -> Value {
    json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, "data": data})
}

/// A Job that gives up after so many retries.
pub fn job(name: &str, retries: u32, text: &str) -> Value {
    let mut container = super::world::container(text);
    container["name"] = json!("work");
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": {
            "backoffLimit": retries,
            "template": {"spec": {"restartPolicy": "Never", "containers": [container]}},
        },
    })
}

/// The same pods as a workload of another kind.
pub fn as_kind(mut object: Value, kind: &str) -> Value {
    object["kind"] = json!(kind);
    if kind == "DaemonSet"
        && let Some(spec) = object["spec"].as_object_mut()
    {
        spec.remove("replicas");
    }
    object
}

/// A quota of the namespace.
pub fn quota(name: &str, hard: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": name, "namespace": NAMESPACE}, "spec": {"hard": hard},
    })
}

fn lay_over(object: &mut Value, fields: Value) {
    match fields {
        Value::Object(fields) => {
            for (name, value) in fields {
                object[name] = value;
            }
        }
        other => panic!("fields are an object, not {other}"),
    }
}
