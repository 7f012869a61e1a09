//! What the forecaster saw of containers whose fate is known: the lessons that the posterior learns from.
use super::super::{
    case::{Case, Row},
    drive::drive,
    method::{Method, Verdict},
};
use crate::bench::forecast::{class::Kind, score::HORIZON};
use crate::domain::forecast::{Exit, FEATURES, Past, Sample, Series, Tuning};

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

struct Eyes {
    series: Series,
    tuning: Tuning,
    /// Run, time, median time to the limit, features.
    seen: Vec<(u32, f64, f64, [f32; FEATURES])>,
    last: f64,
}

impl Method for Eyes {
    fn remember(&mut self, run: u32, past: &Past) {
        self.series.remember(u64::from(run), past, &self.tuning);
    }

    fn observe(&mut self, row: &Row) {
        let sample = Sample {
            t: row.t,
            used: row.used,
            limit: row.limit,
            cpu: row.cpu,
        };
        self.series
            .observe(u64::from(row.run), &sample, &self.tuning);
    }

    fn assess(&mut self, run: u32, now: f64) -> Verdict {
        let verdict = Verdict::from(&self.series.assess(u64::from(run), now, &self.tuning));
        let near = verdict.eta.is_some_and(|eta| eta < NEAR);
        if now - self.last >= if near { 60.0 } else { EVERY } - 1.0
            && let Some(e) = self.series.evidence(u64::from(run), now, &self.tuning)
        {
            self.last = now;
            self.seen.push((run, now, e.eta, e.features()));
        }
        verdict
    }

    fn ended(&mut self, run: u32, t: f64, exit: Exit) {
        self.series.ended(u64::from(run), t, exit, &self.tuning);
    }
}

/// The looks at a case. Those that nobody can judge are left out; each run counts with the root of the number of its looks.
pub fn looks(case: &Case) -> Vec<Look> {
    let mut eyes = Eyes {
        series: Series::new(case.priors.clone()),
        tuning: Tuning::default(),
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
        .filter_map(|(run, t, _, features)| {
            let end = case.ends.iter().find(|end| end.run == *run);
            let killed = end
                .filter(|end| end.exit == Exit::OomKilled)
                .map(|end| end.t - t);
            let open = match case.kind {
                Kind::Censored => true,
                Kind::Leak => end.is_none() && case.length - t < HORIZON,
                Kind::Spike | Kind::Healthy => false,
            };
            (!open || killed.is_some()).then(|| Look {
                features: *features,
                killed: case.kind != Kind::Spike && killed.is_some_and(|left| left <= HORIZON),
                weight: (count[*run as usize] as f32).sqrt().recip(),
            })
        })
        .collect()
}
