//! ReplicaSets: as many pods as asked for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    Controller, Key, own_and_owned,
    pods::{self, RETRY, availability, pod_from_template, pods_of, set_status},
};
use crate::sim::kube::{core::Core, object, resources, store::Change};

const COMPONENT: &str = "replicaset-controller";

/// Keeps ReplicaSets at their size.
pub(super) struct ReplicaSets;

impl Controller for ReplicaSets {
    fn keys(&self, _core: &Core, change: &Change) -> Vec<Key> {
        own_and_owned(change, &resources::REPLICA_SETS)
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let set = core
            .store
            .get(&resources::REPLICA_SETS, &key.namespace, &key.name)?;
        let wanted = object::int(&set, "/spec/replicas").unwrap_or(1);
        let mut failure = None;
        if !object::is_deleting(&set) {
            let pods: Vec<_> = pods_of(core, &set)
                .into_iter()
                .filter(|pod| object::is_active(pod))
                .collect();
            let have = pods.len() as i64;
            if have < wanted {
                failure = create(core, &set, wanted - have);
            } else {
                let mut pods: Vec<&Value> = pods.iter().map(AsRef::as_ref).collect();
                delete(core, &set, &mut pods, (have - wanted) as usize);
            }
        }
        let wait = write_status(core, key, &set, failure.as_deref());
        match failure {
            Some(_) => Some(RETRY),
            None => wait,
        }
    }
}

/// Creates pods until one is refused; answers why.
fn create(core: &Core, set: &Value, count: i64) -> Option<String> {
    for _ in 0..count {
        let mut pod = pod_from_template(set, &set["spec"]["template"]);
        pod["metadata"]["generateName"] = json!(format!("{}-", object::name(set)));
        if let Err(why) = pods::create(core, COMPONENT, set, pod) {
            return Some(why);
        }
    }
    None
}

/// Deletes surplus pods: unscheduled before pending before unready before ready, younger before older.
fn delete(core: &Core, set: &Value, pods: &mut [&Value], count: usize) {
    pods.sort_by_key(|pod| {
        let assigned = !object::text(pod, "/spec/nodeName").is_empty();
        let running = object::text(pod, "/status/phase") == "Running";
        let created = object::text(pod, "/metadata/creationTimestamp").to_owned();
        (
            assigned,
            running,
            object::is_ready(pod),
            std::cmp::Reverse(created),
        )
    });
    for pod in pods.iter().take(count) {
        pods::delete(core, COMPONENT, set, pod);
    }
}

fn write_status(core: &Core, key: &Key, set: &Value, failure: Option<&str>) -> Option<Duration> {
    let pods = pods_of(core, set);
    let pods: Vec<_> = pods.iter().filter(|pod| object::is_active(pod)).collect();
    let available = availability(core, set, pods.iter().map(|pod| &***pod));
    let ready = pods.iter().filter(|pod| object::is_ready(pod)).count();
    let now = core.store.now();
    core.update_status(&resources::REPLICA_SETS, &key.namespace, &key.name, |set| {
        let fields = [
            ("replicas", json!(pods.len())),
            ("fullyLabeledReplicas", json!(pods.len())),
            ("readyReplicas", json!(ready)),
            ("availableReplicas", json!(available.count)),
        ];
        set_status(set, fields);
        match failure {
            Some(message) => {
                let condition = json!({
                    "type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": message,
                });
                object::set_condition(set, condition, &now);
            }
            None => {
                if let Some(conditions) = set["status"]["conditions"].as_array_mut() {
                    conditions.retain(|condition| condition["type"] != "ReplicaFailure");
                }
            }
        }
    });
    available.next
}
