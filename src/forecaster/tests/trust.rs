//! What is told of the same growth depends on who measured it, and on what earlier forecasts came to.
use super::*;
use crate::domain::forecast::{Correction, Outlook};

/// A workload that was flat for a day and a half leaks for five hours: what is told of it.
fn told(source: Source, correction: Correction, killed: bool) -> Vec<Outlook> {
    let mut world = World::with(Options {
        backfill: 0.0,
        interval: 60.0,
        ..Options::default()
    });
    world.ledger.correct(correction);
    world.hears(&pod("a", Some(1024.0)));
    let noise = |step: i32| f64::from(step * 7 % 5) * 0.4;
    for step in 0..1440 {
        world.reads_from(source, &[("a", 200.0 + noise(step))]);
    }
    let mut run = pod("a", Some(1024.0));
    if killed {
        let now = world.now;
        run.containers[0].restarts = 1;
        run.containers[0].running = Some(Some(timestamp(now)));
        run.containers[0].end = Some(end(0, "OOMKilled", 137, now));
        world.hears(&run);
    }
    for step in 0..300 {
        let used = 200.0 + noise(step) + 2.7 * f64::from(step);
        world.reads_from(source, &[("a", used)]);
    }
    let outlook = |sighting| match sighting {
        Sighting::Forecast(outlook) => Some(*outlook),
        _ => None,
    };
    world
        .ledger
        .sightings()
        .into_iter()
        .filter_map(outlook)
        .collect()
}

/// The loudest tier, and the highest probability.
fn loudest(told: &[Outlook]) -> (Option<Tier>, f64) {
    let p = told.iter().map(|outlook| outlook.p).fold(0.0, f64::max);
    (told.iter().map(|outlook| outlook.tier).max(), p)
}

#[test]
fn a_working_set_calls_nobody_unless_its_workload_was_killed_before() {
    let of = |source, killed| loudest(&told(source, Correction::default(), killed));
    let (tier, p) = of(Source::Prometheus, false);
    assert_eq!(tier, Some(Tier::Page));
    for source in [Source::PrometheusWorkingSet, Source::MetricsApi] {
        let (doubted, lower) = of(source, false);
        assert_eq!(doubted, Some(Tier::Notice), "{source:?}");
        assert!(lower < p, "{lower} {p}");
        assert_eq!(of(source, true).0, Some(Tier::Page), "{source:?}");
    }
}

#[test]
fn what_earlier_forecasts_came_to_changes_what_is_told_and_is_told_with_it() {
    let plain = told(Source::Prometheus, Correction::default(), false);
    let correction = Correction {
        widening: 1.5,
        shift: -0.7,
    };
    let wary = told(Source::Prometheus, correction, false);
    assert!(wary[0].at > plain[0].at, "later: it has to be surer");
    assert!(wary.iter().all(|outlook| outlook.correction == correction));
    let last = |told: &[Outlook]| told.last().cloned().unwrap();
    let (plain, wary) = (last(&plain), last(&wary));
    assert!(wary.p < plain.p, "{} {}", wary.p, plain.p);
    let ends = |outlook: &Outlook| {
        let when = outlook.when.unwrap();
        let left = [when.earliest, when.median, when.latest];
        left.map(|at| at.duration_since(outlook.at).as_secs_f64().max(1.0))
    };
    let ([low, median, high], [lower, _, higher]) = (ends(&plain), ends(&wary));
    if plain.at == wary.at {
        let by = |bound: f64, wider: f64| (wider / median).ln() / (bound / median).ln();
        assert!((by(high, higher) - 1.5).abs() < 0.01);
        assert!((by(low, lower) - 1.5).abs() < 0.01);
    } else {
        assert!(higher / lower > high / low);
    }
}
