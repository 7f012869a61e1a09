//! Building actions: when an undo is right, how far a memory limit may be raised, and what an approver has to know.
//!
//! Nothing of an action comes from a text that a container, a probe or a user can write: only names and numbers of the objects.
use super::{Candidate, Case};
use crate::domain::{
    action::{Action, RevisionRef},
    evidence::Revision,
    object::Kind,
    text::{bytes, duration},
    view::{ContainerSpec, WorkloadView},
};
use jiff::SignedDuration;

/// A revision younger than this is suspected when its workload breaks.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);
/// Seen healthy this long after it was made, a revision is not what broke the workload: the fault came later.
const PROVEN: SignedDuration = SignedDuration::from_hours(1);
/// Old pods work beside the broken new ones: an experiment with a control group.
const SIDE_BY_SIDE: f64 = 0.92;
/// What the revision changed is what fails, and the older one was healthy.
const CHANGED_WHAT_FAILS: f64 = 0.88;
/// A young revision, an older one that was healthy; nothing is known about the change.
const CAME_WITH_IT: f64 = 0.86;

/// An undo that the evidence supports.
pub(super) struct Undo {
    pub candidate: Candidate,
    /// How sure it makes the diagnosis.
    pub certainty: f64,
    /// Why the revision is to blame, for the card.
    pub fact: String,
    /// What would change, for the details.
    pub diff: Vec<String>,
}

/// The undo of the newest revision, if that revision introduced the fault and an older one is proven to work.
///
/// `parts` are words of template paths whose change can cause this fault; empty when any change can.
pub(super) fn undo(case: &Case<'_>, parts: &[&str]) -> Option<Undo> {
    let workload = revised(case)?;
    let revisions = &case.evidence.revisions;
    let current = revisions.iter().find(|revision| revision.current)?;
    if fails_elsewhere(case, &current.hash) {
        return None;
    }
    let others = || {
        revisions.iter().filter(|revision| {
            !revision.current && revision.name != current.name && revision.hash != current.hash
        })
    };
    let newest = |with_pods: bool| {
        others()
            .filter(|revision| {
                if with_pods {
                    revision.available > 0
                } else {
                    revision.seen_healthy.is_some()
                }
            })
            .filter(|revision| !is_failing(case, revision))
            .max_by_key(|revision| revision.number)
    };
    let to = newest(true).or_else(|| newest(false))?;
    let proof = to.proof()?;
    let age = case.now.duration_since(current.created);
    let (young, side_by_side) = (age <= YOUNG, to.available > 0);
    if current
        .seen_healthy
        .is_some_and(|seen| seen.duration_since(current.created) >= PROVEN)
    {
        return None;
    }
    let known = !parts.is_empty() && !to.diff.is_empty();
    let touched = to.diff.iter().any(|line| touches(line, parts));
    let certainty = match (side_by_side, known) {
        (_, true) if !touched => return None,
        (true, _) if young || touched => SIDE_BY_SIDE,
        (_, true) => CHANGED_WHAT_FAILS,
        (true, false) | (false, false) if young => CAME_WITH_IT,
        _ => return None,
    };
    let fact = if young {
        format!(
            "revision {} is {} old; {proof}",
            current.number,
            duration(age)
        )
    } else {
        format!("revision {} changed what fails; {proof}", current.number)
    };
    let reference = |revision: &Revision| RevisionRef {
        number: revision.number,
        name: revision.name.clone(),
    };
    Some(Undo {
        candidate: Candidate {
            action: Action::RolloutUndo {
                target: workload.object.clone(),
                to: reference(to),
                from: reference(current),
            },
            reason: format!("It came with revision {}, and {proof}.", current.number),
            warnings: undo_warnings(workload),
        },
        certainty,
        fact,
        diff: to
            .diff
            .iter()
            .map(|line| format!("Revision {} → {}: {line}", current.number, to.number))
            .collect(),
    })
}

/// Whether a line of a diff (`path: now → then`) is about one of these parts.
fn touches(line: &str, parts: &[&str]) -> bool {
    let path = line
        .split_once(": ")
        .map_or(line, |(path, _)| path)
        .to_lowercase();
    parts.iter().any(|part| path.contains(part))
}

/// A pod of this revision is in trouble, too.
fn is_failing(case: &Case<'_>, revision: &Revision) -> bool {
    case.evidence.pods.iter().any(|pod| {
        pod.template_hash.as_deref() == Some(revision.hash.as_str())
            && !pod.deleting
            && !pod.ready
            && pod.phase != "Succeeded"
            && !pod.containers.is_empty()
            && pod.disruption.is_none()
    })
}

/// All pods in trouble have another template than the newest: it is not to blame.
fn fails_elsewhere(case: &Case<'_>, newest: &str) -> bool {
    let mut broken = case
        .evidence
        .pods
        .iter()
        .filter(|pod| !pod.ready && !pod.deleting && pod.phase != "Succeeded")
        .filter_map(|pod| pod.template_hash.as_deref())
        .peekable();
    broken.peek().is_some() && broken.all(|hash| hash != newest)
}

/// The workload, if it has revisions of its own and a rollout of it would run.
fn revised<'a>(case: &Case<'a>) -> Option<&'a WorkloadView> {
    case.evidence.workload.as_ref().filter(|workload| {
        matches!(
            workload.object.kind,
            Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet
        ) && workload.owner.is_none()
            && !workload.paused
    })
}

fn undo_warnings(workload: &WorkloadView) -> Vec<String> {
    let mut warnings = Vec::new();
    if workload.object.kind == Kind::StatefulSet {
        warnings.push(
            "A pod that is stuck on the broken revision is not replaced by the undo: it has to be deleted afterwards."
                .to_owned(),
        );
    }
    warnings
}

/// Whether going back from the current revision raises the memory limit of a container: the newest rollout lowered it.
pub(super) fn limit_was_lowered(case: &Case<'_>) -> bool {
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
pub(super) const SMALLEST_LIMIT: u64 = 4 << 20;

/// The raise of a container's memory limit, or why there is none.
///
/// The new limit is one and a half times the old one, rounded up to 64Mi (16Mi for small limits, which 64Mi would quadruple),
/// at most twice the old one, and within what namespace and nodes allow. A peak beyond that is not known: the kernel ends the
/// container at the limit.
pub(super) fn raise_limit(case: &Case<'_>, container: &str) -> Result<Candidate, String> {
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
    let wanted = (limit.saturating_add(limit / 2))
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
    if case
        .evidence
        .limits
        .quota_memory_left
        .is_some_and(|left| left < to)
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

/// A restart, for the rare causes where it is right.
pub(super) fn restart(case: &Case<'_>, reason: &str) -> Option<Candidate> {
    Some(Candidate {
        action: Action::RolloutRestart {
            target: revised(case)?.object.clone(),
        },
        reason: reason.to_owned(),
        warnings: Vec::new(),
    })
}

/// Adds what the approver of any action on this workload should know.
pub(super) fn warn(case: &Case<'_>, candidate: &mut Candidate) {
    let Some(workload) = &case.evidence.workload else {
        return;
    };
    if let Some(by) = &workload.managed_by {
        let app = by
            .name
            .as_ref()
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        candidate.warnings.push(format!(
            "{}{app} applies this object: a direct change may be reverted; fix it in Git too.",
            by.tool
        ));
    }
    if matches!(candidate.action, Action::DeletePod { .. }) || workload.available <= 0 {
        return;
    }
    match workload.strategy.as_str() {
        "OnDelete" => candidate.warnings.push(
            "Update strategy OnDelete: pods change only when somebody deletes them.".to_owned(),
        ),
        "Recreate" => candidate
            .warnings
            .push("Strategy Recreate: all pods stop before new ones start.".to_owned()),
        _ if workload.desired == 1 && workload.object.kind != Kind::Deployment => candidate
            .warnings
            .push("It has one pod: it is down while that pod is replaced.".to_owned()),
        _ => {}
    }
}
