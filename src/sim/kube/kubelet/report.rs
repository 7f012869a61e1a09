//! What the kubelet writes into the status of a pod: phase, conditions and container statuses.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    evict,
    pod::{Pod, Status},
};
use crate::sim::kube::{lock, object, resources};

impl Pod {
    /// Writes the pod's status, unless the node is cut off.
    pub(super) fn publish(&self) {
        if !self.core.runtime.is_connected(&self.node) {
            return;
        }
        let now = self.core.store.now();
        let statuses = lock(&self.statuses).clone();
        let sandbox = *lock(&self.sandbox);
        let (namespace, name) = (object::namespace(&self.object), object::name(&self.object));
        let init: Vec<Value> = self
            .specs("initContainers")
            .iter()
            .map(|spec| container_status(spec, &statuses))
            .collect();
        let apps: Vec<Value> = self
            .specs("containers")
            .iter()
            .map(|spec| container_status(spec, &statuses))
            .collect();
        self.core
            .update_status(&resources::PODS, namespace, name, |pod| {
                // An evicted pod stays as it was evicted.
                if object::uid(pod) != self.uid() || evict::is_evicted(pod) {
                    return;
                }
                let phase = self.phase(&statuses);
                let status = &mut pod["status"];
                status["phase"] = json!(phase);
                status["hostIP"] = json!("10.0.0.1");
                if sandbox {
                    status["podIP"] = json!(self.ip);
                    status["podIPs"] = json!([{"ip": self.ip}]);
                }
                if status["startTime"].is_null() {
                    status["startTime"] = json!(now);
                }
                if !init.is_empty() {
                    status["initContainerStatuses"] = json!(init);
                }
                status["containerStatuses"] = json!(apps);
                let observed = pod["metadata"]["generation"].clone();
                pod["status"]["observedGeneration"] = observed;
                for condition in conditions(phase, sandbox, &init, &apps) {
                    object::set_condition(pod, condition, &now);
                }
            });
    }

    fn phase(&self, statuses: &BTreeMap<String, Status>) -> &'static str {
        let of = |field: &str| -> Vec<Status> {
            let specs = self.specs(field);
            specs
                .iter()
                .filter_map(|spec| statuses.get(object::text(spec, "/name")).cloned())
                .collect()
        };
        let code = |status: &Status| object::int(&status.state, "/terminated/exitCode");
        let (init, apps) = (of("initContainers"), of("containers"));
        if init
            .iter()
            .any(|status| status.over && code(status) != Some(0))
        {
            return "Failed";
        }
        let never_started = |status: &Status| {
            status.state.get("waiting").is_some() && status.last_state.get("terminated").is_none()
        };
        if init.iter().any(|status| !status.over) || apps.iter().any(never_started) {
            return "Pending";
        }
        if apps.iter().all(|status| status.over) {
            return if apps.iter().all(|status| code(status) == Some(0)) {
                "Succeeded"
            } else {
                "Failed"
            };
        }
        "Running"
    }
}

fn container_status(spec: &Value, statuses: &BTreeMap<String, Status>) -> Value {
    let name = object::text(spec, "/name");
    let Some(status) = statuses.get(name) else {
        return Value::Null;
    };
    let image = crate::sim::kube::image::normalise(object::text(spec, "/image"));
    let pulled = !status.container_id.is_empty();
    let mut value = json!({
        "name": name, "state": status.state, "lastState": status.last_state, "ready": status.ready,
        "started": status.started, "restartCount": status.restarts,
        "image": if pulled { image.as_str() } else { object::text(spec, "/image") },
        "imageID": if pulled { format!("{image}@sha256:{}", "0".repeat(64)) } else { String::new() },
    });
    if pulled {
        value["containerID"] = json!(status.container_id);
        value["resources"] = spec["resources"].clone();
    }
    value
}

fn conditions(phase: &str, sandbox: bool, init: &[Value], apps: &[Value]) -> Vec<Value> {
    let names = |statuses: &[Value], bad: fn(&Value) -> bool| {
        let names: Vec<_> = statuses
            .iter()
            .filter(|status| bad(status))
            .map(|s| object::text(s, "/name"))
            .collect();
        names.join(" ")
    };
    let truth = |kind: &str| json!({"type": kind, "status": "True"});
    let lie = |kind: &str, reason: &str, message: String| json!({"type": kind, "status": "False", "reason": reason, "message": message});
    let incomplete = names(init, |status| {
        object::int(status, "/state/terminated/exitCode") != Some(0)
    });
    let unready = names(apps, |status| status["ready"] != true);
    let initialized = if incomplete.is_empty() {
        truth("Initialized")
    } else {
        lie(
            "Initialized",
            "ContainersNotInitialized",
            format!("containers with incomplete status: [{incomplete}]"),
        )
    };
    let ready = |kind: &str| match phase {
        "Succeeded" => lie(kind, "PodCompleted", String::new()),
        "Failed" => lie(kind, "PodFailed", String::new()),
        _ if unready.is_empty() && incomplete.is_empty() => truth(kind),
        _ => lie(
            kind,
            "ContainersNotReady",
            format!("containers with unready status: [{unready}]"),
        ),
    };
    let sandboxed = if sandbox { "True" } else { "False" };
    vec![
        json!({"type": "PodReadyToStartContainers", "status": sandboxed}),
        initialized,
        ready("Ready"),
        ready("ContainersReady"),
        truth("PodScheduled"),
    ]
}
