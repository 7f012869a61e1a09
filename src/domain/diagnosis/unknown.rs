//! No signature knows this: say so, show what is there, offer nothing.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
};

/// Confidence of "we do not know": low enough that nothing is ever offered on it.
const GUESS: f64 = 0.2;

/// The diagnosis of last resort.
pub(super) fn diagnose(case: &Case<'_>) -> Diagnosis {
    let signature = format!("unknown.{}", case.family);
    let mut finding = Finding::new(
        case,
        case.family,
        &signature,
        GUESS,
        "No known cause fits what the cluster shows. Here is what it says; a person has to look.",
    );
    if !case.reason.is_empty() || !case.message.is_empty() {
        finding = finding.fact(quote(&format!("{}: {}", case.reason, case.message)));
    }
    let mut spots = case.spots().filter(|spot| !spot.pod.ready);
    if let Some(spot) = spots.next() {
        if let Some((reason, message)) = spot.waiting() {
            finding = finding.fact(quote(&format!("{} waits: {reason} {message}", spot.name())));
        }
        finding = finding.end(spot).log(spot, None);
    }
    let events = &case.evidence.events;
    for event in events.iter().skip(events.len().saturating_sub(3)) {
        finding = finding.detail(quote(&format!("Event {}: {}", event.reason, event.note)));
    }
    finding.done()
}
