//! What is compared: anything that watches one container and says whether it will be killed.
use super::case::Row;
use crate::domain::forecast::{Estimate, Evidence, Exit, Past, Priors, Series, Tier, Tuning};

/// What a method says at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Verdict {
    /// How loudly it warns.
    pub tier: Tier,
    /// Its probability of a kill; 0 or 1 for methods that know no other.
    pub p: f64,
    /// Seconds until the kill, if it gives them.
    pub eta: Option<f64>,
    /// Its 90 % interval, if it gives one.
    pub interval: Option<(f64, f64)>,
}

impl Verdict {
    /// An alarm or none, with an expected time.
    pub fn of(alarm: bool, eta: Option<f64>) -> Self {
        Self {
            tier: if alarm { Tier::Notice } else { Tier::Clear },
            p: f64::from(u8::from(alarm)),
            eta: eta.filter(|_| alarm),
            interval: None,
        }
    }
}

impl From<&Estimate> for Verdict {
    fn from(estimate: &Estimate) -> Self {
        Self {
            tier: estimate.tier,
            p: estimate.p,
            eta: estimate.eta_s,
            interval: estimate.eta_lo_s.zip(estimate.eta_hi_s),
        }
    }
}

/// Watches one container.
pub trait Method {
    /// Five minutes of the time before.
    fn remember(&mut self, _run: u32, _past: &Past) {}
    /// A reading.
    fn observe(&mut self, row: &Row);
    /// What is to be expected now; asked for once a minute.
    fn assess(&mut self, run: u32, now: f64) -> Verdict;
    /// A run ended. Everybody is told of restarts for nothing.
    fn ended(&mut self, run: u32, t: f64, exit: Exit);
}

/// Heal's own.
pub struct Heal {
    series: Series,
    tuning: Tuning,
}

impl Heal {
    /// With the settings of production.
    pub fn new(priors: &Priors) -> Self {
        Self {
            series: Series::new(priors.clone()),
            tuning: Tuning::default(),
        }
    }

    /// What its verdict about a run rests on; `None` when nothing grows.
    pub fn evidence(&self, run: u32, now: f64) -> Option<Evidence> {
        self.series.evidence(u64::from(run), now, &self.tuning)
    }
}

impl Method for Heal {
    fn remember(&mut self, run: u32, past: &Past) {
        self.series.remember(u64::from(run), past, &self.tuning);
    }

    fn observe(&mut self, row: &Row) {
        let sample = crate::domain::forecast::Sample {
            t: row.t,
            used: row.used,
            limit: row.limit,
            cpu: row.cpu,
        };
        self.series
            .observe(u64::from(row.run), &sample, &self.tuning);
    }

    fn assess(&mut self, run: u32, now: f64) -> Verdict {
        Verdict::from(&self.series.assess(u64::from(run), now, &self.tuning))
    }

    fn ended(&mut self, run: u32, t: f64, exit: Exit) {
        self.series.ended(u64::from(run), t, exit, &self.tuning);
    }
}
