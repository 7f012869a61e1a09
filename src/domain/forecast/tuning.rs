//! The settings of the forecaster.

/// The settings of the forecaster. The defaults are meant for production; tests of a fast leak shorten the ages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tuning {
    /// How far ahead a kill is looked for, in seconds.
    pub horizon: f64,
    /// A run younger than this is not judged unless this workload was killed before, in seconds.
    pub min_age: f64,
    /// Every time of the rules (windows, holding times) is multiplied by this; 1 in production. 0.05 judges a leak of twelve minutes
    /// as production judges one of four hours.
    pub pace: f64,
    /// Whether every restart is told by [`super::Series::ended`]. Where not, memory that is gone all at once may have been a kill.
    pub restarts_told: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            horizon: 4.0 * 3600.0,
            min_age: 30.0 * 60.0,
            pace: 1.0,
            restarts_told: true,
        }
    }
}
