//! Anomalies: CPU or memory that is unusual for a workload at this hour, and restarts that are more frequent than usual.
//! They are told as a notice with the reason; nothing is ever done because of one.
//!
//! Pure and deterministic. A [`Habit`] learns one metric of one workload (not of a pod): what is usual at every hour of the
//! day and, once a week is known, of the week; how far it strayed from that on each of the last days; and it says when it
//! strays farther than it ever did, for long enough, by enough to matter. [`Restarts`] does the same for counts. Nothing is
//! said before three days are known.
mod calendar;
mod code;
mod expected;
mod finding;
mod habit;
mod judge;
mod record;
mod restarts;
#[cfg(test)]
mod tests;
mod unusual;
mod words;
mod workload;

pub use finding::{Anomaly, Metric, Scale, Side};
pub use habit::{Habit, Reading};
pub use restarts::{Restart, Restarts};
pub use unusual::Unusual;
pub use workload::Habits;

/// Days that have to be known before anything is said: with fewer, nobody knows what a usual day is.
pub const SILENT_DAYS: f64 = 3.0;
