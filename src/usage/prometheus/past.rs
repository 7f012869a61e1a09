//! The past of all runs, put together from two answers.
use super::{
    Labels,
    answer::{Metric, Range, Value},
    verdict::series,
};
use crate::ports::{PastPoint, PastRun, UsageError};
use std::collections::HashMap;

/// The past of all runs of a namespace: means and maxima belong together by their labels and times.
pub(super) fn runs(labels: &Labels, mean: &[u8], max: &[u8]) -> Result<Vec<PastRun>, UsageError> {
    let name = |metric: &Metric<'_>| {
        [&labels.pod, &labels.container, &labels.run].map(|label| metric.get(label).to_owned())
    };
    let mut maxima: HashMap<[String; 3], Vec<(f64, Value)>> = series::<Range<'_>>(max)?
        .into_iter()
        .map(|series| (name(&series.metric), series.values))
        .collect();
    let of = |series: Range<'_>| {
        let key = name(&series.metric);
        let maxima = maxima.remove(&key).unwrap_or_default();
        let points = series.values.iter().filter_map(|(t, mean)| {
            let found = maxima.binary_search_by(|(other, _)| other.total_cmp(t));
            let max = found.map_or(mean.0, |place| maxima[place].1.0);
            let usable = mean.0.is_finite() && max.is_finite();
            usable.then(|| PastPoint {
                t: *t,
                mean: mean.0.max(0.0),
                max: max.max(mean.0).max(0.0),
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
