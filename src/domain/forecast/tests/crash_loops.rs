//! Runs that are killed one after the other.
use super::*;

/// How long each run lives.
const LIFE: f64 = 95.0 * 60.0;

/// A start-up that settles within a quarter of an hour, and a leak beside it.
fn run(t: f64) -> f64 {
    0.15 + 0.25 * (1.0 - (-t / 300.0).exp()) + 0.6 * t / LIFE
}

/// A workload whose runs were killed so many times.
fn killed(times: u64) -> Watch {
    let mut w = Watch::new(Priors::default());
    for replica in 0..times {
        w.live(replica, LIFE, run).end(replica, Exit::OomKilled);
        w.told.clear();
    }
    w
}

#[test]
fn after_a_kill_the_next_run_is_told_of_while_its_start_up_still_bends_the_curve() {
    for times in [1, 3] {
        let mut w = killed(times);
        let kill = w.now + LIFE;
        w.live(times, 25.0 * 60.0, run);
        let told = w.first(Tier::Notice).expect("a notice");
        assert!(kill - told > 70.0 * 60.0, "{:.0} min", (kill - told) / 60.0);
        let e = &w.last;
        let (lo, hi) = e.eta_lo_s.zip(e.eta_hi_s).expect("an interval");
        let left = kill - w.now;
        assert!((lo..=hi).contains(&left), "{lo} {hi} {left}");
    }
}

#[test]
fn the_same_start_up_without_a_kill_before_it_is_not_judged() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 25.0 * 60.0, run);
    assert_eq!(w.told, []);
}

#[test]
fn a_new_pod_that_starts_like_those_that_were_killed_may_be_the_one_that_is_mended() {
    let mended = |t: f64| 0.15 + 0.25 * (1.0 - (-t / 300.0).exp()) + 0.02 * t / LIFE;
    let mut w = killed(3);
    w.series.renewed(w.now);
    w.live(9, 60.0 * 60.0, mended);
    assert_eq!(w.told, []);
    // In the same pod it is the same program: there it is told, and taken back when it goes otherwise.
    let mut w = killed(3);
    w.live(9, 60.0 * 60.0, mended);
    let tiers: Vec<Tier> = w.told.iter().map(|(_, tier)| *tier).collect();
    assert_eq!(tiers, [Tier::Page, Tier::Clear]);
}

#[test]
fn lives_that_ended_at_another_limit_tell_nothing() {
    let mut w = killed(3);
    w.limit = 4.0 * GIB;
    w.live(9, 25.0 * 60.0, |t| run(t) / 4.0);
    assert_eq!(w.told, []);
}
