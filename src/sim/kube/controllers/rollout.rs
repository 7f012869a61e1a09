//! One step of a Deployment's rollout: scale the new ReplicaSet up and the old ones down within surge and unavailability.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{
    deployment::{COMPONENT, replica_sets},
    pods::pods_of,
    scaled,
};
use crate::sim::kube::{core::Core, events::Note, object, resources};

/// How far a rollout may leave the desired count.
pub(super) struct Limits {
    pub(super) max_surge: i64,
    pub(super) max_unavailable: i64,
}

/// The limits of a Deployment's strategy, as numbers of pods.
pub(super) fn limits(deployment: &Value) -> Limits {
    let desired = object::int(deployment, "/spec/replicas").unwrap_or(1);
    let rolling = &deployment["spec"]["strategy"]["rollingUpdate"];
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return Limits {
            max_surge: 0,
            max_unavailable: 0,
        };
    }
    let max_surge = scaled(&rolling["maxSurge"], desired, true);
    let mut max_unavailable = scaled(&rolling["maxUnavailable"], desired, false).min(desired);
    if max_surge == 0 && max_unavailable == 0 {
        // With neither, nothing could ever move.
        max_unavailable = 1;
    }
    Limits {
        max_surge,
        max_unavailable,
    }
}

fn size(set: &Value) -> i64 {
    object::int(set, "/spec/replicas").unwrap_or(0)
}

fn available(set: &Value) -> i64 {
    object::int(set, "/status/availableReplicas").unwrap_or(0)
}

/// Moves the sets one step on; their changed status leads to the next.
pub(super) fn step(core: &Core, deployment: &Value, current: Option<&Value>, paused: bool) {
    let desired = object::int(deployment, "/spec/replicas").unwrap_or(1);
    let sets = replica_sets(core, deployment);
    let is_current =
        |set: &Value| current.is_some_and(|current| object::uid(current) == object::uid(set));
    let new = sets.iter().find(|set| is_current(set)).cloned();
    let old: Vec<_> = sets
        .iter()
        .filter(|set| !is_current(set))
        .cloned()
        .collect();
    let old_size: i64 = old.iter().map(|set| size(set)).sum();
    if paused || (old_size == 0 && new.is_some()) {
        // Scaling only: the one active set takes the desired size.
        let active: Vec<_> = sets.iter().filter(|set| size(set) > 0).collect();
        match (active.as_slice(), &new) {
            ([only], _) => scale(core, deployment, only, desired),
            ([], Some(new)) => scale(core, deployment, new, desired),
            _ => {}
        }
        return;
    }
    let Some(new) = new else { return };
    if deployment["spec"]["strategy"]["type"] == "Recreate" {
        return recreate(core, deployment, &new, &old, desired);
    }
    let limits = limits(deployment);
    let total = old_size + size(&new);
    if size(&new) > desired {
        return scale(core, deployment, &new, desired);
    }
    let room = (desired + limits.max_surge - total).min(desired - size(&new));
    if room > 0 {
        return scale(core, deployment, &new, size(&new) + room);
    }
    scale_down_old(
        core,
        deployment,
        &new,
        old,
        desired - limits.max_unavailable,
    );
}

fn recreate(core: &Core, deployment: &Value, new: &Arc<Value>, old: &[Arc<Value>], desired: i64) {
    for set in old {
        scale(core, deployment, set, 0);
    }
    let left = old.iter().any(|set| {
        pods_of(core, set)
            .iter()
            .any(|pod| !object::is_finished(pod))
    });
    if !left {
        scale(core, deployment, new, desired);
    }
}

/// Unhealthy old pods go first: they cost no availability.
fn scale_down_old(
    core: &Core,
    deployment: &Value,
    new: &Value,
    mut old: Vec<Arc<Value>>,
    minimum: i64,
) {
    old.sort_by_key(|set| object::text(set, "/metadata/creationTimestamp").to_owned());
    let total: i64 = old.iter().map(|set| size(set)).sum::<i64>() + size(new);
    let new_unavailable = size(new) - available(new);
    let mut allowance = total - minimum - new_unavailable;
    let mut sizes: Vec<i64> = old.iter().map(|set| size(set)).collect();
    for (set, size) in old.iter().zip(&mut sizes) {
        let unhealthy = (*size - available(set)).clamp(0, allowance.max(0));
        *size -= unhealthy;
        allowance -= unhealthy;
    }
    let all_available: i64 = old.iter().map(|set| available(set)).sum::<i64>() + available(new);
    let mut spare = (all_available - minimum).max(0);
    for size in &mut sizes {
        let gone = (*size).clamp(0, spare);
        *size -= gone;
        spare -= gone;
    }
    for (set, size) in old.iter().zip(sizes) {
        scale(core, deployment, set, size);
    }
}

fn scale(core: &Core, deployment: &Value, set: &Value, to: i64) {
    let from = size(set);
    if from == to {
        return;
    }
    let scaled = core.store.update(
        &resources::REPLICA_SETS,
        object::namespace(set),
        object::name(set),
        |set| {
            set["spec"]["replicas"] = json!(to);
            let annotations = &mut set["metadata"]["annotations"];
            let desired = object::int(deployment, "/spec/replicas").unwrap_or(1);
            annotations["deployment.kubernetes.io/desired-replicas"] = json!(desired.to_string());
            annotations["deployment.kubernetes.io/max-replicas"] =
                json!((desired + limits(deployment).max_surge).to_string());
            Ok(())
        },
    );
    if scaled.is_ok() {
        let direction = if to > from { "up" } else { "down" };
        let message = format!(
            "Scaled {direction} replica set {} from {from} to {to}",
            object::name(set)
        );
        core.events.record(Note::normal(
            COMPONENT,
            deployment,
            "ScalingReplicaSet",
            message,
        ));
    }
}
