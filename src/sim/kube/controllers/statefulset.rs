//! StatefulSets: numbered pods, created in order and replaced from the last to the first.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Controller, Key, living, own_and_owned,
    pods::{self, RETRY, availability, pod_from_template, pods_of, set_status},
    revision,
};
use crate::sim::kube::{core::Core, object, resources, store::Change};

const COMPONENT: &str = "statefulset-controller";

/// Keeps StatefulSets in order.
pub(super) struct StatefulSets;

impl Controller for StatefulSets {
    fn keys(&self, _core: &Core, change: &Change) -> Vec<Key> {
        own_and_owned(change, &resources::STATEFUL_SETS)
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let set = living(core, &resources::STATEFUL_SETS, key)?;
        let update = revision::current(core, &set);
        let failed = step(core, &set, &update);
        let wait = write_status(core, key, &set, &update);
        if failed { Some(RETRY) } else { wait }
    }
}

fn ordinal(set: &Value, pod: &Value) -> Option<i64> {
    object::name(pod)
        .strip_prefix(object::name(set))?
        .strip_prefix('-')?
        .parse()
        .ok()
}

fn revision_of(pod: &Value) -> &str {
    pod["metadata"]["labels"][revision::HASH]
        .as_str()
        .unwrap_or("")
}

/// One step towards the spec; true when a pod was refused.
fn step(core: &Core, set: &Value, update: &str) -> bool {
    let wanted = object::int(set, "/spec/replicas").unwrap_or(1);
    let parallel = set["spec"]["podManagementPolicy"] == "Parallel";
    let pods = pods_of(core, set);
    let find = |number: i64| pods.iter().find(|pod| ordinal(set, pod) == Some(number));
    for number in 0..wanted {
        match find(number) {
            Some(pod) if object::is_finished(pod) && !object::is_deleting(pod) => {
                pods::delete(core, COMPONENT, set, pod);
                return false;
            }
            Some(pod) if parallel || (object::is_ready(pod) && !object::is_deleting(pod)) => {}
            // In order: the next one waits for this one.
            Some(_)
                if number + 1 < wanted || object::int(set, "/status/replicas") != Some(wanted) =>
            {
                return replace_broken(core, set, &pods, update, wanted);
            }
            Some(_) => {}
            None => {
                if !create(core, set, number, update) {
                    return true;
                }
                if !parallel {
                    return false;
                }
            }
        }
    }
    let surplus = pods
        .iter()
        .filter(|pod| ordinal(set, pod).is_none_or(|number| number >= wanted));
    let last = surplus.max_by_key(|pod| ordinal(set, pod).unwrap_or(i64::MAX));
    if let Some(pod) = last {
        if !object::is_deleting(pod) {
            pods::delete(core, COMPONENT, set, pod);
        }
        return false;
    }
    replace_broken(core, set, &pods, update, wanted)
}

/// Rolling update: the highest pod of an older revision goes, if all above it are ready. A pod that never became ready in the
/// new revision blocks the rest, as in the real controller.
fn replace_broken(
    core: &Core,
    set: &Value,
    pods: &[Arc<Value>],
    update: &str,
    wanted: i64,
) -> bool {
    if set["spec"]["updateStrategy"]["type"] == "OnDelete" {
        return false;
    }
    let partition = object::int(set, "/spec/updateStrategy/rollingUpdate/partition").unwrap_or(0);
    for number in (partition..wanted).rev() {
        let Some(pod) = pods.iter().find(|pod| ordinal(set, pod) == Some(number)) else {
            return false;
        };
        if object::is_deleting(pod) {
            return false;
        }
        if revision_of(pod) != update {
            // A pod that is broken in the old revision is not replaced either: it must be deleted by hand.
            let all_ready = pods
                .iter()
                .all(|pod| object::is_ready(pod) && !object::is_deleting(pod));
            if all_ready {
                pods::delete(core, COMPONENT, set, pod);
            }
            return false;
        }
        if !object::is_ready(pod) {
            return false;
        }
    }
    false
}

fn create(core: &Core, set: &Value, number: i64, update: &str) -> bool {
    let name = format!("{}-{number}", object::name(set));
    let mut pod = pod_from_template(set, &set["spec"]["template"]);
    pod["metadata"]["name"] = json!(name);
    pod["metadata"]["labels"][revision::HASH] = json!(update);
    pod["metadata"]["labels"]["statefulset.kubernetes.io/pod-name"] = json!(name);
    pod["metadata"]["labels"]["apps.kubernetes.io/pod-index"] = json!(number.to_string());
    let mut volumes = object::list(&pod, "/spec/volumes").to_vec();
    for template in object::list(set, "/spec/volumeClaimTemplates") {
        let volume = object::name(template);
        let claim = format!("{volume}-{name}");
        let mut object = template.clone();
        object["metadata"] = json!({"name": claim, "namespace": object::namespace(set)});
        if core
            .store
            .get(&resources::CLAIMS, object::namespace(set), &claim)
            .is_none()
        {
            // Claims outlive their pods: one that exists is used again.
            let _ = core.create(&resources::CLAIMS, object, false);
        }
        volumes.push(json!({"name": volume, "persistentVolumeClaim": {"claimName": claim}}));
    }
    if !volumes.is_empty() {
        pod["spec"]["volumes"] = json!(volumes);
    }
    pods::create(core, COMPONENT, set, pod).is_ok()
}

fn write_status(core: &Core, key: &Key, set: &Value, update: &str) -> Option<Duration> {
    let pods = pods_of(core, set);
    let wanted = object::int(set, "/spec/replicas").unwrap_or(1);
    let alive: Vec<_> = pods.iter().filter(|pod| object::is_active(pod)).collect();
    let available = availability(core, set, alive.iter().map(|pod| &***pod));
    let ready = alive.iter().filter(|pod| object::is_ready(pod)).count() as i64;
    let updated = alive
        .iter()
        .filter(|pod| revision_of(pod) == update)
        .count() as i64;
    core.update_status(
        &resources::STATEFUL_SETS,
        &key.namespace,
        &key.name,
        |set| {
            let complete = updated == wanted && ready == wanted && pods.len() as i64 == wanted;
            let before = object::text(set, "/status/currentRevision").to_owned();
            let current = if complete || before.is_empty() {
                update.to_owned()
            } else {
                before
            };
            let of_current = alive
                .iter()
                .filter(|pod| revision_of(pod) == current)
                .count();
            let fields = [
                ("replicas", json!(pods.len())),
                ("readyReplicas", json!(ready)),
                ("availableReplicas", json!(available.count)),
                ("updatedReplicas", json!(updated)),
                ("currentReplicas", json!(of_current)),
                ("currentRevision", json!(current)),
                ("updateRevision", json!(update)),
                ("collisionCount", json!(0)),
            ];
            set_status(set, fields);
        },
    );
    available.next
}
