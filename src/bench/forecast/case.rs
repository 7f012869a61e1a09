//! One recorded container with its truth.
use super::class::{Class, Kind};
use crate::domain::forecast::{Exit, Past, Priors};

/// One reading.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Row {
    /// Seconds since the recording began.
    pub t: f64,
    /// Which run of the container.
    pub run: u32,
    /// Memory that cannot be reclaimed, in bytes.
    pub used: f64,
    /// Memory in use as cAdvisor's working set has it: the active page cache is in it. In bytes.
    pub working_set: f64,
    /// The limit in bytes.
    pub limit: f64,
    /// CPU in cores.
    pub cpu: Option<f64>,
}

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct End {
    /// When.
    pub t: f64,
    /// Which run.
    pub run: u32,
    /// How.
    pub exit: Exit,
}

/// A recorded container with its truth.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// Its name.
    pub name: String,
    /// What it counts as.
    pub kind: Kind,
    /// Its class; a real recording has none.
    pub class: Option<Class>,
    /// What a cluster knows of it.
    pub priors: Priors,
    /// What was before: number of the run, and a summary of five minutes each. Before time 0. Empty for a cold start.
    pub past: Vec<(u32, Past)>,
    /// The readings in order of time.
    pub rows: Vec<Row>,
    /// The ends of runs in order of time.
    pub ends: Vec<End>,
    /// Seconds from the first to the last reading.
    pub length: f64,
}

impl Case {
    /// When this run was killed at its limit.
    pub fn killed(&self, run: u32) -> Option<f64> {
        self.ends
            .iter()
            .find(|end| end.run == run && end.exit == Exit::OomKilled)
            .map(|end| end.t)
    }

    /// The same container without what was before.
    pub fn cold(mut self) -> Self {
        self.past.clear();
        let first = self.rows.first().map_or(0, |row| row.run);
        self.ends.retain(|end| end.run >= first);
        self
    }
}
