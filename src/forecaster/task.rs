//! The task.
use super::{
    Ledger, Options,
    past::{self, Found},
    time::seconds,
};
use crate::{
    domain::forecast::{Correction, Source, SourceHealth},
    ports::{Clock, PodNews, Readings, Sighting, UsageError, UsageSource},
    store::{Store, StoreError},
    telemetry::Metrics,
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::{
        mpsc::{Receiver, Sender},
        watch,
    },
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

/// Containers or lines that are dealt with before others get a turn.
const PORTION: usize = 500;
/// The source's health is told this often even when nothing changed, in seconds.
const HEALTH: f64 = 60.0;

/// The longest additional pause after failures.
const LONGEST: Duration = Duration::from_secs(300);

/// What the task needs.
pub struct Parts {
    /// How forecasts are made.
    pub options: Options,
    /// Where figures come from.
    pub source: Arc<dyn UsageSource>,
    /// Where what is known outlives the process.
    pub store: Store,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where figures of Heal itself go.
    pub metrics: Arc<Metrics>,
    /// What the forecasts told so far teach, as outcomes come in.
    pub correction: watch::Receiver<Correction>,
    /// News of the watches.
    pub pods: Receiver<PodNews>,
    /// Where sightings go.
    pub sink: Sender<Sighting>,
    /// Ends it.
    pub cancel: CancellationToken,
}

/// The task.
pub struct Forecaster {
    parts: Parts,
    ledger: Ledger,
    /// All pods were listed: figures can be told whose they are.
    listed: bool,
    told: Option<(f64, SourceHealth)>,
    backfill: Backfill,
    /// The newest figures of any source.
    last: Option<Timestamp>,
    /// Readings that failed in a row.
    failures: u32,
    /// When old lines were last looked for.
    forgot: f64,
}

/// How far the past is.
enum Backfill {
    /// It is to be asked for after the first figures.
    Wanted,
    /// It is coming.
    Coming(Receiver<Found>),
    /// It was taken in, or there is none.
    Done,
}

impl Forecaster {
    /// One that knows what is stored.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn start(parts: Parts) -> Result<Self, StoreError> {
        let now = seconds(parts.clock.now());
        let mut options = parts.options;
        if !parts.source.has_past() {
            options.backfill = 0.0;
        }
        let mut ledger = Ledger::new(options, now);
        let (mut known, mut unreadable) = (0, 0);
        parts.store.each_series(|row| {
            *(if ledger.restore(row) {
                &mut known
            } else {
                &mut unreadable
            }) += 1;
        })?;
        parts.store.each_habit(|row| {
            unreadable += usize::from(!ledger.restore_habits(&row, now));
        })?;
        if unreadable > 0 {
            tracing::warn!(
                known,
                unreadable,
                "stored histories of another version or damaged: these begin anew"
            );
        }
        Ok(Self {
            ledger,
            listed: false,
            backfill: Backfill::Wanted,
            told: None,
            last: None,
            failures: 0,
            forgot: now,
            parts,
        })
    }

    /// Works until it is cancelled or nobody listens any more.
    pub async fn run(mut self) {
        let interval = Duration::from_secs_f64(self.parts.options.interval.max(1.0));
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let (done, mut readings) = tokio::sync::mpsc::channel(1);
        let mut reading = false;
        let cancel = self.parts.cancel.clone();
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                news = self.parts.pods.recv() => match news {
                    Some(news) => self.news(news),
                    None => break,
                },
                _ = ticks.tick(), if self.listed && !reading => {
                    reading = true;
                    let (source, done) = (self.parts.source.clone(), done.clone());
                    let pause = self.pause(interval);
                    tokio::spawn(async move {
                        tokio::time::sleep(pause).await;
                        // Nobody waits for it any more when the task has ended.
                        let _ = done.send(source.read().await).await;
                    });
                }
                Some(answer) = readings.recv() => {
                    reading = false;
                    self.readings(answer).await;
                    self.keep(false).await;
                }
                found = next(&mut self.backfill) => self.past(found).await,
            }
            if !self.tell().await {
                break;
            }
        }
        self.ledger.no_more_past();
        self.keep(true).await;
    }

    /// How much longer than usual to wait before a source is asked that has failed.
    fn pause(&self, interval: Duration) -> Duration {
        let over = self.failures.saturating_sub(2).min(4);
        interval.saturating_mul((1 << over) - 1).min(LONGEST)
    }

    /// Writes down what has been news for a while, or everything.
    async fn keep(&mut self, all: bool) {
        let now = self.now();
        let mut forgotten = Vec::new();
        if now - self.forgot >= 3600.0 {
            self.forgot = now;
            forgotten = self.ledger.forget(now);
        }
        // A portion at a time: all rows together are as large as all that is known.
        loop {
            let habits = self.ledger.unsaved_habits(now, all);
            if habits.is_empty() {
                break;
            }
            if let Err(error) = self.parts.store.put_habits(habits, now).await {
                tracing::warn!(%error, "what is usual for workloads was not stored");
                break;
            }
        }
        loop {
            let rows = self.ledger.unsaved(now, all);
            let forgotten = std::mem::take(&mut forgotten);
            if rows.is_empty() && forgotten.is_empty() {
                break;
            }
            if let Err(error) = self.parts.store.put_series(rows, forgotten).await {
                tracing::warn!(%error, "the history of memory figures was not stored");
                break;
            }
        }
    }

    async fn past(&mut self, found: Option<Found>) {
        let now = self.now();
        let Some(found) = found else {
            tracing::info!("the past was taken in");
            self.ledger.no_more_past();
            self.backfill = Backfill::Done;
            return;
        };
        if let Some(error) = &found.error {
            tracing::warn!(namespace = found.namespace, %error, "the past is not complete");
        }
        for workload in self.ledger.before(&found) {
            self.ledger.remember_usual(&workload, &found, now);
            // A week of a workload takes milliseconds, and there may be thousands.
            tokio::task::yield_now().await;
        }
        self.ledger.past(found, now);
    }

    /// Asks for the past, once the source has answered at all.
    fn ask_for_past(&mut self) {
        if !matches!(self.backfill, Backfill::Wanted) {
            return;
        }
        let wishes = self.ledger.wishes(self.now());
        let (sink, found) = tokio::sync::mpsc::channel(1);
        tokio::spawn(past::ask(self.parts.source.clone(), wishes, sink));
        self.backfill = Backfill::Coming(found);
    }

    fn now(&self) -> f64 {
        seconds(self.parts.clock.now())
    }

    fn news(&mut self, news: PodNews) {
        self.listed |= news == PodNews::Listed;
        let now = self.now();
        self.ledger.news(news, now);
    }

    async fn readings(&mut self, answer: Result<Readings, UsageError>) {
        let health = match answer {
            Ok(readings) => {
                self.failures = 0;
                // Not from the one that stepped in: it has none, and the other one would not answer.
                let has_past = readings.source != Source::MetricsApi;
                let health = self.taken(readings).await;
                if has_past {
                    self.ask_for_past();
                }
                health
            }
            Err(error) => SourceHealth {
                error: Some(error.to_string()),
                last: self.last,
                ..self
                    .told
                    .as_ref()
                    .map(|(_, told)| told.clone())
                    .unwrap_or_default()
            },
        };
        if health.error.is_some() {
            self.failures = self.failures.saturating_add(1);
        }
        self.last = health.last.or(self.last);
        self.parts
            .metrics
            .forecast_source(&health, self.ledger.standing());
        let now = self.now();
        let changed = self.told.as_ref().is_none_or(|(at, told)| {
            told.source != health.source || told.error != health.error || now - at >= HEALTH
        });
        if changed {
            self.told = Some((now, health.clone()));
            let sink = &self.parts.sink;
            // That nobody listens any more shows when the sightings are told.
            let _ = sink.send(Sighting::ForecastSource(health)).await;
        }
    }

    async fn taken(&mut self, readings: Readings) -> SourceHealth {
        let now = self.now();
        for portion in readings.containers.chunks(PORTION) {
            for reading in portion {
                self.ledger.reading(reading, readings.source, now);
            }
            tokio::task::yield_now().await;
        }
        let health = self.ledger.round(now, readings.trouble);
        self.ledger.correct(*self.parts.correction.borrow());
        for portion in self.ledger.stirred().chunks(PORTION) {
            for line in portion {
                self.ledger.assess(*line, now);
            }
            tokio::task::yield_now().await;
        }
        self.ledger.look_for_the_unusual(now);
        self.parts.metrics.unusual(&self.ledger.unusual());
        health
    }

    async fn tell(&mut self) -> bool {
        for sighting in self.ledger.sightings() {
            if self.parts.sink.send(sighting).await.is_err() {
                return false;
            }
        }
        true
    }
}

/// The next piece of the past; never, when none is coming.
async fn next(backfill: &mut Backfill) -> Option<Found> {
    match backfill {
        Backfill::Coming(found) => found.recv().await,
        Backfill::Wanted | Backfill::Done => std::future::pending().await,
    }
}
