//! Did it help? Verdicts are judged on the incident's own signal after a soak, never on the API's "ok".
mod verdict;

pub use verdict::Verdict;

use super::{family::Family, waits::Waits};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// One look at the owner of an incident and at the incident's own signal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When.
    pub at: Timestamp,
    /// The owner; `None` when it is gone or was replaced by another of the same name.
    pub target: Option<Target>,
    /// The incident's own signal, in words, if it is present: a symptom of its family (or of one that belongs to the same
    /// problem) on the owner or a pod of its newest template, including a pod whose last run ended that way and which has not
    /// yet run longer than that.
    pub symptom: Option<Remaining>,
    /// Restarts of all pods of the newest template together.
    pub restarts: u32,
    /// One line for people: "2 of 3 pods ready, 1 starting".
    pub summary: String,
}

/// The signal, still or again there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remaining {
    /// Its family.
    pub family: Family,
    /// In words.
    pub text: String,
    /// It is on a pod that was made after the change (so the change did not help).
    pub on_new_pod: bool,
}

/// How far the owner is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// `metadata.generation`.
    pub generation: i64,
    /// Rolled out by the rule of `kubectl rollout status`, or for other kinds: as healthy as its kind can say.
    pub complete: bool,
    /// Pods wanted.
    pub desired: i32,
    /// Pods available.
    pub available: i32,
    /// The change of the execution that is being followed is still there; `None` when nothing is followed or this
    /// action leaves nothing to compare.
    pub persisted: Option<bool>,
}

/// A recovery being followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Tracking {
    /// When the change was made.
    pub since: Timestamp,
    /// Generation after the change.
    pub generation: i64,
    /// Available pods before the change.
    pub available_before: i32,
    /// How long the signal must stay clear.
    pub soak: SignedDuration,
    /// Since when it is clear.
    pub clear_since: Option<Timestamp>,
    /// Restarts at the last look.
    pub restarts: u32,
    /// Until when the workload must be clear at the latest.
    pub deadline: Timestamp,
    /// The deadline was moved once because there was progress.
    pub extended: bool,
    /// The last look that worked.
    pub last_look: Option<Timestamp>,
    /// Its summary.
    pub summary: String,
    /// How often it was clear and broke again.
    pub relapses: u32,
}

/// What one observation leads to.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// The recovery as it stands now.
    pub tracking: Tracking,
    /// The verdict, if it can be given, with its reason in words.
    pub verdict: Option<(Verdict, String)>,
}

/// How long the signal must stay clear: twice the time that a run lasted before it failed (three times for memory,
/// which fills slowly), at least `waits.soak`, at most `waits.soak_max`.
pub fn soak(
    family: Family,
    time_to_failure: Option<SignedDuration>,
    waits: &Waits,
) -> SignedDuration {
    let factor = if family == Family::Oom { 3 } else { 2 };
    let wanted = time_to_failure.map_or(SignedDuration::ZERO, |span| span.saturating_mul(factor));
    wanted.clamp(waits.soak, waits.soak_max.max(waits.soak))
}

impl Tracking {
    /// A recovery that begins now.
    pub fn begin(
        now: Timestamp,
        generation: i64,
        available_before: i32,
        soak: SignedDuration,
        waits: &Waits,
    ) -> Self {
        Self {
            since: now,
            generation,
            available_before,
            soak,
            clear_since: None,
            restarts: 0,
            deadline: later(now, waits.recovery),
            extended: false,
            last_look: None,
            summary: String::new(),
            relapses: 0,
        }
    }
}

/// `now + span`, at the end of time at the latest.
pub fn later(now: Timestamp, span: SignedDuration) -> Timestamp {
    now.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// Judges a recovery after an observation (or, with none, after a failed look).
pub fn judge(
    mut tracking: Tracking,
    seen: Option<&Observation>,
    now: Timestamp,
    waits: &Waits,
) -> Judgement {
    let verdict = match seen {
        None => None,
        Some(seen) => look(&mut tracking, seen),
    };
    let verdict = verdict.or_else(|| overdue(&mut tracking, seen, now, waits));
    Judgement { tracking, verdict }
}

fn look(tracking: &mut Tracking, seen: &Observation) -> Option<(Verdict, String)> {
    let Some(target) = seen.target else {
        return Some((Verdict::TargetGone, "the object is gone".to_owned()));
    };
    tracking.last_look = Some(seen.at);
    tracking.summary = seen.summary.clone();
    if target.persisted == Some(false) {
        return Some((
            Verdict::Reverted,
            "the change is no longer there: somebody or something took it back".to_owned(),
        ));
    }
    let restarted = tracking.clear_since.is_some() && seen.restarts > tracking.restarts;
    tracking.restarts = seen.restarts;
    if target.complete && seen.symptom.is_none() && !restarted {
        let since = *tracking.clear_since.get_or_insert(seen.at);
        let clear = seen.at.duration_since(since);
        return (clear >= tracking.soak).then(|| {
            (
                Verdict::Recovered,
                format!("clear for {}", super::text::duration(clear)),
            )
        });
    }
    if tracking.clear_since.take().is_some() {
        tracking.relapses += 1;
    }
    match &seen.symptom {
        // A symptom of the newest pods means that the change did not help; a new way to fail with fewer pods is worse.
        Some(symptom) if symptom.on_new_pod => {
            let worse = target.available < tracking.available_before;
            let verdict = if worse {
                Verdict::Regressed
            } else {
                Verdict::Ineffective
            };
            Some((verdict, symptom.text.clone()))
        }
        _ => None,
    }
}

fn overdue(
    tracking: &mut Tracking,
    seen: Option<&Observation>,
    now: Timestamp,
    waits: &Waits,
) -> Option<(Verdict, String)> {
    if now < tracking.deadline {
        return None;
    }
    let blind = tracking
        .last_look
        .is_none_or(|last| now.duration_since(last) > waits.recovery / 2);
    if blind {
        return Some((
            Verdict::Inconclusive,
            "the cluster could not be watched long enough to tell".to_owned(),
        ));
    }
    // While it is clear, the soak decides; it began before the deadline, so it ends. Between two looks nothing is news.
    if tracking.clear_since.is_some() {
        return None;
    }
    let progress = seen
        .and_then(|seen| seen.target)
        .is_some_and(|target| target.available > tracking.available_before);
    if progress && !tracking.extended && seen.is_some_and(|seen| seen.symptom.is_none()) {
        tracking.extended = true;
        tracking.deadline = later(now, waits.recovery);
        return None;
    }
    let still = seen
        .and_then(|seen| seen.symptom.as_ref())
        .map_or_else(|| tracking.summary.clone(), |s| s.text.clone());
    Some((
        Verdict::Ineffective,
        format!(
            "not clear after {}: {still}",
            super::text::duration(now.duration_since(tracking.since))
        ),
    ))
}

#[cfg(test)]
mod tests;
