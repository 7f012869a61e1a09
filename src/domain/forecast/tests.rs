//! The forecaster as it is used: sentences about containers.
use super::*;
mod crash_loops;
mod falls;
mod outages;
mod properties;

const GIB: f64 = 1024.0 * 1024.0 * 1024.0;
const HOUR: f64 = 3600.0;

/// A container that is watched every 30 s and judged every minute.
struct Watch {
    series: Series,
    tuning: Tuning,
    now: f64,
    limit: f64,
    last: Estimate,
    told: Vec<(f64, Tier)>,
}

impl Watch {
    fn new(priors: Priors) -> Self {
        Self {
            series: Series::new(priors),
            tuning: Tuning::default(),
            now: 0.0,
            limit: GIB,
            last: Estimate::default(),
            told: Vec::new(),
        }
    }

    /// Lives for so long at `level(seconds since then)`, a share of the limit.
    fn live(&mut self, replica: u64, seconds: f64, level: impl Fn(f64) -> f64) -> &mut Self {
        let from = self.now;
        while self.now < from + seconds {
            self.now += 30.0;
            // A little noise that is the same in every test.
            let noise = 0.002 * (self.now * 0.7).sin();
            let used = (level(self.now - from) + noise).max(0.01) * self.limit;
            let sample = Sample {
                t: self.now,
                used,
                limit: self.limit,
                cpu: None,
            };
            self.series.observe(replica, &sample, &self.tuning);
            if self.now % 60.0 == 0.0 {
                let before = self.last.tier;
                self.last = self.series.assess(replica, self.now, &self.tuning);
                if self.last.tier != before {
                    self.told.push((self.now, self.last.tier));
                }
            }
        }
        self
    }

    fn end(&mut self, replica: u64, exit: Exit) -> &mut Self {
        self.series.ended(replica, self.now, exit, &self.tuning);
        self.last = Estimate::default();
        self
    }

    fn first(&self, tier: Tier) -> Option<f64> {
        self.told.iter().find(|(_, t)| *t >= tier).map(|(t, _)| *t)
    }
}

/// Grows from 20 % to the limit in six hours.
fn leak(t: f64) -> f64 {
    0.2 + 0.8 * t / (6.0 * HOUR)
}

fn job() -> Priors {
    Priors {
        owner: OwnerKind::Job,
        cap: None,
    }
}

fn capped(mebibytes: f64, written: &str) -> Priors {
    let cap = Cap {
        bytes: mebibytes * 1024.0 * 1024.0,
        written: written.to_owned(),
    };
    Priors {
        owner: OwnerKind::Service,
        cap: Some(cap),
    }
}

#[test]
fn a_leak_after_a_quiet_release_is_called_more_than_an_hour_before_the_kill() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 30.0 * HOUR, |_| 0.2).end(1, Exit::Unknown);
    w.live(2, 5.95 * HOUR, leak);
    let page = w.first(Tier::Page).expect("a page");
    let killed = 36.0 * HOUR;
    assert!(killed - page > HOUR, "{:.0} min", (killed - page) / 60.0);
    let e = &w.last;
    let left = killed - w.now;
    let told = e.eta_lo_s.zip(e.eta_hi_s).expect("an interval");
    assert!((told.0..=told.1).contains(&left), "{told:?} {left}");
    assert!(e.leak_proved && !e.killed_before);
    insta::assert_snapshot!(e.why, @"rising 2.3 MiB/min for 5 h 36 min; never above 20 % in the last 1 d 11 h");
}

#[test]
fn the_first_fill_of_a_cache_is_no_page() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 16.0 * HOUR, |t| 0.2 + 0.6 * (t / (4.0 * HOUR)).min(1.0));
    assert_eq!(w.first(Tier::Page), None);
}

#[test]
fn a_level_that_was_survived_is_not_told_again() {
    let day = |t: f64| 0.55 + 0.35 * (t / (24.0 * HOUR) * std::f64::consts::TAU).sin();
    let mut w = Watch::new(Priors::default());
    w.live(1, 48.0 * HOUR, day);
    w.told.clear();
    w.live(1, 48.0 * HOUR, day);
    assert_eq!(w.told, []);
}

#[test]
fn a_job_that_ended_well_at_ninety_percent_may_go_there_again() {
    let run = |t: f64| 0.2 + 0.7 * t / (3.0 * HOUR);
    let mut w = Watch::new(job());
    w.live(1, 3.0 * HOUR, run).end(1, Exit::Completed);
    assert_eq!(w.told, [], "a first run of a job is no alarm");
    let mut w = Watch::new(Priors::default());
    w.live(1, 3.0 * HOUR, run).end(1, Exit::Completed);
    w.told.clear();
    w.live(2, 3.0 * HOUR, run);
    assert_eq!(w.told, []);
}

#[test]
fn a_run_after_two_kills_is_told_early() {
    let mut w = Watch::new(Priors::default());
    let fast = |t: f64| 0.3 + 0.7 * t / (0.9 * HOUR);
    w.live(1, 0.9 * HOUR, fast).end(1, Exit::OomKilled);
    w.live(2, 0.9 * HOUR, fast).end(2, Exit::OomKilled);
    w.told.clear();
    let began = w.now;
    w.live(3, 0.6 * HOUR, fast);
    let told = w.first(Tier::Page).expect("a page");
    assert!(
        told - began < 0.3 * HOUR,
        "{:.0} min",
        (told - began) / 60.0
    );
    assert!(w.last.killed_before && w.last.leak_proved);
}

#[test]
fn growth_below_a_cap_of_the_heap_is_left_in_peace() {
    let fill = |t: f64| 0.15 + 0.75 * (t / (5.0 * HOUR)).min(1.0);
    let mut w = Watch::new(capped(0.9 * 1024.0, "GOMEMLIMIT=922MiB"));
    w.live(1, 8.0 * HOUR, fill);
    assert_eq!(w.first(Tier::Page), None);
    let mut w = Watch::new(capped(2048.0, "-Xmx2g"));
    w.live(1, 40.0 * HOUR, |_| 0.2).end(1, Exit::Unknown);
    w.live(2, 5.9 * HOUR, leak);
    assert!(
        w.first(Tier::Page).is_some(),
        "a cap above the limit comforts nobody"
    );
}

#[test]
fn siblings_that_live_at_a_level_vouch_for_it() {
    let fill = |t: f64| 0.2 + 0.68 * (t / (3.0 * HOUR)).min(1.0);
    let mut w = Watch::new(Priors::default());
    w.live(1, 20.0 * HOUR, fill);
    w.told.clear();
    w.last = Estimate::default();
    w.live(2, 6.0 * HOUR, fill);
    assert_eq!(w.told, []);
    // The same fill beside a sibling that was never as high.
    let mut w = Watch::new(Priors::default());
    w.live(1, 20.0 * HOUR, |_| 0.2);
    w.last = Estimate::default();
    w.live(2, 6.0 * HOUR, fill);
    assert!(w.first(Tier::Notice).is_some(), "nobody vouches for it");
}

#[test]
fn a_raised_limit_takes_the_forecast_back() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 30.0 * HOUR, |_| 0.2).end(1, Exit::Unknown);
    w.live(2, 5.5 * HOUR, leak);
    assert!(w.last.tier > Tier::Clear);
    w.limit = 4.0 * GIB;
    w.live(2, HOUR, |t| leak(5.5 * HOUR + t) / 4.0);
    assert_eq!(w.last.tier, Tier::Clear);
    assert!(w.last.rate > 0.0, "what was learned of the growth is kept");
}

#[test]
fn growth_that_stops_is_taken_back() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 30.0 * HOUR, |_| 0.2).end(1, Exit::Unknown);
    w.live(2, 12.0 * HOUR, |t| leak(t).min(0.93));
    assert!(w.first(Tier::Notice).is_some());
    assert_eq!(w.last.tier, Tier::Clear);
}

#[test]
fn a_restart_that_nobody_told_of_is_not_regressed_over() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 20.0 * HOUR, |_| 0.6);
    w.live(1, 2.0 * HOUR, |t| 0.1 + 0.5 * (1.0 - (-t / 600.0).exp()));
    assert_eq!(w.told, []);
    assert_eq!(w.last.survived.map(|s| (s / GIB * 10.0).round()), Some(6.0));
}

#[test]
fn a_back_fill_primes_what_is_known() {
    let tuning = Tuning::default();
    let mut series = Series::new(Priors::default());
    for i in 1..=576 {
        let t = f64::from(i) * 300.0;
        let level = 0.5 + 0.3 * (t / (8.0 * HOUR) * std::f64::consts::TAU).sin();
        let past = Past {
            t,
            span: 300.0,
            mean: level * GIB,
            max: (level + 0.02) * GIB,
            limit: GIB,
        };
        series.remember(7, &past, &tuning);
    }
    series.observe(
        7,
        &Sample {
            t: 576.5 * 300.0,
            used: 0.5 * GIB,
            limit: GIB,
            cpu: None,
        },
        &tuning,
    );
    let e = series.assess(7, 576.5 * 300.0, &tuning);
    assert!(
        (e.history_s / HOUR - 48.0).abs() < 0.5,
        "{}",
        e.history_s / HOUR
    );
    let history = series.history(7, 576.5 * 300.0, 240, &tuning);
    assert!(
        history.len() <= 240 && history.len() > 40,
        "{}",
        history.len()
    );
    assert!(history.windows(2).all(|w| w[0].0 < w[1].0));
    let top = history.iter().map(|h| h.2).fold(0.0, f64::max) / GIB;
    assert!((top - 0.82).abs() < 0.01, "{top}");
}

#[test]
fn what_is_unknown_is_clear() {
    let mut series = Series::new(Priors::default());
    let tuning = Tuning::default();
    assert_eq!(series.assess(1, 0.0, &tuning), Estimate::default());
    assert_eq!(series.needed_limit(1, 0.0, HOUR, &tuning), None);
    assert!(series.fan(1, 0.0, 24, &tuning).is_empty());
    for bad in [f64::NAN, f64::INFINITY, -1.0, 0.0] {
        series.observe(
            1,
            &Sample {
                t: 30.0,
                used: GIB,
                limit: bad,
                cpu: None,
            },
            &tuning,
        );
    }
    assert_eq!(series.assess(1, 60.0, &tuning), Estimate::default());
}

#[test]
fn the_fan_rises_and_the_needed_limit_is_above_it() {
    let mut w = Watch::new(Priors::default());
    w.live(1, 30.0 * HOUR, |_| 0.2).end(1, Exit::Unknown);
    w.live(2, 5.0 * HOUR, leak);
    let fan = w.series.fan(2, w.now, 24, &w.tuning);
    assert_eq!(fan.len(), 24);
    assert!(fan.iter().all(|(_, a, b, c)| a <= b && b <= c));
    assert!(fan.windows(2).all(|f| f[0].0 < f[1].0 && f[0].2 <= f[1].2));
    let needed = w
        .series
        .needed_limit(2, w.now, 24.0 * HOUR, &w.tuning)
        .expect("a limit");
    // 0.8 GiB in six hours, for 24 hours more.
    assert!((3.9..6.5).contains(&(needed / GIB)), "{}", needed / GIB);
}

#[test]
fn a_week_of_a_replica_is_kept_in_one_and_a_half_kilobytes() {
    let tuning = Tuning::default();
    let mut series = Series::new(Priors::default());
    for i in 1..=2016 {
        let odd = f64::from(i * 7919 % 9973) / 9973.0;
        let past = Past {
            t: f64::from(i) * 300.0,
            span: 300.0,
            mean: (0.4 + 0.1 * odd) * GIB,
            max: (0.5 + 0.2 * odd) * GIB,
            limit: GIB,
        };
        series.remember(1, &past, &tuning);
    }
    let bytes = series.to_bytes();
    assert!((900..1536).contains(&bytes.len()), "{}", bytes.len());
    let stored = Series::from_bytes(&bytes, Priors::default()).expect("its own bytes");
    let history = |of: &Series| of.history(1, 2017.0 * 300.0, 240, &tuning);
    assert_eq!(history(&stored), history(&series));
    assert_eq!(stored.to_bytes(), bytes);
}

#[test]
fn damaged_bytes_are_not_read() {
    let mut w = Watch::new(Priors::default());
    w.live(1, HOUR, leak);
    let bytes = w.series.to_bytes();
    assert!(Series::from_bytes(&bytes, Priors::default()).is_some());
    for i in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[i] ^= 0x10;
        assert!(
            Series::from_bytes(&damaged, Priors::default()).is_none(),
            "byte {i}"
        );
        assert!(
            Series::from_bytes(&bytes[..i], Priors::default()).is_none(),
            "cut at {i}"
        );
    }
}
