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
    assert!((table.fleet_false_per_day().unwrap() - 0.65).abs() < 1e-9);
    assert_eq!(Table::default().fleet_false_per_day(), None);
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

#[test]
fn the_tables_show_what_was_measured() {
    let contestants = super::anchors::CONTESTANTS;
    let killed = 10.0 * HOUR;
    let mut leak = case(Kind::Leak, 10.5, &[(killed, Exit::OomKilled)]);
    leak.class = Some(Class::Linear);
    let told = record(&leak, |run, now| {
        if run == 0 && killed - now <= 2.0 * HOUR {
            told(Tier::Notice, 0.9, killed - now)
        } else {
            Verdict::default()
        }
    });
    let mut table = Table::default();
    table.add(&leak, &told, Tier::Notice);
    let mut loud = Table::default();
    for (class, hours) in [(Class::Flat, 12.0), (Class::Gc, 24.0)] {
        let mut calm = case(Kind::Healthy, hours, &[]);
        calm.class = Some(class);
        let at_once = record(&calm, |_, _| Verdict::of(true, None));
        loud.add(&calm, &at_once, Tier::Notice);
    }
    let report = super::report::Report {
        seed: 7,
        per_class: 1,
        parts: vec![super::report::Part {
            name: "real traces, without a history",
            series: 1,
            days: 0.4375,
            methods: vec![
                super::report::Figures::of("Heal, notice", &table, 2.5),
                super::report::Figures::of(contestants[1].name, &loud, 0.01),
            ],
            classes: Class::ALL
                .iter()
                .filter_map(|class| {
                    super::report::ClassFigures::of(*class, &table, &Table::default())
                })
                .collect(),
            reliability: super::report::Bin::of(&table),
            wrong: vec!["false  h_batch at 90 min".into()],
        }],
        cost: Some(super::report::Cost {
            containers: 100_000,
            replicas: 3,
            interval_s: 30.0,
            answer_bytes: 12_345_678,
            parse_us: 1.0,
            observe_us: 0.5,
            assess_us: 1.5,
            store_us: 0.5,
            core: 0.01,
            rss_mib: Some(300.0),
            rss_peak_mib: Some(310.0),
            rss_before_mib: None,
            stored_bytes: 2000,
        }),
    };
    insta::assert_snapshot!(super::table::table(&report, "M", "B"), @r#"
    machine  M
    build    B
    seed     7, 1 series per class

    real traces, without a history: 1 series, 0 container-days
                                    prec. recall   lead  share  ETA error cover width  false/d  fleet/d   alarmed  spikes     us  loudest class, false/d
    Heal, notice                    1.000  1.000    120   0.20  0.00/0.00  1.00  1.50   0.0000        -       0/0     0/0   2.50  -
    working set > 80 % for 2 min    0.000      -      -      -        -/-     -     -   1.3333   1.0000       2/2     0/0   0.01  flat 2.00
    Heal: 1 alarms true, 0 false (0 of them too early), 0 that nobody can judge; 0 of the foreseen kills without an ETA half-way
    Heal: calibration error 0.100; told > came (n): 0.90>1.00 (12)

    Heal by class              series    days  kills foreseen   lead    ETA  cover notices  pages  false/d  open
    leak: linear                    1     0.4      1        1    120   0.00   1.00       0      0   0.0000     0
      false  h_batch at 90 min

    cost: 100000 containers, 3 pods to a workload, a reading each 30 s
    per reading     3.50 us: answers of Prometheus 1.00 (12.3 MB), taking it 0.50, assessment 1.50, writing down 0.50
    of one core     1.00 %
    memory          300.0 MiB resident, 310.0 at the most, - before: series, pods, nodes, what is usual, an answer and its readings; 2000 bytes stored per container
    "#);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["parts"][0]["methods"][0]["recall"], 1.0);
    let rule = &json["parts"][0]["methods"][1];
    assert_eq!(rule["recall"], serde_json::Value::Null);
    assert_eq!(
        rule["classes"],
        serde_json::json!([
            {"class": "flat", "precision": 0.0, "recall": null, "false_per_day": 2.0},
            {"class": "GC sawtooth", "precision": 0.0, "recall": null, "false_per_day": 1.0},
        ])
    );
}

#[test]
fn every_container_is_found_in_the_answers_and_followed() {
    let cost = super::cost::measure(30).unwrap();
    assert_eq!(cost.containers, 30);
    assert!(cost.answer_bytes > 3 * 30 * 100, "{}", cost.answer_bytes);
    assert!(
        cost.stored_bytes > 500,
        "a week is known: {}",
        cost.stored_bytes
    );
}

#[test]
fn recordings_are_read_with_the_truth_beside_them() {
    let folder = std::env::temp_dir().join(format!("heal-traces-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text).unwrap();
    write(
        "labels.jsonl",
        r#"{"name":"leak","kind":"positive","events":[{"t":0,"ev":"start","inc":0},{"t":1.5,"ev":"oom_kill","inc":0,"rc":-9},{"t":2,"ev":"start","inc":1},{"t":3,"ev":"end_of_trace","inc":1}]}
{"name":"absent","kind":"healthy","events":[]}
"#,
    );
    write(
        "leak.csv.gz",
        "t,incarnation,usage,inactive_file,active_file,limit
0.5,0,50,0,10,100
1.0,0,90,0,10,100
1.5,0,0,0,0,100
2.5,1,20,5,5,100
",
    );
    let cases = super::traces::read(&folder, 60.0).unwrap();
    std::fs::remove_file(folder.join("leak.csv.gz")).unwrap();
    let nothing = super::traces::read(&folder, 60.0)
        .map(|_| ())
        .map_err(|e| e.to_string());
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(
        nothing
            .unwrap_err()
            .ends_with("names no recording that is there")
    );
    let [case] = &cases[..] else {
        panic!("one is there")
    };
    assert_eq!((case.kind, case.killed(0)), (Kind::Leak, Some(90.0)));
    let rows: Vec<_> = case
        .rows
        .iter()
        .map(|r| (r.t, r.run, r.used, r.working_set))
        .collect();
    assert_eq!(
        rows,
        [
            (30.0, 0, 40.0, 50.0),
            (60.0, 0, 80.0, 90.0),
            (150.0, 1, 10.0, 15.0)
        ]
    );
}
