//! A rollout does not finish. That is a consequence: the rules of all other families have looked before this one. What is left is
//! what only a rollout shows: a pod stuck on an old broken revision, an init container that waits for ever, and the umbrella.
use super::{
    Candidate, Case, Diagnosis,
    crash::log_rules,
    finding::{Finding, quote},
};
use crate::domain::{
    action::Action,
    family::Family,
    object::Kind,
    text::duration,
    view::{ContainerState, PodView},
};
use jiff::SignedDuration;

/// An init container that runs longer than this waits for something.
const HANGING: SignedDuration = SignedDuration::from_mins(5);

/// A StatefulSet replaces its pods in order and waits for each to become ready: a pod that is broken on an older revision is
/// never replaced, so that an undo alone does not help (and this is no reason for another undo).
pub(super) fn stuck_ordinal(case: &Case<'_>) -> Option<Diagnosis> {
    let workload = case.evidence.workload.as_ref()?;
    if workload.object.kind != Kind::StatefulSet
        || workload.observed_generation < workload.generation
    {
        return None;
    }
    let current = case.current_hash()?;
    let broken: Vec<&PodView> = case
        .evidence
        .pods
        .iter()
        .filter(|pod| !pod.ready && !pod.deleting && pod.disruption.is_none())
        .collect();
    let stuck = |pod: &PodView| {
        let fails = pod.containers.iter().any(|container| {
            matches!(&container.state, ContainerState::Waiting { reason, .. }
                if !matches!(reason.as_str(), "ContainerCreating" | "PodInitializing"))
        });
        // A run between two crashes is no sign of health.
        let looping = pod.restarts() > 0;
        pod.template_hash
            .as_deref()
            .is_some_and(|hash| hash != current)
            && (fails || looping)
    };
    let first = broken
        .first()
        .filter(|_| broken.iter().all(|pod| stuck(pod)))?;
    let names: Vec<&str> = broken.iter().map(|pod| pod.name.as_str()).collect();
    let cause = if let [name] = names.as_slice() {
        format!(
            "Pod {name} still has an older, broken template, and the StatefulSet waits for it to become ready before it replaces it."
        )
    } else {
        format!(
            "Pods {} still have an older, broken template, and the StatefulSet waits for them to become ready before it replaces them.",
            names.join(" and ")
        )
    };
    let finding = Finding::new(case, case.family, "sts.stuck_ordinal", 0.9, cause).fact(format!(
        "its revision is {}, the current one is {}",
        quote(first.template_hash.as_deref().unwrap_or_default()),
        quote(current)
    ));
    // One at a time: with several members down a person has to think of the quorum first.
    if names.len() > 1 {
        let advice = "Think of the quorum of the application first; then delete these pods one after the other: they come back with the current template.";
        return Some(finding.advise(advice).done());
    }
    Some(
        finding
            .advise("Check the quorum of the application before the pod is deleted.")
            .offer(Some(Candidate {
                action: Action::DeletePod {
                    pod: first.object(),
                    target: workload.object.clone(),
                },
                reason: "The StatefulSet makes it anew from the current template.".to_owned(),
                warnings: vec![
                    "It is a member of a StatefulSet: check the quorum first.".to_owned(),
                ],
            }))
            .done(),
    )
}

/// What is left of a rollout that does not finish.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    if case.family != Family::Rollout {
        return None;
    }
    hanging(case).or_else(|| umbrella(case))
}

fn hanging(case: &Case<'_>) -> Option<Diagnosis> {
    let (spot, ran) = case.spots().find_map(|spot| match &spot.container.state {
        ContainerState::Running { since: Some(since) }
            if spot.container.init && !spot.container.ready =>
        {
            let ran = case.now.duration_since(*since);
            (ran >= HANGING && !spot.pod.ready && !spot.container.probed).then_some((spot, ran))
        }
        _ => None,
    })?;
    let log = case.log(spot);
    let hit = log_rules::find(log);
    let mut cause = format!(
        "{} of pod {} has been running for {} and does not end, so the pod does not start",
        spot.name(),
        spot.pod.name,
        duration(ran)
    );
    match &hit {
        Some(hit) => cause += &format!(": {}", hit.cause),
        None => cause.push('.'),
    }
    Some(
        Finding::new(case, Family::Rollout, "init.hanging", 0.75, cause)
            .headline("waits for an init container")
            .log(spot, hit.map(|hit| hit.line))
            .advise("It usually waits for a service: does the one exist that it names?")
            .offer_undo(&[])
            .done(),
    )
}

fn umbrella(case: &Case<'_>) -> Option<Diagnosis> {
    let workload = case.evidence.workload.as_ref()?;
    let condition = workload
        .condition("Progressing")
        .filter(|condition| condition.status == "False");
    let mut finding = Finding::new(
        case,
        Family::Rollout,
        "rollout.deadline",
        0.9,
        "The rollout made no progress within its deadline, and its pods do not say why.",
    )
    .umbrella()
    .fact(format!(
        "{} of {} pods have the new template, {} are available",
        workload.updated, workload.desired, workload.available
    ));
    if let Some(condition) = condition {
        finding = finding.fact(quote(&format!(
            "{}: {}",
            condition.reason, condition.message
        )));
    }
    let newest = case
        .evidence
        .revisions
        .iter()
        .filter(|revision| !revision.current)
        .max_by_key(|revision| revision.number);
    if let Some(revision) = newest {
        for line in &revision.diff {
            finding = finding.detail(quote(&format!(
                "Since revision {}: {line}",
                revision.number
            )));
        }
    }
    Some(
        finding
            .advise("Look at the newest pods. If the change is to blame, roll it back by hand.")
            .done(),
    )
}
