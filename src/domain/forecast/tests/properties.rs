//! What holds for every life of a container.
use super::outages::with_and_without_an_outage;
use super::*;
use proptest::prelude::*;

/// A made-up life: flat, then growth, with noise.
fn life() -> impl Strategy<Value = (Vec<(f64, f64)>, f64)> {
    (
        0.05..0.6f64,
        0.0..0.4f64,
        0.0..0.01f64,
        100usize..700,
        0u64..1000,
    )
        .prop_map(|(base, rate, noise, n, seed)| {
            let mut x = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
            let mut samples = Vec::new();
            for i in 0..n {
                x ^= x << 13;
                x ^= x >> 7;
                x ^= x << 17;
                let unit = (x >> 11) as f64 / (1u64 << 53) as f64 - 0.5;
                let t = i as f64 * 32.0;
                let level = base + rate * (t / 3600.0) + noise * unit;
                samples.push((t, level.clamp(0.01, 0.999) * GIB));
            }
            (samples, GIB)
        })
}

/// Feeds samples and judges each minute or so; all estimates.
pub fn judge(
    series: &mut Series,
    samples: &[(f64, f64)],
    limit: f64,
    tuning: &Tuning,
) -> Vec<Estimate> {
    let mut all = Vec::new();
    for (i, (t, used)) in samples.iter().enumerate() {
        series.observe(
            1,
            &Sample {
                t: *t,
                used: *used,
                limit,
                cpu: None,
            },
            tuning,
        );
        if i % 2 == 1 {
            all.push(series.assess(1, *t, tuning));
        }
    }
    all
}

fn decisions(all: &[Estimate]) -> Vec<(Tier, f64, Option<f64>)> {
    all.iter().map(|e| (e.tier, e.p, e.eta_s)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_handful_of_samples_is_no_forecast((samples, limit) in life()) {
        let all = judge(&mut Series::new(Priors::default()), &samples[..7], limit, &Tuning::default());
        prop_assert!(all.iter().all(|e| e.tier == Tier::Clear && e.p == 0.0 && e.eta_s.is_none()));
    }

    #[test]
    fn more_memory_with_more_limit_is_the_same((samples, limit) in life(), power in -6i32..7) {
        let by = 2f64.powi(power);
        let more: Vec<_> = samples.iter().map(|(t, used)| (*t, used * by)).collect();
        let tuning = Tuning::default();
        let one = judge(&mut Series::new(Priors::default()), &samples, limit, &tuning);
        let two = judge(&mut Series::new(Priors::default()), &more, limit * by, &tuning);
        prop_assert_eq!(decisions(&one), decisions(&two));
    }

    #[test]
    fn a_faster_clock_with_a_faster_pace_is_the_same((samples, limit) in life()) {
        let pace = 1.0 / 64.0;
        let fast: Vec<_> = samples.iter().map(|(t, used)| (t * pace, *used)).collect();
        let slow = judge(&mut Series::new(Priors::default()), &samples, limit, &Tuning::default());
        let quick = judge(&mut Series::new(Priors::default()), &fast, limit, &Tuning { pace, ..Tuning::default() });
        for (a, b) in slow.iter().zip(&quick) {
            prop_assert_eq!(a.tier, b.tier);
            prop_assert!((a.p - b.p).abs() < 1e-6);
        }
    }

    #[test]
    fn the_order_within_a_scrape_does_not_matter((samples, limit) in life()) {
        let tuning = Tuning::default();
        let (mut one, mut two) = (Series::new(Priors::default()), Series::new(Priors::default()));
        let mut last = Vec::new();
        for (i, (t, used)) in samples.iter().enumerate() {
            let scrape = [(1, *used), (2, used * 0.9), (1, used * 0.99), (3, used * 0.5)];
            for (replica, used) in scrape {
                one.observe(replica, &Sample { t: *t, used, limit, cpu: None }, &tuning);
            }
            for (replica, used) in scrape.iter().rev() {
                two.observe(*replica, &Sample { t: *t, used: *used, limit, cpu: None }, &tuning);
            }
            if i % 2 == 1 {
                last = (1..=3).map(|r| (one.assess(r, *t, &tuning), two.assess(r, *t, &tuning))).collect();
            }
        }
        for (a, b) in last {
            prop_assert_eq!(a, b);
        }
    }

    #[test]
    fn a_restart_of_heal_changes_nothing((samples, limit) in life(), cut in 0usize..600) {
        let tuning = Tuning::default();
        let cut = cut.min(samples.len()) / 2 * 2;
        let whole = judge(&mut Series::new(Priors::default()), &samples, limit, &tuning);
        let mut series = Series::new(Priors::default());
        let mut parts = judge(&mut series, &samples[..cut], limit, &tuning);
        let mut series = Series::from_bytes(&series.to_bytes(), Priors::default()).expect("its own bytes");
        parts.extend(judge(&mut series, &samples[cut..], limit, &tuning));
        prop_assert_eq!(whole, parts);
    }

    #[test]
    fn silence_never_makes_a_kill_more_likely((samples, limit) in life(), minutes in 6u32..600) {
        let tuning = Tuning::default();
        let mut series = Series::new(Priors::default());
        let all = judge(&mut series, &samples, limit, &tuning);
        let (Some(last), Some((t, _))) = (all.last(), samples.last()) else { return Ok(()) };
        for m in 6..minutes {
            let later = series.assess(1, t + f64::from(m) * 60.0, &tuning);
            prop_assert!(later.p <= last.p + 1e-6, "{} > {}", later.p, last.p);
        }
    }

    #[test]
    fn an_outage_of_the_scraper_never_makes_a_kill_more_likely(
        rate in 0.05..0.19f64, base in 0.1..0.4f64, at in 60usize..300, minutes in 6.0..90.0f64,
    ) {
        let [a, b] = with_and_without_an_outage(rate, base, at, minutes);
        prop_assert!(b.tier <= a.tier, "{:?} > {:?}", b.tier, a.tier);
        // The pause changes the context (how much is known, how old the growth is), and so what is far from being told.
        prop_assert!(b.p <= a.p.max(0.8) + 0.05, "{} > {}", b.p, a.p);
    }

    #[test]
    fn a_limit_that_is_further_away_never_makes_a_kill_more_likely((samples, limit) in life(), more in 0.01..1.0f64) {
        // The same bytes below a higher limit: a constant is added to the gap.
        let tuning = Tuning::default();
        let (mut near, mut far) = (Series::new(Priors::default()), Series::new(Priors::default()));
        let near = judge(&mut near, &samples, limit, &tuning);
        let far = judge(&mut far, &samples, limit * (1.0 + more), &tuning);
        // Whether a trend is seen at one moment depends on noise: what has been said so far is compared.
        let (mut most, mut told) = (0.0f64, Tier::Clear);
        for (a, b) in near.iter().zip(&far) {
            (most, told) = (most.max(a.p), told.max(a.tier));
            prop_assert!(b.p <= most.max(0.5) + 0.05, "{} > {most}", b.p);
            prop_assert!(b.tier <= told, "{:?} > {told:?}", b.tier);
        }
    }

    #[test]
    fn garbage_never_panics(
        input in prop::collection::vec((any::<f64>(), any::<f64>(), any::<f64>(), 0u8..8, 0u64..4), 0..200),
        bytes in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let tuning = Tuning::default();
        let mut series = Series::new(Priors::default());
        for (t, used, limit, what, replica) in input {
            match what {
                0..=3 => series.observe(replica, &Sample { t, used, limit, cpu: Some(used) }, &tuning),
                4 => series.remember(replica, &Past { t, span: limit, mean: used, max: used, limit }, &tuning),
                5 => series.ended(replica, t, Exit::OomKilled, &tuning),
                6 => series.ended(replica, t, Exit::Unknown, &tuning),
                _ => {
                    series.assess(replica, t, &tuning);
                    series.history(replica, t, 240, &tuning);
                    series.fan(replica, t, 24, &tuning);
                }
            }
        }
        if !series.to_bytes().is_empty() {
            let _ = Series::from_bytes(&series.to_bytes(), Priors::default());
        }
        prop_assert!(Series::from_bytes(&bytes, Priors::default()).is_none());
    }
}
