//! Readings that are missing, or far apart.
use super::properties::judge;
use super::*;

/// The last estimate of straight growth (share of the limit per hour), and of the same with an outage of the scraper before reading `at`
/// in which the level did not move: growth with a pause in it.
pub fn with_and_without_an_outage(rate: f64, base: f64, at: usize, minutes: f64) -> [Estimate; 2] {
    [0.0, minutes * 60.0].map(|gap| {
        let samples: Vec<_> = (0..360)
            .map(|i| {
                let t = i as f64 * 30.0;
                let level = (base + rate * t / 3600.0) * GIB;
                (if i < at { t } else { t + gap }, level)
            })
            .collect();
        let mut series = Series::new(Priors::default());
        let mut all = judge(&mut series, &samples, GIB, &Tuning::default());
        all.pop().expect("it was judged")
    })
}

#[test]
fn these_outages_once_made_a_kill_more_likely() {
    for (rate, base, at, minutes) in [
        (0.18028, 0.30451, 60, 6.0),
        (0.18538, 0.35159, 276, 22.063),
        (0.18523, 0.38213, 231, 12.525),
        (0.15731, 0.37526, 60, 12.559),
        (0.17839, 0.28823, 270, 25.260),
        (0.18971, 0.25876, 65, 39.222),
        (0.16953426947473452, 0.3345431494755138, 241, 6.0),
    ] {
        let [a, b] = with_and_without_an_outage(rate, base, at, minutes);
        assert!(b.tier <= a.tier, "{at}: {:?} > {:?}", b.tier, a.tier);
        assert!(b.p <= a.p.max(0.8) + 0.05, "{at}: {} > {}", b.p, a.p);
    }
}

/// A reading of the first replica, and a look at it so many seconds later.
fn reads(series: &mut Series, t: f64, used: f64, later: f64, tuning: &Tuning) -> Estimate {
    let sample = Sample {
        t,
        used,
        limit: GIB,
        cpu: None,
    };
    series.observe(1, &sample, tuning);
    series.assess(1, t + later, tuning)
}

#[test]
fn growth_that_goes_on_through_an_outage_set_in_when_it_began() {
    let (mut series, tuning) = (Series::new(Priors::default()), Tuning::default());
    let mut t = 0.0;
    for i in 0..360 {
        t = f64::from(i) * 30.0 + if i < 60 { 0.0 } else { 1800.0 };
        let used = (0.3 + 0.15 * t / 3600.0) * GIB;
        reads(&mut series, t, used, 0.0, &tuning);
    }
    let evidence = series.evidence(1, t, &tuning).expect("it grows");
    assert!(evidence.onset < 300.0, "{evidence:?}");
    assert_eq!(evidence.margin, None, "what was passed was not survived");
    assert!(evidence.hidden > 1700.0, "{evidence:?}");
}

#[test]
fn readings_at_odd_times_of_straight_growth_tell_its_end() {
    let (mut series, tuning) = (Series::new(Priors::default()), Tuning::default());
    let mut t = 0.0;
    for i in 0..40 {
        t += 200.0 + 17.0 * f64::from(i * 7 % 11);
        let used = (0.3 + 0.1 * t / 3600.0) * GIB;
        reads(&mut series, t, used, 0.0, &tuning);
    }
    let left = (0.7 - 0.1 * t / 3600.0) / 0.1 * 3600.0;
    let evidence = series.evidence(1, t, &tuning).expect("it grows");
    assert!(
        (evidence.eta / left - 1.0).abs() < 0.03,
        "{} {left}",
        evidence.eta
    );
}

#[test]
fn readings_that_are_always_far_apart_are_not_stale() {
    let (mut series, tuning) = (Series::new(Priors::default()), Tuning::default());
    let mut last = Estimate::default();
    for i in 0..40 {
        let t = f64::from(i) * 360.0;
        let used = (0.3 + 0.16 * t / 3600.0) * GIB;
        // Looked at just before the next one comes, always.
        last = reads(&mut series, t, used, 350.0, &tuning);
    }
    assert!(last.p > 0.5, "{last:?}");
}
