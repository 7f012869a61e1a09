//! What others do: the rules that Heal is compared with. All of them get the silence of the first days for free.
use super::{event::LEARNING, shape::DAY};
use std::collections::VecDeque;

/// A method takes one value a minute (`None`: not read) and says whether its alarm stands.
pub trait Method {
    /// Takes the value of the next minute.
    fn next(&mut self, value: Option<f64>) -> bool;
}

/// Says yes after a condition was true for some minutes, and no after it was false for ten.
#[derive(Default)]
struct Held {
    yes: usize,
    no: usize,
    stands: bool,
}

impl Held {
    fn next(&mut self, condition: bool, minutes: usize) -> bool {
        if condition {
            (self.yes, self.no) = (self.yes + 1, 0);
        } else {
            (self.yes, self.no) = (0, self.no + 1);
        }
        if self.yes >= minutes {
            self.stands = true;
        } else if self.no >= 10 {
            self.stands = false;
        }
        self.stands
    }
}

/// More than 80 % for five minutes.
#[derive(Default)]
pub struct Static(Held);

impl Method for Static {
    fn next(&mut self, value: Option<f64>) -> bool {
        self.0.next(value.is_some_and(|value| value > 0.8), 5)
    }
}

/// More than six deviations (median and MAD of the last 24 hours) from the median for five minutes.
#[derive(Default)]
pub struct Rolling {
    held: Held,
    past: VecDeque<Option<f64>>,
    band: Option<(f64, f64)>,
    minute: usize,
}

impl Method for Rolling {
    fn next(&mut self, value: Option<f64>) -> bool {
        self.minute += 1;
        if self.minute.is_multiple_of(5) {
            self.band = median_and_deviation(self.past.iter().flatten().copied().collect());
        }
        self.past.push_back(value);
        if self.past.len() > DAY {
            self.past.pop_front();
        }
        let odd = match (value, self.band) {
            (Some(value), Some((median, deviation))) => {
                (value - median).abs() > 6.0 * deviation.max(0.005)
            }
            _ => false,
        };
        self.held.next(odd, 5)
    }
}

fn median_and_deviation(mut values: Vec<f64>) -> Option<(f64, f64)> {
    let median = quantile(&mut values, 0.5)?;
    for value in &mut values {
        *value = (*value - median).abs();
    }
    Some((median, 1.4826 * quantile(&mut values, 0.5)?))
}

fn quantile(values: &mut [f64], share: f64) -> Option<f64> {
    let at = ((values.len().checked_sub(1)?) as f64 * share).round() as usize;
    Some(*values.select_nth_unstable_by(at, f64::total_cmp).1)
}

/// Outside the 2 % and 98 % quantiles of this time of day (half an hour around it, past week), widened by a fifth of
/// their distance and by two points, for ten minutes.
#[derive(Default)]
pub struct Seasonal {
    held: Held,
    past: Vec<Option<f64>>,
    band: Option<(f64, f64)>,
}

impl Method for Seasonal {
    fn next(&mut self, value: Option<f64>) -> bool {
        let now = self.past.len();
        if now.is_multiple_of(15) {
            let mut around: Vec<f64> = (1..=7)
                .filter_map(|day| now.checked_sub(day * DAY))
                .flat_map(|then| &self.past[then.saturating_sub(30)..(then + 30).min(now)])
                .flatten()
                .copied()
                .collect();
            let low = quantile(&mut around, 0.02);
            self.band = low.zip(quantile(&mut around, 0.98));
        }
        self.past.push(value);
        let odd = match (value, self.band) {
            (Some(value), Some((low, high))) => {
                let margin = 0.2 * (high - low) + 0.02;
                value < low - margin || value > high + margin
            }
            _ => false,
        };
        self.held.next(odd, 10)
    }
}

/// The minutes in which an alarm was raised, after the days of learning.
pub fn fires(method: &mut dyn Method, series: &[Option<f64>]) -> Vec<usize> {
    let mut stood = false;
    let mut fires = Vec::new();
    for (minute, value) in series.iter().enumerate() {
        let stands = method.next(*value);
        if stands && !stood && minute >= LEARNING {
            fires.push(minute);
        }
        stood = stands;
    }
    fires
}
