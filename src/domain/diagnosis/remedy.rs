//! Building actions: when an undo is right, how far a memory limit may be raised, and what an approver has to know.
//!
//! Nothing of an action comes from a text that a container, a probe or a user can write: only names and numbers of the objects.
mod growth;
mod limit;

pub(super) use growth::{raise_in_time, restart_one_by_one, undo_growth};
pub(super) use limit::{limit_was_lowered, raise_limit};

use super::{Candidate, Case};
use crate::domain::{
    action::{Action, RevisionRef},
    evidence::Revision,
    object::Kind,
    text::duration,
    view::WorkloadView,
};
use jiff::SignedDuration;

/// A revision younger than this is suspected when its workload breaks.
const YOUNG: SignedDuration = SignedDuration::from_hours(24);
/// Healthy for this long, a revision is not what broke the workload: the fault came later.
const PROVEN: SignedDuration = SignedDuration::from_hours(1);
/// Old pods work beside the broken new ones: an experiment with a control group, whatever the age of the revision (one that
/// comes back keeps its old time stamp).
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
    if was_fine(case, current) {
        return None;
    }
    // Labels and annotations of pods (the mark of a restart, for one) do not break anything.
    let real = |line: &&String| !path(line).contains("metadata");
    if !to.diff.is_empty() && !to.diff.iter().any(|line| real(&line)) {
        return None;
    }
    let known = !parts.is_empty() && !to.diff.is_empty();
    let touched = to.diff.iter().any(|line| touches(line, parts));
    let certainty = match (side_by_side, known) {
        (_, true) if !touched => return None,
        (true, _) => SIDE_BY_SIDE,
        (false, true) => CHANGED_WHAT_FAILS,
        (false, false) if young => CAME_WITH_IT,
        (false, false) => return None,
    };
    let fact = if young {
        format!(
            "revision {} is {} old; {proof}",
            current.number,
            duration(age)
        )
    } else if side_by_side {
        format!("revision {} is being rolled out; {proof}", current.number)
    } else {
        format!("revision {} changed what fails; {proof}", current.number)
    };
    // What proves that the older one works stands among the facts.
    let reason = format!(
        "It came with revision {}; revision {} {}.",
        current.number,
        to.number,
        if side_by_side {
            "works beside it"
        } else {
            "worked before"
        }
    );
    let blame = Blame {
        certainty,
        reason,
        fact,
    };
    Some(blame.undo(workload, current, to))
}

/// Why a revision is to blame.
struct Blame {
    /// How sure that makes the diagnosis.
    certainty: f64,
    /// For the offer.
    reason: String,
    /// For the card.
    fact: String,
}

impl Blame {
    /// The undo of this revision, back to an older one.
    fn undo(self, workload: &WorkloadView, current: &Revision, to: &Revision) -> Undo {
        let reference = |revision: &Revision| RevisionRef {
            number: revision.number,
            name: revision.name.clone(),
        };
        let diff = to.diff.iter();
        Undo {
            candidate: Candidate {
                action: Action::RolloutUndo {
                    target: workload.object.clone(),
                    to: reference(to),
                    from: reference(current),
                },
                reason: self.reason,
                warnings: undo_warnings(workload),
            },
            certainty: self.certainty,
            fact: self.fact,
            diff: diff
                .map(|line| format!("Revision {} → {}: {line}", current.number, to.number))
                .collect(),
        }
    }
}

/// Whether a line of a diff (`path: now → then`) is about one of these parts.
fn touches(line: &str, parts: &[&str]) -> bool {
    let path = path(line);
    parts.iter().any(|part| path.contains(part))
}

/// The path of such a line in small letters, without the names in brackets: people choose those.
fn path(line: &str) -> String {
    let mut depth = 0_u32;
    line.split_once(": ")
        .map_or(line, |(path, _)| path)
        .chars()
        .filter(|letter| {
            match letter {
                '[' => depth += 1,
                ']' => {
                    depth = depth.saturating_sub(1);
                    return false;
                }
                _ => {}
            }
            depth == 0
        })
        .collect::<String>()
        .to_lowercase()
}

/// Whether the workload ran well on this revision for a while before it broke: then the revision is not what broke it.
fn was_fine(case: &Case<'_>, revision: &Revision) -> bool {
    let Some(seen) = revision.seen_healthy else {
        return false;
    };
    if seen.duration_since(revision.created) >= PROVEN {
        return true;
    }
    let mut broken = case
        .evidence
        .pods
        .iter()
        .filter(|pod| !pod.ready && !pod.deleting && pod.phase != "Succeeded")
        .filter(|pod| pod.template_hash.as_deref() == Some(revision.hash.as_str()))
        .peekable();
    broken.peek().is_some()
        && broken.all(|pod| {
            let since = pod.ready_changed.unwrap_or(pod.created).max(pod.created);
            let age = case.now.duration_since(pod.created).as_secs();
            // A crash loop looks healthy between two crashes: often restarted is not "ran well".
            let steady = i64::from(pod.restarts()).saturating_mul(PROVEN.as_secs()) <= age;
            steady && since.duration_since(seen) >= PROVEN
        })
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
        "Recreate" => candidate.warnings.push(
            "Strategy Recreate: all pods stop before new ones start, so it is down in between."
                .to_owned(),
        ),
        _ if workload.desired == 1 && workload.object.kind != Kind::Deployment => candidate
            .warnings
            .push("It has one pod: it is down while that pod is replaced.".to_owned()),
        _ => {}
    }
}
