//! What the recorded outcomes teach: how wide intervals have to be here, and how far probabilities are off.
//!
//! Intervals by split-conformal prediction: every kill that was foreseen says by how much the uncorrected interval would have had to
//! be widened to hold it; the quantile of these figures that covers 90 % of kills to come is the factor. Probabilities by
//! one shift of the log-odds (Platt's method with a fixed slope), the most likely one given how many of the told forecasts came
//! true. Both start from what was learned on the benchmark, which a cluster outweighs only with many outcomes, and both are
//! bounded. They judge the *uncorrected* forecast: what was applied when it was told is taken off again, so a correction never
//! chases itself.
use super::{Outcome, told::Told};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The share of kills that intervals are meant to hold.
const COVERAGE: f64 = 0.9;
/// The factor of the width is never outside of this.
const WIDENING: (f64, f64) = (0.7, 2.5);
/// As many kills weigh as much as the belief that intervals are right as they are.
const BELIEVED_KILLS: f64 = 20.0;
/// With fewer kills the finite-sample quantile is infinite: that is no reason to narrow.
const LEAST_TO_NARROW: usize = 9;
/// The shift of the log-odds is never outside of this. Down far enough to silence what is not nearly certain (0.99 becomes 0.93);
/// up only a little: a crash loop that is foreseen every time says nothing about other workloads.
const SHIFT: (f64, f64) = (-2.0, 0.5);
/// The belief that probabilities are right as they are: so many forecasts told with this probability, that share of them true.
const BELIEVED: (f64, f64) = (40.0, 0.9);
/// Probabilities are taken to be within this: nobody is surer, and no single outcome weighs everything.
const SURE: (f64, f64) = (0.05, 0.99);
/// Of one container only so many outcomes count, the newest: one workload that is wrong every night is not the cluster.
const OF_ONE: usize = 3;
/// No bound is nearer to the median than this, as a logarithm, and no time shorter than a second.
const NEAREST: f64 = 0.01;
/// Farther outside than so many times the interval is all the same.
const FARTHEST: f64 = 100.0;

/// What is applied to forecasts before they are told.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Correction {
    /// The interval's ends are moved away from the median by this power.
    pub widening: f64,
    /// Is added to the log-odds of the probability.
    pub shift: f64,
}

impl Default for Correction {
    fn default() -> Self {
        Self {
            widening: 1.0,
            shift: 0.0,
        }
    }
}

impl Correction {
    /// The corrected probability.
    pub fn probability(&self, p: f64) -> f64 {
        shifted(p, self.shift)
    }

    /// The corrected interval around the same median; lower bound, median, upper bound in seconds.
    pub fn interval(&self, (low, median, high): (f64, f64, f64)) -> (f64, f64, f64) {
        let moved = |bound: f64| median * (bound / median).powf(self.widening);
        // At the uncorrected width nothing is computed: not even a rounding error changes.
        if median > 0.0 && self.widening != 1.0 {
            (moved(low).min(median), median, moved(high).max(median))
        } else {
            (low, median, high)
        }
    }
}

/// A correction, and the outcomes that it comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Calibration {
    /// What to apply.
    pub correction: Correction,
    /// Kills that the width comes from.
    pub kills: u32,
    /// Told forecasts that came true, of those that the shift comes from.
    pub right: u32,
    /// Told forecasts that did not.
    pub wrong: u32,
}

impl Calibration {
    /// What these rows teach. Only those count whose forecast was told and came out right or wrong.
    pub(super) fn of<'a>(rows: impl IntoIterator<Item = &'a Told>) -> Self {
        let mut by_container: BTreeMap<(&str, &str), Vec<&Told>> = BTreeMap::new();
        for told in rows.into_iter().filter(|told| is_right(told).is_some()) {
            let of = (told.owner.uid.as_str(), told.run.container.as_str());
            by_container.entry(of).or_default().push(told);
        }
        let mut counted: Vec<&Told> = Vec::new();
        for mut rows in by_container.into_values() {
            rows.sort_by_key(|told| (told.ended.as_ref().map(|ended| ended.at), told.id));
            counted.extend(rows.iter().rev().take(OF_ONE));
        }
        let scores: Vec<f64> = counted.iter().filter_map(|told| score(told)).collect();
        let told: Vec<(f64, bool)> = counted
            .iter()
            .filter_map(|told| Some((log_odds(told.p) - told.shift, is_right(told)?)))
            .collect();
        let count = |right: bool| told.iter().filter(|(_, was)| *was == right).count() as u32;
        Self {
            kills: scores.len() as u32,
            right: count(true),
            wrong: count(false),
            correction: Correction {
                widening: widening(scores),
                shift: shift(told),
            },
        }
    }
}

/// A probability whose log-odds are moved.
pub(super) fn shifted(p: f64, by: f64) -> f64 {
    // Without a shift nothing is computed: not even a rounding error changes.
    if by == 0.0 || p <= 0.0 || p >= 1.0 {
        return p;
    }
    logistic((p / (1.0 - p)).ln() + by)
}

fn logistic(z: f64) -> f64 {
    1.0 / (1.0 + (-z).exp())
}

fn log_odds(p: f64) -> f64 {
    let p = p.clamp(SURE.0, SURE.1);
    (p / (1.0 - p)).ln()
}

/// Whether a told forecast came true; nothing for what was not told, or what nobody can know.
fn is_right(told: &Told) -> Option<bool> {
    // One story teaches once, however many replicas it has.
    if told.continues.is_some() {
        return None;
    }
    told.since()?;
    match told.ended.as_ref().filter(|ended| ended.counts)?.outcome {
        Outcome::Hit => Some(true),
        Outcome::False => Some(false),
        Outcome::Miss | Outcome::Withdrawn => None,
    }
}

/// How far the kill was from the median, in units of the uncorrected bound on its side: one is on the bound, more is outside.
fn score(told: &Told) -> Option<f64> {
    if is_right(told) != Some(true) {
        return None;
    }
    let (kill, interval) = told.half_way()?;
    let after = |at: jiff::Timestamp| at.duration_since(interval.at).as_secs_f64().max(1.0);
    let median = after(interval.when.median);
    let off = (after(kill) / median).ln();
    let bound = if off >= 0.0 {
        after(interval.when.latest)
    } else {
        after(interval.when.earliest)
    };
    let width = (bound / median).ln().abs().max(NEAREST);
    // What was told was that much wider than what had been computed.
    Some((off.abs() / width * interval.widening).min(FARTHEST))
}

fn widening(mut scores: Vec<f64>) -> f64 {
    let n = scores.len();
    if n == 0 {
        return 1.0;
    }
    scores.sort_by(f64::total_cmp);
    let rank = ((n + 1) as f64 * COVERAGE).ceil() as usize;
    let quantile = scores[rank.clamp(1, n) - 1].clamp(WIDENING.0, WIDENING.1);
    let quantile = if n < LEAST_TO_NARROW {
        quantile.max(1.0)
    } else {
        quantile
    };
    quantile.powf(n as f64 / (n as f64 + BELIEVED_KILLS))
}

/// The shift under which as many forecasts come true as were expected to, the believed ones among them.
fn shift(mut told: Vec<(f64, bool)>) -> f64 {
    if told.is_empty() {
        return 0.0;
    }
    // Sums depend on the order of what is added.
    told.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let (weight, believed) = BELIEVED;
    // Falls as the shift rises, and with every wrong forecast.
    let excess = |shift: f64| {
        let surprise = |(z, right): &(f64, bool)| f64::from(*right) - logistic(z + shift);
        let prior = weight * (believed - logistic(log_odds(believed) + shift));
        prior + told.iter().map(surprise).sum::<f64>()
    };
    let (mut low, mut high) = SHIFT;
    for _ in 0..50 {
        let middle = f64::midpoint(low, high);
        if excess(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests;
