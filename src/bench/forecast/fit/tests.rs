use super::{looks::Look, *};
use crate::domain::forecast::{DIRECTIONS, FEATURES, sum};

/// Looks whose fate depends on the level (first feature, which may only raise) in a way that is noisy and dips in the middle.
fn lessons() -> Vec<Look> {
    let mut rng = crate::bench::forecast::rng::Rng::new(&[5]);
    (0..6000)
        .map(|_| {
            let mut features = [0.0; FEATURES];
            for x in &mut features {
                *x = rng.unit() as f32;
            }
            let level = f64::from(features[0]);
            let dip = if (0.5..0.6).contains(&level) {
                0.5
            } else {
                0.0
            };
            Look {
                features,
                killed: rng.chance((level - dip).clamp(0.02, 0.98)),
                weight: 1.0,
            }
        })
        .collect()
}

#[test]
fn what_decides_is_learned_and_what_does_not_is_left_alone() {
    let (base, trees) = grow(&lessons(), 60, 1);
    let at = |level: f32, other: f32| {
        let mut features = [other; FEATURES];
        features[0] = level;
        sum(base, &trees, &features)
    };
    assert!(at(0.9, 0.5) > 1.2, "{}", at(0.9, 0.5));
    assert!(at(0.1, 0.5) < -1.2, "{}", at(0.1, 0.5));
    assert!((at(0.9, 0.2) - at(0.9, 0.8)).abs() < 1.0);
}

#[test]
fn a_feature_never_moves_the_odds_against_its_direction() {
    assert_eq!(DIRECTIONS[0], 1);
    let (base, trees) = grow(&lessons(), 60, 1);
    for other in [0.1, 0.5, 0.9] {
        let odds: Vec<f64> = (0..=50)
            .map(|k| {
                let mut features = [other; FEATURES];
                features[0] = k as f32 / 50.0;
                sum(base, &trees, &features)
            })
            .collect();
        assert!(odds.windows(2).all(|w| w[1] >= w[0] - 1e-9), "{odds:?}");
    }
}

#[test]
fn the_same_lessons_give_the_same_source() {
    let lessons = lessons();
    let text = |seed| {
        let (base, trees) = grow(&lessons, 3, seed);
        write(base, &trees)
    };
    assert_eq!(text(1), text(1));
    assert_ne!(text(1), text(2));
    assert!(text(1).contains("pub static TREES: [Tree; 3]"));
}

#[test]
fn looks_that_nobody_can_judge_are_no_lessons() {
    let options = Options {
        history: false,
        priors: true,
    };
    assert!(looks(&generate(Class::BeyondHorizon, 1, 0, options)).is_empty());
    let linear = looks(&generate(Class::Linear, 1, 0, options));
    assert!(linear.iter().any(|l| l.killed));
    let spike = looks(&generate(Class::Spike, 1, 1, options));
    assert!(spike.iter().all(|l| !l.killed));
}
