//! What was measured, as one JSON object.
use super::{
    event::{SUDDEN, What},
    score::Score,
    shape::Shape,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// The report of `heal bench anomaly`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// The seed of the series.
    pub seed: u64,
    /// How many series there are.
    pub series: usize,
    /// Days of each; on the first three nothing is judged.
    pub days: usize,
    /// Events in all of them, by kind.
    pub events: BTreeMap<&'static str, usize>,
    /// The methods, Heal last.
    pub methods: Vec<Figures>,
}

/// How good one method is.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Its name.
    pub method: &'static str,
    /// Share of the shifts, saturations and hangs that were found.
    pub recall: f64,
    /// Share of the events of each kind that were found.
    pub recall_by_kind: BTreeMap<&'static str, f64>,
    /// Half of what was found was found within so many minutes.
    pub delay_min: Option<usize>,
    /// False alarms per day of one series.
    pub false_per_day: f64,
    /// The same by shape of the series.
    pub false_by_shape: BTreeMap<&'static str, f64>,
    /// Microseconds per sample.
    pub us: f64,
}

impl Figures {
    /// The figures of a score.
    pub fn of(method: &'static str, score: &Score, us: f64) -> Self {
        Self {
            method,
            recall: score.recall(&SUDDEN),
            recall_by_kind: What::ALL
                .iter()
                .map(|what| (what.name(), score.recall(&[*what])))
                .collect(),
            delay_min: score.median_delay(),
            false_per_day: score.false_alarms(&Shape::ALL),
            false_by_shape: Shape::ALL
                .iter()
                .map(|shape| (shape.name(), score.false_alarms(&[*shape])))
                .collect(),
            us,
        }
    }
}
