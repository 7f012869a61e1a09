//! Where the workload has been and lived: levels that are known to be safe, levels that are known to be deadly.
//!
//! What any replica has survived counts for all of them, over restarts and releases, for a week.
use serde::{Deserialize, Serialize};

/// Days that are remembered.
const DAYS: usize = 8;
const DAY: f64 = 86_400.0;
/// Growth of this many killed runs is kept.
const KILLS: usize = 4;

/// A run that ended at the limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Kill {
    /// When, in seconds.
    pub t: f64,
    /// How long the run had lived, in seconds.
    pub age: f32,
    /// Mean growth over the run's last half, in bytes per second.
    pub rate: f32,
    /// The limit that it reached, in bytes.
    pub limit: f32,
}

impl Kill {
    /// Whether this limit, in bytes, is the one that was reached: with another one runs live longer or shorter.
    pub fn is_at(&self, limit: f64) -> bool {
        (f64::from(self.limit) / limit - 1.0).abs() < 0.01
    }
}

/// What is known of a workload's container, over all replicas and runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Territory {
    /// Highest level survived per day, with the day's number.
    days: Vec<(i32, f32)>,
    kills: Vec<Kill>,
    /// When the newest pod began.
    renewed: Option<f64>,
    /// Runs that were killed at the limit in a row, without one that ended well since.
    pub row: u16,
    /// Runs that ended by themselves.
    pub completed: u32,
    /// When the first sample was taken.
    first: Option<f64>,
    /// Time that was really seen, in seconds (of one replica at least).
    seen: f64,
    /// Up to when `seen` counts.
    seen_to: f64,
}

impl Territory {
    /// Time passes under observation.
    pub fn watch(&mut self, t: f64, longest: f64) {
        if self.first.is_none() {
            self.first = Some(t);
            self.seen_to = t;
        }
        let step = t - self.seen_to;
        if step > 0.0 {
            self.seen += step.min(longest);
            self.seen_to = t;
        }
    }

    /// Length of what is known, in seconds.
    pub fn known(&self) -> f64 {
        self.seen
    }

    /// This level was survived.
    pub fn survive(&mut self, t: f64, bytes: f64, pace: f64) {
        let day = (t / (DAY * pace)).floor() as i32;
        match self.days.iter_mut().find(|d| d.0 == day) {
            Some(d) => d.1 = d.1.max(bytes as f32),
            None => {
                if self.days.len() == DAYS {
                    let oldest = self
                        .days
                        .iter()
                        .enumerate()
                        .min_by_key(|(_, d)| d.0)
                        .map(|(i, _)| i);
                    if let Some(i) = oldest {
                        self.days.swap_remove(i);
                    }
                }
                self.days.push((day, bytes as f32));
            }
        }
    }

    /// The highest level survived in the last week.
    pub fn survived(&self, now: f64, pace: f64) -> Option<f64> {
        let day = (now / (DAY * pace)).floor() as i32;
        self.days
            .iter()
            .filter(|d| day.saturating_sub(d.0) < DAYS as i32)
            .map(|d| f64::from(d.1))
            .reduce(f64::max)
    }

    /// A run was killed at the limit.
    pub fn kill(&mut self, kill: Kill) {
        if self.kills.len() == KILLS {
            self.kills.remove(0);
        }
        self.kills.push(kill);
        self.row = self.row.saturating_add(1);
    }

    /// A new pod begins: it may be of another version than those that were killed.
    pub fn renew(&mut self, t: f64) {
        self.renewed = Some(t);
    }

    /// Whether a kill was after the newest pod began: what runs now is what was killed.
    pub fn is_of_now(&self, kill: &Kill) -> bool {
        self.renewed.is_none_or(|t| kill.t > t)
    }

    /// Runs that were killed in the last week, oldest first.
    pub fn kills(&self, now: f64, pace: f64) -> impl Iterator<Item = &Kill> {
        self.kills
            .iter()
            .filter(move |k| now - k.t < 7.0 * DAY * pace)
    }

    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.days.len() <= DAYS && self.kills.len() <= KILLS && self.seen.is_finite()
    }
}
