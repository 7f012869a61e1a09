//! The pods of a controller's object: found, counted, made and deleted, with the events that tell about it.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use crate::sim::kube::{
    core::{Core, Deletion},
    events::Note,
    object, resources, time,
};

/// How long after a refused pod the next try is made; the real back-off grows from milliseconds to minutes.
pub(super) const RETRY: Duration = Duration::from_secs(15);

/// The pods that an object controls.
pub(super) fn pods_of(core: &Core, owner: &Value) -> Vec<Arc<Value>> {
    let mut pods = core
        .store
        .list(&resources::PODS, Some(object::namespace(owner)));
    pods.retain(|pod| object::is_controlled_by(pod, object::uid(owner)));
    pods
}

/// A pod made from the template of its owner.
pub(super) fn pod_from_template(owner: &Value, template: &Value) -> Value {
    let mut pod = json!({"metadata": template["metadata"], "spec": template["spec"]});
    if !pod["metadata"].is_object() {
        pod["metadata"] = json!({});
    }
    pod["metadata"]["namespace"] = owner["metadata"]["namespace"].clone();
    pod["metadata"]["ownerReferences"] = json!([object::owner_reference(owner)]);
    pod
}

/// Creates a pod in its owner's name, and tells.
///
/// # Errors
/// Why it was refused.
pub(super) fn create(
    core: &Core,
    component: &'static str,
    owner: &Value,
    pod: Value,
) -> Result<(), String> {
    let wanted = object::name(&pod).to_owned();
    match core.create(&resources::PODS, pod, false) {
        Ok(pod) => {
            let message = match numbered(owner) {
                Some(set) => format!("create Pod {wanted} in StatefulSet {set} successful"),
                None => format!("Created pod: {}", object::name(&pod)),
            };
            core.events
                .record(Note::normal(component, owner, "SuccessfulCreate", message));
            Ok(())
        }
        Err(error) => {
            let why = error.message;
            let message = match numbered(owner) {
                Some(set) => {
                    format!("create Pod {wanted} in StatefulSet {set} failed error: {why}")
                }
                None => format!("Error creating: {why}"),
            };
            core.events
                .record(Note::warning(component, owner, "FailedCreate", message));
            Err(why)
        }
    }
}

/// Deletes a pod in its owner's name, and tells. One that is gone already needs no deletion.
pub(super) fn delete(core: &Core, component: &'static str, owner: &Value, pod: &Value) {
    let (namespace, name) = (object::namespace(pod), object::name(pod));
    let deleted = core.delete(&resources::PODS, namespace, name, &Deletion::default());
    if deleted.is_ok() {
        let message = match numbered(owner) {
            Some(set) => format!("delete Pod {name} in StatefulSet {set} successful"),
            None => format!("Deleted pod: {name}"),
        };
        core.events
            .record(Note::normal(component, owner, "SuccessfulDelete", message));
    }
}

/// The name of a StatefulSet: its controller tells about pods in words of its own.
fn numbered(owner: &Value) -> Option<&str> {
    (object::text(owner, "/kind") == "StatefulSet").then(|| object::name(owner))
}

/// How many of some pods are available.
pub(super) struct Availability {
    pub(super) count: usize,
    /// When the next one may be, without a change.
    pub(super) next: Option<Duration>,
}

/// Available means Ready for the owner's `minReadySeconds`.
pub(super) fn availability<'p>(
    core: &Core,
    owner: &Value,
    pods: impl Iterator<Item = &'p Value>,
) -> Availability {
    let minimum = object::int(owner, "/spec/minReadySeconds").unwrap_or(0);
    let (mut count, mut next) = (0, None::<Duration>);
    for pod in pods {
        match is_available(core, pod, minimum) {
            Ok(()) => count += 1,
            Err(Some(left)) => next = Some(next.map_or(left, |next| next.min(left))),
            Err(None) => {}
        }
    }
    Availability { count, next }
}

/// Whether a pod has been Ready for so many seconds; else how long it still takes, when it is Ready at all.
fn is_available(core: &Core, pod: &Value, minimum: i64) -> Result<(), Option<Duration>> {
    let Some(ready) = object::condition(pod, "Ready").filter(|ready| ready["status"] == "True")
    else {
        return Err(None);
    };
    let minimum = Duration::from_secs(minimum.max(0).unsigned_abs());
    let since = time::since(
        object::text(ready, "/lastTransitionTime"),
        (core.store.clock)(),
    );
    if since >= minimum {
        Ok(())
    } else {
        Err(Some(minimum - since))
    }
}

/// Writes fields of an object's status, beside the generation that was acted on.
pub(super) fn set_status<const N: usize>(object: &mut Value, fields: [(&str, Value); N]) {
    object["status"]["observedGeneration"] = object["metadata"]["generation"].clone();
    for (field, value) in fields {
        object["status"][field] = value;
    }
}
