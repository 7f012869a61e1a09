//! The Kubernetes objects that are measured with. Nothing of them runs anywhere: no scheduler knows their name, and their
//! statuses are written by hand.
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Names a scheduler that does not exist, so that no node ever runs such a pod.
const SCHEDULER: &str = "heal-bench";
/// A pod of this size is what monitoring agents are usually measured with.
pub const POD_SIZE: usize = 6000;

/// A Deployment of one container.
pub fn deployment(name: &str, replicas: u32, version: u32) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"name": name, "labels": {"app": name}},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": spec(version)},
        },
    })
}

/// What a template of this version holds.
pub fn spec(version: u32) -> Value {
    json!({
        "schedulerName": SCHEDULER,
        "automountServiceAccountToken": false,
        "terminationGracePeriodSeconds": 0,
        "containers": [{
            "name": "app",
            "image": image(version),
            "imagePullPolicy": "IfNotPresent",
            "ports": [{"containerPort": 8080}],
            "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}, "periodSeconds": 5},
            "resources": {"requests": {"cpu": "50m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
        }],
    })
}

fn image(version: u32) -> String {
    format!("registry.example/shop/app:{version}")
}

/// Whether a pod is of this version.
pub fn has_version(pod: &Value, version: u32) -> bool {
    pod["spec"]["containers"][0]["image"] == image(version)
}

/// A pod with the usual baggage, and `padding` bytes more, that a Deployment owns directly: a ReplicaSet between them would
/// remove it again.
pub fn heavy_pod(owner: &Value, name: &str, padding: usize) -> Value {
    let app = &owner["metadata"]["name"];
    let mut spec = spec(1);
    let setting = |number: usize| json!({"name": format!("SHOP_SETTING_{number}"), "value": format!("value-of-setting-{number}")});
    spec["containers"][0]["env"] = (0..10).map(setting).collect();
    spec["containers"][0]["volumeMounts"] = json!([{"name": "config", "mountPath": "/etc/shop", "readOnly": true}, {"name": "cache", "mountPath": "/var/cache"}]);
    spec["volumes"] = json!([
        {"name": "config", "configMap": {"name": "shop-config", "optional": true}},
        {"name": "cache", "emptyDir": {}},
    ]);
    json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {
            "name": name,
            "labels": {"app": app, "app.kubernetes.io/part-of": "shop", "pod-template-hash": "5d4f8c7b9"},
            "annotations": {"shop.example/notes": "x".repeat(padding)},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "Deployment", "name": app, "uid": owner["metadata"]["uid"],
                "controller": true, "blockOwnerDeletion": false,
            }],
        },
        "spec": spec,
    })
}

fn conditions(ready: bool, now: Timestamp) -> Value {
    let now = seconds(now);
    let condition = |kind: &str, holds: bool| {
        let mut condition = json!({"type": kind, "status": if holds { "True" } else { "False" }, "lastTransitionTime": now});
        if !holds {
            condition["reason"] = json!("ContainersNotReady");
            condition["message"] = json!("containers with unready status: [app]");
        }
        condition
    };
    json!([
        condition("PodScheduled", true),
        condition("Initialized", true),
        condition("ContainersReady", ready),
        condition("Ready", ready),
    ])
}

fn status(phase: &str, ready: bool, container: Value, now: Timestamp) -> Value {
    let mut own = json!({
        "name": "app", "ready": ready, "image": "", "imageID": "", "restartCount": 0, "started": ready, "lastState": {},
    });
    if let (Some(own), Value::Object(container)) = (own.as_object_mut(), container) {
        own.extend(container);
    }
    json!({"status": {
        "phase": phase, "startTime": seconds(now), "conditions": conditions(ready, now), "containerStatuses": [own],
    }})
}

/// A merge patch of the status: being made.
pub fn creating(now: Timestamp) -> Value {
    let state = json!({"state": {"waiting": {"reason": "ContainerCreating"}}});
    status("Pending", false, state, now)
}

/// A merge patch of the status: runs, ready or not.
pub fn running(ready: bool, now: Timestamp) -> Value {
    let state = json!({"state": {"running": {"startedAt": seconds(now)}}, "containerID": "containerd://00"});
    status("Running", ready, state, now)
}

/// A merge patch of the status: in a crash loop, after three restarts.
pub fn crashing(pod: &str, now: Timestamp) -> Value {
    let before = |span: i64| {
        seconds(
            now.saturating_sub(SignedDuration::from_secs(span))
                .unwrap_or(now),
        )
    };
    let message = format!("back-off 40s restarting failed container=app pod={pod}");
    let end = json!({"exitCode": 1, "reason": "Error", "startedAt": before(4), "finishedAt": before(1), "containerID": "containerd://00"});
    let container = json!({
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
        "lastState": {"terminated": end},
        "containerID": "containerd://00",
    });
    status("Running", false, container, now)
}

/// The event that a kubelet writes about nearly every pod that starts.
pub fn first_probe_failed(pod: &Value, now: Timestamp) -> Value {
    let metadata = &pod["metadata"];
    let now = seconds(now);
    json!({
        "apiVersion": "v1", "kind": "Event",
        "metadata": {"generateName": "heal-bench-", "namespace": metadata["namespace"]},
        "involvedObject": {
            "apiVersion": "v1", "kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"],
            "uid": metadata["uid"], "fieldPath": "spec.containers{app}",
        },
        "type": "Warning", "reason": "Unhealthy", "count": 1, "firstTimestamp": now, "lastTimestamp": now,
        "message": "Readiness probe failed: Get \"http://10.0.0.7:8080/ready\": dial tcp 10.0.0.7:8080: connect: connection refused",
        "source": {"component": "kubelet", "host": "node-1"},
    })
}

/// Kubernetes' time stamps have whole seconds.
fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
