//! The past of all runs, put together from two answers.
use super::{
    Labels,
    answer::{Metric, Range, Value},
    verdict::series,
};
use crate::ports::{PastPoint, PastRun, UsageError};
use std::collections::HashMap;

/// The past of all runs of a namespace: means, maxima and CPU belong together by their labels and times. CPU may be missing.
pub(super) fn runs(
    labels: &Labels,
    mean: &[u8],
    max: &[u8],
    cpu: &[u8],
) -> Result<Vec<PastRun>, UsageError> {
    let name = |metric: &Metric<'_>| {
        [&labels.pod, &labels.container, &labels.run].map(|label| metric.get(label).to_owned())
    };
    let by_name = |found: Vec<Range<'_>>| -> HashMap<[String; 3], Vec<(f64, Value)>> {
        let named = found.into_iter();
        named
            .map(|series| (name(&series.metric), series.values))
            .collect()
    };
    let at = |values: &[(f64, Value)], t: f64| {
        let found = values.binary_search_by(|(other, _)| other.total_cmp(&t));
        found.ok().map(|place| values[place].1.0)
    };
    let mut maxima = by_name(series(max)?);
    let mut rates = by_name(series(cpu).unwrap_or_default());
    let of = |series: Range<'_>| {
        let key = name(&series.metric);
        let maxima = maxima.remove(&key).unwrap_or_default();
        let rates = rates.remove(&key).unwrap_or_default();
        let points = series.values.iter().filter_map(|(t, mean)| {
            let max = at(&maxima, *t).unwrap_or(mean.0);
            let cpu = at(&rates, *t).filter(|cpu| cpu.is_finite());
            let usable = mean.0.is_finite() && max.is_finite();
            usable.then(|| PastPoint {
                t: *t,
                mean: mean.0.max(0.0),
                max: max.max(mean.0).max(0.0),
                cpu: cpu.map(|cpu| cpu.max(0.0) as f32),
            })
        });
        let points: Vec<PastPoint> = points.collect();
        let [pod, container, run] = key;
        PastRun {
            pod,
            container,
            run,
            points,
        }
    };
    let runs = series::<Range<'_>>(mean)?.into_iter().map(of);
    Ok(runs.filter(|run| !run.points.is_empty()).collect())
}
