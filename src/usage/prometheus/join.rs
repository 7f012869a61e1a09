//! The answers of one interval, put together one after the other: each may be dropped before the next is asked for, so that of the
//! tens of megabytes that a large cluster answers only one answer is held at a time.
use super::{
    answer::{Instant, Metric},
    query::Labels,
    verdict::each_series,
};
use crate::ports::{Reading, UsageError};
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
};

/// The figures of all containers, of each the newest run: first when they were taken, then memory, then CPU.
///
/// Series are joined by 64-bit hashes of their labels: with a hundred thousand of them two meet once in a billion readings, and
/// then two containers have each other's figure for one interval.
pub struct Join {
    names: Names,
    /// When the figures of a run were taken.
    times: HashMap<u64, f64>,
    readings: Vec<Reading>,
    /// The run of each reading.
    runs: Vec<u64>,
}

/// What tells containers and their runs apart.
struct Names {
    labels: Labels,
    keys: RandomState,
}

impl Names {
    fn container(&self, metric: &Metric<'_>) -> u64 {
        self.keys.hash_one((
            metric.get(&self.labels.namespace),
            metric.get(&self.labels.pod),
            metric.get(&self.labels.container),
        ))
    }

    fn run(&self, metric: &Metric<'_>) -> u64 {
        self.keys
            .hash_one((self.container(metric), metric.get(&self.labels.run)))
    }
}

impl Join {
    /// Nothing yet of series with these labels.
    pub fn new(labels: Labels, keys: RandomState) -> Self {
        Self {
            names: Names { labels, keys },
            times: HashMap::new(),
            readings: Vec::new(),
            runs: Vec::new(),
        }
    }

    /// Takes the answer in that says when memory was taken.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn taken(mut self, body: &[u8]) -> Result<Self, UsageError> {
        let mut times = HashMap::new();
        each_series(body, |series: Instant<'_>| {
            times.insert(self.names.run(&series.metric), series.value.1.0);
        })?;
        self.times = times;
        Ok(self)
    }

    /// Takes the answer about memory in. What has no time was taken when it was asked for.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn used(mut self, body: &[u8]) -> Result<Self, UsageError> {
        // As many as have a time, with few exceptions.
        let about = self.times.len();
        let mut places: HashMap<u64, usize> = HashMap::with_capacity(about);
        self.readings.reserve(about);
        self.runs.reserve(about);
        each_series(body, |series: Instant<'_>| {
            let (asked, value) = (series.value.0, series.value.1.0);
            if !value.is_finite() {
                return;
            }
            let (key, run) = (
                self.names.container(&series.metric),
                self.names.run(&series.metric),
            );
            let at = self.times.get(&run).copied().filter(|at| at.is_finite());
            let at = at.unwrap_or(asked);
            if let Some(place) = places.get(&key) {
                let known = &mut self.readings[*place];
                // Another run of the same container: the newest counts, and of two at one time the fuller.
                if at > known.at || (at == known.at && value > known.used) {
                    (known.at, known.used) = (at, value.max(0.0));
                    self.runs[*place] = run;
                }
                return;
            }
            let labels = &self.names.labels;
            let text = |label: &str| series.metric.get(label).to_owned();
            places.insert(key, self.readings.len());
            self.runs.push(run);
            self.readings.push(Reading {
                namespace: text(&labels.namespace),
                pod: text(&labels.pod),
                container: text(&labels.container),
                at,
                // A difference of two metrics can be a hair below zero.
                used: value.max(0.0),
                cpu: None,
            });
        })?;
        self.times = HashMap::new();
        Ok(self)
    }

    /// Takes the answer about CPU in.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn cpu(mut self, body: &[u8]) -> Result<Self, UsageError> {
        let places: HashMap<u64, usize> = self
            .runs
            .iter()
            .enumerate()
            .map(|(place, run)| (*run, place))
            .collect();
        each_series(body, |series: Instant<'_>| {
            let value = series.value.1.0;
            if let Some(place) = places.get(&self.names.run(&series.metric))
                && value.is_finite()
            {
                self.readings[*place].cpu = Some(value.max(0.0));
            }
        })?;
        Ok(self)
    }

    /// What was found.
    pub fn readings(self) -> Vec<Reading> {
        self.readings
    }
}
