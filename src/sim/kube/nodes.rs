//! Nodes: how they begin, and how they die and come back.

use serde_json::{Value, json};

use super::{core::Core, events::Note, object, resources, time::seconds};

/// Who reports on nodes and evicts from them.
pub(super) const COMPONENT: &str = "node-controller";

/// Creates the nodes of the options.
pub(super) fn create_all(core: &Core) {
    for number in 1..=core.options.nodes {
        let name = format!("node-{number}");
        let amounts = json!({
            "cpu": format!("{}m", core.options.node_cpu_millis), "memory": format!("{}Mi", core.options.node_memory_mib),
            "pods": "110",
        });
        let node = json!({
            "metadata": {"name": name, "labels": {
                "kubernetes.io/hostname": name, "kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64",
            }},
            "spec": {},
            "status": {
                "capacity": amounts, "allocatable": amounts,
                "addresses": [{"type": "InternalIP", "address": format!("10.0.0.{number}")}, {"type": "Hostname", "address": name}],
                "nodeInfo": {
                    "kubeletVersion": "v1.36.2", "architecture": "amd64", "operatingSystem": "linux",
                    "containerRuntimeVersion": "containerd://2.1.9", "kernelVersion": "6.18.0", "osImage": "Heal simulation",
                },
            },
        });
        // The store is empty: the name cannot be taken.
        let _ = core.create(&resources::NODES, node, false);
        write_conditions(core, &name, true);
    }
}

/// Cuts a node off or brings it back, with everything that the node controller then does at once.
pub(super) fn set_ready(core: &Core, name: &str, ready: bool) {
    let Some(node) = core.store.get(&resources::NODES, "", name) else {
        return;
    };
    if object::is_ready(&node) == ready {
        return;
    }
    if !ready {
        core.runtime.set_connected(name, false);
    }
    write_conditions(core, name, ready);
    let word = if ready { "NodeReady" } else { "NodeNotReady" };
    let component = if ready { "kubelet" } else { COMPONENT };
    let message = format!("Node {name} status is now: {word}");
    core.events
        .record(Note::normal(component, &node, word, message));
    let now = core.store.now();
    for pod in core.store.list(&resources::PODS, None) {
        if object::text(&pod, "/spec/nodeName") != name || object::is_finished(&pod) || ready {
            continue;
        }
        core.update_status(
            &resources::PODS,
            object::namespace(&pod),
            object::name(&pod),
            |pod| {
                // The real controller keeps reason and message of the condition, if there are any.
                object::set_condition(pod, json!({"type": "Ready", "status": "False"}), &now);
            },
        );
        core.events.record(Note::warning(
            COMPONENT,
            &pod,
            "NodeNotReady",
            "Node is not ready",
        ));
    }
    if ready {
        core.runtime.set_connected(name, true);
    }
}

fn write_conditions(core: &Core, name: &str, ready: bool) {
    let at = (core.store.clock)();
    let now = seconds(at);
    let healthy = [
        (
            "MemoryPressure",
            "KubeletHasSufficientMemory",
            "kubelet has sufficient memory available",
        ),
        (
            "DiskPressure",
            "KubeletHasNoDiskPressure",
            "kubelet has no disk pressure",
        ),
        (
            "PIDPressure",
            "KubeletHasSufficientPID",
            "kubelet has sufficient PID available",
        ),
        ("Ready", "KubeletReady", "kubelet is posting ready status"),
    ];
    core.update_status(&resources::NODES, "", name, |node| {
        for (kind, reason, message) in healthy {
            let (status, reason, message) = match (ready, kind) {
                (false, _) => ("Unknown", "NodeStatusUnknown", "Kubelet stopped posting node status."),
                (true, "Ready") => ("True", reason, message),
                (true, _) => ("False", reason, message),
            };
            let heartbeat = match object::condition(node, kind) {
                Some(old) if !ready => old["lastHeartbeatTime"].clone(),
                _ => json!(now),
            };
            let condition = json!({
                "type": kind, "status": status, "reason": reason, "message": message, "lastHeartbeatTime": heartbeat,
            });
            object::set_condition(node, condition, &now);
        }
        let mut taints: Vec<Value> = object::list(node, "/spec/taints").to_vec();
        taints.retain(|taint| taint["key"] != "node.kubernetes.io/unreachable");
        if !ready {
            for effect in ["NoSchedule", "NoExecute"] {
                taints.push(json!({"key": "node.kubernetes.io/unreachable", "effect": effect, "timeAdded": now}));
            }
        }
        match node["spec"].as_object_mut() {
            Some(spec) if taints.is_empty() => drop(spec.remove("taints")),
            _ => node["spec"]["taints"] = json!(taints),
        }
    });
}

/// Renews the heartbeats of a node that is up.
pub(super) fn heartbeat(core: &Core, name: &str) {
    let now = core.store.now();
    core.update_status(&resources::NODES, "", name, |node| {
        for condition in node["status"]["conditions"]
            .as_array_mut()
            .into_iter()
            .flatten()
        {
            condition["lastHeartbeatTime"] = json!(now);
        }
    });
}
