//! How the forecasts of the last 30 days turned out: what `/heal forecast` says, for Prometheus. Gauges, because outcomes older
//! than that leave the score, and because a restart does not begin at zero.
use super::register::{plain, seconds};
use crate::domain::forecast::{Outcome, Score};
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::sync::atomic::AtomicU64;

type GaugeF = Gauge<f64, AtomicU64>;

/// The gauges.
pub(super) struct Forecasts {
    outcomes: Family<OutcomeLabel, Gauge>,
    made: Gauge,
    averted: Gauge,
    covered: Gauge,
    lead_median: GaugeF,
    lead_sum: GaugeF,
    widening: GaugeF,
    shift: GaugeF,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct OutcomeLabel {
    outcome: &'static str,
}

impl Forecasts {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            outcomes: plain(
                r,
                "forecast_outcomes",
                "Forecasts of the last 30 days by outcome, a hit for each replica that was killed; a miss is a kill that was not told",
            ),
            made: plain(
                r,
                "forecasts_made",
                "Forecasts of the last 30 days with an outcome",
            ),
            averted: plain(
                r,
                "forecasts_averted",
                "Withdrawn forecasts of the last 30 days whose kill an approved fix prevented",
            ),
            covered: plain(
                r,
                "forecasts_covered",
                "Forecasts of the last 30 days whose first kill came within the 90 % interval told half-way",
            ),
            lead_median: seconds(
                r,
                "forecast_lead_median",
                "Median time from telling to kill, of the hits of the last 30 days",
            ),
            lead_sum: seconds(
                r,
                "forecast_lead_sum",
                "Sum of the times from telling to kill, of the hits of the last 30 days",
            ),
            widening: plain(
                r,
                "forecast_widening",
                "Power by which the ends of intervals are moved away from the median, from the kills of the last 30 days; 1 is uncorrected",
            ),
            shift: plain(
                r,
                "forecast_shift",
                "What is added to the log-odds of probabilities, from the outcomes of the last 30 days; 0 is uncorrected",
            ),
        }
    }

    pub(super) fn set(&self, score: &Score) {
        for (outcome, count) in [
            (Outcome::Hit, score.hits),
            (Outcome::Miss, score.misses),
            (Outcome::False, score.falses),
            (Outcome::Withdrawn, score.withdrawn),
        ] {
            let outcome = outcome.as_str();
            self.outcomes
                .get_or_create(&OutcomeLabel { outcome })
                .set(i64::from(count));
        }
        self.made.set(i64::from(score.made));
        self.averted.set(i64::from(score.averted));
        self.covered.set(i64::from(score.covered));
        let median = score.median_lead().unwrap_or(0);
        self.lead_median.set(median as f64);
        self.lead_sum.set(score.leads.iter().sum::<i64>() as f64);
        let correction = score.calibration.correction;
        self.widening.set(correction.widening);
        self.shift.set(correction.shift);
    }
}
