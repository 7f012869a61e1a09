//! Deployments: revisions as ReplicaSets, and the status that people and tools wait for. The steps of a rolling update are in
//! `rollout.rs`.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{Controller, Key, living, own_and_owned, rollout};
use crate::sim::kube::{
    core::{Core, Deletion},
    events::Note,
    names::template_hash,
    object, resources,
    store::Change,
    time::since,
};

pub(super) const COMPONENT: &str = "deployment-controller";
const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const HASH: &str = "pod-template-hash";

/// Rolls Deployments out.
pub(super) struct Deployments;

impl Controller for Deployments {
    fn keys(&self, _core: &Core, change: &Change) -> Vec<Key> {
        own_and_owned(change, &resources::DEPLOYMENTS)
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let deployment = living(core, &resources::DEPLOYMENTS, key)?;
        let paused = deployment["spec"]["paused"] == true;
        let sets = replica_sets(core, &deployment);
        let current = sets
            .iter()
            .find(|set| same_template(set, &deployment))
            .cloned();
        let current = match current {
            Some(current) => Some(if paused {
                current
            } else {
                ensure_newest(core, &deployment, &sets, &current)
            }),
            None if paused => None,
            None => create_set(core, &deployment, &sets),
        };
        if let Some(current) = &current {
            copy_revision(core, key, current);
        }
        rollout::step(core, &deployment, current.as_deref(), paused);
        let wait = write_status(core, key, paused);
        clean_up(core, key);
        wait
    }
}

/// The ReplicaSets of a Deployment.
pub(super) fn replica_sets(core: &Core, deployment: &Value) -> Vec<Arc<Value>> {
    let mut sets = core.store.list(
        &resources::REPLICA_SETS,
        Some(object::namespace(deployment)),
    );
    sets.retain(|set| object::is_controlled_by(set, object::uid(deployment)));
    sets
}

/// Whether a set is of the Deployment's present template.
pub(super) fn same_template(set: &Value, deployment: &Value) -> bool {
    let mut template = set["spec"]["template"].clone();
    if let Some(labels) = template["metadata"]["labels"].as_object_mut() {
        labels.remove(HASH);
    }
    template["spec"] == deployment["spec"]["template"]["spec"]
        && ["labels", "annotations"].iter().all(|field| {
            let empty = |value: &Value| value.as_object().is_none_or(serde_json::Map::is_empty);
            let (ours, theirs) = (
                &template["metadata"][*field],
                &deployment["spec"]["template"]["metadata"][*field],
            );
            ours == theirs || (empty(ours) && empty(theirs))
        })
}

fn revision(object: &Value) -> u64 {
    object::annotation(object, REVISION).parse().unwrap_or(0)
}

fn newest_revision(sets: &[Arc<Value>]) -> u64 {
    sets.iter().map(|set| revision(set)).max().unwrap_or(0)
}

/// An old set that is wanted again takes the next revision number.
fn ensure_newest(
    core: &Core,
    deployment: &Value,
    sets: &[Arc<Value>],
    current: &Arc<Value>,
) -> Arc<Value> {
    let others: Vec<_> = sets
        .iter()
        .filter(|set| object::uid(set) != object::uid(current))
        .cloned()
        .collect();
    let newest = newest_revision(&others);
    let old = revision(current);
    if old > newest {
        return Arc::clone(current);
    }
    let updated = core.store.update(
        &resources::REPLICA_SETS,
        object::namespace(deployment),
        object::name(current),
        |set| {
            let history = match object::annotation(set, REVISION_HISTORY) {
                "" => old.to_string(),
                history => format!("{history},{old}"),
            };
            let annotations = &mut set["metadata"]["annotations"];
            annotations[REVISION_HISTORY] = json!(history);
            annotations[REVISION] = json!((newest + 1).to_string());
            Ok(())
        },
    );
    updated.unwrap_or_else(|_| Arc::clone(current))
}

fn create_set(core: &Core, deployment: &Value, sets: &[Arc<Value>]) -> Option<Arc<Value>> {
    let hash = template_hash(&deployment["spec"]["template"]);
    let mut template = deployment["spec"]["template"].clone();
    template["metadata"]["labels"][HASH] = json!(hash);
    let mut selector = deployment["spec"]["selector"].clone();
    selector["matchLabels"][HASH] = json!(hash);
    let mut annotations = deployment["metadata"]["annotations"].clone();
    if !annotations.is_object() {
        annotations = json!({});
    }
    annotations[REVISION] = json!((newest_revision(sets) + 1).to_string());
    let set = json!({
        "metadata": {
            "name": format!("{}-{hash}", object::name(deployment)),
            "namespace": deployment["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": annotations,
            "ownerReferences": [object::owner_reference(deployment)],
        },
        "spec": {
            "replicas": 0, "selector": selector, "template": template,
            "minReadySeconds": deployment["spec"]["minReadySeconds"].as_i64().unwrap_or(0),
        },
    });
    match core.create(&resources::REPLICA_SETS, set, false) {
        Ok(set) => Some(set),
        Err(error) => {
            let name = format!("{}-{hash}", object::name(deployment));
            let message = format!(
                "Failed to create new replica set \"{name}\": {}",
                error.message
            );
            core.events.record(Note::warning(
                COMPONENT,
                deployment,
                "ReplicaSetCreateError",
                message,
            ));
            None
        }
    }
}

fn copy_revision(core: &Core, key: &Key, current: &Value) {
    core.update_status(
        &resources::DEPLOYMENTS,
        &key.namespace,
        &key.name,
        |deployment| {
            deployment["metadata"]["annotations"][REVISION] =
                json!(object::annotation(current, REVISION));
        },
    );
}

fn status_of(sets: &[Arc<Value>], field: &str) -> i64 {
    sets.iter()
        .map(|set| set["status"][field].as_i64().unwrap_or(0))
        .sum()
}

fn write_status(core: &Core, key: &Key, paused: bool) -> Option<Duration> {
    let deployment = core
        .store
        .get(&resources::DEPLOYMENTS, &key.namespace, &key.name)?;
    let sets = replica_sets(core, &deployment);
    let current: Vec<_> = sets
        .iter()
        .filter(|set| same_template(set, &deployment))
        .cloned()
        .collect();
    let desired = object::int(&deployment, "/spec/replicas").unwrap_or(1);
    let (replicas, updated) = (
        status_of(&sets, "replicas"),
        status_of(&current, "replicas"),
    );
    let (ready, available) = (
        status_of(&sets, "readyReplicas"),
        status_of(&sets, "availableReplicas"),
    );
    let old = |field: &str| deployment["status"][field].as_i64().unwrap_or(0);
    let complete = updated == desired && replicas == desired && available == desired;
    let progressed = updated > old("updatedReplicas")
        || ready > old("readyReplicas")
        || available > old("availableReplicas")
        || replicas - updated < old("replicas") - old("updatedReplicas");
    let now = core.store.now();
    let limits = rollout::limits(&deployment);
    let name = current
        .first()
        .map_or(key.name.as_str(), |set| object::name(set))
        .to_owned();
    let deadline = object::int(&deployment, "/spec/progressDeadlineSeconds").unwrap_or(600);
    let before = object::condition(&deployment, "Progressing").cloned();
    let same_set = before
        .as_ref()
        .is_some_and(|before| object::text(before, "/message").contains(&name));
    let waited = before.as_ref().map_or(Duration::ZERO, |before| {
        since(
            object::text(before, "/lastUpdateTime"),
            (core.store.clock)(),
        )
    });
    let limit = Duration::from_secs(deadline.max(0).unsigned_abs());
    let failed_before = before
        .as_ref()
        .is_some_and(|before| before["reason"] == "ProgressDeadlineExceeded");
    let completed_before = before
        .as_ref()
        .is_some_and(|before| before["reason"] == "NewReplicaSetAvailable");
    // A finished rollout stays finished while its pods crash: only a new set starts the clock again.
    let progressing = if paused {
        condition(
            "Progressing",
            "Unknown",
            "DeploymentPaused",
            "Deployment is paused",
        )
    } else if complete || (completed_before && same_set) {
        let message = format!("ReplicaSet \"{name}\" has successfully progressed.");
        condition("Progressing", "True", "NewReplicaSetAvailable", &message)
    } else if progressed || !same_set {
        let message = format!("ReplicaSet \"{name}\" is progressing.");
        condition("Progressing", "True", "ReplicaSetUpdated", &message)
    } else if failed_before || waited >= limit {
        let message = format!("ReplicaSet \"{name}\" has timed out progressing.");
        condition("Progressing", "False", "ProgressDeadlineExceeded", &message)
    } else {
        before.clone().unwrap_or_default()
    };
    let restart_clock = progressed
        || !same_set
        || before
            .as_ref()
            .is_none_or(|b| b["reason"] != progressing["reason"]);
    let is_available = available >= desired - limits.max_unavailable;
    let failure = current
        .iter()
        .find_map(|set| object::condition(set, "ReplicaFailure").cloned());
    core.update_status(
        &resources::DEPLOYMENTS,
        &key.namespace,
        &key.name,
        |deployment| {
            let generation = deployment["metadata"]["generation"].clone();
            for (field, value) in [
                ("observedGeneration", generation),
                ("replicas", json!(replicas)),
                ("updatedReplicas", json!(updated)),
                ("readyReplicas", json!(ready)),
                ("availableReplicas", json!(available)),
                (
                    "unavailableReplicas",
                    json!((status_spec(&sets).max(replicas) - available).max(0)),
                ),
            ] {
                deployment["status"][field] = value;
            }
            let mut available = if is_available {
                condition(
                    "Available",
                    "True",
                    "MinimumReplicasAvailable",
                    "Deployment has minimum availability.",
                )
            } else {
                let message = "Deployment does not have minimum availability.";
                condition("Available", "False", "MinimumReplicasUnavailable", message)
            };
            keep_update_time(deployment, &mut available, false, &now);
            object::set_condition(deployment, available, &now);
            let mut progressing = progressing.clone();
            keep_update_time(deployment, &mut progressing, restart_clock, &now);
            object::set_condition(deployment, progressing, &now);
            match failure {
                Some(mut failure) => {
                    keep_update_time(deployment, &mut failure, false, &now);
                    object::set_condition(deployment, failure, &now);
                }
                None => {
                    if let Some(conditions) = deployment["status"]["conditions"].as_array_mut() {
                        conditions.retain(|condition| condition["type"] != "ReplicaFailure");
                    }
                }
            }
        },
    );
    let runs =
        !complete && !paused && !failed_before && progressing["reason"] == "ReplicaSetUpdated";
    let left = if restart_clock {
        limit
    } else {
        limit.saturating_sub(waited)
    };
    // Timestamps have whole seconds: one more makes sure that the deadline has passed when we look.
    runs.then(|| left + Duration::from_secs(1))
}

fn status_spec(sets: &[Arc<Value>]) -> i64 {
    sets.iter()
        .filter_map(|set| object::int(set, "/spec/replicas"))
        .sum()
}

fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Value {
    json!({"type": kind, "status": status, "reason": reason, "message": message})
}

fn keep_update_time(deployment: &Value, new: &mut Value, restart: bool, now: &str) {
    let old = object::condition(deployment, new["type"].as_str().unwrap_or(""));
    let same = old
        .filter(|old| !restart && old["status"] == new["status"] && old["reason"] == new["reason"]);
    new["lastUpdateTime"] = same.map_or(json!(now), |old| old["lastUpdateTime"].clone());
}

/// Deletes empty old sets beyond `revisionHistoryLimit`, oldest revision first, once the rollout is complete.
fn clean_up(core: &Core, key: &Key) {
    let Some(deployment) = core
        .store
        .get(&resources::DEPLOYMENTS, &key.namespace, &key.name)
    else {
        return;
    };
    let complete = object::condition(&deployment, "Progressing")
        .is_some_and(|c| c["reason"] == "NewReplicaSetAvailable");
    if !complete {
        return;
    }
    let limit = object::int(&deployment, "/spec/revisionHistoryLimit")
        .unwrap_or(10)
        .max(0) as usize;
    let mut old = replica_sets(core, &deployment);
    old.retain(|set| {
        !same_template(set, &deployment)
            && object::int(set, "/spec/replicas").unwrap_or(0) == 0
            && object::int(set, "/status/replicas").unwrap_or(0) == 0
    });
    old.sort_by_key(|set| revision(set));
    let surplus = old.len().saturating_sub(limit);
    for set in old.iter().take(surplus) {
        // Gone already is as good as deleted.
        let _ = core.delete(
            &resources::REPLICA_SETS,
            &key.namespace,
            object::name(set),
            &Deletion::default(),
        );
    }
}
