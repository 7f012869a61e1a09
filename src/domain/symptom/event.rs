//! What events tell that object states do not. Events are throttled, merged and repeated late: wherever the state of an object
//! says the same, the state decides and the event is nothing.
use super::{
    Grace, Symptom,
    container::{cannot_start_for_memory, is_cache_warm_up, later},
};
use crate::domain::{diagnosis::pattern, family::Family, object::Kind, view::EventView};
use jiff::SignedDuration;
use regex::Regex;
use std::sync::LazyLock;

/// A liveness probe that failed this often is about to end its container (three is the default threshold).
const LIVENESS_FAILURES: u32 = 3;
/// In the first seconds of an installation pods come before their service account.
const ACCOUNT_WARM_UP: SignedDuration = SignedDuration::from_secs(30);

/// Refusals that a person has to resolve. Other failed creations (conflicts, time-outs) are retried and pass.
static REFUSED: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"is forbidden|failed calling webhook|denied (?:the )?request|is invalid|exceeded quota|failed quota|Invalid value|Unsupported value",
    )
});
static MISSING_REFERENCE: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:configmap|secret)s? "[^"]+" not found|references non-existent (?:config|secret) key"#,
    )
});

/// What an event tells that object states do not (probe failures, refused pods, evictions). Most events tell nothing.
pub fn of_event(event: &EventView) -> Option<Symptom> {
    let grace = Grace::default();
    let note = event.note.as_str();
    let matches = |pattern: &LazyLock<Regex>| pattern.is_match(note);
    let symptom = |family, wait: SignedDuration| {
        Some(Symptom {
            family,
            container: event.container.clone(),
            reason: event.reason.clone(),
            message: event.note.clone(),
            since: event.at,
            mature: later(event.at, wait),
            count: event.count,
        })
    };
    let warning = event.kind == "Warning";
    match (event.reason.as_str(), &event.about.kind) {
        // Killing is a Normal event, also of every ordinary deletion: its text tells the difference.
        ("Killing", Kind::Pod)
            if note.contains("failed liveness probe") || note.contains("failed startup probe") =>
        {
            symptom(Family::Probe, SignedDuration::ZERO)
        }
        ("Unhealthy", Kind::Pod)
            if note.starts_with("Liveness probe") && event.count >= LIVENESS_FAILURES =>
        {
            symptom(Family::Probe, SignedDuration::ZERO)
        }
        ("FailedCreate", Kind::ReplicaSet | Kind::StatefulSet | Kind::DaemonSet | Kind::Job)
            if warning && matches(&REFUSED) && !note.contains("because it is being terminated") =>
        {
            let wait = if note.contains("error looking up service account") {
                ACCOUNT_WARM_UP
            } else {
                grace.admission
            };
            symptom(Family::Admission, wait)
        }
        // Karpenter writes a Normal event of the same reason for its own, planned evictions.
        ("Evicted", Kind::Pod) if warning => symptom(Family::Eviction, SignedDuration::ZERO),
        ("SystemOOM", Kind::Node) if warning => symptom(Family::Node, SignedDuration::ZERO),
        ("FailedMount", Kind::Pod)
            if warning && matches(&MISSING_REFERENCE) && !is_cache_warm_up(note) =>
        {
            symptom(Family::Config, grace.config)
        }
        ("FailedCreatePodSandBox", Kind::Pod) if warning && cannot_start_for_memory(note) => {
            symptom(Family::Oom, SignedDuration::ZERO)
        }
        _ => None,
    }
}
