//! What is unusual, for Prometheus.
use super::register::plain;
use crate::domain::anomaly::Metric;
use prometheus_client::{
    encoding::EncodeLabelSet,
    metrics::{family::Family, gauge::Gauge},
    registry::Registry,
};
use std::collections::HashMap;

/// The gauges.
pub(super) struct Unusual {
    workloads: Gauge,
    standing: Family<MetricLabel, Gauge>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct MetricLabel {
    metric: &'static str,
}

impl Unusual {
    pub(super) fn new(r: &mut Registry) -> Self {
        Self {
            workloads: plain(
                r,
                "habits",
                "Workloads whose usual CPU, memory and restarts are learned",
            ),
            standing: plain(
                r,
                "unusual",
                "Workloads whose CPU, memory or restarts are unusual now",
            ),
        }
    }

    pub(super) fn set(&self, (workloads, standing): &(usize, HashMap<Metric, u64>)) {
        self.workloads
            .set(i64::try_from(*workloads).unwrap_or(i64::MAX));
        for metric in [Metric::Cpu, Metric::Memory, Metric::Restarts] {
            let count = standing.get(&metric).copied().unwrap_or_default();
            self.standing
                .get_or_create(&MetricLabel {
                    metric: metric.as_str(),
                })
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }
}
