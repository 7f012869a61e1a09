//! How far an estimate is believed before it is told: what memory was measured with, and what earlier forecasts came to.
use super::{Correction, Source, Tier, calibration::shifted};

/// Added to the log-odds where memory may be page cache. On the labelled series 95.6 % of what is told is right with memory that
/// cannot be reclaimed, and 88.4 % with the working set of the same containers: that is a difference of 1.05.
const DOUBT: f64 = -1.05;

/// What to believe of an estimate.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Trust {
    /// What earlier forecasts came to.
    pub correction: Correction,
    /// The figures are working sets: a part of them may be page cache, which is given up without a sound.
    pub may_be_cache: bool,
}

impl Trust {
    /// Whether figures of a source may hold page cache.
    pub fn of(source: Source, correction: Correction) -> Self {
        Self {
            correction,
            may_be_cache: source != Source::Prometheus,
        }
    }

    /// The probability to tell. A workload that was killed at its limit has shown that it is not cache what fills it.
    pub(super) fn probability(&self, p: f64, killed: bool) -> f64 {
        let doubt = if self.doubts(killed) { DOUBT } else { 0.0 };
        shifted(p, doubt + self.correction.shift)
    }

    /// The loudest tier that such figures deserve.
    pub(super) fn loudest(&self, killed: bool) -> Tier {
        if self.doubts(killed) {
            Tier::Notice
        } else {
            Tier::Page
        }
    }

    fn doubts(&self, killed: bool) -> bool {
        self.may_be_cache && !killed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_working_set_is_believed_less_until_its_workload_was_killed() {
        let seen = [
            Source::Prometheus,
            Source::PrometheusWorkingSet,
            Source::MetricsApi,
        ]
        .map(|source| Trust::of(source, Correction::default()))
        .map(|trust| {
            [false, true].map(|killed| {
                let p = trust.probability(0.956, killed);
                format!("{p:.3} {}", trust.loudest(killed).as_str())
            })
        });
        assert_eq!(
            seen,
            [
                ["0.956 page", "0.956 page"],
                ["0.884 notice", "0.956 page"],
                ["0.884 notice", "0.956 page"]
            ]
        );
    }
}
