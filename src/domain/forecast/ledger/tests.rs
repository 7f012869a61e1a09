use super::super::{
    Boundary, Tier, When,
    testkit::{after, now, outlook},
};
use super::*;
use crate::domain::object::ObjectRef;
use proptest::prelude::*;

mod replicas;

const HOUR: i64 = 3600;

/// The end of the run that [`outlook`] is about, so many seconds after the start.
fn end(seconds: i64, oom: bool) -> RunEnd {
    let of = outlook("app", HOUR);
    RunEnd {
        owner: of.owner,
        container: of.container,
        pod: of.pod,
        run: of.run,
        began: Some(after(-20_000)),
        at: after(seconds),
        oom,
        unseen: false,
        limit: Some(of.limit),
    }
}

fn cleared(mut outlook: Outlook) -> Outlook {
    outlook.tier = Tier::Clear;
    outlook.when = None;
    outlook
}

fn with(tier: Tier, mut outlook: Outlook) -> Outlook {
    outlook.tier = tier;
    outlook
}

/// Told at the start, for two hours later.
fn told() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.heard(&outlook("app", 2 * HOUR), now());
    ledger
}

/// The outcomes with their reasons, in the order of the rows.
fn outcomes(ledger: &Ledger) -> Vec<String> {
    let word = |told: &Told| {
        let ended = told.ended.as_ref().unwrap();
        format!("{:?}: {}", ended.outcome, ended.why)
    };
    ledger.done.values().map(word).collect()
}

#[test]
fn a_kill_while_the_forecast_stands_is_a_hit_with_its_lead() {
    let mut ledger = told();
    ledger.run_ended(&end(2 * HOUR, true), after(2 * HOUR));
    assert_eq!(outcomes(&ledger), ["Hit: told 2 h before"]);
    let score = ledger.score(after(2 * HOUR));
    assert_eq!((score.made, score.hits, score.misses), (1, 1, 0));
    assert_eq!((score.leads, score.covered), (vec![2 * HOUR], 1));
}

#[test]
fn the_lead_counts_from_the_first_telling_even_if_that_was_a_notice() {
    let mut ledger = Ledger::default();
    ledger.heard(&with(Tier::Notice, outlook("app", 2 * HOUR)), now());
    ledger.heard(&outlook("app", 2 * HOUR), after(HOUR));
    ledger.run_ended(&end(2 * HOUR, true), after(2 * HOUR));
    let row = ledger.done.values().next().unwrap();
    assert_eq!(row.lead(), Some(2 * HOUR));
    assert_eq!((row.notice, row.page), (Some(now()), Some(after(HOUR))));
}

#[test]
fn a_kill_told_less_than_five_minutes_before_is_missed() {
    let mut ledger = told();
    ledger.run_ended(&end(299, true), after(299));
    assert_eq!(outcomes(&ledger), ["Miss: told only 4 min 59 s before"]);
    let score = ledger.score(after(HOUR));
    assert_eq!((score.made, score.hits, score.misses), (0, 0, 1));
}

#[test]
fn at_a_faster_pace_all_times_of_the_rules_are_shorter() {
    let paced = || Ledger::default().paced(0.1);
    let told = || {
        let mut ledger = paced();
        ledger.heard(&outlook("app", 600), now());
        ledger
    };
    let mut hit = told();
    hit.run_ended(&end(30, true), after(30));
    assert_eq!(outcomes(&hit), ["Hit: told 30 s before"]);
    let mut late = told();
    late.run_ended(&end(29, true), after(29));
    assert_eq!(outcomes(&late), ["Miss: told only 29 s before"]);
    let mut fixed = told();
    fixed.acted("w1", "H1-1-x", after(60));
    fixed.due(after(60 + 179));
    assert_eq!(fixed.standing().count(), 1);
    fixed.due(after(60 + 180));
    assert_eq!(outcomes(&fixed), ["Withdrawn: a fix was made"]);
    let mut silent = told();
    silent.due(after(720));
    assert_eq!(outcomes(&silent), ["Withdrawn: the figures stopped"]);
    let mut wrong = told();
    wrong.heard(&cleared(outlook("app", 0)), after(300));
    wrong.due(after(2159));
    assert_eq!(wrong.standing().count(), 1);
    wrong.due(after(2160));
    assert_eq!(
        outcomes(&wrong),
        ["False: the growth stopped, and no kill came"]
    );
}

#[test]
fn a_kill_that_nobody_told_is_missed_once_however_often_it_is_reported() {
    let mut ledger = Ledger::default();
    ledger.run_ended(&end(HOUR, true), after(HOUR));
    ledger.run_ended(&end(HOUR, true), after(2 * HOUR));
    assert_eq!(outcomes(&ledger), ["Miss: nobody had told it"]);
}

#[test]
fn a_kill_of_a_run_too_short_to_be_foreseen_is_a_row_that_does_not_count() {
    let mut ledger = Ledger::default();
    let mut short = end(HOUR, true);
    short.began = Some(after(HOUR - 200));
    ledger.run_ended(&short, after(HOUR));
    assert_eq!(
        outcomes(&ledger),
        ["Miss: the run was too short to be foreseen"]
    );
    assert_eq!(ledger.score(after(HOUR)).misses, 0);
}

#[test]
fn growth_that_stopped_is_false_when_no_kill_came_for_six_hours() {
    let mut ledger = told();
    ledger.heard(&cleared(outlook("app", 0)), after(HOUR));
    ledger.due(after(6 * HOUR - 1));
    assert_eq!(ledger.standing().count(), 1, "the kill may still come");
    assert_eq!(ledger.score(after(HOUR)).standing, 0, "nothing is told now");
    ledger.due(after(6 * HOUR));
    assert_eq!(
        outcomes(&ledger),
        ["False: the growth stopped, and no kill came"]
    );
}

#[test]
fn a_kill_after_the_forecast_was_taken_back_counts_only_within_the_told_interval() {
    let mut within = told();
    within.heard(&cleared(outlook("app", 0)), after(HOUR));
    let mut outside = within.clone();
    within.run_ended(&end(2 * HOUR, true), after(2 * HOUR));
    assert_eq!(outcomes(&within), ["Hit: told 2 h before"]);
    outside.run_ended(&end(5 * HOUR, true), after(5 * HOUR));
    assert_eq!(
        outcomes(&outside),
        [
            "False: the kill came after it was taken back",
            "Miss: the kill came after it was taken back"
        ]
    );
}

#[test]
fn what_stands_for_too_long_is_false_and_is_not_told_anew_before_it_was_taken_back() {
    let mut ledger = told();
    for hour in 1..=6 {
        ledger.heard(&outlook("app", (hour + 2) * HOUR), after(hour * HOUR));
        ledger.due(after(hour * HOUR));
    }
    assert_eq!(outcomes(&ledger), ["False: no kill came in time"]);
    ledger.heard(&outlook("app", 9 * HOUR), after(7 * HOUR));
    assert_eq!(ledger.standing().count(), 0);
    ledger.heard(&cleared(outlook("app", 0)), after(8 * HOUR));
    ledger.heard(&outlook("app", 11 * HOUR), after(9 * HOUR));
    assert_eq!(ledger.standing().count(), 1);
}

#[test]
fn a_run_that_ends_otherwise_or_another_limit_withdraws_the_forecast() {
    let mut ended = told();
    ended.run_ended(&end(HOUR, false), after(HOUR));
    assert_eq!(
        outcomes(&ended),
        ["Withdrawn: the run ended for another reason"]
    );
    let mut resized = told();
    let mut larger = outlook("app", 3 * HOUR);
    larger.limit *= 2;
    resized.heard(&larger, after(HOUR));
    assert_eq!(outcomes(&resized), ["Withdrawn: the limit was changed"]);
    assert_eq!(resized.standing().count(), 1, "the new one is told");
    let mut silent = told();
    silent.due(after(2 * HOUR));
    assert_eq!(outcomes(&silent), ["Withdrawn: the figures stopped"]);
}

#[test]
fn a_fix_averts_the_kill_unless_it_comes_first() {
    let mut ledger = told();
    ledger.acted("w1", "H1-1-x", after(HOUR));
    let mut late = ledger.clone();
    let mut killed = ledger.clone();
    ledger.run_ended(&end(HOUR + 30, false), after(HOUR + 30));
    assert_eq!(outcomes(&ledger), ["Withdrawn: the fix replaced the pod"]);
    let score = ledger.score(after(2 * HOUR));
    assert_eq!((score.withdrawn, score.averted), (1, 1));
    late.due(after(HOUR + 1800));
    assert_eq!(outcomes(&late), ["Withdrawn: a fix was made"]);
    killed.run_ended(&end(HOUR + 30, true), after(HOUR + 30));
    assert_eq!(killed.score(after(2 * HOUR)).hits, 1);
}

#[test]
fn coverage_is_that_of_the_interval_told_half_way() {
    let mut ledger = Ledger::default();
    let interval = |from: i64, to: i64| {
        let mut outlook = outlook("app", HOUR);
        outlook.when = Some(When {
            earliest: after(from),
            median: after((from + to) / 2),
            latest: after(to),
        });
        outlook
    };
    ledger.heard(&interval(10_000, 12_000), now());
    ledger.heard(&interval(3_000, 5_000), after(1_900));
    ledger.heard(&interval(20_000, 30_000), after(2_100));
    ledger.run_ended(&end(4_000, true), after(4_000));
    let row = ledger.done.values().next().unwrap();
    assert_eq!(row.covered(), Some(true));
}

#[test]
fn the_score_forgets_what_is_older_than_thirty_days() {
    let mut ledger = told();
    ledger.run_ended(&end(2 * HOUR, true), after(2 * HOUR));
    assert_eq!(ledger.score(after(30 * 24 * HOUR)).hits, 1);
    assert_eq!(ledger.score(after(31 * 24 * HOUR)).hits, 0);
}

#[test]
fn the_rows_come_back_as_they_were_stored() {
    let mut ledger = told();
    ledger.acted("w1", "H1-1-x", after(HOUR));
    ledger.run_ended(&end(HOUR + 30, false), after(HOUR + 30));
    ledger.heard(&outlook("sidecar", HOUR), after(HOUR));
    let text: Vec<String> = ledger
        .take_changed()
        .iter()
        .map(|told| serde_json::to_string(told).unwrap())
        .collect();
    assert_eq!(text.len(), 2);
    assert!(ledger.take_changed().is_empty());
    let rows = text.iter().map(|row| serde_json::from_str(row).unwrap());
    assert_eq!(Ledger::load(rows), ledger);
}

/// Something that happens to a forecast.
#[derive(Clone, Debug)]
enum Event {
    Heard {
        run: u32,
        tier: u8,
        eta: i64,
        rising: u32,
    },
    Ended {
        run: u32,
        oom: bool,
    },
    Acted,
    Due,
}

fn event() -> impl Strategy<Value = (i64, Event)> {
    let kind = prop_oneof![
        6 => (0u32..5, 0u8..3, 1i64..20_000, 1u32..4).prop_map(|(run, tier, eta, rising)| Event::Heard { run, tier, eta, rising }),
        3 => (0u32..5, any::<bool>()).prop_map(|(run, oom)| Event::Ended { run, oom }),
        1 => Just(Event::Acted),
        3 => Just(Event::Due),
    ];
    (1i64..7_000, kind)
}

proptest! {
    #[test]
    fn every_forecast_gets_one_outcome_and_every_kill_one_row(events in prop::collection::vec(event(), 1..60)) {
        let mut ledger = Ledger::default();
        let (mut time, mut killed) = (0, BTreeSet::new());
        for (pause, event) in events {
            time += pause;
            match event {
                Event::Heard { run, tier, eta, rising } => {
                    // A run that was killed does not fill up any more.
                    if killed.contains(&run) { continue; }
                    let mut told = outlook("app", time + eta);
                    (told.run, told.rising) = (run, rising);
                    told.tier = [Tier::Clear, Tier::Notice, Tier::Page][usize::from(tier)];
                    ledger.heard(&told, after(time));
                }
                Event::Ended { run, oom } => {
                    if killed.contains(&run) { continue; }
                    let mut ended = end(time, oom);
                    ended.run = run;
                    if oom { killed.insert(run); }
                    ledger.run_ended(&ended, after(time));
                }
                Event::Acted => ledger.acted("w1", "H1-1-x", after(time)),
                Event::Due => ledger.due(after(time)),
            }
            let untold = |told: &&Told| told.cleared.is_none();
            prop_assert!(ledger.standing().filter(untold).count() <= 1, "one forecast of one container");
            for told in ledger.standing() {
                prop_assert!(told.ended.is_none() && told.since().is_some());
                prop_assert!(told.track.len() <= 64);
            }
        }
        ledger.due(after(time + 40 * HOUR));
        prop_assert_eq!(ledger.standing().count(), 0, "time ends every forecast");
        let score = ledger.score(after(time + 40 * HOUR));
        prop_assert_eq!((score.hits + score.misses) as usize, killed.len());
        prop_assert_eq!(score.made, score.right() + score.falses + score.withdrawn);
        prop_assert!(score.covered <= score.right() && score.averted <= score.withdrawn);
        prop_assert!(score.leads.iter().all(|lead| *lead >= LEAST_LEAD.as_secs()));
    }
}

/// Told at the start: in two hours the memory of a node is used up.
fn told_of_node() -> Ledger {
    let mut ledger = Ledger::default();
    ledger.heard(&of_node(), now());
    ledger
}

fn of_node() -> Outlook {
    let mut outlook = outlook("", 2 * HOUR);
    outlook.boundary = Boundary::Node;
    outlook.owner = ObjectRef::new("Node", "", "worker-1", "node-1");
    outlook.pod = outlook.owner.clone();
    outlook
}

/// It is, so many seconds after the start.
fn node_is_short(seconds: i64) -> RunEnd {
    RunEnd {
        owner: of_node().owner,
        pod: of_node().pod,
        container: String::new(),
        began: None,
        ..end(seconds, true)
    }
}

#[test]
fn a_node_that_evicts_is_a_hit_with_its_lead_and_one_that_nobody_told_a_miss() {
    let mut ledger = told_of_node();
    ledger.run_ended(&node_is_short(HOUR), after(HOUR));
    let next = RunEnd {
        run: 1,
        ..node_is_short(9 * HOUR)
    };
    ledger.run_ended(&next, after(9 * HOUR));
    assert_eq!(
        outcomes(&ledger),
        ["Hit: told 1 h before", "Miss: nobody had told it"]
    );
    let score = ledger.score(after(9 * HOUR));
    assert_eq!((score.hits, score.misses), (1, 1));
    assert_eq!(score.leads, [HOUR]);
    assert_eq!(
        (score.calibration.kills, score.calibration.right),
        (0, 0),
        "nodes teach nothing about containers"
    );
}

#[test]
fn a_node_that_does_not_evict_was_told_wrongly_whether_its_growth_stopped_or_not() {
    for (stops, why) in [
        (
            true,
            "False: the growth stopped, and the node evicted nothing",
        ),
        (false, "False: the node evicted nothing in time"),
    ] {
        let mut ledger = told_of_node();
        for half_hour in 1..=12 {
            let mut outlook = of_node();
            if stops {
                outlook = cleared(outlook);
            }
            ledger.heard(&outlook, after(half_hour * HOUR / 2));
        }
        ledger.due(after(6 * HOUR - 1));
        assert_eq!(outcomes(&ledger), [""; 0]);
        ledger.due(after(6 * HOUR));
        assert_eq!(outcomes(&ledger), [why]);
    }
}
