use super::super::{case::Row, method::Verdict};
use super::*;
use crate::domain::forecast::{Exit, Tier};

/// Feeds a level (of a limit of 1000) for each minute, and gives the verdict of each.
fn verdicts(method: &mut dyn Method, levels: impl IntoIterator<Item = f64>) -> Vec<Verdict> {
    levels
        .into_iter()
        .enumerate()
        .map(|(minute, level)| {
            let t = 60.0 * minute as f64;
            method.observe(&Row {
                t,
                run: 0,
                used: 0.0,
                working_set: level,
                limit: 1000.0,
                cpu: None,
            });
            method.assess(0, t)
        })
        .collect()
}

fn first(verdicts: &[Verdict]) -> Option<usize> {
    verdicts.iter().position(|v| v.tier > Tier::Clear)
}

#[test]
fn a_threshold_waits_until_the_level_has_held() {
    let mut method = Threshold::new(0.8, 120.0);
    let told = verdicts(
        &mut method,
        [700.0, 810.0, 810.0, 700.0, 810.0, 810.0, 810.0],
    );
    assert_eq!(first(&told), Some(6));
    method.ended(0, 500.0, Exit::Unknown);
    assert_eq!(first(&verdicts(&mut method, [810.0, 810.0])), None);
}

#[test]
fn a_line_knows_when_it_meets_the_limit() {
    // 1 per minute from 500: 400 minutes from 600 on.
    let rising = (0..=100).map(|minute| 500.0 + f64::from(minute));
    for method in [
        &mut PredictLinear::new(None) as &mut dyn Method,
        &mut LastN::new(60, 0.7),
    ] {
        let told = verdicts(method, rising.clone());
        assert_eq!(first(&told), None, "more than four hours");
        method.ended(0, 0.0, Exit::Unknown);
        let told = verdicts(method, rising.clone().map(|level| level * 2.0 - 300.0));
        // 2 per minute; at minute 100 the level is 900.
        let last = told.last().and_then(|v| v.eta).unwrap();
        assert!((last - 50.0 * 60.0).abs() < 1.0, "{last}");
    }
}

#[test]
fn the_guard_keeps_a_line_silent_below_its_level() {
    let guard = Guard {
        level: 0.8,
        hold: 900.0,
    };
    let rising = (0..200).map(|minute| 500.0 + 2.0 * f64::from(minute));
    let told = verdicts(&mut PredictLinear::new(Some(guard)), rising);
    // Above 800 from minute 151 on, and 15 minutes later it has held.
    assert_eq!(first(&told), Some(166));
}

#[test]
fn a_significant_trend_is_followed_to_the_limit_and_noise_is_not() {
    let rising = (0..180).map(|minute| 500.0 + 2.0 * f64::from(minute));
    let told = verdicts(&mut MannKendall::default(), rising);
    // The first hour gives too few means; then it fires.
    assert_eq!(first(&told), Some(60));
    let last = told.last().and_then(|v| v.eta).unwrap();
    assert!((last - 71.0 * 60.0).abs() < 180.0, "{last}");
    let noise = (0..300).map(|minute| 900.0 + f64::from((minute * 7919) % 23));
    assert_eq!(first(&verdicts(&mut MannKendall::default(), noise)), None);
}
