//! Memory that is gone all at once: a task that is done, a restart, or a kill.
use super::*;

/// A task of three quarters of two hours that needs so much, again and again.
fn task(top: f64) -> impl Fn(f64) -> f64 {
    move |t| {
        let into = (t / (2.0 * HOUR)).fract();
        0.1 + (top - 0.1) * if into < 0.75 { into / 0.75 } else { 0.0 }
    }
}

/// What is known to be survived, as a share of the limit.
fn survived(w: &Watch) -> f64 {
    (w.last.survived.unwrap_or(0.0) / GIB * 100.0).round() / 100.0
}

#[test]
fn a_task_that_is_done_again_and_again_in_one_process_is_known_after_the_first_time() {
    for top in [0.8, 0.9, 0.94] {
        let mut w = Watch::new(Priors::default());
        w.live(1, 2.0 * HOUR, task(top));
        w.live(1, 1.0 * HOUR, task(top));
        w.told.clear();
        w.live(1, 0.9 * HOUR, |_| 0.1);
        w.live(1, 12.0 * HOUR, task(top));
        assert_eq!(w.told, [], "up to {top}");
        assert!(survived(&w) >= top - 0.02, "{top}: {}", survived(&w));
    }
}

#[test]
fn a_kill_that_is_told_after_the_fall_was_seen_is_no_survival() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 3.0 * HOUR, |t| 0.1 + 0.82 * t / (3.0 * HOUR));
    w.live(1, 120.0, |_| 0.1).end(1, Exit::OomKilled);
    w.live(2, 1.0 * HOUR, |_| 0.1);
    assert!(survived(&w) < 0.5, "{}", survived(&w));
}

#[test]
fn a_fall_from_the_very_limit_may_be_the_kill_of_a_child() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 3.0 * HOUR, |t| 0.1 + 0.88 * t / (3.0 * HOUR));
    w.live(1, 3.0 * HOUR, |_| 0.1);
    assert!(survived(&w) < 0.5, "{}", survived(&w));
}

#[test]
fn where_nobody_tells_restarts_a_fall_from_near_the_limit_may_be_a_kill() {
    let mut w = Watch::new(Priors::default());
    w.tuning.restarts_told = false;
    w.live(1, 3.0 * HOUR, |t| 0.1 + 0.82 * t / (3.0 * HOUR));
    w.live(1, 3.0 * HOUR, |_| 0.1);
    assert!(survived(&w) < 0.5, "{}", survived(&w));
}

#[test]
fn a_run_that_ended_near_the_limit_for_an_unknown_reason_proves_only_what_it_has_held() {
    let ended = |level: fn(f64) -> f64| {
        let mut w = Watch::new(Priors::default());
        w.live(1, 6.0 * HOUR, level);
        w.series.ended(1, w.now, Exit::Unknown, &w.tuning);
        w.live(2, 0.5 * HOUR, |_| 0.1);
        survived(&w)
    };
    assert_eq!(ended(|t| 0.1 + 0.84 * (t / HOUR).min(1.0)), 0.94);
    let jump = |t: f64| if t < 5.9 * HOUR { 0.5 } else { 0.96 };
    assert_eq!(ended(jump), 0.88);
}
