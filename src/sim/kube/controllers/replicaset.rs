//! ReplicaSets: as many pods as asked for.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, Key, is_available, own_and_owned, pod_from_template, pods_of};
use crate::sim::kube::{
    core::{Core, Deletion},
    events::Note,
    object, resources,
    store::Change,
};

const COMPONENT: &str = "replicaset-controller";
/// How long after a refused pod the next try is made; the real back-off grows from milliseconds to minutes.
const RETRY: Duration = Duration::from_secs(15);

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
        match core.create(&resources::PODS, pod, false) {
            Ok(pod) => {
                let message = format!("Created pod: {}", object::name(&pod));
                core.events
                    .record(Note::normal(COMPONENT, set, "SuccessfulCreate", message));
            }
            Err(error) => {
                let message = format!("Error creating: {}", error.message);
                core.events
                    .record(Note::warning(COMPONENT, set, "FailedCreate", message));
                return Some(error.message);
            }
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
        let name = object::name(pod);
        // A pod that is gone already needs no deletion.
        if core
            .delete(
                &resources::PODS,
                object::namespace(pod),
                name,
                &Deletion::default(),
            )
            .is_ok()
        {
            let message = format!("Deleted pod: {name}");
            core.events
                .record(Note::normal(COMPONENT, set, "SuccessfulDelete", message));
        }
    }
}

fn write_status(core: &Core, key: &Key, set: &Value, failure: Option<&str>) -> Option<Duration> {
    let pods = pods_of(core, set);
    let pods: Vec<_> = pods.iter().filter(|pod| object::is_active(pod)).collect();
    let minimum = object::int(set, "/spec/minReadySeconds").unwrap_or(0);
    let available: Vec<_> = pods
        .iter()
        .map(|pod| is_available(core, pod, minimum))
        .collect();
    let now = core.store.now();
    core.update_status(&resources::REPLICA_SETS, &key.namespace, &key.name, |set| {
        let generation = set["metadata"]["generation"].clone();
        for (field, value) in [
            ("replicas", json!(pods.len())),
            ("fullyLabeledReplicas", json!(pods.len())),
            ("readyReplicas", json!(pods.iter().filter(|pod| object::is_ready(pod)).count())),
            ("availableReplicas", json!(available.iter().filter(|available| available.is_ok()).count())),
            ("observedGeneration", generation),
        ] {
            set["status"][field] = value;
        }
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
    available
        .into_iter()
        .filter_map(|available| available.err().flatten())
        .min()
}
