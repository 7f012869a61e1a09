//! What comes out: whether a kill is coming, when, and why that is believed.
use serde::{Deserialize, Serialize};

/// How loudly a forecast is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    /// Nothing to tell.
    #[default]
    Clear,
    /// A line in the digest, nobody is called.
    Notice,
    /// A card.
    Page,
}

impl Tier {
    /// The name in JSON and in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Tier::Clear => "clear",
            Tier::Notice => "notice",
            Tier::Page => "page",
        }
    }
}

/// The forecast for one container at one moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Estimate {
    /// How loudly to tell it, hysteresis included.
    pub tier: Tier,
    /// Calibrated probability of a kill, from 0 to 1.
    pub p: f64,
    /// Seconds until the kill: median, and the bounds of the 90 % interval (5 % and 95 %). `None` when none is in sight.
    pub eta_s: Option<f64>,
    /// See `eta_s`.
    pub eta_lo_s: Option<f64>,
    /// See `eta_s`.
    pub eta_hi_s: Option<f64>,
    /// Memory in use now, in bytes (without noise).
    pub used: f64,
    /// The limit in bytes.
    pub limit: f64,
    /// Growth in bytes per second.
    pub rate: f64,
    /// Length of the window that shows the growth, in seconds.
    pub evidence_s: f64,
    /// The highest level this workload is known to have survived, in bytes.
    pub survived: Option<f64>,
    /// Length of the history that this is known from, in seconds.
    pub history_s: f64,
    /// This workload was killed at its limit before.
    pub killed_before: bool,
    /// The memory is lost, not used: several runs were killed with the same growth, or growth went on for hours beyond everything
    /// survived without slowing down. A restart helps such a workload.
    pub leak_proved: bool,
    /// One plain sentence for people: what is seen, or why nothing is told.
    pub why: String,
}
