//! The Mann–Kendall test for a trend with Sen's slope, as the literature on software ageing uses it.
use super::{
    super::{
        case::Row,
        method::{Method, Verdict},
    },
    AHEAD,
};
use crate::domain::forecast::Exit;
use std::collections::VecDeque;

/// Means of five minutes over four hours; a trend that is significant at 5 % (two-sided) is followed to the limit.
#[derive(Default)]
pub struct MannKendall {
    means: VecDeque<(f64, f64)>,
    slot: f64,
    sum: f64,
    n: f64,
    limit: f64,
    eta: Option<(f64, f64)>,
}

const SPAN: f64 = 300.0;
const WINDOW: usize = 48;
/// An hour.
const LEAST: usize = 12;
const Z: f64 = 1.96;

impl MannKendall {
    fn test(&self) -> Option<f64> {
        let n = self.means.len();
        if n < LEAST {
            return None;
        }
        let mut slopes = Vec::with_capacity(n * (n - 1) / 2);
        let mut s = 0.0;
        for (j, (t, y)) in self.means.iter().enumerate() {
            for (u, x) in self.means.iter().take(j) {
                let rise = y - x;
                s += if rise > 0.0 {
                    1.0
                } else if rise < 0.0 {
                    -1.0
                } else {
                    0.0
                };
                slopes.push(rise / (t - u));
            }
        }
        let n = n as f64;
        let deviation = (n * (n - 1.0) * (2.0 * n + 5.0) / 18.0).sqrt();
        // With the continuity correction.
        if (s - 1.0) / deviation <= Z {
            return None;
        }
        let middle = slopes.len() / 2;
        let (_, slope, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
        let mut levels: Vec<f64> = self
            .means
            .iter()
            .map(|(t, y)| y + *slope * (self.slot - t))
            .collect();
        let middle = levels.len() / 2;
        let (_, level, _) = levels.select_nth_unstable_by(middle, f64::total_cmp);
        (*slope > 0.0).then(|| ((self.limit - *level) / *slope).max(0.0))
    }
}

impl Method for MannKendall {
    fn observe(&mut self, row: &Row) {
        let slot = (row.t / SPAN).floor() * SPAN;
        if slot != self.slot && self.n > 0.0 {
            if self.means.len() == WINDOW {
                self.means.pop_front();
            }
            self.means
                .push_back((self.slot + SPAN / 2.0, self.sum / self.n));
            (self.sum, self.n, self.slot) = (0.0, 0.0, slot);
            self.eta = self.test().map(|eta| (slot, eta));
        }
        self.slot = slot;
        self.sum += row.working_set;
        self.n += 1.0;
        self.limit = row.limit;
    }

    fn assess(&mut self, _run: u32, now: f64) -> Verdict {
        let eta = self.eta.map(|(at, eta)| (eta - (now - at)).max(0.0));
        Verdict::of(eta.is_some_and(|eta| eta < AHEAD), eta)
    }

    fn ended(&mut self, _run: u32, _t: f64, _exit: Exit) {
        *self = Self::default();
    }
}
