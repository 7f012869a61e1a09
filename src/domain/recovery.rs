//! Did it help? Verdicts are judged on the incident's own signal after a soak, never on the API's "ok".
use super::{family::Family, waits::Waits};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use std::fmt;

/// How an incident ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The fix worked: the workload is complete and the signal stayed clear for the soak.
    Recovered,
    /// The signal went away and stayed away without an action of Heal.
    RecoveredByItself,
    /// The fix was made and the problem is still there.
    Ineffective,
    /// The fix could not be made.
    Failed,
    /// After the fix it was worse than before.
    Regressed,
    /// Somebody or something took the change back.
    Reverted,
    /// The object is gone.
    TargetGone,
    /// Heal could not see enough to tell.
    Inconclusive,
}

impl Verdict {
    /// All verdicts.
    pub const ALL: [Verdict; 8] = [
        Verdict::Recovered,
        Verdict::RecoveredByItself,
        Verdict::Ineffective,
        Verdict::Failed,
        Verdict::Regressed,
        Verdict::Reverted,
        Verdict::TargetGone,
        Verdict::Inconclusive,
    ];

    /// The name in metrics and audit.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Recovered => "recovered",
            Verdict::RecoveredByItself => "recovered_by_itself",
            Verdict::Ineffective => "ineffective",
            Verdict::Failed => "failed",
            Verdict::Regressed => "regressed",
            Verdict::Reverted => "reverted",
            Verdict::TargetGone => "target_gone",
            Verdict::Inconclusive => "inconclusive",
        }
    }

    /// What the memory learns from it: success, failure, or nothing. Only verdicts on the effect of a change that was
    /// made count: a change that was refused, taken back or could not be watched says nothing about the fix.
    pub fn lesson(self) -> Option<bool> {
        match self {
            Verdict::Recovered => Some(true),
            Verdict::Ineffective | Verdict::Regressed => Some(false),
            Verdict::RecoveredByItself
            | Verdict::Failed
            | Verdict::Reverted
            | Verdict::TargetGone
            | Verdict::Inconclusive => None,
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

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
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + seconds).unwrap()
    }

    fn tracking() -> Tracking {
        Tracking::begin(
            at(0),
            5,
            1,
            SignedDuration::from_secs(120),
            &Waits::default(),
        )
    }

    fn seen(seconds: i64, complete: bool, symptom: Option<bool>) -> Observation {
        Observation {
            at: at(seconds),
            target: Some(Target {
                generation: 5,
                complete,
                desired: 2,
                available: 1,
                persisted: Some(true),
            }),
            symptom: symptom.map(|on_new_pod| Remaining {
                family: Family::Crash,
                text: "exit 1".into(),
                on_new_pod,
            }),
            restarts: 0,
            summary: "1 of 2 pods ready".into(),
        }
    }

    fn verdict(tracking: Tracking, looks: &[Observation]) -> Option<Verdict> {
        let mut tracking = tracking;
        for look in looks {
            let judgement = judge(tracking, Some(look), look.at, &Waits::default());
            if let Some((verdict, _)) = judgement.verdict {
                return Some(verdict);
            }
            tracking = judgement.tracking;
        }
        None
    }

    #[test]
    fn recovered_needs_the_whole_soak() {
        assert_eq!(
            verdict(tracking(), &[seen(10, true, None), seen(129, true, None)]),
            None
        );
        assert_eq!(
            verdict(tracking(), &[seen(10, true, None), seen(130, true, None)]),
            Some(Verdict::Recovered)
        );
    }

    #[test]
    fn a_pod_that_runs_for_a_moment_between_two_crashes_does_not_count() {
        let crash = |s| Observation {
            restarts: 1,
            ..seen(s, true, None)
        };
        let looks = [seen(10, true, None), crash(60), crash(65), crash(130)];
        assert_eq!(
            verdict(tracking(), &looks),
            None,
            "the restart began the soak anew"
        );
    }

    #[test]
    fn the_signal_on_a_new_pod_is_ineffective_and_with_fewer_pods_regressed() {
        assert_eq!(
            verdict(tracking(), &[seen(10, false, Some(false))]),
            None,
            "an old pod still leaving"
        );
        assert_eq!(
            verdict(tracking(), &[seen(10, false, Some(true))]),
            Some(Verdict::Ineffective)
        );
        let before = Tracking {
            available_before: 2,
            ..tracking()
        };
        assert_eq!(
            verdict(before, &[seen(10, false, Some(true))]),
            Some(Verdict::Regressed)
        );
    }

    #[test]
    fn a_change_that_was_taken_back_is_reverted_and_a_missing_object_is_gone() {
        let mut reverted = seen(10, true, None);
        reverted.target.as_mut().unwrap().persisted = Some(false);
        assert_eq!(verdict(tracking(), &[reverted]), Some(Verdict::Reverted));
        let gone = Observation {
            target: None,
            ..seen(10, true, None)
        };
        assert_eq!(verdict(tracking(), &[gone]), Some(Verdict::TargetGone));
    }

    #[test]
    fn at_the_deadline_it_is_ineffective_and_unseen_it_is_inconclusive() {
        assert_eq!(
            verdict(tracking(), &[seen(601, false, None)]),
            Some(Verdict::Ineffective)
        );
        let blind = judge(tracking(), None, at(601), &Waits::default());
        assert_eq!(
            blind.verdict.map(|(verdict, _)| verdict),
            Some(Verdict::Inconclusive)
        );
    }

    #[test]
    fn a_soak_that_is_longer_than_the_deadline_goes_on_between_two_looks() {
        let soak = SignedDuration::from_mins(15);
        let long = Tracking::begin(at(0), 5, 1, soak, &Waits::default());
        let clear = judge(
            long,
            Some(&seen(600, true, None)),
            at(600),
            &Waits::default(),
        );
        assert_eq!(
            judge(clear.tracking, None, at(605), &Waits::default()).verdict,
            None
        );
    }

    #[test]
    fn progress_moves_the_deadline_once() {
        let mut better = seen(601, false, None);
        better.target.as_mut().unwrap().available = 2;
        let first = judge(tracking(), Some(&better), at(601), &Waits::default());
        assert_eq!(first.verdict, None);
        let second = Observation {
            at: at(1300),
            ..better
        };
        let judged = judge(first.tracking, Some(&second), at(1300), &Waits::default());
        assert_eq!(
            judged.verdict.map(|(verdict, _)| verdict),
            Some(Verdict::Ineffective)
        );
    }

    #[test]
    fn the_soak_grows_with_the_time_to_failure_within_bounds() {
        let waits = Waits::default();
        let after = |family, seconds| {
            soak(family, Some(SignedDuration::from_secs(seconds)), &waits).as_secs()
        };
        assert_eq!(after(Family::Crash, 3), 120);
        assert_eq!(after(Family::Crash, 100), 200);
        assert_eq!(after(Family::Oom, 100), 300);
        assert_eq!(after(Family::Oom, 9000), 900);
    }
}
