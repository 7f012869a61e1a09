//! Workloads with several replicas: one forecast, whichever of them is the fullest, and every kill of one was foreseen by it.
use super::*;

/// What is told when this replica is the nearest to its limit and so many rise; a kill so many seconds after the start.
fn rising(replica: u32, rising: u32, seconds: i64) -> Outlook {
    let mut outlook = outlook("app", seconds);
    outlook.pod.uid = format!("pod-{replica}");
    outlook.rising = rising;
    outlook
}

/// The end of a run of this replica.
fn of(replica: u32, seconds: i64, oom: bool) -> RunEnd {
    let mut end = end(seconds, oom);
    end.pod.uid = format!("pod-{replica}");
    end
}

/// Three replicas rise; told at the start of the first, for two hours later.
fn three() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.heard(&rising(1, 3, 2 * HOUR), now());
    ledger
}

fn killed(ledger: &mut Ledger, replica: u32, seconds: i64) {
    ledger.run_ended(&of(replica, seconds, true), after(seconds));
}

#[test]
fn replicas_that_leak_in_step_are_one_forecast_and_all_their_kills_were_foreseen() {
    let mut ledger = three();
    killed(&mut ledger, 1, 2 * HOUR);
    killed(&mut ledger, 2, 2 * HOUR + 20);
    ledger.heard(&rising(3, 1, 2 * HOUR + 60), after(2 * HOUR + 40));
    killed(&mut ledger, 3, 2 * HOUR + 60);
    insta::assert_snapshot!(outcomes(&ledger).join("\n"), @r"
    Hit: told 2 h before
    Hit: told 2 h before, of another replica
    Hit: told 2 h 1 min before
    ");
    let score = ledger.score(after(3 * HOUR));
    assert_eq!((score.made, score.right(), score.falses), (1, 1, 0));
    assert_eq!((score.hits, score.misses), (3, 0));
    assert_eq!(
        score.leads,
        [2 * HOUR, 2 * HOUR + 20, 2 * HOUR + 60],
        "each from the first telling"
    );
    assert_eq!(score.calibration.right, 1, "one story teaches once");
}

#[test]
fn a_kill_of_a_replica_that_was_not_named_is_foreseen_until_the_forecast_is_taken_back() {
    let mut named = three();
    named.run_ended(&of(2, 2 * HOUR, true), after(2 * HOUR));
    assert_eq!(outcomes(&named), ["Hit: told 2 h before"]);
    let mut late = three();
    killed(&mut late, 2, 299);
    assert_eq!(outcomes(&late), ["Miss: told only 4 min 59 s before"]);
    let mut over = three();
    killed(&mut over, 1, 2 * HOUR);
    over.heard(&cleared(rising(2, 0, 0)), after(2 * HOUR + 60));
    killed(&mut over, 2, 2 * HOUR + 120);
    assert_eq!(
        outcomes(&over),
        ["Hit: told 2 h before", "Miss: nobody had told it"]
    );
    let mut never = three();
    never.heard(&cleared(rising(1, 0, 0)), after(HOUR));
    killed(&mut never, 2, 2 * HOUR);
    assert_eq!(outcomes(&never), ["Miss: nobody had told it"]);
}

#[test]
fn the_forecast_goes_on_whichever_replica_is_the_fullest() {
    let mut ledger = three();
    for minutes in (10..=240).step_by(10) {
        let told = rising(1 + (minutes / 10 % 3) as u32, 3, 5 * HOUR);
        ledger.heard(&told, after(60 * minutes));
        ledger.due(after(60 * minutes));
    }
    assert_eq!(outcomes(&ledger), [""; 0]);
    assert_eq!(ledger.standing().count(), 1);
    killed(&mut ledger, 2, 5 * HOUR);
    assert_eq!(outcomes(&ledger), ["Hit: told 5 h before"]);
}

#[test]
fn when_the_fullest_ends_otherwise_the_forecast_of_the_others_stands() {
    let mut ledger = three();
    ledger.run_ended(&of(1, HOUR, false), after(HOUR));
    assert_eq!(outcomes(&ledger), [""; 0]);
    let mut nothing_more = ledger.clone();
    nothing_more.heard(&cleared(rising(1, 0, 0)), after(HOUR + 60));
    assert_eq!(
        outcomes(&nothing_more),
        ["Withdrawn: the run ended for another reason"]
    );
    ledger.heard(&rising(2, 2, 2 * HOUR), after(HOUR + 60));
    killed(&mut ledger, 2, 2 * HOUR);
    assert_eq!(outcomes(&ledger), ["Hit: told 2 h before"]);
}

#[test]
fn that_the_others_live_on_after_the_first_kill_is_no_false_forecast() {
    let mut ledger = three();
    killed(&mut ledger, 1, 2 * HOUR);
    ledger.heard(&rising(2, 2, 4 * HOUR), after(2 * HOUR + 60));
    ledger.heard(&cleared(rising(2, 0, 0)), after(3 * HOUR));
    ledger.due(after(9 * HOUR));
    assert_eq!(
        outcomes(&ledger),
        [
            "Hit: told 2 h before",
            "False: the growth stopped, and no kill came"
        ]
    );
    let score = ledger.score(after(9 * HOUR));
    assert_eq!((score.made, score.right(), score.falses), (1, 1, 0));
    assert_eq!(score.calibration.wrong, 0);
}

#[test]
fn a_replica_that_dies_at_its_start_is_not_what_was_forecast() {
    let mut ledger = three();
    let mut short = of(2, HOUR, true);
    short.began = Some(after(HOUR - 30));
    ledger.run_ended(&short, after(HOUR));
    assert_eq!(
        outcomes(&ledger),
        ["Miss: the run was too short to be foreseen"]
    );
    assert_eq!(ledger.score(after(HOUR)).misses, 0);
    assert_eq!(ledger.standing().count(), 1);
}

#[test]
fn a_fix_that_replaces_one_pod_after_the_other_averts_one_kill() {
    let mut ledger = three();
    ledger.acted("w1", "H1-1-x", after(HOUR));
    for replica in 1..=2 {
        let at = HOUR + 60 * i64::from(replica);
        ledger.run_ended(&of(replica, at, false), after(at));
        ledger.heard(&rising(replica + 1, 3 - replica, 2 * HOUR), after(at + 10));
    }
    ledger.run_ended(&of(3, HOUR + 300, false), after(HOUR + 300));
    assert_eq!(outcomes(&ledger), ["Withdrawn: the fix replaced the pod"]);
    assert_eq!(ledger.score(after(2 * HOUR)).averted, 1);
}

#[test]
fn a_run_whose_end_nobody_saw_withdraws_the_forecast() {
    let mut ledger = told();
    let unseen = RunEnd {
        unseen: true,
        ..end(HOUR, false)
    };
    ledger.run_ended(&unseen, after(HOUR));
    assert_eq!(
        outcomes(&ledger),
        ["Withdrawn: how the run ended was not seen"]
    );
}
