//! Metrics, in the OpenMetrics text format. There is no global registry: whoever counts has an `Arc<Metrics>`.
//!
//! The number of time series is bounded: labels come from closed lists, and where a label is free text, only the first
//! [`FREE_VALUES`] different values get a series of their own; the others are counted together as `other`.
use super::{forecasts::Forecasts, unusual::Unusual};
use crate::domain::{
    action::ActionKind,
    family::Family as Trouble,
    forecast::{Score, SourceHealth, Tier},
    recovery::Verdict,
};
use jiff::Timestamp;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::{Registry, Unit},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError, atomic::AtomicU64},
    time::Duration,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// How many different values a free-text label may have.
pub const FREE_VALUES: usize = 32;

/// What somebody or something decided about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Approved, by everybody whose approval it needs.
    Approved,
    /// The first of two approvals.
    FirstApproval,
    /// Dismissed.
    Dismissed,
    /// Nobody decided in time.
    Expired,
    /// Somebody pressed and was refused.
    Refused,
}

impl Decided {
    fn as_str(self) -> &'static str {
        match self {
            Decided::Approved => "approved",
            Decided::FirstApproval => "first_approval",
            Decided::Dismissed => "dismissed",
            Decided::Expired => "expired",
            Decided::Refused => "refused",
        }
    }
}

type GaugeF = Gauge<f64, AtomicU64>;

/// All metrics of the process.
pub struct Metrics {
    registry: Registry,
    signals: Family<FamilyLabel, Counter>,
    incidents: Family<FamilyLabel, Counter>,
    open_incidents: Gauge,
    decisions: Family<DecisionLabels, Counter>,
    executions: Family<ExecutionLabels, Counter>,
    verdicts: Family<VerdictLabels, Counter>,
    suppressed: Free<ReasonLabel>,
    outbox_depth: Gauge,
    outbox_age: GaugeF,
    watch_age: Family<KindLabel, GaugeF>,
    watch_synced: Family<KindLabel, Gauge>,
    slack_calls: Family<CallLabels, Counter>,
    requests_refused: Free<ReasonLabel>,
    /// From a click's arrival to the answer that goes back to Slack.
    click_ack: Histogram,
    signal_to_slack: Histogram,
    commit: Histogram,
    inspect: Histogram,
    forecast_age: GaugeF,
    forecast_containers: Family<StateLabel, Gauge>,
    forecasts_standing: Family<TierLabel, Gauge>,
    forecasts: Forecasts,
    unusual: Unusual,
    methods: Values,
    kinds: Values,
    times: Mutex<Times>,
}

/// Points in time that ages are computed from when somebody looks, so that an age grows even when nobody reports.
#[derive(Default)]
struct Times {
    oldest_in_outbox: Option<Timestamp>,
    last_of_watch: BTreeMap<String, Timestamp>,
    last_reading: Option<Timestamp>,
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
        let r = &mut registry;
        Self {
            signals: plain(r, "signals", "Signals that were taken in"),
            incidents: plain(r, "incidents", "Incidents that were opened"),
            open_incidents: plain(r, "open_incidents", "Incidents that are open now"),
            decisions: plain(r, "decisions", "What was decided about proposals"),
            executions: plain(r, "executions", "Executions by how the call went"),
            verdicts: plain(
                r,
                "verdicts",
                "Closed incidents by verdict; action is none when none was run",
            ),
            suppressed: Free::new(plain(
                r,
                "suppressed",
                "What was left out on purpose, by reason",
            )),
            outbox_depth: plain(r, "outbox_depth", "Messages that wait to be sent"),
            outbox_age: seconds(r, "outbox_age", "How long the oldest of them has waited"),
            watch_age: seconds(r, "watch_age", "Time since a watch's last sign of life"),
            watch_synced: plain(
                r,
                "watch_synced",
                "1 while a watch's list is complete and nothing failed since",
            ),
            slack_calls: plain(r, "slack_calls", "Calls of Slack's Web API"),
            requests_refused: Free::new(plain(
                r,
                "requests_refused",
                "Requests that were refused, by reason",
            )),
            click_ack: histogram(
                r,
                "click_ack",
                "From a click's arrival to its acknowledgement",
                0.0005,
                14,
            ),
            signal_to_slack: histogram(
                r,
                "signal_to_slack",
                "From a signal to the Slack request on the wire",
                0.005,
                16,
            ),
            commit: histogram(r, "commit", "One transaction on the store", 0.0002, 14),
            inspect: histogram(
                r,
                "inspect",
                "Gathering the evidence of one incident",
                0.01,
                13,
            ),
            forecast_age: seconds(
                r,
                "forecast_source_age",
                "Time since the newest memory figures were taken",
            ),
            forecast_containers: plain(
                r,
                "forecast_containers",
                "Running containers with memory figures (covered) and without (missing)",
            ),
            forecasts_standing: plain(
                r,
                "forecasts_standing",
                "Forecasts that stand now, by how loudly they are told",
            ),
            forecasts: Forecasts::new(r),
            unusual: Unusual::new(r),
            methods: Values::default(),
            kinds: Values::default(),
            times: Mutex::default(),
            registry,
        }
    }

    /// A signal was taken in.
    pub fn signal(&self, family: Trouble) {
        self.signals.get_or_create(&FamilyLabel::of(family)).inc();
    }

    /// An incident was opened.
    pub fn incident(&self, family: Trouble) {
        self.incidents.get_or_create(&FamilyLabel::of(family)).inc();
    }

    /// So many incidents are open now.
    pub fn open_incidents(&self, count: usize) {
        self.open_incidents.set(whole(count));
    }

    /// Something was decided about a proposal of this action.
    pub fn decision(&self, decision: Decided, action: ActionKind) {
        let (decision, action) = (decision.as_str(), action.as_str());
        self.decisions
            .get_or_create(&DecisionLabels { decision, action })
            .inc();
    }

    /// An execution ended; `outcome` is a word of the code: `applied`, `refused`, `failed`.
    pub fn execution(&self, action: ActionKind, outcome: &'static str) {
        let action = action.as_str();
        self.executions
            .get_or_create(&ExecutionLabels { action, outcome })
            .inc();
    }

    /// A verdict was given, on this action if one was run.
    pub fn verdict(&self, verdict: Verdict, action: Option<ActionKind>) {
        let labels = VerdictLabels {
            verdict: verdict.as_str(),
            action: action.map_or("none", ActionKind::as_str),
        };
        self.verdicts.get_or_create(&labels).inc();
    }

    /// So much was left out on purpose.
    pub fn suppressed(&self, reason: &str, count: u64) {
        self.suppressed.add(reason, count);
    }

    /// So many messages wait, the oldest since then.
    pub fn outbox(&self, depth: usize, oldest: Option<Timestamp>) {
        self.outbox_depth.set(whole(depth));
        self.times().oldest_in_outbox = oldest;
    }

    /// How a watch is; `last` is its last sign of life, if there was one.
    pub fn watch(&self, kind: &str, synced: bool, last: Option<Timestamp>) {
        let kind = self.kinds.bounded(kind);
        let label = KindLabel { kind: kind.clone() };
        self.watch_synced
            .get_or_create(&label)
            .set(i64::from(synced));
        if let Some(last) = last {
            self.times().last_of_watch.insert(kind, last);
        }
    }

    /// Slack's Web API was called; `result` is a word of the code: `ok`, `ratelimited`, `error`, `timeout`.
    pub fn slack_call(&self, method: &str, result: &'static str) {
        let method = self.methods.bounded(method);
        self.slack_calls
            .get_or_create(&CallLabels { method, result })
            .inc();
    }

    /// A request was refused before it did anything: forged, replayed, from another workspace.
    pub fn request_refused(&self, reason: &str) {
        self.requests_refused.add(reason, 1);
    }

    /// A click was acknowledged after this time.
    pub fn click_acknowledged(&self, after: Duration) {
        self.click_ack.observe(after.as_secs_f64());
    }

    /// A signal's card was on the wire after this time.
    pub fn signal_reached_slack(&self, after: Duration) {
        self.signal_to_slack.observe(after.as_secs_f64());
    }

    /// A transaction took this long.
    pub fn committed(&self, after: Duration) {
        self.commit.observe(after.as_secs_f64());
    }

    /// An inspection took this long.
    pub fn inspected(&self, after: Duration) {
        self.inspect.observe(after.as_secs_f64());
    }

    /// How complete memory figures are, and how many notices and pages stand.
    pub fn forecast_source(&self, health: &SourceHealth, (notices, pages): (u64, u64)) {
        let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        for (state, value) in [("covered", health.containers), ("missing", health.missing)] {
            let label = StateLabel { state };
            self.forecast_containers
                .get_or_create(&label)
                .set(count(value));
        }
        for (tier, value) in [(Tier::Notice, notices), (Tier::Page, pages)] {
            let label = TierLabel {
                tier: tier.as_str(),
            };
            self.forecasts_standing
                .get_or_create(&label)
                .set(count(value));
        }
        if health.last.is_some() {
            self.times().last_reading = health.last;
        }
    }

    /// How many workloads are followed, and in how many of them which metric is unusual now.
    pub fn unusual(
        &self,
        counts: &(
            usize,
            std::collections::HashMap<crate::domain::anomaly::Metric, u64>,
        ),
    ) {
        self.unusual.set(counts);
    }

    /// How the forecasts of the last 30 days turned out.
    pub fn forecasts(&self, score: &Score) {
        self.forecasts.set(score);
    }

    /// Everything as text, of type [`CONTENT_TYPE`]; ages are as of `now`.
    pub fn render(&self, now: Timestamp) -> String {
        let age = |since: Timestamp| now.duration_since(since).as_secs_f64().max(0.0);
        {
            let times = self.times();
            self.outbox_age.set(times.oldest_in_outbox.map_or(0.0, age));
            for (kind, last) in &times.last_of_watch {
                let label = KindLabel { kind: kind.clone() };
                self.watch_age.get_or_create(&label).set(age(*last));
            }
            self.forecast_age.set(times.last_reading.map_or(0.0, age));
        }
        let mut text = String::new();
        // Writing to a String does not fail.
        let _ = encode(&mut text, &self.registry);
        text
    }

    fn times(&self) -> MutexGuard<'_, Times> {
        lock(&self.times)
    }
}

pub(super) fn plain<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Default + Clone,
{
    let metric = M::default();
    registry.register(name, help, metric.clone());
    metric
}

pub(super) fn seconds<M>(registry: &mut Registry, name: &str, help: &str) -> M
where
    M: prometheus_client::registry::Metric + Default + Clone,
{
    let metric = M::default();
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

/// Buckets double from `first` seconds on, `count` times.
fn histogram(registry: &mut Registry, name: &str, help: &str, first: f64, count: u16) -> Histogram {
    let buckets = prometheus_client::metrics::histogram::exponential_buckets(first, 2.0, count);
    let metric = Histogram::new(buckets);
    registry.register_with_unit(name, help, Unit::Seconds, metric.clone());
    metric
}

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

/// What a panicking thread left behind here is still a set of numbers.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The values that a free-text label has had.
#[derive(Default)]
struct Values(Mutex<BTreeSet<String>>);

impl Values {
    /// The value itself while there is room for it, otherwise `other`.
    fn bounded(&self, value: &str) -> String {
        let mut values = lock(&self.0);
        if values.contains(value) {
            return value.to_owned();
        }
        if values.len() >= FREE_VALUES || value.len() > 100 {
            return "other".to_owned();
        }
        values.insert(value.to_owned());
        value.to_owned()
    }
}

/// Counters by a free-text label.
struct Free<L> {
    counters: Family<L, Counter>,
    values: Values,
}

impl Free<ReasonLabel> {
    fn new(counters: Family<ReasonLabel, Counter>) -> Self {
        Self {
            counters,
            values: Values::default(),
        }
    }

    fn add(&self, reason: &str, count: u64) {
        let reason = self.values.bounded(reason);
        self.counters
            .get_or_create(&ReasonLabel { reason })
            .inc_by(count);
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct FamilyLabel {
    family: &'static str,
}

impl FamilyLabel {
    fn of(family: Trouble) -> Self {
        Self {
            family: family.as_str(),
        }
    }
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct StateLabel {
    state: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct TierLabel {
    tier: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct DecisionLabels {
    decision: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ExecutionLabels {
    action: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct VerdictLabels {
    verdict: &'static str,
    action: &'static str,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct ReasonLabel {
    reason: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct KindLabel {
    kind: String,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct CallLabels {
    method: String,
    result: &'static str,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn exercised() -> Metrics {
        let metrics = Metrics::new();
        metrics.signal(Trouble::Oom);
        metrics.signal(Trouble::Oom);
        metrics.incident(Trouble::Oom);
        metrics.open_incidents(1);
        metrics.decision(Decided::Approved, ActionKind::RolloutUndo);
        metrics.execution(ActionKind::RolloutUndo, "applied");
        metrics.verdict(Verdict::Recovered, Some(ActionKind::RolloutUndo));
        metrics.verdict(Verdict::RecoveredByItself, None);
        metrics.suppressed("event older than the last start", 3);
        metrics.outbox(2, Some(at(0)));
        metrics.watch("pods", true, Some(at(4)));
        metrics.slack_call("chat.update", "ok");
        metrics.request_refused("signature");
        metrics.click_acknowledged(Duration::from_millis(4));
        metrics.signal_reached_slack(Duration::from_millis(90));
        metrics.committed(Duration::from_micros(300));
        metrics.inspected(Duration::from_millis(35));
        metrics.forecasts(&Score {
            made: 12,
            hits: 8,
            misses: 1,
            falses: 1,
            withdrawn: 3,
            averted: 2,
            leads: vec![600, 7200, 7500],
            covered: 7,
            standing: 2,
            calibration: crate::domain::forecast::Calibration {
                correction: crate::domain::forecast::Correction {
                    widening: 1.2,
                    shift: -0.4,
                },
                ..Default::default()
            },
        });
        let health = SourceHealth {
            last: Some(at(3)),
            containers: 41,
            missing: 1,
            ..SourceHealth::default()
        };
        metrics.forecast_source(&health, (2, 1));
        let cpu = [(crate::domain::anomaly::Metric::Cpu, 2)];
        metrics.unusual(&(12, cpu.into()));
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
        heal_commit_seconds_sum 0.0003
        heal_decisions_total{decision="approved",action="RolloutUndo"} 1
        heal_executions_total{action="RolloutUndo",outcome="applied"} 1
        heal_forecast_containers{state="covered"} 41
        heal_forecast_containers{state="missing"} 1
        heal_forecast_lead_median_seconds 7200.0
        heal_forecast_lead_sum_seconds 15300.0
        heal_forecast_outcomes{outcome="false"} 1
        heal_forecast_outcomes{outcome="hit"} 8
        heal_forecast_outcomes{outcome="miss"} 1
        heal_forecast_outcomes{outcome="withdrawn"} 3
        heal_forecast_shift -0.4
        heal_forecast_source_age_seconds 7.0
        heal_forecast_widening 1.2
        heal_forecasts_averted 2
        heal_forecasts_covered 7
        heal_forecasts_made 12
        heal_forecasts_standing{tier="notice"} 2
        heal_forecasts_standing{tier="page"} 1
        heal_habits 12
        heal_incidents_total{family="oom"} 1
        heal_inspect_seconds_count 1
        heal_inspect_seconds_sum 0.035
        heal_open_incidents 1
        heal_outbox_age_seconds 10.0
        heal_outbox_depth 2
        heal_requests_refused_total{reason="signature"} 1
        heal_signal_to_slack_seconds_count 1
        heal_signal_to_slack_seconds_sum 0.09
        heal_signals_total{family="oom"} 2
        heal_slack_calls_total{method="chat.update",result="ok"} 1
        heal_suppressed_total{reason="event older than the last start"} 3
        heal_unusual{metric="cpu"} 2
        heal_unusual{metric="memory"} 0
        heal_unusual{metric="restarts"} 0
        heal_verdicts_total{verdict="recovered",action="RolloutUndo"} 1
        heal_verdicts_total{verdict="recovered_by_itself",action="none"} 1
        heal_watch_age_seconds{kind="pods"} 6.0
        heal_watch_synced{kind="pods"} 1
        "#);
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn ages_grow_while_nobody_reports() {
        let metrics = exercised();
        assert!(
            metrics
                .render(at(70))
                .contains("heal_watch_age_seconds{kind=\"pods\"} 66.0")
        );
        assert!(
            metrics
                .render(at(80))
                .contains("heal_watch_age_seconds{kind=\"pods\"} 76.0")
        );
        metrics.outbox(0, None);
        assert!(
            metrics
                .render(at(90))
                .contains("heal_outbox_age_seconds 0.0")
        );
    }

    #[test]
    fn free_text_cannot_make_more_series_than_its_bound_and_nothing_is_lost() {
        let metrics = Metrics::new();
        for number in 0..1000 {
            metrics.suppressed(&format!("reason {number}"), 1);
            metrics.slack_call(&format!("method.{number}"), "ok");
            metrics.request_refused("forged\"} 1\nheal_fake 1");
        }
        let text = metrics.render(at(0));
        let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
        assert_eq!(series("heal_suppressed_total{"), FREE_VALUES + 1);
        assert_eq!(series("heal_slack_calls_total{"), FREE_VALUES + 1);
        assert_eq!(series("heal_fake"), 0);
        assert!(text.contains("heal_suppressed_total{reason=\"other\"} 968"));
    }

    #[test]
    fn the_promised_latencies_lie_inside_the_buckets() {
        let text = exercised().render(at(0));
        for (name, promise) in [
            ("click_ack", 0.05),
            ("click_ack", 3.0),
            ("signal_to_slack", 0.25),
            ("inspect", 20.0),
        ] {
            let bounds: Vec<f64> = text
                .lines()
                .filter_map(|line| line.strip_prefix(&format!("heal_{name}_seconds_bucket{{le=\"")))
                .filter_map(|rest| rest.split('"').next()?.parse().ok())
                .filter(|bound: &f64| bound.is_finite())
                .collect();
            assert!(
                bounds.iter().any(|bound| *bound < promise),
                "{name} {bounds:?}"
            );
            assert!(
                bounds.iter().any(|bound| *bound >= promise),
                "{name} {bounds:?}"
            );
        }
    }

    #[test]
    fn it_can_be_shared() {
        fn shared<T: Send + Sync>() {}
        shared::<Metrics>();
    }
}
