//! Metrics, in the OpenMetrics text format. There is no global registry: whoever counts has an `Arc<Metrics>`.
//!
//! The number of time series is bounded: labels come from closed lists, and where a label is free text, only the first
//! `FREE_VALUES` different values get a series of their own; the others are counted together as `other`. Of the forecasts that are told
//! only the most urgent have series of their own, for as long as they stand.
use super::{
    decided::Decided,
    forecasts::Forecasts,
    labels::{
        CallLabels, DecisionLabels, ExecutionLabels, FamilyLabel, KindLabel, ReasonLabel,
        StateLabel, TierLabel, VerdictLabels,
    },
    register::{histogram, plain, seconds},
    told::Told,
    unusual::Unusual,
    values::{Free, Values, lock},
};
use crate::domain::{
    action::ActionKind,
    family::Family as Trouble,
    forecast::{Outlook, Score, SourceHealth, Tier},
    recovery::Verdict,
};
use jiff::Timestamp;
use prometheus_client::{
    encoding::text::encode,
    metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram},
    registry::Registry,
};
use std::{
    collections::BTreeMap,
    sync::{Mutex, MutexGuard, atomic::AtomicU64},
    time::Duration,
};

/// The content type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
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
    audit_rows: Gauge,
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
    told: Told,
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
                "Verdicts on changes, and on incidents that closed without one (action none)",
            ),
            suppressed: Free::new(plain(
                r,
                "suppressed",
                "What was left out on purpose, by reason",
            )),
            audit_rows: plain(
                r,
                "audit_rows",
                "Rows of the audit log; fewer than before means that some were removed",
            ),
            outbox_depth: plain(
                r,
                "outbox_depth",
                "Cards and messages that wait to be sent or brought up to date",
            ),
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
            told: Told::new(r),
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

    /// The audit log has so many rows.
    pub fn audit_rows(&self, rows: i64) {
        self.audit_rows.set(rows);
    }

    /// So many cards and messages wait, the oldest since then.
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

    /// What is told now, with the time left and the probability: what is not among these is not exported any more.
    pub fn told<'a>(&self, outlooks: impl Iterator<Item = &'a Outlook>, now: Timestamp) {
        self.told.set(outlooks, now);
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

fn whole(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
