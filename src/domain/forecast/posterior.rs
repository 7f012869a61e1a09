//! From evidence to a probability.
use super::evidence::Evidence;
use super::forest::sum;
use super::trees::{BASE, TREES};

/// Growth that hardly reaches the limit within the horizon cannot have a high probability, whatever else speaks for it.
const REACH: f64 = 0.02;

impl Evidence {
    /// The probability of a kill.
    pub fn probability(&self) -> f64 {
        let z = sum(BASE, &TREES, &self.features());
        (self.reach / REACH).min(1.0) / (1.0 + (-z).exp())
    }
}
