//! Runs the methods over the series, and prints what they found.
use super::{
    anchors::{Method, Rolling, Seasonal, Static, fires},
    event::What,
    report::{Figures, Report},
    score::Score,
    suite::{self, Case},
    table,
};
use crate::{
    bench::machine,
    cli::{AnomalyBenchArgs, Exit},
    domain::anomaly::{Habit, Metric, Reading, Scale},
};
use std::time::{Duration, Instant};

/// Heal's way, with the clock that it needs.
struct Heal {
    habit: Habit,
    now: f64,
}

impl Method for Heal {
    fn next(&mut self, value: Option<f64>) -> bool {
        if let Some(level) = value {
            self.habit.observe(&Reading {
                t: self.now,
                level,
                scale: Scale::Limit(1.0),
            });
        }
        let stands = self.habit.stands(self.now);
        self.now += 60.0;
        stands
    }
}

type Make = fn(&Case) -> Box<dyn Method>;

const METHODS: [(&str, Make); 4] = [
    ("above 80 % for 5 min", |_| Box::<Static>::default()),
    ("24 h median and MAD, z > 6", |_| Box::<Rolling>::default()),
    ("band by time of day", |_| Box::<Seasonal>::default()),
    ("Heal", |case| {
        Box::new(Heal {
            habit: Habit::new(Metric::Cpu),
            now: case.time(0),
        })
    }),
];

/// Measures, and prints a table or JSON. Progress goes to standard error.
///
/// # Errors
/// When the report cannot be written as JSON.
pub fn run(args: &AnomalyBenchArgs) -> anyhow::Result<Exit> {
    eprintln!("measuring: {} series of {} days …", args.series, args.days);
    let report = measure(args.seed, args.series, args.days);
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!(
            "{}",
            table::table(&report, &machine::machine(), &machine::build())
        );
    }
    Ok(Exit::Ok)
}

fn measure(seed: u64, series: usize, days: usize) -> Report {
    let mut scores: [(Score, Duration); METHODS.len()] = Default::default();
    for number in 0..series {
        let case = suite::case(seed, number, days);
        for ((_, make), (score, took)) in METHODS.iter().zip(&mut scores) {
            let mut method = make(&case);
            let begin = Instant::now();
            let fires = fires(&mut *method, &case.series);
            *took += begin.elapsed();
            score.count(case.shape, &case.events, &fires, case.judged());
        }
    }
    let samples = (series * days * super::shape::DAY).max(1) as f64;
    let count = |what: &What| scores[0].0.events.get(what).map_or(0, |(count, _)| *count);
    Report {
        seed,
        series,
        days,
        events: What::ALL
            .iter()
            .map(|what| (what.name(), count(what)))
            .collect(),
        methods: METHODS
            .iter()
            .zip(&scores)
            .map(|((name, _), (score, took))| {
                Figures::of(name, score, took.as_secs_f64() * 1e6 / samples)
            })
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_gives_the_same_series_and_another_one_others() {
        assert_eq!(suite::case(1, 5, 7), suite::case(1, 5, 7));
        assert_ne!(suite::case(1, 5, 7).series, suite::case(2, 5, 7).series);
    }

    #[test]
    fn events_are_in_the_days_that_are_judged_and_apart_from_each_other() {
        for number in 0..24 {
            let case = suite::case(3, number, 7);
            assert!(!case.events.is_empty());
            for event in &case.events {
                assert!(event.start >= super::super::event::LEARNING);
                assert!(event.end - event.start >= 20 && event.end <= case.series.len());
            }
            assert!(
                case.events
                    .windows(2)
                    .all(|pair| pair[0].end < pair[1].start)
            );
        }
    }

    #[test]
    fn heal_finds_more_and_is_wrong_less_often_than_a_band_alone() {
        let report = measure(9, 16, 7);
        let [.., band, heal] = report.methods.as_slice() else {
            panic!("no methods");
        };
        assert!(heal.recall > 0.7, "{heal:?}");
        assert!(
            heal.false_per_day < band.false_per_day / 2.0,
            "{heal:?} {band:?}"
        );
    }
}
