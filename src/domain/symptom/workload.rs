//! What is wrong with a workload itself, beside its pods.
use super::{Grace, Symptom, container::later};
use crate::domain::{
    family::Family,
    view::{Condition, WorkloadView},
};
use jiff::SignedDuration;

/// What is wrong with a workload itself, beside its pods. A missed rollout deadline leaves no event: only the condition tells.
pub fn of_workload(workload: &WorkloadView, grace: &Grace) -> Vec<Symptom> {
    // Conditions of an older generation say nothing about the present one.
    if workload.observed_generation < workload.generation {
        return Vec::new();
    }
    let symptom = |family, condition: &Condition, wait: SignedDuration| {
        let since = condition.since.unwrap_or(workload.created);
        Symptom {
            family,
            container: None,
            reason: condition.reason.clone(),
            message: condition.message.clone(),
            since,
            mature: later(since, wait),
            count: 0,
        }
    };
    let has = |kind: &str, status: &str| {
        workload
            .condition(kind)
            .filter(|condition| condition.status == status)
    };
    let mut symptoms = Vec::new();
    if let Some(condition) = has("Progressing", "False")
        && condition.reason == "ProgressDeadlineExceeded"
        && !workload.paused
        && workload.desired > 0
        && !workload.is_rolled_out()
    {
        symptoms.push(symptom(Family::Rollout, condition, SignedDuration::ZERO));
    }
    if let Some(condition) = has("ReplicaFailure", "True")
        && workload.desired > 0
    {
        symptoms.push(symptom(Family::Admission, condition, grace.admission));
    }
    if let Some(condition) = has("Failed", "True")
        && workload.job.is_some()
    {
        symptoms.push(symptom(Family::Job, condition, SignedDuration::ZERO));
    }
    symptoms
}
