//! From evidence to a probability.
use super::evidence::Evidence;
use super::forest::sum;
use super::trees::{BASE, TREES};

/// Growth that hardly reaches the limit within the horizon cannot have a high probability, whatever else speaks for it, unless the
/// run before it has reached it.
const REACH: f64 = 0.002;
/// What a quarter of an hour without readings takes from the logarithm of the odds, and what any hole takes at most: growth that
/// nobody saw may have paused.
const HOLE: f64 = 1.5;

impl Evidence {
    /// The probability of a kill.
    pub fn probability(&self) -> f64 {
        let mut seen = *self;
        if self.hidden > 0.0 {
            // What came after a pause that nobody saw looks faster than what was before.
            seen.keeping = seen.keeping.min(1.0);
            seen.recent = seen.recent.min(1.0);
            seen.shorter = seen
                .shorter
                .map(|(slow, fast)| (slow.min(1.0), fast.min(1.0)));
        }
        let hole = HOLE * (self.hidden / 900.0).min(1.0);
        let z = sum(BASE, &TREES, &seen.features()) - hole;
        let reached = if self.again {
            1.0
        } else {
            (self.reach / REACH).min(1.0)
        };
        reached / (1.0 + (-z).exp())
    }
}
