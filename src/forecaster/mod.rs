//! The task that owns all series: it reads memory figures at every interval, hears of pods from the watches, and tells the
//! engine what is to be expected.
//!
//! Reading order: [`Ledger`] (what is known, and what there is to tell; no input, no output, no clock), `line` (one container
//! of one workload), `readings`, `past` and `usual` (back-fill), `keep` (what is stored), and the task itself.
mod keep;
mod ledger;
mod line;
mod names;
mod oddities;
mod past;
mod pods;
mod readings;
mod refs;
mod task;
#[cfg(test)]
mod tests;
mod time;
mod usual;

pub use ledger::Ledger;
pub use task::{Forecaster, Parts};

use crate::domain::forecast::{Tier, Tuning};

/// How forecasts are made.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    /// Time between two readings, in seconds.
    pub interval: f64,
    /// How far into the past the first start looks, in seconds; 0 for not at all.
    pub backfill: f64,
    /// The rules of the forecasts themselves.
    pub tuning: Tuning,
    /// The tier from which on a forecast gets a card; `None`: none ever does.
    pub cards: Option<Tier>,
}

impl Options {
    /// How loudly to tell what the rules call this.
    fn told_as(&self, tier: Tier) -> Tier {
        match (tier, self.cards) {
            (Tier::Clear, _) => Tier::Clear,
            (tier, Some(from)) if tier >= from => Tier::Page,
            _ => Tier::Notice,
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            interval: 30.0,
            backfill: 7.0 * 86_400.0,
            tuning: Tuning::default(),
            cards: Some(Tier::Page),
        }
    }
}
