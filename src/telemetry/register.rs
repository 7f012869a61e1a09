//! How metrics come into the registry.
use prometheus_client::{
    metrics::histogram::{Histogram, exponential_buckets},
    registry::{Metric, Registry, Unit},
};

/// A metric without a unit.
pub(super) fn plain<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: Metric + Default + Clone,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

/// A metric in seconds.
pub(super) fn seconds<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: Metric + Default + Clone,
{
    let metric = M::default();
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

/// Buckets double from `first` seconds on, `count` times.
pub(super) fn histogram(
    registry: &mut Registry,
    name: &str,
    help: &str,
    first: f64,
    count: u16,
) -> Histogram {
    let buckets = exponential_buckets(first, 2.0, count);
    let metric = Histogram::new(buckets);
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}
