//! Reading Kubernetes objects that are kept as plain JSON: every accessor answers with a neutral value when a field is absent.

use serde_json::{Value, json};

/// The text at a JSON pointer, or the empty string.
pub(super) fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// The integer at a JSON pointer.
pub(super) fn int(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// The list at a JSON pointer; empty when absent.
pub(super) fn list<'a>(object: &'a Value, pointer: &str) -> &'a [Value] {
    object
        .pointer(pointer)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// Whether an init container goes on beside what comes after it.
pub(super) fn is_sidecar(container: &Value) -> bool {
    container["restartPolicy"] == "Always"
}

/// The containers of a pod that run together: sidecars first.
pub(super) fn beside(pod: &Value) -> impl Iterator<Item = &Value> {
    let init = list(pod, "/spec/initContainers").iter();
    let sidecars = init.filter(|container| is_sidecar(container));
    sidecars.chain(list(pod, "/spec/containers"))
}

/// What a pod asks for when its containers ask for this: those that run together count together, an init container with the
/// sidecars that were started before it. Nothing when one of them does not say.
pub(super) fn asked(pod: &Value, of: impl Fn(&Value) -> Option<i128>) -> Option<i128> {
    let (mut sidecars, mut most) = (0, 0);
    for container in list(pod, "/spec/initContainers") {
        let amount = of(container)?;
        most = most.max(sidecars + amount);
        if is_sidecar(container) {
            sidecars += amount;
        }
    }
    let containers = list(pod, "/spec/containers").iter().map(of);
    Some(most.max(sidecars + containers.sum::<Option<i128>>()?))
}

pub(super) fn name(object: &Value) -> &str {
    text(object, "/metadata/name")
}

pub(super) fn namespace(object: &Value) -> &str {
    text(object, "/metadata/namespace")
}

pub(super) fn uid(object: &Value) -> &str {
    text(object, "/metadata/uid")
}

pub(super) fn annotation<'a>(object: &'a Value, key: &str) -> &'a str {
    object["metadata"]["annotations"][key]
        .as_str()
        .unwrap_or("")
}

/// Whether deletion has been asked for.
pub(super) fn is_deleting(object: &Value) -> bool {
    object["metadata"]["deletionTimestamp"].is_string()
}

/// The owner reference with `controller: true`.
pub(super) fn controller(object: &Value) -> Option<&Value> {
    list(object, "/metadata/ownerReferences")
        .iter()
        .find(|owner| owner["controller"] == true)
}

/// Whether `owner_uid` controls the object.
pub(super) fn is_controlled_by(object: &Value, owner_uid: &str) -> bool {
    controller(object).is_some_and(|owner| owner["uid"] == owner_uid)
}

/// An owner reference that makes `owner` the controller.
pub(super) fn owner_reference(owner: &Value) -> Value {
    json!({
        "apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": true, "blockOwnerDeletion": true,
    })
}

/// The condition of a type in `status.conditions`.
pub(super) fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    list(object, "/status/conditions")
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Whether a condition is `True`.
pub(super) fn condition_is_true(object: &Value, kind: &str) -> bool {
    condition(object, kind).is_some_and(|condition| condition["status"] == "True")
}

/// Puts a condition into `status.conditions`, keeping `lastTransitionTime` while its status does not change.
pub(super) fn set_condition(object: &mut Value, mut new: Value, now: &str) {
    if !object["status"].is_object() {
        object["status"] = json!({});
    }
    if !object["status"]["conditions"].is_array() {
        object["status"]["conditions"] = json!([]);
    }
    let Some(conditions) = object["status"]["conditions"].as_array_mut() else {
        return;
    };
    let old = conditions.iter_mut().find(|old| old["type"] == new["type"]);
    match old {
        Some(old) => {
            let same = old["status"] == new["status"] && old["lastTransitionTime"].is_string();
            new["lastTransitionTime"] = if same {
                old["lastTransitionTime"].clone()
            } else {
                json!(now)
            };
            *old = new;
        }
        None => {
            new["lastTransitionTime"] = json!(now);
            conditions.push(new);
        }
    }
}

/// Whether the pod has ended for good.
pub(super) fn is_finished(pod: &Value) -> bool {
    matches!(text(pod, "/status/phase"), "Succeeded" | "Failed")
}

/// Whether the pod counts for its controller: neither ended nor being deleted.
pub(super) fn is_active(pod: &Value) -> bool {
    !is_finished(pod) && !is_deleting(pod)
}

/// Whether the pod is Ready.
pub(super) fn is_ready(pod: &Value) -> bool {
    condition_is_true(pod, "Ready")
}

/// Leaves out the counts that are zero where the real types do, and only there.
pub(super) fn omit_zeros(object: &mut Value) {
    let counts: &[&str] = match text(object, "/kind") {
        "Deployment" => &[
            "replicas",
            "updatedReplicas",
            "readyReplicas",
            "availableReplicas",
            "unavailableReplicas",
        ],
        "ReplicaSet" => &["fullyLabeledReplicas", "readyReplicas", "availableReplicas"],
        "StatefulSet" => &["readyReplicas", "currentReplicas", "updatedReplicas"],
        "DaemonSet" => &[
            "updatedNumberScheduled",
            "numberAvailable",
            "numberUnavailable",
        ],
        "Job" => &["active", "succeeded", "failed"],
        _ => return,
    };
    if let Some(status) = object.get_mut("status").and_then(Value::as_object_mut) {
        status.retain(|field, value| !(counts.contains(&field.as_str()) && *value == 0));
    }
}
