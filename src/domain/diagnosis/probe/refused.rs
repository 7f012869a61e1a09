//! A probe that finds nobody listening: at the wrong port, too early, or because the application is not up.
use super::{Failing, PARTS, upper};
use crate::domain::{
    diagnosis::{Case, Diagnosis, finding::Finding, pattern},
    text::duration,
    view::ProbeSpec,
};
use jiff::SignedDuration;
use regex::Regex;
use std::sync::LazyLock;

static LISTENING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"(?i)(?:listening|listen|serving|started|running|bound)\b.{0,60}?(?:port[ =:]{1,2}|:)(\d{2,5})\b",
    )
});

/// A budget for starting up below this is suspicious when nothing else is wrong.
const SHORT_BUDGET: SignedDuration = SignedDuration::from_secs(30);

/// Nobody listens: a wrong port if something tells which one is right, too little patience if the container is ended while it
/// starts, and otherwise an application that is not up.
pub(super) fn judge<'c, 'a: 'c>(
    case: &'c Case<'a>,
    failing: &Failing<'a>,
    finding: impl Fn(&str, f64, String) -> Finding<'c, 'a>,
    who: &str,
) -> Diagnosis {
    let asked = failing
        .probe
        .and_then(|probe| probe.port.as_deref()?.parse::<u16>().ok());
    let log = case.log(failing.spot);
    let heard = log
        .iter()
        .rev()
        .find_map(|line| LISTENING.captures(line)?[1].parse::<u16>().ok());
    if let (Some(asked), Some(spec)) = (asked, failing.spec) {
        let right = heard.or_else(|| {
            (!spec.ports.is_empty() && !spec.ports.contains(&asked)).then(|| spec.ports[0])
        });
        if let Some(right) = right.filter(|right| *right != asked) {
            let mut done = finding(
                "probe.port_mismatch",
                0.93,
                format!("{} asks port {asked}, where nobody listens.", upper(who)),
            );
            done = if heard.is_some() {
                done.fact(format!("the log names port {right}"))
            } else {
                done.fact(format!("the container declares port {right}"))
            };
            let other = [
                ("liveness", &spec.liveness),
                ("readiness", &spec.readiness),
                ("startup", &spec.startup),
            ]
            .into_iter()
            .find(|(which, probe)| {
                *which != failing.which
                    && probe.as_ref().is_some_and(|probe| {
                        probe.port.as_deref() == Some(right.to_string().as_str())
                    })
            });
            if let Some((other, _)) = other {
                done = done.fact(format!("its {other} probe asks port {right}"));
            }
            return done
                .advise(format!(
                    "Port {right} is probably the right one for the probe."
                ))
                .offer_undo(PARTS)
                .done();
        }
    }
    if failing.kills
        && let Some(probe) = failing.probe
        && let Some(spec) = failing.spec
    {
        let budget = budget(probe);
        if failing.spot.container.restarts >= 2
            && budget <= SHORT_BUDGET
            && (spec.startup.is_none() || failing.which == "startup")
        {
            return finding(
                "probe.too_aggressive",
                0.88,
                format!(
                    "{} gives the container {} to start ({} s delay + {} × {} s), and it needs longer.",
                    upper(who),
                    duration(budget),
                    probe.initial_delay.max(0),
                    probe.failures.max(1),
                    probe.period.max(1)
                ),
            )
            .log(failing.spot, None)
            .advise("Add a startupProbe with a larger budget.")
            .offer_undo(PARTS)
            .done();
        }
    }
    finding(
        "probe.refused",
        0.6,
        format!("{} finds nobody listening.", upper(who)),
    )
    .log(failing.spot, None)
    .advise("The application is not up: its log tells how far it came.")
    .offer_undo(PARTS)
    .done()
}

/// How long a container may take until its probe has failed too often.
fn budget(probe: &ProbeSpec) -> SignedDuration {
    let wait = i64::from(probe.period.max(1)).saturating_mul(i64::from(probe.failures.max(1)));
    SignedDuration::from_secs(i64::from(probe.initial_delay.max(0)).saturating_add(wait))
}
