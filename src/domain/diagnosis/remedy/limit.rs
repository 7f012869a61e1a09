//! How far a memory limit may be raised.
use super::revised;
use crate::domain::{
    action::Action,
    diagnosis::{Candidate, Case},
    text::bytes,
    view::{ContainerSpec, WorkloadView},
};

/// Whether going back from the current revision raises the memory limit of a container: the newest rollout lowered it.
pub(in crate::domain::diagnosis) fn limit_was_lowered(case: &Case<'_>) -> bool {
    case.evidence
        .revisions
        .iter()
        .filter(|revision| !revision.current && revision.proof().is_some())
        .max_by_key(|revision| revision.number)
        .is_some_and(|revision| {
            revision.diff.iter().any(|line| {
                let Some((path, change)) = line.split_once(": ") else {
                    return false;
                };
                let path = path.to_lowercase();
                path.contains("limits")
                    && path.contains("memory")
                    && change
                        .split_once('→')
                        .and_then(|(now, then)| Some(quantity(now)? < quantity(then)?))
                        .unwrap_or(false)
            })
        })
}

/// Bytes of a Kubernetes quantity such as `512Mi` or `1G`; nothing for the rarer spellings.
fn quantity(text: &str) -> Option<u64> {
    let text = text.trim().trim_matches('"');
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = match unit {
        "" => 1,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// A limit below this is a typo (`128m` is a fraction of a byte), and no factor of two mends it.
const SMALLEST_LIMIT: u64 = 4 << 20;

/// The raise of a container's memory limit, or why there is none.
///
/// The new limit is one and a half times the old one, or as much as is known to be needed, rounded up to 64Mi (16Mi for small
/// limits, which 64Mi would quadruple), at most twice the old one, and within what namespace and nodes allow. After a kill what is
/// needed is known only from a forecast before it: the kernel ended the container at the limit.
pub(in crate::domain::diagnosis) fn raise_limit(
    case: &Case<'_>,
    container: &str,
    needed: Option<u64>,
) -> Result<Candidate, String> {
    const MI: u64 = 1 << 20;
    let spec = case
        .spec(container)
        .ok_or("The template of the container is not known.")?;
    let limit = spec
        .memory_limit
        .ok_or("The template sets no memory limit for it.")?;
    let workload = revised(case).ok_or_else(|| cannot_change(case))?;
    if limit < SMALLEST_LIMIT {
        return Err(format!(
            "A limit of {} looks like a typo in the unit: set a realistic one.",
            bytes(limit)
        ));
    }
    let step = if limit < 64 * MI { 16 * MI } else { 64 * MI };
    let twice = limit.saturating_mul(2);
    let wanted = limit
        .saturating_add(limit / 2)
        .max(needed.unwrap_or(0))
        .checked_next_multiple_of(step)
        .unwrap_or(twice)
        .min(twice);
    let moves_request = spec.memory_request == Some(limit);
    let (allowed, by) = ceiling(case, workload, spec, limit, moves_request);
    let to = if wanted <= allowed {
        wanted
    } else {
        allowed / MI * MI
    };
    if to <= limit {
        return Err(format!(
            "The limit cannot be raised beyond {}: {by} allows no more than {}.",
            bytes(limit),
            bytes(allowed)
        ));
    }
    let mut warnings = Vec::new();
    if to < wanted {
        warnings.push(format!(
            "{by} allows no more than {}: the raise is smaller than it should be.",
            bytes(to)
        ));
    }
    let raised = |other: &ContainerSpec| match other.name == container {
        true => Some(to),
        false => other.memory_limit,
    };
    if case
        .evidence
        .limits
        .quota_memory_left
        .is_some_and(|left| left < workload.pod_asks(raised))
        && workload.strategy == "RollingUpdate"
    {
        warnings.push(
            "The quota has no room for the extra pod of a rolling update: the rollout may wait."
                .to_owned(),
        );
    }
    if let Some(autoscaler) = &case.evidence.autoscaler
        && moves_request
    {
        warnings.push(format!(
            "Autoscaler {autoscaler} may scale differently: the memory request changes with the limit."
        ));
    }
    Ok(Candidate {
        action: Action::SetMemoryLimit {
            target: workload.object.clone(),
            container: container.to_owned(),
            from: limit,
            to,
            request: moves_request.then_some(to),
        },
        reason: format!(
            "The container needs more than {}; {} leaves room to see how much.",
            bytes(limit),
            bytes(to)
        ),
        warnings,
    })
}

/// Why a template cannot be changed, with what to do instead.
fn cannot_change(case: &Case<'_>) -> &'static str {
    match &case.evidence.workload {
        Some(workload) if workload.job.is_some() => {
            "The template of a Job cannot be changed: raise the limit in its manifest."
        }
        Some(workload) if workload.paused => {
            "The rollout is paused, so that a higher limit would do nothing until it is resumed."
        }
        _ => "Raise the limit in the manifest of whatever makes these pods.",
    }
}

/// The largest limit that namespace and nodes allow, and who says so.
fn ceiling(
    case: &Case<'_>,
    workload: &WorkloadView,
    spec: &ContainerSpec,
    limit: u64,
    moves_request: bool,
) -> (u64, &'static str) {
    let limits = &case.evidence.limits;
    let pods = u64::try_from(workload.desired.max(1)).unwrap_or(1);
    let quota = limits
        .quota_memory_left
        .map(|left| limit.saturating_add(left / pods));
    let nodes = || {
        case.evidence
            .nodes
            .iter()
            .filter(|node| node.ready == "True" && !node.unschedulable)
    };
    let room = nodes()
        .map(|node| {
            if !moves_request {
                return node.allocatable_memory;
            }
            // The pod that is replaced gives its own request back, on the node where it is.
            let used = node.requested.map_or(0, |(_, memory)| memory);
            node.allocatable_memory
                .saturating_sub(used)
                .saturating_add(spec.memory_request.unwrap_or(0))
        })
        .max();
    [
        (limits.max_memory, "The LimitRange of the namespace"),
        (quota, "The quota of the namespace"),
        (room, "The largest node"),
    ]
    .into_iter()
    .filter_map(|(most, by)| Some((most?, by)))
    .min()
    .unwrap_or((u64::MAX, ""))
}
