//! What is wrong with a pod.
use super::{
    Grace, Symptom,
    container::{family_of_end, later, of_container},
};
use crate::domain::{
    family::Family,
    object::Kind,
    view::{ContainerState, PodView},
};

/// What is wrong with a pod.
///
/// Nothing is wrong with pods that go on purpose (deleted, or disrupted by a drain or a preemption), that succeeded, or that
/// belong to a Job and failed: whether a Job may fail more often is the Job's own matter, and its condition tells.
pub fn of_pod(pod: &PodView, grace: &Grace) -> Vec<Symptom> {
    if pod.deleting || pod.phase == "Succeeded" {
        return Vec::new();
    }
    if pod.phase == "Failed" {
        return of_failed(pod).into_iter().collect();
    }
    if pod.disruption.is_some() {
        return Vec::new();
    }
    let mut symptoms: Vec<Symptom> = Vec::new();
    if let Some((message, since)) = &pod.unschedulable {
        symptoms.push(Symptom {
            family: Family::Scheduling,
            container: None,
            reason: "Unschedulable".to_owned(),
            message: message.clone(),
            since: *since,
            mature: later(*since, grace.unschedulable),
            count: 0,
        });
    }
    symptoms.extend(
        pod.containers
            .iter()
            .filter_map(|container| of_container(pod, container, grace)),
    );
    symptoms
}

/// A failed pod stays failed. Only two of the ways to get there are an incident of its owner.
fn of_failed(pod: &PodView) -> Option<Symptom> {
    let since = pod
        .containers
        .iter()
        .filter_map(|container| container.last_end()?.finished)
        .max()
        .or(pod.ready_changed)
        .unwrap_or(pod.created);
    // An eviction counts as a disruption for Kubernetes; for its owner it is none that anybody planned.
    if pod.reason.as_deref() == Some("Evicted") {
        return Some(Symptom {
            family: Family::Eviction,
            container: None,
            reason: "Evicted".to_owned(),
            message: pod.message.clone().unwrap_or_default(),
            since,
            mature: since,
            count: 0,
        });
    }
    let of_job = pod
        .owner
        .as_ref()
        .is_some_and(|owner| owner.kind == Kind::Job);
    // Any other reason means that the kubelet ended or refused the pod (shutdown, no room): its controller makes another.
    if pod.disruption.is_some() || pod.reason.is_some() || of_job {
        return None;
    }
    pod.containers
        .iter()
        .find_map(|container| match &container.state {
            ContainerState::Terminated(end) if end.exit_code != 0 => Some(Symptom {
                family: family_of_end(end),
                container: Some(container.name.clone()),
                reason: end.reason.clone(),
                message: end.message.clone(),
                since: end.finished.unwrap_or(since),
                mature: end.finished.unwrap_or(since),
                count: container.restarts,
            }),
            _ => None,
        })
}
