//! How often the containers of a workload restart.
//!
//! A Poisson CUSUM (Lucas 1985, "Counted data CUSUM's"): every restart adds ln 4, time takes away what would be expected if
//! restarts were four times as frequent as usual (3 times the usual rate). The sum reaches the threshold with about four
//! unexpected restarts, soon after each other or within a day, and never by restarts as frequent as they always were.
use super::{
    SILENT_DAYS,
    finding::{Anomaly, Metric, Side},
    words,
};
use serde::{Deserialize, Serialize};

/// How many times the usual rate is looked for.
const RATIO: f64 = 4.0;
/// The sum at which it is told: four restarts that nobody expected.
const THRESHOLD: f64 = 5.4;
/// Fewer restarts are never told.
const LEAST: usize = 3;
/// The usual rate is known from the last weeks: older restarts count less, by a factor of e per week.
const MEMORY: f64 = 7.0 * DAY;
/// What is believed before anything is known: a quarter of a restart in two days.
const BELIEF: (f64, f64) = (0.25, 2.0 * DAY);
/// Restarts younger than this are not part of what is usual yet.
const YOUNG: f64 = DAY;
/// Restarts that are kept one by one.
const KEPT: usize = 16;
/// Without a restart for so long, and the sum below half, it is over.
const CALM: f64 = 2.0 * 3600.0;
const DAY: f64 = 86_400.0;

/// Why a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Restart {
    /// Killed at its memory limit.
    OomKilled,
    /// It ended with an error.
    Error,
    /// It ended by itself with success.
    Completed,
    /// Nothing tells why.
    Unknown,
}

impl Restart {
    /// What it is called in Kubernetes.
    fn name(self) -> &'static str {
        match self {
            Restart::OomKilled => "OOMKilled",
            Restart::Error => "Error",
            Restart::Completed => "Completed",
            Restart::Unknown => "unknown",
        }
    }
}

/// How often the containers of one workload restart, and whether that is unusual now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Restarts {
    /// Since when it is watched; `None` before the first call.
    first: Option<f64>,
    /// Until when the sums are brought up to date.
    last: f64,
    /// The CUSUM.
    sum: f64,
    /// Restarts that are part of what is usual, fading, and the time they stand for.
    usual: (f64, f64),
    /// The latest restarts, oldest first.
    recent: Vec<(f64, Restart)>,
    since: Option<f64>,
}

/// Many restarts: what the sentence needs.
pub struct Burst {
    /// How many.
    pub count: usize,
    /// Within how many seconds.
    pub span: f64,
    /// By reason, the most frequent first.
    pub reasons: Vec<(&'static str, usize)>,
    /// How many a day are usual.
    pub usual: f64,
}

impl Restarts {
    /// The workload is watched from now on. Also called by the first [`Restarts::observe`].
    pub fn watch(&mut self, t: f64) {
        if t.is_finite() && self.first.is_none() {
            self.first = Some(t);
            self.last = t;
        }
    }

    /// A container restarted. Restarts are to come in the order of time; one that is late counts as of the latest time.
    pub fn observe(&mut self, t: f64, reason: Restart) {
        if !t.is_finite() {
            return;
        }
        self.watch(t);
        self.advance(t);
        if self.recent.len() >= KEPT {
            self.recent.remove(0);
            self.usual.0 += 1.0;
        }
        self.recent.push((self.last, reason));
        if self
            .first
            .is_none_or(|first| self.last - first < SILENT_DAYS * DAY)
        {
            return;
        }
        self.sum = (self.sum + RATIO.ln()).min(2.0 * THRESHOLD);
        if self.since.is_none() && self.sum >= THRESHOLD && self.recent.len() >= LEAST {
            self.since = Some(self.last);
        }
    }

    /// What is unusual now.
    pub fn assess(&mut self, now: f64) -> Option<Anomaly> {
        if !now.is_finite() {
            return None;
        }
        self.watch(now);
        self.advance(now);
        let (latest, _) = *self.recent.last()?;
        if self.sum < THRESHOLD / 2.0 && self.last - latest > CALM {
            self.since = None;
        }
        let since = self.since?;
        let burst = self.burst();
        Some(Anomaly {
            metric: Metric::Restarts,
            since,
            level: burst.count as f64,
            usual: (0.0, burst.usual * burst.span / DAY),
            side: Side::High,
            why: words::restarts(&burst),
        })
    }

    /// Usual restarts per second.
    fn rate(&self) -> f64 {
        // The last day is in the time, but not yet in the count.
        let counted = (self.usual.1 - YOUNG).max(0.0);
        (self.usual.0 + BELIEF.0) / (counted + BELIEF.1)
    }

    fn advance(&mut self, t: f64) {
        let passed = t - self.last;
        if passed <= 0.0 {
            return;
        }
        self.sum = (self.sum - (RATIO - 1.0) * self.rate() * passed).max(0.0);
        let fade = (-passed / MEMORY).exp();
        self.usual = (
            self.usual.0 * fade,
            self.usual.1 * fade + MEMORY * (1.0 - fade),
        );
        self.last = t;
        let young = self.recent.partition_point(|(at, _)| t - at > YOUNG);
        self.usual.0 += young as f64;
        self.recent.drain(..young);
    }

    /// The restarts of the last day.
    fn burst(&self) -> Burst {
        let first = self.recent.first().map_or(self.last, |(at, _)| *at);
        let mut reasons: Vec<(&'static str, usize)> = Vec::new();
        for (_, reason) in &self.recent {
            match reasons.iter_mut().find(|(name, _)| *name == reason.name()) {
                Some((_, count)) => *count += 1,
                None => reasons.push((reason.name(), 1)),
            }
        }
        reasons.sort_by_key(|(name, count)| (std::cmp::Reverse(*count), *name));
        Burst {
            count: self.recent.len(),
            span: self.last - first,
            reasons,
            usual: self.rate() * DAY,
        }
    }
}
