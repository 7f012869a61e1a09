use super::super::{
    Ledger, Outlook, RunEnd, Tier, When,
    testkit::{after, now, outlook},
};
use super::*;
use proptest::prelude::*;

const HOUR: i64 = 3600;

/// A forecast of a container of its own, told when the test begins for two hours later (4800 s to 3 h), that came to this.
#[derive(Clone, Debug)]
struct Row {
    p: f64,
    container: u32,
    /// The kill, so many seconds after the telling; none is a false alarm.
    kill: Option<i64>,
    correction: Correction,
}

impl Row {
    fn new(container: u32, kill: Option<i64>) -> Self {
        Self {
            p: 0.93,
            container,
            kill,
            correction: Correction::default(),
        }
    }

    fn outlook(&self, run: u32) -> Outlook {
        let mut told = outlook(&format!("c{}", self.container), 2 * HOUR);
        let raw = told
            .when
            .map(|when| [when.earliest, when.median, when.latest]);
        let [low, median, high] = raw
            .unwrap()
            .map(|at| at.duration_since(now()).as_secs_f64());
        let (low, median, high) = self.correction.interval((low, median, high));
        let at = |seconds: f64| after(seconds.round() as i64);
        told.when = Some(When {
            earliest: at(low),
            median: at(median),
            latest: at(high),
        });
        (told.p, told.correction, told.run) = (self.p, self.correction, run);
        told
    }
}

/// What rows teach that a ledger took in one after the other.
fn learned(rows: &[Row]) -> Calibration {
    taught(rows).score(after(6 * HOUR)).calibration
}

fn taught(rows: &[Row]) -> Ledger {
    let mut ledger = Ledger::default();
    for (run, row) in rows.iter().enumerate() {
        let told = row.outlook(run as u32);
        ledger.heard(&told, now());
        if let Some(kill) = row.kill {
            let end = RunEnd {
                owner: told.owner.clone(),
                container: told.container.clone(),
                pod: told.pod.clone(),
                run: told.run,
                began: None,
                at: after(kill),
                oom: true,
                unseen: false,
                limit: Some(told.limit),
            };
            ledger.run_ended(&end, after(kill));
        } else {
            let over = Outlook {
                tier: Tier::Clear,
                when: None,
                ..told
            };
            ledger.heard(&over, after(1));
        }
    }
    ledger.due(after(6 * HOUR));
    ledger
}

fn many(count: u32, kill: impl Fn(u32) -> Option<i64>) -> Vec<Row> {
    (0..count).map(|of| Row::new(of, kill(of))).collect()
}

#[test]
fn nothing_is_corrected_before_there_is_an_outcome() {
    assert_eq!(learned(&[]), Calibration::default());
    let correction = Correction::default();
    assert_eq!(correction.interval((1.0, 2.0, 3.0)), (1.0, 2.0, 3.0));
    assert_eq!(correction.probability(0.93), 0.93);
}

#[test]
fn kills_outside_of_their_intervals_widen_those_to_come() {
    // The interval that was told is from 4800 s to 3 h: ln(1.75) / ln(1.5) is 1.38.
    let late = learned(&many(60, |_| Some(12_600)));
    assert_eq!((late.kills, late.right, late.wrong), (60, 60, 0));
    let widening = late.correction.widening;
    assert!((1.25..1.30).contains(&widening), "{widening}");
    let exact = learned(&many(60, |_| Some(7_200)));
    let widening = exact.correction.widening;
    assert!((0.74..0.78).contains(&widening), "{widening}");
}

#[test]
fn notices_that_are_wrong_half_of_the_time_are_not_told_any_more() {
    let half = learned(&many(40, |of| (of % 2 == 0).then_some(7_200)));
    assert_eq!((half.right, half.wrong), (20, 20));
    let p = half.correction.probability(0.95);
    assert!(p < 0.85, "{p}");
    let sure = half.correction.probability(0.995);
    assert!(sure > 0.93, "what is nearly certain is still told: {sure}");
}

#[test]
fn a_kill_that_nobody_told_says_nothing_about_what_is_told() {
    let mut ledger = Ledger::default();
    let of = outlook("app", HOUR);
    for run in 0..50 {
        let end = RunEnd {
            owner: of.owner.clone(),
            container: of.container.clone(),
            pod: of.pod.clone(),
            run,
            began: None,
            at: now(),
            oom: true,
            unseen: false,
            limit: None,
        };
        ledger.run_ended(&end, now());
    }
    let score = ledger.score(now());
    assert_eq!(score.misses, 50);
    assert_eq!(score.calibration, Calibration::default());
}

#[test]
fn outcomes_are_forgotten_after_thirty_days_so_that_silence_is_not_for_ever() {
    let ledger = taught(&many(40, |_| None));
    let shift = |days: i64| {
        let score = ledger.score(after(6 * HOUR + days * 24 * HOUR));
        score.calibration.correction.shift
    };
    assert!(shift(29) < -1.5, "{}", shift(29));
    assert_eq!(shift(31), 0.0);
}

#[test]
fn one_workload_that_is_wrong_every_night_is_not_the_cluster() {
    let one: Vec<Row> = (0..30).map(|_| Row::new(0, None)).collect();
    let all = learned(&one);
    assert_eq!(all.wrong, 3);
    let p = all.correction.probability(0.93);
    assert!(p > 0.88, "others are still told: {p}");
}

#[test]
fn what_was_corrected_when_it_was_told_is_not_corrected_again() {
    let correction = Correction {
        widening: 1.6,
        shift: -0.8,
    };
    let raw = many(30, |of| (of % 3 > 0).then_some(9_000 + 10 * i64::from(of)));
    let corrected: Vec<Row> = raw
        .iter()
        .map(|row| Row {
            p: correction.probability(row.p),
            correction,
            ..row.clone()
        })
        .collect();
    let (raw, corrected) = (learned(&raw), learned(&corrected));
    assert_eq!((raw.right, raw.wrong), (corrected.right, corrected.wrong));
    let off = |of: fn(&Correction) -> f64| of(&raw.correction) - of(&corrected.correction);
    // Bounds are told in whole seconds here.
    assert!(off(|c| c.widening).abs() < 1e-3 && off(|c| c.shift).abs() < 1e-9);
}

/// Kills while the forecast stands, and false alarms.
fn row() -> impl Strategy<Value = Row> {
    let kill = prop_oneof![2 => (400i64..6 * HOUR).prop_map(Some), 1 => Just(None)];
    (0.85f64..0.999, 0u32..40, kill).prop_map(|(p, container, kill)| Row {
        p,
        ..Row::new(container, kill)
    })
}

fn rows(most: usize) -> impl Strategy<Value = Vec<Row>> {
    prop::collection::vec(row(), 0..most)
}

proptest! {
    #[test]
    fn more_false_alarms_never_raise_a_probability_and_more_hits_never_lower_it(
        before in rows(60), p in 0.5f64..0.999, surer in 0.5f64..0.999,
    ) {
        let with = |kill| {
            let mut more = before.clone();
            more.push(Row { p, ..Row::new(99, kill) });
            learned(&more).correction.probability(surer)
        };
        let than = learned(&before).correction.probability(surer);
        prop_assert!(with(None) <= than + 1e-9);
        prop_assert!(with(Some(2 * HOUR)) >= than - 1e-9);
    }

    #[test]
    fn few_outcomes_change_little(rows in rows(4)) {
        let Correction { widening, shift } = learned(&rows).correction;
        prop_assert!((1.0..1.13).contains(&widening), "{}", widening);
        prop_assert!((-0.7..0.2).contains(&shift), "{}", shift);
    }

    #[test]
    fn the_order_of_outcomes_does_not_matter(
        (before, after) in prop::collection::vec((0.5f64..0.999, prop_oneof![Just(None), (400i64..6 * HOUR).prop_map(Some)]), 0..40)
            .prop_map(|rows| rows.into_iter().enumerate().map(|(of, (p, kill))| Row { p, ..Row::new(of as u32, kill) }).collect::<Vec<Row>>())
            .prop_flat_map(|rows| (Just(rows.clone()), Just(rows).prop_shuffle())),
    ) {
        prop_assert_eq!(learned(&before), learned(&after));
    }

    #[test]
    fn a_correction_is_bounded_and_keeps_the_order_of_what_it_corrects(
        rows in rows(120), low in 1.0f64..1e4, more in 0.0f64..1e4, most in 0.0f64..1e5, p in 0.0f64..=1.0,
    ) {
        let correction = learned(&rows).correction;
        prop_assert!((0.7..=2.5).contains(&correction.widening));
        prop_assert!((-2.0..=0.5).contains(&correction.shift));
        let (median, high) = (low + more, low + more + most);
        let told = correction.interval((low, median, high));
        prop_assert!(told.0 >= 0.0 && told.0 <= told.1 && told.1 <= told.2 && told.2.is_finite());
        prop_assert_eq!(told.1, median);
        prop_assert!((0.0..=1.0).contains(&correction.probability(p)));
    }

    #[test]
    fn a_kill_farther_from_the_median_never_narrows(rows in rows(60), kill in 7_200i64..20_000, later in 0i64..1_000) {
        let with = |kill| {
            let mut more = rows.clone();
            more.push(Row::new(99, Some(kill)));
            learned(&more).correction.widening
        };
        // Half-way is told the same: there is one telling.
        prop_assert!(with(kill + later) >= with(kill) - 1e-12);
    }
}
