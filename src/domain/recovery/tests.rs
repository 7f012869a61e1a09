//! Verdicts, look by look.
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
    let after =
        |family, seconds| soak(family, Some(SignedDuration::from_secs(seconds)), &waits).as_secs();
    assert_eq!(after(Family::Crash, 3), 120);
    assert_eq!(after(Family::Crash, 100), 200);
    assert_eq!(after(Family::Oom, 100), 300);
    assert_eq!(after(Family::Oom, 9000), 900);
}
