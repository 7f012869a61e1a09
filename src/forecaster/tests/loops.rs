//! After a kill: the container that is started again, and the pod that takes its place.
use super::*;

/// How long a run lives, in seconds.
const LIFE: f64 = 95.0 * 60.0;
/// A start-up is under way at this age.
const EARLY: f64 = 25.0 * 60.0;

impl World {
    /// A run of this pod's container: a start-up, and a leak beside it.
    fn leaks(&mut self, pod: &str, seconds: f64) {
        let began = self.now;
        while self.now < began + seconds {
            let t = self.now - began;
            let level = 0.15 + 0.25 * (1.0 - (-t / 300.0).exp()) + 0.6 * t / LIFE;
            self.reads(&[(pod, 64.0 * level)]);
        }
    }

    fn is_told(&self) -> bool {
        self.ledger.standing() != (0, 0)
    }
}

#[test]
fn the_container_that_is_started_again_is_told_of_by_the_life_of_the_run_before() {
    let mut w = World::new();
    w.hears(&pod("a", Some(64.0)));
    w.leaks("a", LIFE);
    w.hears(&restarted("a", end(0, "OOMKilled", 137, w.now), w.now));
    w.reads(&[("a", 10.0)]);
    assert!(!w.is_told());
    w.leaks("a", EARLY);
    assert!(w.is_told());
}

#[test]
fn a_pod_that_takes_its_place_may_be_mended_and_is_judged_by_itself() {
    let mut w = World::new();
    w.hears(&pod("a", Some(64.0)));
    w.leaks("a", LIFE);
    w.hears(&restarted("a", end(0, "OOMKilled", 137, w.now), w.now));
    w.ledger.news(PodNews::PodGone("uid-a".to_owned()), w.now);
    w.hears(&pod("b", Some(64.0)));
    w.leaks("b", EARLY);
    assert!(!w.is_told());
}
