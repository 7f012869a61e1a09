//! Evictions by the kubelet: the pod fails and stays as a record, its controller makes another.

use serde_json::{Value, json};

use super::COMPONENT;
use crate::sim::kube::{core::Core, events::Note, object, resources};

/// Evicts a pod; false when it is not there or has finished.
pub(in crate::sim::kube) fn evict(core: &Core, namespace: &str, name: &str, message: &str) -> bool {
    let Some(pod) = core.store.get(&resources::PODS, namespace, name) else {
        return false;
    };
    if object::is_finished(&pod) {
        return false;
    }
    core.events.record(Note {
        component: COMPONENT,
        host: object::text(&pod, "/spec/nodeName"),
        about: &pod,
        field_path: String::new(),
        kind: "Warning",
        reason: "Evicted",
        message: message.to_owned(),
    });
    let now = core.store.now();
    core.update_status(&resources::PODS, namespace, name, |pod| {
        let status = &mut pod["status"];
        status["phase"] = json!("Failed");
        status["reason"] = json!("Evicted");
        status["message"] = json!(message);
        for container in status["containerStatuses"].as_array_mut().into_iter().flatten() {
            container["ready"] = json!(false);
            container["state"] = json!({"terminated": {
                "exitCode": 137, "reason": "Error", "finishedAt": now,
                "startedAt": container["state"]["running"]["startedAt"], "containerID": container["containerID"],
            }});
        }
        for (kind, status, reason) in [
            ("DisruptionTarget", "True", "TerminationByKubelet"),
            ("Ready", "False", "PodFailed"),
            ("ContainersReady", "False", "PodFailed"),
        ] {
            let condition = json!({"type": kind, "status": status, "reason": reason, "message": message});
            object::set_condition(pod, condition, &now);
        }
    });
    true
}

/// Whether the kubelet evicted this pod.
pub(super) fn is_evicted(pod: &Value) -> bool {
    object::text(pod, "/status/reason") == "Evicted"
}
