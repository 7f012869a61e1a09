//! What a query gives at one time.
use super::{
    promql::{Operator, Query, Selector},
    store::{Labels, Store, instant, window},
};
use std::collections::{BTreeMap, BTreeSet};

/// Labels by name. The metric's name is one of them.
pub type LabelSet = BTreeMap<String, String>;
/// An instant vector.
pub type Vector = Vec<(LabelSet, f64)>;

const NAME: &str = "__name__";

/// Evaluates a query that gives a vector.
pub fn vector(query: &Query, store: &Store, at: f64) -> Result<Vector, String> {
    match query {
        Query::Number(_) => Err("a scalar is no vector".to_owned()),
        Query::Selector(selector) if selector.window.is_some() => {
            Err("invalid expression type \"range vector\"".to_owned())
        }
        Query::Selector(selector) => Ok(select(selector, store)
            .filter_map(|(labels, metric, points)| Some((labels, instant(points, metric, at)?.1)))
            .collect()),
        Query::Call(function, selector) => call(function, selector, store, at),
        Query::Aggregate(how, by, of) => Ok(aggregate(how, by, vector(of, store, at)?)),
        Query::Pair(left, Operator::Above, right) => {
            let left = vector(left, store, at)?;
            if let Query::Number(bound) = **right {
                return Ok(left
                    .into_iter()
                    .filter(|(_, value)| *value > bound)
                    .collect());
            }
            let right = by_labels(vector(right, store, at)?);
            let above = |labels: &LabelSet, value: f64| {
                right.get(&bare(labels)).is_some_and(|bound| value > *bound)
            };
            Ok(left
                .into_iter()
                .filter(|(labels, value)| above(labels, *value))
                .collect())
        }
        Query::Or(left, on, right) => {
            let key = |labels: &LabelSet| match on {
                None => bare(labels),
                Some(on) => labels
                    .iter()
                    .filter(|(label, _)| on.contains(label))
                    .map(|(label, value)| (label.clone(), value.clone()))
                    .collect(),
            };
            let mut all = vector(left, store, at)?;
            let known: BTreeSet<LabelSet> = all.iter().map(|(labels, _)| key(labels)).collect();
            let more = vector(right, store, at)?.into_iter();
            all.extend(more.filter(|(labels, _)| !known.contains(&key(labels))));
            Ok(all)
        }
        Query::Pair(left, operator, right) => {
            let right = by_labels(vector(right, store, at)?);
            let sign = if *operator == Operator::Minus {
                -1.0
            } else {
                1.0
            };
            let pair = |(labels, value): (LabelSet, f64)| {
                let labels = bare(&labels);
                let other = right.get(&labels)?;
                Some((labels, value + sign * other))
            };
            Ok(vector(left, store, at)?
                .into_iter()
                .filter_map(pair)
                .collect())
        }
    }
}

fn call(function: &str, selector: &Selector, store: &Store, at: f64) -> Result<Vector, String> {
    let span = selector.window;
    let result = select(selector, store).filter_map(|(labels, metric, points)| {
        let value = match (function, span) {
            ("timestamp", None) => instant(points, metric, at)?.0,
            (_, Some(span)) => {
                let window = window(points, metric, at, span);
                let (first, last) = (window.first()?, window.last()?);
                match function {
                    "rate" if last.0 > first.0 => (last.1 - first.1) / (last.0 - first.0),
                    "avg_over_time" => {
                        window.iter().map(|(_, value)| value).sum::<f64>() / window.len() as f64
                    }
                    "max_over_time" => window.iter().map(|(_, value)| *value).fold(0.0, f64::max),
                    _ => return None,
                }
            }
            _ => return None,
        };
        Some((bare(&labels), value))
    });
    let result: Vector = result.collect();
    if (function == "timestamp") != span.is_none() {
        return Err(format!(
            "expected another type of vector in call to function {function:?}"
        ));
    }
    Ok(result)
}

fn select<'a>(
    selector: &'a Selector,
    store: &'a Store,
) -> impl Iterator<Item = (LabelSet, &'static str, &'a Vec<super::Point>)> {
    store.metrics().flat_map(move |metric| {
        store.runs().filter_map(move |(labels, points)| {
            let labels = label_set(metric, labels, &store.renamed);
            let value = |label: &str| labels.get(label).map_or("", String::as_str);
            let fits = selector.metric.as_deref().is_none_or(|name| name == metric)
                && selector
                    .matchers
                    .iter()
                    .all(|matcher| matcher.value.is_match(value(&matcher.label)) == matcher.fits);
            fits.then_some((labels, metric, points))
        })
    })
}

fn label_set(metric: &str, labels: &Labels, renamed: &BTreeMap<&'static str, String>) -> LabelSet {
    [
        (NAME, metric),
        ("namespace", &labels.namespace),
        ("pod", &labels.pod),
        ("container", &labels.container),
        ("name", &labels.name),
        ("job", "kubelet"),
    ]
    .into_iter()
    .map(|(label, value)| {
        let name = renamed.get(label).map_or(label, String::as_str);
        (name.to_owned(), value.to_owned())
    })
    .collect()
}

fn bare(labels: &LabelSet) -> LabelSet {
    let mut labels = labels.clone();
    labels.remove(NAME);
    labels
}

fn by_labels(vector: Vector) -> BTreeMap<LabelSet, f64> {
    vector
        .into_iter()
        .map(|(labels, value)| (bare(&labels), value))
        .collect()
}

fn aggregate(how: &str, by: &[String], of: Vector) -> Vector {
    let mut groups: BTreeMap<LabelSet, (f64, f64)> = BTreeMap::new();
    for (labels, value) in of {
        let group = labels.into_iter().filter(|(label, _)| by.contains(label));
        let (most, count) = groups
            .entry(group.collect())
            .or_insert((f64::NEG_INFINITY, 0.0));
        *most = most.max(value);
        *count += 1.0;
    }
    let value = |(most, count)| if how == "max" { most } else { count };
    groups
        .into_iter()
        .map(|(labels, group)| (labels, value(group)))
        .collect()
}
