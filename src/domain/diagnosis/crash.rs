//! A container ends again and again. The log line that tells comes first; the exit code is what is left when no line does.
mod exit;
pub(super) mod log_rules;

use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    look::Spot,
};
use crate::domain::{
    family::Family,
    view::{ContainerState, Terminated},
};
use log_rules::Hit;

/// A container that crashes by itself. (Killed by a probe, by the kernel, or never started is for other families, before this.)
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    case.spots().find_map(|spot| {
        let end = crashed(case, spot)?;
        let hit = log_rules::find(case.log(spot));
        Some(match hit {
            Some(hit) => by_log(case, spot, end, &hit),
            None => exit::diagnose(case, spot, end),
        })
    })
}

/// The end of a container that is in a crash loop, or that just ended.
fn crashed<'a>(case: &Case<'_>, spot: Spot<'a>) -> Option<&'a Terminated> {
    let end = spot.fresh_end(case)?;
    match &spot.container.state {
        // Between an end and its back-off a status can say almost anything.
        ContainerState::Waiting { reason, .. } => {
            reason == "CrashLoopBackOff" || (end.exit_code != 0 && spot.container.restarts > 0)
        }
        ContainerState::Terminated(_) => {
            end.exit_code != 0 || (!spot.container.init && spot.container.restarts > 0)
        }
        // It was started again: a loop only if it has happened before, which a signal of this family says.
        ContainerState::Running { .. } => {
            let looped = if case.family == Family::Crash { 0 } else { 1 };
            end.exit_code != 0 && spot.container.restarts > looped
        }
        ContainerState::Unknown => false,
    }
    .then_some(end)
}

fn by_log(case: &Case<'_>, spot: Spot<'_>, end: &Terminated, hit: &Hit<'_>) -> Diagnosis {
    let rule = hit.rule;
    let cause = format!(
        "{} ends with exit code {}: {}",
        spot.name(),
        end.exit_code,
        hit.cause
    );
    let mut finding = Finding::new(case, Family::Crash, rule.signature, rule.prior, cause)
        .end(spot)
        .log(spot, Some(hit.line))
        .advise(rule.advice);
    if spot.container.init {
        finding = finding.headline("cannot start: an init container fails");
    }
    if matches!(rule.signature, "crash.db_auth" | "crash.tls_cert") {
        // A container that was started again has read the Secret again: restarting it once more changes nothing.
        finding = finding.unsure();
    }
    match rule.parts {
        Some(parts) => finding.offer_undo(parts),
        None => finding,
    }
    .done()
}

/// Running pods that hold an old credential or certificate: the one trouble that a restart cures. Secrets are not read, so the
/// proof is a pod of the same template that started later and works, while the older one fails in its log.
pub(super) fn stale_secret(case: &Case<'_>) -> Option<Diagnosis> {
    let started = |spot: Spot<'_>| match &spot.container.state {
        ContainerState::Running { since } => *since,
        _ => None,
    };
    case.spots().find_map(|spot| {
        if spot.container.ready || !spot.runs() {
            return None;
        }
        let hit = log_rules::find(case.log(spot))?;
        let rule = hit.rule;
        if !matches!(rule.signature, "crash.db_auth" | "crash.tls_cert") {
            return None;
        }
        let since = started(spot)?;
        let fresh = case.spots().find(|other| {
            other.container.name == spot.container.name
                && other.container.ready
                && other.pod.template_hash == spot.pod.template_hash
                && started(*other).is_some_and(|later| later > since)
        })?;
        let restart = super::remedy::restart(
            case,
            "Pods that started later work with the same template: new pods read the renewed Secret.",
        );
        Some(
            Finding::new(
                case,
                Family::Probe,
                rule.signature,
                0.9,
                format!(
                    "{} still uses an old credential or certificate: {}",
                    spot.name(),
                    hit.cause
                ),
            )
            .fact(format!(
                "pod {} started later with the same template and is ready",
                quote(&fresh.pod.name)
            ))
            .log(spot, Some(hit.line))
            .advise("The Secret was renewed after these pods had started.")
            .offer(restart)
            .done(),
        )
    })
}
