//! From Kubernetes objects to the small views of [`crate::domain::view`]. Pure.
use super::slim;
use crate::{
    domain::{
        forecast::{
            Cap,
            caps::{Program, cap},
        },
        object::{Kind, ObjectRef},
        view::{
            Condition, ContainerState, ContainerView, EventView, NodeView, OwnerLink, PodView,
            Terminated,
        },
    },
    redact::redact,
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;

pub use super::project_workload::workload;

/// The name.
pub fn name(meta: &ObjectMeta) -> &str {
    meta.name.as_deref().unwrap_or_default()
}

/// The namespace; empty for objects of the whole cluster.
pub fn namespace(meta: &ObjectMeta) -> &str {
    meta.namespace.as_deref().unwrap_or_default()
}

/// The uid.
pub fn uid(meta: &ObjectMeta) -> &str {
    meta.uid.as_deref().unwrap_or_default()
}

/// A reference to an object of this kind.
pub fn object(kind: impl Into<Kind>, meta: &ObjectMeta) -> ObjectRef {
    ObjectRef::new(kind, namespace(meta), name(meta), uid(meta))
}

/// When it was created; the beginning of time when it does not say.
pub fn created(meta: &ObjectMeta) -> Timestamp {
    meta.creation_timestamp
        .as_ref()
        .map_or(Timestamp::UNIX_EPOCH, |time| time.0)
}

/// A label.
pub fn label<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a String> {
    meta.labels.as_ref()?.get(key)
}

/// An annotation.
pub fn annotation<'a>(meta: &'a ObjectMeta, key: &str) -> Option<&'a String> {
    meta.annotations.as_ref()?.get(key)
}

/// The controlling owner. Nodes "own" static pods; they did not make them from a template, so that does not count.
pub fn owner(meta: &ObjectMeta) -> Option<OwnerLink> {
    let owners = meta.owner_references.iter().flatten();
    owners
        .into_iter()
        .find(|owner| owner.controller == Some(true) && owner.kind != "Node")
        .map(|owner| OwnerLink {
            kind: Kind::from(owner.kind.as_str()),
            name: owner.name.clone(),
            uid: owner.uid.clone(),
        })
}

/// Free text as it enters Heal: whatever wrote it may have written a secret into it.
pub fn text(text: &str) -> String {
    redact(text).into_owned()
}

/// Status conditions.
pub fn conditions(of: &[slim::Condition]) -> Vec<Condition> {
    of.iter()
        .map(|condition| Condition {
            kind: condition.kind.clone(),
            status: condition.status.clone(),
            reason: condition.reason.clone(),
            message: text(&condition.message),
            since: condition.last_transition_time,
        })
        .collect()
}

fn condition<'a>(of: &'a [slim::Condition], kind: &str) -> Option<&'a slim::Condition> {
    of.iter().find(|condition| condition.kind == kind)
}

/// A pod.
pub fn pod(pod: &slim::Pod) -> PodView {
    let (meta, status) = (&pod.metadata, &pod.status);
    let created = created(meta);
    let ready = condition(&status.conditions, "Ready");
    let scheduled = condition(&status.conditions, "PodScheduled")
        .filter(|c| c.status == "False" && c.reason == "Unschedulable");
    let disruption =
        condition(&status.conditions, "DisruptionTarget").filter(|c| c.status == "True");
    let init = pod
        .spec
        .init_containers
        .iter()
        .map(|spec| container(spec, !spec.is_sidecar(), &status.init_container_statuses));
    let main = pod
        .spec
        .containers
        .iter()
        .map(|spec| container(spec, false, &status.container_statuses));
    PodView {
        namespace: namespace(meta).to_owned(),
        name: name(meta).to_owned(),
        uid: uid(meta).to_owned(),
        owner: owner(meta),
        template_hash: label(meta, "pod-template-hash")
            .or_else(|| label(meta, "controller-revision-hash"))
            .cloned(),
        node: pod.spec.node_name.clone(),
        phase: status.phase.clone(),
        reason: status.reason.clone(),
        message: status.message.as_deref().map(text),
        created,
        deleting: meta.deletion_timestamp.is_some(),
        ready: ready.is_some_and(|c| c.status == "True"),
        ready_changed: ready.and_then(|c| c.last_transition_time),
        unschedulable: scheduled
            .map(|c| (text(&c.message), c.last_transition_time.unwrap_or(created))),
        disruption: disruption.map(|c| c.reason.clone()),
        containers: init.chain(main).collect(),
    }
}

/// What caps the memory of a pod's containers, by container.
pub fn caps(pod: &slim::Pod) -> Vec<(String, Cap)> {
    let of = |container: &slim::PodContainer| {
        let program = Program {
            image: &container.image,
            command: &container.command,
            args: &container.args,
            env: &container.env.0,
            limit: container.resources.limits.memory,
        };
        Some((container.name.clone(), cap(&program)?))
    };
    let sidecars = pod.spec.init_containers.iter();
    let sidecars = sidecars.filter(|container| container.is_sidecar());
    let all = pod.spec.containers.iter().chain(sidecars);
    all.filter_map(of).collect()
}

fn container(
    spec: &slim::PodContainer,
    init: bool,
    statuses: &[slim::ContainerStatus],
) -> ContainerView {
    let status = statuses.iter().find(|status| status.name == spec.name);
    ContainerView {
        name: spec.name.clone(),
        init,
        image: spec.image.clone(),
        ready: status.is_some_and(|status| status.ready),
        restarts: status.map_or(0, |status| status.restart_count),
        state: status.map_or(ContainerState::Unknown, |status| state(&status.state)),
        last: status
            .and_then(|status| status.last_state.terminated.as_ref())
            .map(terminated),
        memory_limit: spec.resources.limits.memory,
        cpu_limit: spec.resources.limits.cpu,
        probed: spec.liveness_probe.is_some()
            || spec.readiness_probe.is_some()
            || spec.startup_probe.is_some(),
    }
}

fn state(state: &slim::State) -> ContainerState {
    if let Some(end) = &state.terminated {
        ContainerState::Terminated(terminated(end))
    } else if let Some(running) = &state.running {
        ContainerState::Running {
            since: running.started_at,
        }
    } else if let Some(waiting) = &state.waiting {
        ContainerState::Waiting {
            reason: waiting.reason.clone(),
            message: text(&waiting.message),
        }
    } else {
        ContainerState::Unknown
    }
}

fn terminated(end: &slim::Terminated) -> Terminated {
    // A container that never started says 1970, which is no time at all.
    let real = |time: Option<Timestamp>| time.filter(|time| *time > Timestamp::UNIX_EPOCH);
    Terminated {
        reason: end.reason.clone(),
        exit_code: end.exit_code,
        message: text(&end.message),
        started: real(end.started_at),
        finished: real(end.finished_at),
    }
}

/// A node.
pub fn node(node: &slim::Node) -> NodeView {
    let conditions = &node.status.conditions;
    let ready = condition(conditions, "Ready");
    let said = |of: fn(&slim::Condition) -> &String| {
        ready.map(of).map_or_else(String::new, |said| text(said))
    };
    NodeView {
        name: name(&node.metadata).to_owned(),
        uid: uid(&node.metadata).to_owned(),
        ready: ready.map_or_else(|| "Unknown".to_owned(), |c| c.status.clone()),
        reason: said(|c| &c.reason),
        message: said(|c| &c.message),
        since: ready.and_then(|c| c.last_transition_time),
        pressure: conditions
            .iter()
            .filter(|c| c.kind.ends_with("Pressure") && c.status == "True")
            .map(|c| c.kind.clone())
            .collect(),
        unschedulable: node.spec.unschedulable,
        taints: node.spec.taints.iter().map(taint).collect(),
        labels: node.metadata.labels.clone().unwrap_or_default(),
        allocatable_cpu: node.status.allocatable.cpu.unwrap_or(0),
        allocatable_memory: node.status.allocatable.memory.unwrap_or(0),
        requested: None,
    }
}

fn taint(taint: &slim::Taint) -> String {
    match &taint.value {
        Some(value) if !value.is_empty() => format!("{}={value}:{}", taint.key, taint.effect),
        _ => format!("{}:{}", taint.key, taint.effect),
    }
}

/// An event.
pub fn event(event: &slim::Event) -> EventView {
    let about = &event.involved_object;
    let series = event.series.as_ref();
    let component = match event.source.component.as_str() {
        "" => &event.reporting_component,
        component => component,
    };
    EventView {
        uid: uid(&event.metadata).to_owned(),
        kind: event.kind.clone(),
        reason: event.reason.clone(),
        note: text(&event.message),
        about: ObjectRef::new(
            about.kind.as_str(),
            &about.namespace,
            &about.name,
            &about.uid,
        ),
        container: about
            .field_path
            .split_once('{')
            .and_then(|(_, rest)| rest.strip_suffix('}'))
            .map(str::to_owned),
        count: series
            .map_or(0, |series| series.count)
            .max(event.count.unwrap_or(0))
            .max(1),
        at: series
            .and_then(|series| series.last_observed_time)
            .or(event.last_timestamp)
            .or(event.event_time)
            .or(event.first_timestamp)
            .unwrap_or_else(|| created(&event.metadata)),
        component: component.to_owned(),
    }
}
