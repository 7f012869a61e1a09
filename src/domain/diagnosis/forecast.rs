//! What has not happened yet: a container that fills up towards its limit, or a node towards eviction. That it will happen is
//! the forecaster's word; here it is asked why, and what may be done before.
use super::{
    Case, Diagnosis, Severity,
    finding::{Finding, quote},
    look::Spot,
    oom, remedy,
};
use crate::domain::{
    family::Family,
    forecast::{Boundary, Outlook},
    text::{bytes, count},
};
use jiff::SignedDuration;

/// How sure a signature is of its cause. That the kill comes has its own probability.
const PRIOR: f64 = 0.92;
/// A kill closer than this leaves no time to wait for others.
const CLOSE: SignedDuration = SignedDuration::from_hours(1);
/// A heap that may grow to more than this share of the limit leaves nothing for the rest of the process.
const CAP_SHARE: f64 = 0.9;

/// A forecast that stands.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let outlook = case.forecast?;
    if outlook.boundary == Boundary::Node {
        return Some(node(case, outlook));
    }
    // It came to pass in the meantime: what is there now counts.
    if case.spots().any(|spot| was_killed(spot, outlook)) {
        return oom::diagnose(case);
    }
    Some(
        tmpfs(case, outlook)
            .or_else(|| after_rollout(case, outlook))
            .or_else(|| cap(case, outlook))
            .unwrap_or_else(|| growth(case, outlook)),
    )
}

fn was_killed(spot: Spot<'_>, outlook: &Outlook) -> bool {
    spot.pod.uid == outlook.pod.uid
        && spot.container.name == outlook.container
        && spot.container.restarts > outlook.run
        && spot
            .container
            .last_end()
            .is_some_and(|end| end.reason == "OOMKilled")
}

/// What all of them have in common: what is seen, where, and how close it is.
fn found<'c, 'a>(
    case: &'c Case<'a>,
    outlook: &Outlook,
    signature: &str,
    cause: String,
) -> Finding<'c, 'a> {
    let left = outlook
        .when
        .map(|when| when.median.duration_since(case.now));
    let severity = match left {
        Some(left) if left < CLOSE.mul_f64(case.pace) => Severity::Major,
        _ => Severity::Warning,
    };
    let mut finding = Finding::new(case, Family::Forecast, signature, PRIOR, cause)
        .severity(severity)
        .fact(quote(&outlook.why));
    if outlook.replicas > 1 && outlook.boundary == Boundary::Limit {
        finding = finding.fact(format!(
            "rises in {} of {}",
            outlook.rising,
            count(i64::from(outlook.replicas), "pod")
        ));
    }
    if outlook.killed_before {
        finding = finding.fact("it was killed at this limit before");
    }
    finding
}

fn limit(outlook: &Outlook) -> String {
    format!("its memory limit of {}", bytes(outlook.limit))
}

/// Files in memory count against the limit, and the kernel cannot take them back.
fn tmpfs(case: &Case<'_>, outlook: &Outlook) -> Option<Diagnosis> {
    let volume = case.spec(&outlook.container)?.memory_volume.as_deref()?;
    let cause = format!(
        "Container {} keeps files in memory (volume {}, an emptyDir of medium Memory). They count against {}, and stay when \
         the container restarts.",
        outlook.container,
        quote(volume),
        limit(outlook)
    );
    Some(
        with_raise(
            case,
            outlook,
            found(case, outlook, "forecast.tmpfs", cause),
        )
        .advise(format!(
            "Look at what fills volume {}, and give it a sizeLimit below the memory limit. A restart of the container frees nothing of it.",
            quote(volume)
        ))
        .done(),
    )
}

/// The growth came with the newest revision.
fn after_rollout(case: &Case<'_>, outlook: &Outlook) -> Option<Diagnosis> {
    let undo = remedy::undo_growth(case, outlook)?;
    let cause = format!(
        "Memory of {} grows towards {} since the newest rollout; before it, it never was as high.",
        outlook.container,
        limit(outlook)
    );
    let mut finding = found(case, outlook, "forecast.after_rollout", cause).fact(undo.fact);
    for line in undo.diff {
        finding = finding.detail(line);
    }
    Some(with_raise(case, outlook, finding.offer(Some(undo.candidate))).done())
}

/// What the program allows itself is more than the container may have.
fn cap(case: &Case<'_>, outlook: &Outlook) -> Option<Diagnosis> {
    let written = outlook.cap.as_deref()?;
    let cap = outlook.cap_bytes?;
    if (cap as f64) < CAP_SHARE * outlook.limit as f64 {
        return None;
    }
    let cause = format!(
        "{} lets {} grow to {}, and {} leaves no room for the rest of the process.",
        quote(written),
        outlook.container,
        bytes(cap >> 20 << 20),
        limit(outlook)
    );
    Some(
        with_raise(case, outlook, found(case, outlook, "forecast.cap", cause))
            .advise(format!(
                "Lower {} to about three quarters of the limit, or raise the limit and leave it as it is.",
                quote(written)
            ))
            .done(),
    )
}

/// Nothing tells more than the growth itself: a leak when that is proved, or it has killed before. All replicas that rise prove
/// none: load rises in all of them, too.
fn growth(case: &Case<'_>, outlook: &Outlook) -> Diagnosis {
    if !outlook.killed_before && !outlook.leak_proved {
        let higher = match outlook.survived {
            Some(level) if outlook.used > level => ", higher than it ever was",
            _ => "",
        };
        let cause = format!(
            "Memory of {} grows towards {}{higher}, and nothing shows why.",
            outlook.container,
            limit(outlook)
        );
        let finding = found(case, outlook, "forecast.growth", cause);
        return with_raise(case, outlook, finding)
            .advise(format!(
                "Look at what {} keeps: caches without a bound, sessions, queues that are not drained.",
                outlook.container
            ))
            .done();
    }
    let cause = if outlook.killed_before {
        format!(
            "{} leaks memory: it fills up to {} again after each restart.",
            outlook.container,
            limit(outlook)
        )
    } else {
        let everywhere = outlook.replicas >= 2 && outlook.rising >= outlook.replicas;
        let who = if everywhere {
            "all its pods fill up towards"
        } else {
            "it fills up towards"
        };
        let back = if everywhere { "give" } else { "gives" };
        format!(
            "{} leaks memory: {who} {} and {back} nothing back.",
            outlook.container,
            limit(outlook)
        )
    };
    let mut finding = found(case, outlook, "forecast.leak", cause);
    match remedy::restart_one_by_one(case) {
        Ok(restart) => finding = finding.offer(Some(restart)),
        Err(why) => finding = finding.advise(why),
    }
    with_raise(case, outlook, finding)
        .advise("Neither a restart nor a higher limit ends a leak: both buy time to find it.")
        .done()
}

/// Offers the raise if there is room, or says why there is none.
fn with_raise<'c, 'a>(
    case: &Case<'_>,
    outlook: &Outlook,
    finding: Finding<'c, 'a>,
) -> Finding<'c, 'a> {
    match remedy::raise_in_time(case, outlook) {
        Ok(raise) => finding.offer(Some(raise)),
        Err(why) => finding.advise(why),
    }
}

/// A node fills up. There is no change of one workload that is known to be right.
fn node(case: &Case<'_>, outlook: &Outlook) -> Diagnosis {
    let cause = format!(
        "Memory in use on node {} grows towards the point where the kubelet evicts pods ({}).",
        outlook.pod.name,
        bytes(outlook.limit)
    );
    found(case, outlook, "forecast.node", cause)
        .headline("is running out of memory and will evict pods")
        .severity(Severity::Major)
        .advise(
            "Nothing is safe to do from here. Set a memory limit on the container that grows, or move pods away: cordon the node and drain it by hand.",
        )
        .done()
}
