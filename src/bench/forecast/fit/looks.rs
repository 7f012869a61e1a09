//! What the forecaster saw of containers whose fate is known: the lessons that the posterior learns from.
use crate::bench::forecast::{
    case::{Case, Row},
    class::Kind,
    drive::drive,
    method::{Heal, Method, Verdict},
    score::{HORIZON, open},
};
use crate::domain::forecast::{Exit, FEATURES, Past};

/// Seconds between two looks that are kept: neighbours say the same.
const EVERY: f64 = 240.0;
/// A look at growth whose end is near is rare, and decides: it counts so much more.
const NEAR: f64 = 1800.0;

/// One look.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Look {
    /// What was seen.
    pub features: [f32; FEATURES],
    /// The run was killed at its limit within six hours.
    pub killed: bool,
    /// How much it counts.
    pub weight: f32,
}

/// The forecaster, and what it has seen.
struct Eyes {
    heal: Heal,
    /// Run, time, features.
    seen: Vec<(u32, f64, [f32; FEATURES])>,
    last: f64,
}

impl Method for Eyes {
    fn remember(&mut self, run: u32, past: &Past) {
        self.heal.remember(run, past);
    }

    fn observe(&mut self, row: &Row) {
        self.heal.observe(row);
    }

    fn assess(&mut self, run: u32, now: f64) -> Verdict {
        let verdict = self.heal.assess(run, now);
        let near = verdict.eta.is_some_and(|eta| eta < NEAR);
        if now - self.last >= if near { 60.0 } else { EVERY } - 1.0
            && let Some(e) = self.heal.evidence(run, now)
        {
            self.last = now;
            self.seen.push((run, now, e.features()));
        }
        verdict
    }

    fn ended(&mut self, run: u32, t: f64, exit: Exit) {
        self.heal.ended(run, t, exit);
    }
}

/// The looks at a case. Those that nobody can judge are left out; each run counts with the root of the number of its looks.
pub fn looks(case: &Case) -> Vec<Look> {
    let mut eyes = Eyes {
        heal: Heal::new(&case.priors),
        seen: Vec::new(),
        last: f64::NEG_INFINITY,
    };
    drive(case, &mut eyes);
    let runs = eyes.seen.last().map_or(0, |s| s.0 as usize + 1);
    let mut count = vec![0u32; runs];
    for (run, ..) in &eyes.seen {
        count[*run as usize] += 1;
    }
    eyes.seen
        .iter()
        .filter_map(|(run, t, features)| {
            let left = case.killed(*run).map(|at| at - t);
            let unknown = left.is_none() && open(case, *run, *t);
            (!unknown).then(|| Look {
                features: *features,
                killed: case.kind != Kind::Spike && left.is_some_and(|left| left <= HORIZON),
                weight: (count[*run as usize] as f32).sqrt().recip(),
            })
        })
        .collect()
}
