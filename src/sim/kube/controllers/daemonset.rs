//! DaemonSets: one pod on every node that fits.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Controller, Key, living, own_and_owned,
    pods::{self, RETRY, pod_from_template, pods_of, set_status},
    revision, scaled,
};
use crate::sim::kube::{
    core::Core,
    events::Note,
    object, resources,
    scheduler::{selected, tolerates},
    store::Change,
};

const COMPONENT: &str = "daemonset-controller";

/// Covers the nodes.
pub(super) struct DaemonSets;

impl Controller for DaemonSets {
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key> {
        if *change.resource == resources::NODES {
            return core
                .store
                .list(&resources::DAEMON_SETS, None)
                .iter()
                .map(|set| Key::of(set))
                .collect();
        }
        own_and_owned(change, &resources::DAEMON_SETS)
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let set = living(core, &resources::DAEMON_SETS, key)?;
        let update = revision::current(core, &set);
        let hash = update
            .strip_prefix(&format!("{}-", key.name))
            .unwrap_or(&update)
            .to_owned();
        let nodes = eligible_nodes(core, &set);
        let failed = step(core, &set, &nodes, &hash);
        write_status(core, key, &set, &nodes, &hash);
        failed.then_some(RETRY)
    }
}

/// What every daemon pod tolerates.
fn tolerations() -> Vec<Value> {
    let taints = [
        "not-ready",
        "unreachable",
        "disk-pressure",
        "memory-pressure",
        "pid-pressure",
        "unschedulable",
    ];
    taints
        .map(|taint| json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists"}))
        .into()
}

fn daemon_pod(set: &Value) -> Value {
    let mut pod = pod_from_template(set, &set["spec"]["template"]);
    let mut all = object::list(&pod, "/spec/tolerations").to_vec();
    all.extend(tolerations());
    pod["spec"]["tolerations"] = json!(all);
    pod
}

fn eligible_nodes(core: &Core, set: &Value) -> Vec<String> {
    let pod = daemon_pod(set);
    let nodes = core.store.list(&resources::NODES, None);
    let fit = nodes.iter().filter(|node| {
        let taints = object::list(node, "/spec/taints").iter();
        let mut hard = taints.filter(|taint| taint["effect"] != "PreferNoSchedule");
        selected(node, &pod) && hard.all(|taint| tolerates(&pod, taint))
    });
    fit.map(|node| object::name(node).to_owned()).collect()
}

fn node_of(pod: &Value) -> &str {
    object::text(pod, "/spec/nodeName")
}

fn is_updated(pod: &Value, hash: &str) -> bool {
    pod["metadata"]["labels"][revision::HASH] == hash
}

/// Creates missing pods, deletes misplaced, failed and outdated ones; true when a pod was refused.
fn step(core: &Core, set: &Value, nodes: &[String], hash: &str) -> bool {
    let pods = pods_of(core, set);
    for pod in pods.iter().filter(|pod| !object::is_deleting(pod)) {
        let failed = object::is_finished(pod);
        if failed {
            let (namespace, name) = (object::namespace(pod), object::name(pod));
            let message = format!(
                "Found failed daemon pod {namespace}/{name} on node {}, will try to kill it",
                node_of(pod)
            );
            core.events
                .record(Note::warning(COMPONENT, set, "FailedDaemonPod", message));
        }
        if failed || !nodes.iter().any(|node| node == node_of(pod)) {
            pods::delete(core, COMPONENT, set, pod);
        }
    }
    let pods = pods_of(core, set);
    for node in nodes
        .iter()
        .filter(|node| !pods.iter().any(|pod| node_of(pod) == *node))
    {
        if !create(core, set, node, hash) {
            return true;
        }
    }
    if set["spec"]["updateStrategy"]["type"] != "OnDelete" {
        let limit = &set["spec"]["updateStrategy"]["rollingUpdate"]["maxUnavailable"];
        let limit = if limit.is_null() {
            1
        } else {
            scaled(limit, nodes.len() as i64, true).max(1)
        };
        let pods = pods_of(core, set);
        let unready = pods
            .iter()
            .filter(|pod| !object::is_ready(pod) || object::is_deleting(pod))
            .count() as i64;
        let mut spare = limit - unready;
        for pod in pods
            .iter()
            .filter(|pod| object::is_active(pod) && !is_updated(pod, hash))
        {
            // An old pod that is unready anyway costs no availability.
            if !object::is_ready(pod) {
                pods::delete(core, COMPONENT, set, pod);
            } else if spare > 0 {
                spare -= 1;
                pods::delete(core, COMPONENT, set, pod);
            }
        }
    }
    false
}

fn create(core: &Core, set: &Value, node: &str, hash: &str) -> bool {
    let mut pod = daemon_pod(set);
    pod["metadata"]["generateName"] = json!(format!("{}-", object::name(set)));
    pod["metadata"]["labels"][revision::HASH] = json!(hash);
    pod["spec"]["nodeName"] = json!(node);
    pods::create(core, COMPONENT, set, pod).is_ok()
}

fn write_status(core: &Core, key: &Key, set: &Value, nodes: &[String], hash: &str) {
    let pods = pods_of(core, set);
    let alive: Vec<_> = pods.iter().filter(|pod| object::is_active(pod)).collect();
    let placed = |pod: &Value| nodes.iter().any(|node| node == node_of(pod));
    let scheduled = alive.iter().filter(|pod| placed(pod)).count();
    let ready = alive
        .iter()
        .filter(|pod| placed(pod) && object::is_ready(pod))
        .count();
    let updated = alive
        .iter()
        .filter(|pod| placed(pod) && is_updated(pod, hash))
        .count();
    core.update_status(&resources::DAEMON_SETS, &key.namespace, &key.name, |set| {
        let fields = [
            ("desiredNumberScheduled", json!(nodes.len())),
            ("currentNumberScheduled", json!(scheduled)),
            ("numberMisscheduled", json!(alive.len() - scheduled)),
            ("numberReady", json!(ready)),
            ("numberAvailable", json!(ready)),
            (
                "numberUnavailable",
                json!(nodes.len().saturating_sub(ready)),
            ),
            ("updatedNumberScheduled", json!(updated)),
        ];
        set_status(set, fields);
    });
}
