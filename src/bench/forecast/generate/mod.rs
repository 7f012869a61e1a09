//! Makes series of all classes. The same seed, class and number give the same bytes on every platform and for every other number
//! of series.
mod healthy;
mod leaks;
mod life;
mod part;

pub use life::PAST_SPAN;

use super::{
    case::Case,
    class::{Class, Kind},
    rng::Rng,
};
use crate::domain::forecast::Priors;
use life::{Ending, Noise, Plan, Program};
use part::Part;

/// What to make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// With the history of the workload before the recording.
    pub history: bool,
    /// With what a cluster knows of the workload: owner kind, heap cap.
    pub priors: bool,
}

const MINUTE: f64 = 60.0;
const HOUR: f64 = 3600.0;

/// Series number `index` of a class.
pub fn generate(class: Class, seed: u64, index: u64, options: Options) -> Case {
    let mut rng = Rng::new(&[seed, class.number(), index]);
    let mut plan = frame(&mut rng);
    if matches!(class.kind(), Kind::Leak | Kind::Spike | Kind::Censored) {
        leaks::draw(class, &mut plan, &mut rng);
    } else {
        healthy::draw(class, &mut plan, &mut rng);
    }
    let name = format!("{class:?}-{index:04}").to_lowercase();
    let mut case = life::live(class, name, &plan, &mut rng);
    if !options.history {
        case = case.cold();
    }
    if !options.priors {
        case.priors = Priors::default();
    }
    case
}

/// What all classes draw alike.
fn frame(rng: &mut Rng) -> Plan {
    let length = rng.between(8.0, 24.0) * HOUR;
    let spacing = rng.pick(15.0, &[30.0, 60.0]);
    let gaps = (0..rng.pick(0, &[0, 1, 2, 3]))
        .map(|_| {
            (
                rng.between(0.0, length),
                rng.scale(2.0 * MINUTE, 25.0 * MINUTE),
            )
        })
        .collect();
    let mebibytes = rng.pick(
        64.0,
        &[
            96.0, 128.0, 192.0, 256.0, 384.0, 512.0, 768.0, 1024.0, 1536.0, 2048.0, 4096.0, 8192.0,
        ],
    );
    let nothing = Program {
        parts: Vec::new(),
        ceiling: f64::INFINITY,
        ending: Ending::Never,
    };
    Plan {
        limit: mebibytes * 1024.0 * 1024.0,
        spacing: (spacing, rng.between(0.0, 0.1)),
        missed: rng.pick(0.0, &[0.002, 0.02]),
        gaps,
        length,
        // Whole steps of the back-fill, so that the recording begins at 0.
        history: (rng.between(50.0, 74.0) * 12.0).round() * PAST_SPAN,
        before: nothing.clone(),
        after: nothing,
        rollout: None,
        kills: 1,
        noise: Noise {
            slow: (rng.scale(0.001, 0.012), rng.scale(MINUTE, 20.0 * MINUTE)),
            fast: rng.scale(0.0003, 0.004),
            outlier: (
                rng.scale(0.002, 0.02),
                rng.scale(3.0 * MINUTE, 60.0 * MINUTE),
            ),
        },
        cache: (rng.between(0.0, 0.3), rng.scale(0.5 * HOUR, 6.0 * HOUR)),
        cpu: Some(rng.scale(0.005, 2.0)).filter(|mean| *mean > 0.03),
        priors: Priors::default(),
    }
}

/// A program that runs until it is replaced.
fn service(parts: Vec<Part>) -> Program {
    Program {
        parts,
        ceiling: f64::INFINITY,
        ending: Ending::Never,
    }
}
