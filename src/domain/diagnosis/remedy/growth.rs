//! What may be done before a container reaches its limit: take the release back that made it grow, give it more room, or
//! replace its pods before the kernel does.
use super::{Blame, Undo, YOUNG, path, raise_limit, revised};
use crate::domain::{
    action::Action,
    diagnosis::{Candidate, Case},
    forecast::Outlook,
    object::Kind,
    text::{bytes, count, duration, size},
};
use jiff::SignedDuration;

/// A growth that began this much before its revision did not come with it.
const BEFORE: SignedDuration = SignedDuration::from_mins(5);
/// The older release must have been watched for this long: every rollout empties the memory, and so begins a growth.
const CONTRAST: SignedDuration = SignedDuration::from_hours(1);
/// The level must be higher by this factor than any that the workload lived through before.
const HIGHER: f64 = 1.1;
/// What `Outlook::needed_limit` lasts.
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// The undo of the newest revision, when the growth came with it and an older one is proven to work.
pub(in crate::domain::diagnosis) fn undo_growth(
    case: &Case<'_>,
    outlook: &Outlook,
) -> Option<Undo> {
    let workload = revised(case)?;
    let revisions = &case.evidence.revisions;
    let current = revisions.iter().find(|revision| revision.current)?;
    let age = case.now.duration_since(current.created);
    let began = outlook.rising_since.duration_since(current.created) >= -BEFORE.mul_f64(case.pace);
    let contrast = current.created.duration_since(outlook.known_since)
        >= CONTRAST.mul_f64(case.pace)
        && !outlook.killed_before
        && outlook
            .survived
            .is_none_or(|level| outlook.used as f64 >= HIGHER * level as f64);
    if age > YOUNG || !began || !contrast {
        return None;
    }
    let to = revisions
        .iter()
        .filter(|other| !other.current && other.hash != current.hash && other.proof().is_some())
        .max_by_key(|other| other.number)?;
    // A restart or another limit makes no program grow.
    let matters = |line: &String| {
        let path = path(line);
        !path.contains("metadata") && !path.contains("resources")
    };
    if !to.diff.is_empty() && !to.diff.iter().any(matters) {
        return None;
    }
    let proof = to.proof()?;
    let number = current.number;
    let blame = Blame {
        certainty: super::CAME_WITH_IT,
        reason: format!("It grows since revision {number} began, and {proof}."),
        fact: format!("revision {number} is {} old; {proof}", duration(age)),
    };
    Some(blame.undo(workload, current, to))
}

/// The raise of the limit, with the time that it buys; or why there is none.
///
/// It is enough for a day where the rules for raises allow that, and says so where they do not.
pub(in crate::domain::diagnosis) fn raise_in_time(
    case: &Case<'_>,
    outlook: &Outlook,
) -> Result<Candidate, String> {
    let needed = outlook.needed_limit;
    let mut raise = raise_limit(case, &outlook.container, needed)?;
    if let Action::SetMemoryLimit { from, to, .. } = raise.action {
        let after = |room: u64| SignedDuration::from_secs((room as f64 / outlook.rate) as i64);
        let enough = needed.is_some_and(|needed| needed <= to);
        let straight = outlook.rate > 0.0 && after(to.saturating_sub(outlook.used)) >= DAY;
        let longer = if enough && !straight {
            // The growth is expected to slow down: a straight line would say less than is known.
            format!("With 90 % {} lasts a day or longer", bytes(to))
        } else if outlook.rate > 0.0 {
            format!(
                "At this growth {} lasts {} longer than {}",
                bytes(to),
                duration(after(to.saturating_sub(from))),
                bytes(from)
            )
        } else {
            format!("{} leaves room to see how much it needs", bytes(to))
        };
        let short = needed
            .filter(|_| !enough)
            .map(|needed| format!(" For a day it would take {}.", size(needed)));
        raise.reason = format!(
            "{longer}, and its pods start anew.{}",
            short.unwrap_or_default()
        );
    }
    Ok(raise)
}

/// The restart of all pods, one after the other, if that leaves enough of them at every moment; or why it would not.
pub(in crate::domain::diagnosis) fn restart_one_by_one(
    case: &Case<'_>,
) -> Result<Candidate, String> {
    let workload = revised(case).ok_or("Its pods cannot be replaced by a rollout from here.")?;
    match workload.strategy.as_str() {
        "OnDelete" => {
            return Err("A restart would do nothing: with strategy OnDelete pods change only when somebody deletes them.".to_owned());
        }
        "Recreate" => {
            return Err(
                "A restart would stop all its pods at the same time (strategy Recreate)."
                    .to_owned(),
            );
        }
        _ => {}
    }
    if workload.available < workload.desired {
        return Err(format!(
            "A restart takes pods away, and only {} of {} are available.",
            workload.available, workload.desired
        ));
    }
    // What is not known counts as one: the default of StatefulSets and DaemonSets.
    let missing = workload.max_unavailable.unwrap_or(1).max(0);
    if missing >= workload.desired {
        return Err("A restart would leave no pod while it lasts.".to_owned());
    }
    if case
        .evidence
        .gaps
        .iter()
        .any(|gap| gap.starts_with("disruption budgets"))
    {
        return Err("Whether a restart leaves enough pods is not known: disruption budgets could not be read.".to_owned());
    }
    if let Some(budget) = &case.evidence.budget
        && missing > budget.allowed
    {
        return Err(format!(
            "A restart takes {} away at a time, and disruption budget {} allows {}.",
            count(i64::from(missing), "pod"),
            budget.name,
            budget.allowed
        ));
    }
    let room = case.evidence.limits.quota_memory_left;
    let needs = workload.pod_asks(|spec| spec.memory_limit);
    if missing == 0 && room.is_some_and(|room| room < needs) {
        return Err("A restart needs room for one more pod, and the quota has none.".to_owned());
    }
    let how = match (missing, &workload.object.kind) {
        (0, Kind::Deployment) => "Each pod is replaced only when its successor is ready".to_owned(),
        (missing, _) => format!(
            "{} at a time {} replaced",
            count(i64::from(missing), "pod"),
            if missing == 1 { "is" } else { "are" }
        ),
    };
    Ok(Candidate {
        action: Action::RolloutRestart {
            target: workload.object.clone(),
        },
        reason: format!("It empties the memory before the kernel does. {how}."),
        warnings: Vec::new(),
    })
}
