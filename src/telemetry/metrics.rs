//! Metrics, in the OpenMetrics text format: all of them stand in the tables below. There is no global registry; whoever counts
//! has a [`Meter`], and this is the one that `/metrics` shows.
//!
//! The number of time series is bounded: each metric has at most [`MAX_SERIES`]; what would be more is counted together as
//! `other`, so nothing is lost.
use crate::{domain::report::Status, ports::Meter};
use jiff::Timestamp;
use prometheus_client::{
    encoding::text::encode,
    metrics::{
        counter::Counter,
        family::Family,
        gauge::Gauge,
        histogram::{Histogram, exponential_buckets},
    },
    registry::{Registry, Unit},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How many time series one metric may have, beside `other`.
pub const MAX_SERIES: usize = 64;
/// Stands between the values of a [`Meter`]'s label, for metrics with several: `chat.update|ok`.
pub const SEPARATOR: char = '|';

/// Counters: name (`heal_…_total`), labels, meaning.
const COUNTERS: &[(&str, &[&str], &str)] = &[
    ("signals", &["family"], "Signals that were taken in"),
    ("incidents", &["family"], "Incidents that were opened"),
    (
        "decisions",
        &["decision", "action"],
        "What was decided about proposals",
    ),
    (
        "executions",
        &["outcome", "action"],
        "Executions by how the call went",
    ),
    ("verdicts", &["verdict", "action"], "Verdicts on executions"),
    ("suppressed", &["reason"], "What was left out on purpose"),
    (
        "slack_calls",
        &["method", "result"],
        "Calls of Slack's Web API",
    ),
    (
        "requests_refused",
        &["reason"],
        "Requests that were refused before they did anything",
    ),
    (
        "store_errors",
        &["operation"],
        "Attempts on the database that failed",
    ),
    (
        "unknown_metrics",
        &["name"],
        "Uses of a name that is in none of the tables: a mistake in Heal",
    ),
];

/// Gauges: name, labels, meaning. Names that end in `_seconds` are ages.
const GAUGES: &[(&str, &[&str], &str)] = &[
    ("open_incidents", &[], "Incidents that are open now"),
    ("outbox_depth", &[], "Messages that wait to be sent"),
    (
        "outbox_age_seconds",
        &[],
        "How long the oldest of them has waited",
    ),
    (
        "watch_age_seconds",
        &["kind"],
        "Time since a watch's last sign of life",
    ),
    (
        "watch_synced",
        &["kind"],
        "1 while a watch's list is complete and nothing failed since",
    ),
];

/// Histograms: name (`heal_…_seconds`), upper bound of the first bucket in seconds, number of buckets (each twice as wide as
/// the one before), meaning.
const HISTOGRAMS: &[(&str, f64, u16, &str)] = &[
    (
        "click_ack",
        0.000_5,
        14,
        "From a click's arrival to its acknowledgement",
    ),
    (
        "signal_to_slack",
        0.005,
        16,
        "From a signal to the Slack request on the wire",
    ),
    ("commit", 0.000_2, 14, "One transaction on the database"),
    (
        "inspect",
        0.01,
        13,
        "Gathering the evidence of one incident",
    ),
];

/// Names and values of one series' labels.
type Labels = Vec<(&'static str, String)>;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    counters: BTreeMap<&'static str, Series<Counter>>,
    gauges: BTreeMap<&'static str, Series<Gauge<f64, AtomicU64>>>,
    histograms: BTreeMap<&'static str, Histogram>,
    times: Mutex<Times>,
}

/// Points in time that ages are computed from when somebody looks, so that an age grows even when nobody reports.
#[derive(Default)]
struct Times {
    oldest_in_outbox: Option<Timestamp>,
    last_of_watch: BTreeMap<String, Timestamp>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// All metrics at zero.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("heal");
        let mut counters = BTreeMap::new();
        for (name, labels, help) in COUNTERS {
            let series = Series::<Counter>::new(labels);
            registry.register(*name, *help, series.family.clone());
            counters.insert(*name, series);
        }
        let mut gauges = BTreeMap::new();
        for (name, labels, help) in GAUGES {
            let series = Series::<Gauge<f64, AtomicU64>>::new(labels);
            match name.strip_suffix("_seconds") {
                Some(stem) => {
                    registry.register_with_unit(stem, *help, Unit::Seconds, series.family.clone())
                }
                None => registry.register(*name, *help, series.family.clone()),
            }
            gauges.insert(*name, series);
        }
        let mut histograms = BTreeMap::new();
        for (name, first, count, help) in HISTOGRAMS {
            let histogram = Histogram::new(exponential_buckets(*first, 2.0, *count));
            registry.register_with_unit(*name, *help, Unit::Seconds, histogram.clone());
            histograms.insert(*name, histogram);
        }
        Self {
            registry,
            counters,
            gauges,
            histograms,
            times: Mutex::default(),
        }
    }

    /// Takes over how Heal is: open incidents, outbox and watches.
    pub fn status(&self, status: &Status) {
        self.set(
            "open_incidents",
            "",
            (status.open.len() + status.muted.len()) as f64,
        );
        let (depth, age) = status.outbox;
        self.set("outbox_depth", "", depth as f64);
        for watch in &status.watches {
            self.set(
                "watch_synced",
                &watch.kind,
                f64::from(u8::from(watch.synced)),
            );
        }
        let mut times = lock(&self.times);
        times.oldest_in_outbox = (depth > 0)
            .then(|| status.now.checked_sub(age).ok())
            .flatten();
        for watch in &status.watches {
            if let Some(last) = watch.last {
                times.last_of_watch.insert(watch.kind.clone(), last);
            }
        }
    }

    /// Everything as text, of type [`CONTENT_TYPE`]; ages are as of `now`.
    pub fn render(&self, now: Timestamp) -> String {
        let age = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
        {
            let times = lock(&self.times);
            let oldest = times.oldest_in_outbox.map_or(0.0, age);
            self.set("outbox_age_seconds", "", oldest);
            for (kind, last) in &times.last_of_watch {
                self.set("watch_age_seconds", kind, age(*last));
            }
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn unknown(&self, name: &'static str) {
        if let Some(series) = self.counters.get("unknown_metrics") {
            series.with(name, |counter| {
                counter.inc();
            });
        }
    }
}

impl Meter for Metrics {
    fn add(&self, name: &'static str, label: &str, n: u64) {
        // The engine counts decisions by their word in the audit log.
        let label = label.strip_prefix("decision.").unwrap_or(label);
        match self.counters.get(name) {
            Some(series) => series.with(label, |counter| {
                counter.inc_by(n);
            }),
            None => self.unknown(name),
        }
    }

    fn observe(&self, name: &'static str, seconds: f64) {
        match self.histograms.get(name) {
            Some(histogram) => histogram.observe(seconds),
            None => self.unknown(name),
        }
    }

    fn set(&self, name: &'static str, label: &str, value: f64) {
        match self.gauges.get(name) {
            Some(series) => series.with(label, |gauge| {
                gauge.set(value);
            }),
            None => self.unknown(name),
        }
    }
}

/// The time series of one metric.
struct Series<M> {
    labels: &'static [&'static str],
    family: Family<Labels, M>,
    known: Mutex<BTreeSet<String>>,
}

impl<M: Default> Series<M> {
    fn new(labels: &'static [&'static str]) -> Self {
        Self {
            labels,
            family: Family::default(),
            known: Mutex::default(),
        }
    }

    /// Works on the series of this label, or on `other` when there are too many.
    fn with(&self, label: &str, work: impl FnOnce(&M)) {
        let own = {
            let mut known = lock(&self.known);
            known.contains(label)
                || (known.len() < MAX_SERIES
                    && label.len() <= 200
                    && known.insert(label.to_owned()))
        };
        // The last label takes the rest: a reason in words may contain the separator.
        let mut values = label.splitn(self.labels.len().max(1), SEPARATOR);
        let labels: Labels = self
            .labels
            .iter()
            .map(|name| (*name, values.next()))
            .filter_map(|(name, value)| Some((name, if own { value? } else { "other" }.to_owned())))
            .collect();
        work(&self.family.get_or_create(&labels));
    }
}

/// What a panicking thread left behind here is still a set of numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::report::WatchHealth;
    use jiff::SignedDuration;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn status() -> Status {
        Status {
            cluster: "prod".into(),
            now: at(10),
            version: "1".into(),
            open: vec![],
            muted: vec![],
            memory: (0, 0, 0),
            suppressed: vec![],
            silences: vec![],
            watches: vec![WatchHealth {
                kind: "pods".into(),
                synced: true,
                last: Some(at(4)),
                error: None,
            }],
            paused: None,
            outbox: (2, SignedDuration::from_secs(10)),
        }
    }

    fn exercised() -> Metrics {
        let metrics = Metrics::new();
        metrics.add("signals", "oom", 2);
        metrics.add("incidents", "oom", 1);
        metrics.add("decisions", "decision.approved|RolloutUndo", 1);
        metrics.add("decisions", "decision.expired", 1);
        metrics.add("executions", "applied|RolloutUndo", 1);
        metrics.add("verdicts", "recovered|RolloutUndo", 1);
        metrics.add("suppressed", "older than the last start | not shown", 3);
        metrics.add("slack_calls", "chat.update|ok", 1);
        metrics.add("requests_refused", "signature", 1);
        metrics.add("store_errors", "commit", 1);
        for (name, ..) in HISTOGRAMS {
            metrics.observe(name, 0.004);
        }
        metrics.status(&status());
        metrics
    }

    #[test]
    fn the_text_has_every_metric_under_its_promised_name() {
        let text = exercised().render(at(10));
        let mut samples: Vec<&str> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
            .collect();
        samples.sort_unstable();
        insta::assert_snapshot!(samples.join("\n"), @r#"
        heal_click_ack_seconds_count 1
        heal_click_ack_seconds_sum 0.004
        heal_commit_seconds_count 1
        heal_commit_seconds_sum 0.004
        heal_decisions_total{decision="approved",action="RolloutUndo"} 1
        heal_decisions_total{decision="expired"} 1
        heal_executions_total{outcome="applied",action="RolloutUndo"} 1
        heal_incidents_total{family="oom"} 1
        heal_inspect_seconds_count 1
        heal_inspect_seconds_sum 0.004
        heal_open_incidents{} 0.0
        heal_outbox_age_seconds{} 10.0
        heal_outbox_depth{} 2.0
        heal_requests_refused_total{reason="signature"} 1
        heal_signal_to_slack_seconds_count 1
        heal_signal_to_slack_seconds_sum 0.004
        heal_signals_total{family="oom"} 2
        heal_slack_calls_total{method="chat.update",result="ok"} 1
        heal_store_errors_total{operation="commit"} 1
        heal_suppressed_total{reason="older than the last start | not shown"} 3
        heal_verdicts_total{verdict="recovered",action="RolloutUndo"} 1
        heal_watch_age_seconds{kind="pods"} 6.0
        heal_watch_synced{kind="pods"} 1.0
        "#);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn ages_grow_while_nobody_reports() {
        let metrics = exercised();
        let watch = |second, age: &str| {
            let line = format!("heal_watch_age_seconds{{kind=\"pods\"}} {age}");
            assert!(metrics.render(at(second)).contains(&line));
        };
        watch(70, "66.0");
        watch(80, "76.0");
        assert!(
            metrics
                .render(at(80))
                .contains("heal_outbox_age_seconds{} 80.0")
        );
        metrics.status(&Status {
            outbox: (0, SignedDuration::ZERO),
            ..status()
        });
        assert!(
            metrics
                .render(at(90))
                .contains("heal_outbox_age_seconds{} 0.0")
        );
    }

    #[test]
    fn free_text_cannot_make_more_series_than_its_bound_and_nothing_is_lost() {
        let metrics = Metrics::new();
        for number in 0..1000 {
            metrics.add("suppressed", &format!("reason {number}"), 1);
            metrics.add("slack_calls", &format!("method.{number}|ok"), 1);
            metrics.set("watch_synced", &format!("kind {number}"), 1.0);
            metrics.add("requests_refused", "forged\"} 1\nheal_fake 1", 1);
        }
        let text = metrics.render(at(0));
        let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        for name in [
            "heal_suppressed_total{",
            "heal_slack_calls_total{",
            "heal_watch_synced{",
        ] {
            assert_eq!(series(name), MAX_SERIES + 1, "{name}");
        }
        assert_eq!(series("heal_fake"), 0);
        let rest = 1000 - MAX_SERIES;
        assert!(text.contains(&format!("heal_suppressed_total{{reason=\"other\"}} {rest}")));
        assert!(text.contains(&format!(
            "heal_slack_calls_total{{method=\"other\",result=\"other\"}} {rest}"
        )));
    }

    #[test]
    fn an_unknown_name_is_counted_and_not_lost() {
        let metrics = Metrics::new();
        metrics.add("signls", "oom", 1);
        metrics.observe("inspekt", 1.0);
        metrics.set("opn", "", 1.0);
        let text = metrics.render(at(0));
        for name in ["signls", "inspekt", "opn"] {
            assert!(text.contains(&format!("heal_unknown_metrics_total{{name=\"{name}\"}} 1")));
        }
    }

    #[test]
    fn the_promised_latencies_lie_inside_the_buckets() {
        for (name, promise) in [
            ("click_ack", 0.05),
            ("click_ack", 3.0),
            ("signal_to_slack", 0.25),
            ("inspect", 20.0),
        ] {
            let (_, first, count, _) = HISTOGRAMS.iter().find(|row| row.0 == name).unwrap();
            let last = first * 2f64.powi(i32::from(*count) - 1);
            assert!(
                *first < promise && promise < last,
                "{name}: {first} … {last}"
            );
        }
    }

    #[test]
    fn it_can_be_shared_as_the_meter() {
        let meter: std::sync::Arc<dyn Meter> = std::sync::Arc::new(Metrics::new());
        meter.add("signals", "oom", 1);
    }
}
