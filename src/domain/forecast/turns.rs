//! Turning points of the level: peaks that were followed by a fall, found as the samples come (a zigzag).
use serde::{Deserialize, Serialize};

/// Turning points kept.
const KEEP: usize = 8;
/// The smallest fall that counts, as a share of the limit.
const LEAST: f64 = 0.03;

/// One peak that the level has come down from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Peak {
    /// When.
    pub t: f64,
    /// How high, in bytes.
    pub top: f32,
    /// How far it fell after, in bytes.
    pub fall: f32,
}

/// The newest peaks and the move that is under way.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Turns {
    peaks: Vec<Peak>,
    /// Highest value since the last trough, or lowest since the last peak, with its time.
    extreme: f32,
    when: f64,
    down: bool,
    begun: bool,
    last: f32,
    /// Mean absolute change from block to block, in bytes.
    jitter: f32,
}

impl Turns {
    /// A new run begins: what was going on is over.
    pub fn restart(&mut self) {
        self.begun = false;
        self.down = false;
        self.peaks.clear();
    }

    /// Short-term noise as a standard deviation, in bytes: E|Δ| = 2σ/√π for the difference of two.
    pub fn noise(&self) -> f64 {
        f64::from(self.jitter) * 0.886
    }

    /// Takes the mean of a block. Returns a peak when its fall is confirmed for the first time.
    pub fn add(&mut self, t: f64, level: f64, limit: f64) -> Option<f64> {
        let v = level as f32;
        if !self.begun {
            self.begun = true;
            self.extreme = v;
            self.when = t;
            self.last = v;
            return None;
        }
        let step = (v - self.last).abs();
        self.last = v;
        let cap = (4.0 * self.jitter).max(0.002 * limit as f32);
        self.jitter += 0.02 * (step.min(cap) - self.jitter);
        let least = (LEAST * limit).max(5.0 * self.noise()) as f32;
        if self.down {
            if v <= self.extreme {
                self.extreme = v;
                if let Some(p) = self.peaks.last_mut() {
                    p.fall = p.top - v;
                }
            } else if v - self.extreme >= least {
                self.down = false;
                self.extreme = v;
                self.when = t;
            }
            return None;
        }
        if v >= self.extreme {
            self.extreme = v;
            self.when = t;
            return None;
        }
        if self.extreme - v < least {
            return None;
        }
        let peak = Peak {
            t: self.when,
            top: self.extreme,
            fall: self.extreme - v,
        };
        if self.peaks.len() == KEEP {
            self.peaks.remove(0);
        }
        self.peaks.push(peak);
        self.down = true;
        self.extreme = v;
        self.when = t;
        Some(f64::from(peak.top))
    }

    /// The peaks that are remembered, oldest first.
    pub fn peaks(&self) -> &[Peak] {
        &self.peaks
    }

    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.peaks.len() <= KEEP && self.jitter.is_finite() && self.extreme.is_finite()
    }
}
