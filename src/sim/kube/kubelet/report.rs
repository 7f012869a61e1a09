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
        let specs = self.specs("initContainers");
        let init: Vec<Value> = specs
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
                for condition in conditions(phase, sandbox, &specs, &init, &apps) {
                    object::set_condition(pod, condition, &now);
                }
            });
    }

    fn phase(&self, statuses: &BTreeMap<String, Status>) -> &'static str {
        let of = |specs: &[Value]| -> Vec<Status> {
            specs
                .iter()
                .filter_map(|spec| statuses.get(object::text(spec, "/name")).cloned())
                .collect()
        };
        let code = |status: &Status| object::int(&status.state, "/terminated/exitCode");
        let init = self.specs("initContainers").into_iter();
        let (sidecars, init): (Vec<Value>, Vec<Value>) = init.partition(object::is_sidecar);
        let (sidecars, init) = (of(&sidecars), of(&init));
        let apps = of(&self.specs("containers"));
        if init
            .iter()
            .any(|status| status.over && code(status) != Some(0))
        {
            return "Failed";
        }
        let never_started = |status: &Status| {
            status.state.get("waiting").is_some() && status.last_state.get("terminated").is_none()
        };
        let mut beside = sidecars.iter().chain(&apps);
        if init.iter().any(|status| !status.over) || beside.any(never_started) {
            return "Pending";
        }
        let mut beside = sidecars.iter().chain(&apps);
        if beside.all(|status| status.over) {
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

/// The conditions of a pod with these specs and statuses of init containers, and these statuses of containers.
fn conditions(
    phase: &str,
    sandbox: bool,
    specs: &[Value],
    init: &[Value],
    apps: &[Value],
) -> Vec<Value> {
    fn names<'a>(of: impl Iterator<Item = &'a Value>) -> String {
        let names: Vec<_> = of.map(|status| object::text(status, "/name")).collect();
        names.join(" ")
    }
    let truth = |kind: &str| json!({"type": kind, "status": "True"});
    let lie = |kind: &str, reason: &str, message: String| json!({"type": kind, "status": "False", "reason": reason, "message": message});
    let is_complete = |(spec, status): &(&Value, &Value)| {
        if object::is_sidecar(spec) {
            status["started"] == true
        } else {
            object::int(status, "/state/terminated/exitCode") == Some(0)
        }
    };
    // What a sidecar does once a container ran takes nothing back.
    let before = !apps.iter().any(|status| status["containerID"].is_string());
    let pairs = || specs.iter().zip(init);
    let incomplete = pairs().filter(|pair| before && !is_complete(pair));
    let incomplete = names(incomplete.map(|(_, status)| status));
    let sidecars = pairs().filter(|(spec, _)| object::is_sidecar(spec));
    let beside = sidecars.map(|(_, status)| status).chain(apps);
    let unready = names(beside.filter(|status| status["ready"] != true));
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
