//! The objects that can have symptoms, and how long a symptom of theirs is true.
use super::Active;
use crate::cluster::{ClusterConfig, observe::stream::Seen};
use crate::domain::{
    family::Family,
    object::{Kind, ObjectRef},
    symptom::{self, Symptom},
    view::{ContainerState, NodeView, PodView, Terminated, WorkloadView},
};
use jiff::{SignedDuration, Timestamp};

/// A run shorter than this says nothing, however soon the one before it failed.
const SHORTEST_RUN: SignedDuration = SignedDuration::from_secs(10);

/// An object that is kept because something is wrong with it.
pub enum Thing {
    /// A pod.
    Pod(PodView),
    /// A workload.
    Workload(Box<WorkloadView>),
    /// A node.
    Node(NodeView),
}

pub(super) fn uid(seen: &Seen) -> &str {
    match seen {
        Seen::Pod(pod, _) => &pod.uid,
        Seen::Workload(view, _) => &view.object.uid,
        Seen::Node(node) => &node.uid,
        Seen::Event(event) => &event.uid,
    }
}

/// Until when a symptom that is not visible at the moment is only hidden by a run between two crashes. Without this every
/// crash loop would be clear and broken in turns.
pub(super) fn between_crashes(thing: &Thing, active: &Active) -> Option<Timestamp> {
    let Thing::Pod(pod) = thing else { return None };
    if pod.deleting || pod.disruption.is_some() || pod.is_finished() {
        return None;
    }
    let name = active.container.as_ref()?;
    let container = pod.containers.iter().find(|c| &c.name == name)?;
    let failed = |end: &Terminated| end.exit_code != 0 || end.reason == "OOMKilled";
    match &container.state {
        ContainerState::Terminated(end) if failed(end) => Some(Timestamp::MAX),
        ContainerState::Running { since: Some(since) } => {
            let last = container.last.as_ref().filter(|end| failed(end))?;
            let lasted = last.finished?.duration_since(last.started?);
            since
                .checked_add(lasted.saturating_mul(2).max(SHORTEST_RUN))
                .ok()
        }
        _ => None,
    }
}

/// When a pod's symptom is history because the container runs since: it may stay in the status for ever.
pub(super) fn outlived_at(pod: &PodView, symptom: &Symptom) -> Option<Timestamp> {
    let name = symptom.container.as_ref()?;
    let container = pod.containers.iter().find(|c| &c.name == name)?;
    // An unready container is in trouble now, whatever its past.
    (symptom.family != Family::Probe)
        .then(|| symptom::outlives_at(container))
        .flatten()
}

pub(super) fn is_idle(seen: &Seen) -> bool {
    match seen {
        Seen::Pod(pod, _) => pod.phase == "Succeeded",
        Seen::Workload(view, _) => {
            view.object.kind == Kind::ReplicaSet && view.desired == 0 && view.replicas == 0
        }
        Seen::Node(_) | Seen::Event(_) => false,
    }
}

pub(super) fn object(thing: &Thing) -> ObjectRef {
    match thing {
        Thing::Pod(pod) => pod.object(),
        Thing::Workload(view) => view.object.clone(),
        Thing::Node(node) => node.object(),
    }
}

pub(super) fn symptoms(thing: &Thing, config: &ClusterConfig) -> Vec<Symptom> {
    match thing {
        Thing::Pod(pod) => symptom::of_pod(pod, &config.grace),
        Thing::Workload(view) => symptom::of_workload(view, &config.grace),
        Thing::Node(node) => symptom::of_node(node, &config.grace),
    }
}
