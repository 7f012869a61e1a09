//! The scorer and the generator, proved with forecasters that follow a script.
use super::{
    case::{Case, End, Row},
    class::{Class, Kind},
    drive::{Record, drive},
    generate::{Options, generate},
    method::{Method, Verdict},
    score::{Table, Tally},
};
use crate::domain::forecast::{Exit, Past, Priors, Tier};

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// Says what the script says.
struct Script<F>(F);

impl<F: FnMut(u32, f64) -> Verdict> Method for Script<F> {
    fn observe(&mut self, _row: &Row) {}
    fn assess(&mut self, run: u32, now: f64) -> Verdict {
        (self.0)(run, now)
    }
    fn ended(&mut self, _run: u32, _t: f64, _exit: Exit) {}
}

fn told(tier: Tier, p: f64, eta: f64) -> Verdict {
    Verdict {
        tier,
        p,
        eta: Some(eta),
        interval: Some((0.5 * eta, 2.0 * eta)),
    }
}

/// A container of `hours`, read each minute, with runs that end so.
fn case(kind: Kind, hours: f64, ends: &[(f64, Exit)]) -> Case {
    let ends: Vec<End> = ends
        .iter()
        .zip(0..)
        .map(|((t, exit), run)| End {
            t: *t,
            run,
            exit: *exit,
        })
        .collect();
    let rows = (0..(hours * 60.0) as u32).map(|minute| {
        let t = MINUTE * f64::from(minute);
        Row {
            t,
            run: ends.iter().filter(|end| end.t <= t).count() as u32,
            used: 1.0,
            working_set: 1.0,
            limit: 2.0,
            cpu: None,
        }
    });
    Case {
        name: "x".into(),
        kind,
        class: None,
        priors: Priors::default(),
        past: Vec::new(),
        rows: rows.collect(),
        ends: ends.clone(),
        length: hours * HOUR,
    }
}

fn record(case: &Case, script: impl FnMut(u32, f64) -> Verdict) -> Record {
    drive(case, &mut Script(script))
}

fn tally(case: &Case, script: impl FnMut(u32, f64) -> Verdict) -> Tally {
    let mut tally = Tally::default();
    tally.add(case, &record(case, script), Tier::Notice);
    tally
}

#[test]
fn a_perfect_forecaster_scores_perfectly() {
    let killed = 10.0 * HOUR;
    let leak = case(Kind::Leak, 10.5, &[(killed, Exit::OomKilled)]);
    let tally = tally(&leak, |run, now| {
        if run == 0 && killed - now <= 2.0 * HOUR {
            told(Tier::Notice, 1.0, killed - now)
        } else {
            Verdict::default()
        }
    });
    assert_eq!((tally.true_fires, tally.false_fires, tally.open), (1, 0, 0));
    assert_eq!((tally.precision(), tally.recall()), (Some(1.0), Some(1.0)));
    assert_eq!(tally.leads, [2.0 * HOUR]);
    assert_eq!(tally.shares, [0.2]);
    assert_eq!(tally.errors, [0.0]);
    assert_eq!(
        (tally.coverage(), tally.widths.as_slice()),
        (Some(1.0), &[1.5][..])
    );
    assert_eq!(tally.calibration_error(), Some(0.0));
}

#[test]
fn who_always_warns_is_wrong_on_every_healthy_run_and_too_early_on_leaks() {
    let always = |_: u32, _: f64| told(Tier::Notice, 1.0, HOUR);
    let healthy = tally(
        &case(Kind::Healthy, 24.0, &[(12.0 * HOUR, Exit::Unknown)]),
        always,
    );
    // Two runs, two alarms, one day.
    assert_eq!((healthy.false_fires, healthy.false_per_day()), (2, 2.0));
    assert_eq!((healthy.alarmed, healthy.healthy), (1, 1));
    assert_eq!(healthy.calibration_error(), Some(1.0));
    let leak = tally(
        &case(Kind::Leak, 7.0, &[(6.5 * HOUR, Exit::OomKilled)]),
        always,
    );
    assert_eq!((leak.false_fires, leak.too_early, leak.foreseen), (1, 1, 0));
    // The run after the kill was cut off: nobody knows.
    assert_eq!(leak.open, 1);
    let spike = tally(
        &case(Kind::Spike, 3.0, &[(2.0 * HOUR, Exit::OomKilled)]),
        always,
    );
    assert_eq!(
        (spike.claimed, spike.spikes, spike.false_fires, spike.kills),
        (1, 1, 2, 0)
    );
    let censored = tally(&case(Kind::Censored, 24.0, &[]), always);
    assert_eq!((censored.open, censored.false_fires), (1, 0));
}

#[test]
fn who_never_warns_has_no_precision_and_no_recall() {
    let never = |_: u32, _: f64| Verdict::default();
    let tally = tally(
        &case(Kind::Leak, 3.0, &[(2.0 * HOUR, Exit::OomKilled)]),
        never,
    );
    assert_eq!((tally.precision(), tally.recall()), (None, Some(0.0)));
    assert_eq!((tally.leads.len(), tally.calibration_error()), (0, None));
}

#[test]
fn an_alarm_less_than_five_minutes_before_the_kill_is_true_and_does_not_help() {
    let killed = 2.0 * HOUR;
    let late = tally(
        &case(Kind::Leak, 2.1, &[(killed, Exit::OomKilled)]),
        |run, now| Verdict::of(run == 0 && killed - now < 5.0 * MINUTE, None),
    );
    assert_eq!(
        (late.true_fires, late.foreseen, late.recall()),
        (1, 0, Some(0.0))
    );
}

#[test]
fn an_alarm_that_flaps_counts_each_time_and_leads_from_the_first() {
    let killed = 4.0 * HOUR;
    let flapping = tally(
        &case(Kind::Leak, 4.1, &[(killed, Exit::OomKilled)]),
        |run, now| {
            Verdict::of(
                run == 0 && now >= HOUR && !(1.5..2.0).contains(&(now / HOUR)),
                None,
            )
        },
    );
    assert_eq!(
        (flapping.true_fires, flapping.leads.as_slice()),
        (2, &[3.0 * HOUR][..])
    );
    assert_eq!(flapping.no_eta, 1);
}

#[test]
fn an_error_and_a_missed_interval_are_seen_half_way() {
    let killed = 5.0 * HOUR;
    // Told at hour 1, so half-way is hour 3: it says 3 hours, 2 are left.
    let leak = case(Kind::Leak, 5.1, &[(killed, Exit::OomKilled)]);
    let tally = tally(&leak, |run, now| {
        if run == 0 && now >= HOUR {
            Verdict {
                interval: Some((2.5 * HOUR, 4.0 * HOUR)),
                ..told(Tier::Notice, 0.9, 3.0 * HOUR)
            }
        } else {
            Verdict::default()
        }
    });
    assert_eq!(
        (tally.errors.as_slice(), tally.coverage()),
        (&[0.5][..], Some(0.0))
    );
    assert_eq!(tally.widths, [0.75]);
}

#[test]
fn the_page_tier_is_judged_by_its_own_alarms() {
    let killed = 5.0 * HOUR;
    let leak = case(Kind::Leak, 5.1, &[(killed, Exit::OomKilled)]);
    let record = record(&leak, |run, now| match now / HOUR {
        _ if run > 0 => Verdict::default(),
        hour if hour >= 4.0 => told(Tier::Page, 0.9, HOUR),
        hour if hour >= 2.0 => told(Tier::Notice, 0.6, HOUR),
        _ => Verdict::default(),
    });
    let of = |tier| {
        let mut tally = Tally::default();
        tally.add(&leak, &record, tier);
        (tally.true_fires, tally.leads)
    };
    assert_eq!(of(Tier::Notice), (1, vec![3.0 * HOUR]));
    assert_eq!(of(Tier::Page), (1, vec![HOUR]));
}

#[test]
fn the_fleet_weighs_the_classes_by_their_share() {
    let mut table = Table::default();
    let always = |_: u32, _: f64| Verdict::of(true, None);
    for (class, hours) in [(Class::Flat, 24.0), (Class::Gc, 12.0)] {
        let mut case = case(Kind::Healthy, hours, &[]);
        case.class = Some(class);
        table.add(&case, &record(&case, always), Tier::Notice);
    }
    // One alarm a day on flat ones (45 %), two on garbage collectors (10 %).
    assert!((table.fleet_false_per_day() - 0.65).abs() < 1e-9);
    assert!((table.total().false_per_day() - 2.0 / 1.5).abs() < 1e-9);
}

#[test]
fn the_history_is_told_before_the_first_reading() {
    struct Seen(Vec<&'static str>);
    impl Method for Seen {
        fn remember(&mut self, _run: u32, past: &Past) {
            assert!(past.t <= 0.0);
            self.0.push("past");
        }
        fn observe(&mut self, _row: &Row) {
            self.0.push("row");
        }
        fn assess(&mut self, _run: u32, _now: f64) -> Verdict {
            Verdict::default()
        }
        fn ended(&mut self, _run: u32, _t: f64, exit: Exit) {
            self.0.push(if exit == Exit::OomKilled {
                "oom"
            } else {
                "end"
            });
        }
    }
    let case = generate(Class::CrashLoop, 1, 3, WITH);
    let mut seen = Seen(Vec::new());
    drive(&case, &mut seen);
    seen.0.dedup();
    assert_eq!(seen.0[..4], ["past", "end", "row", "oom"]);
}

const WITH: Options = Options {
    history: true,
    priors: true,
};

#[test]
fn the_same_seed_gives_the_same_bytes_for_ever() {
    // A change here means that figures of another version cannot be compared: say so where they are published.
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for class in Class::ALL {
        let case = generate(*class, 7, 1, WITH);
        let past = case.past.iter().flat_map(|(_, p)| [p.t, p.mean, p.max]);
        let rows = case.rows.iter().flat_map(|r| {
            [
                r.t,
                f64::from(r.run),
                r.used,
                r.working_set,
                r.limit,
                r.cpu.unwrap_or(-1.0),
            ]
        });
        let ends = case.ends.iter().flat_map(|e| [e.t, f64::from(e.run)]);
        for number in past.chain(rows).chain(ends) {
            hash = (hash ^ number.to_bits()).wrapping_mul(0x0100_0000_01b3);
        }
    }
    insta::assert_snapshot!(format!("{hash:016x}"), @"63c5cbfcf1642897");
}

#[test]
fn healthy_series_are_never_killed_and_leaks_nearly_always_are() {
    for class in Class::ALL {
        let cases: Vec<Case> = (0..4).map(|k| generate(*class, 3, k, WITH)).collect();
        let killed = |case: &&Case| case.ends.iter().any(|end| end.exit == Exit::OomKilled);
        let kills = cases.iter().filter(killed).count();
        match class.kind() {
            Kind::Leak | Kind::Spike => assert!(kills >= 3, "{} {kills}", class.name()),
            Kind::Healthy | Kind::Censored => assert_eq!(kills, 0, "{}", class.name()),
        }
        for case in &cases {
            assert!(case.rows.windows(2).all(|pair| pair[0].t < pair[1].t));
            assert!(case.rows.iter().all(|r| r.used > 0.0 && r.used < r.limit));
            assert!(
                case.rows
                    .iter()
                    .all(|r| (r.used..=r.limit).contains(&r.working_set))
            );
            assert!(case.past.windows(2).all(|pair| pair[0].1.t <= pair[1].1.t));
            assert!(case.past.iter().all(|(_, past)| past.mean <= past.max));
        }
    }
}

#[test]
fn what_is_left_out_leaves_the_rest_as_it_is() {
    for class in [Class::CacheCap, Class::Batch, Class::Linear] {
        let (with, without) = (
            generate(class, 5, 2, WITH),
            generate(
                class,
                5,
                2,
                Options {
                    history: false,
                    priors: false,
                },
            ),
        );
        assert_eq!(with.rows, without.rows);
        assert!(without.past.is_empty() && !with.past.is_empty());
        assert_eq!(without.priors, Priors::default());
    }
}
