//! What comes out.
use serde::{Deserialize, Serialize};

/// What is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// Processor time, in cores.
    Cpu,
    /// Memory that cannot be reclaimed, in bytes.
    Memory,
    /// Restarts of containers.
    Restarts,
}

impl Metric {
    /// The name in JSON and in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Metric::Cpu => "cpu",
            Metric::Memory => "memory",
            Metric::Restarts => "restarts",
        }
    }
}

/// What a level is compared with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Scale {
    /// The limit.
    Limit(f64),
    /// The request, where there is no limit.
    Request(f64),
    /// Only what the workload itself uses.
    #[default]
    Own,
}

impl Scale {
    /// What the share of a level is called, with its value; `None` when there is neither limit nor request.
    pub(super) fn base(self) -> Option<(f64, &'static str)> {
        match self {
            Scale::Limit(limit) if usable(limit) => Some((limit, "limit")),
            Scale::Request(request) if usable(request) => Some((request, "request")),
            _ => None,
        }
    }
}

fn usable(value: f64) -> bool {
    value.is_finite() && value > 0.0
}

/// On which side of the usual something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    /// More than usual.
    High,
    /// Less than usual.
    Low,
}

/// Something unusual that goes on now.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Anomaly {
    /// Of what.
    pub metric: Metric,
    /// Since when it is known, as Unix time in seconds.
    pub since: f64,
    /// The level now: cores, bytes, or restarts within the window that the sentence names.
    pub level: f64,
    /// What is usual now: 5 % and 95 % of the comparable hours, in the same unit.
    pub usual: (f64, f64),
    /// On which side.
    pub side: Side,
    /// One plain sentence for people.
    pub why: String,
}
