//! From evidence to a probability.
use super::evidence::Evidence;
use super::forest::sum;
use super::trees::{BASE, TREES};

/// Growth that hardly reaches the limit within the horizon cannot have a high probability, whatever else speaks for it.
const REACH: f64 = 0.02;
/// What a hole in the readings takes from the logarithm of the odds: growth that nobody saw may have paused.
const HOLE: f64 = 0.7;

impl Evidence {
    /// The probability of a kill.
    pub fn probability(&self) -> f64 {
        let z = sum(BASE, &TREES, &self.features());
        let z = if self.hole { z - HOLE } else { z };
        (self.reach / REACH).min(1.0) / (1.0 + (-z).exp())
    }
}
