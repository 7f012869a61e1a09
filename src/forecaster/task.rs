//! The task.
use super::{Ledger, Options, time::seconds};
use crate::{
    domain::forecast::SourceHealth,
    ports::{Clock, PodNews, Readings, Sighting, UsageError, UsageSource},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::mpsc::{Receiver, Sender},
    time::MissedTickBehavior,
};
use tokio_util::sync::CancellationToken;

/// Containers or lines that are dealt with before others get a turn.
const PORTION: usize = 500;
/// The source's health is told this often even when nothing changed, in seconds.
const HEALTH: f64 = 60.0;

/// What the task needs.
pub struct Parts {
    /// How forecasts are made.
    pub options: Options,
    /// Where figures come from.
    pub source: Arc<dyn UsageSource>,
    /// The time.
    pub clock: Arc<dyn Clock>,
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
    /// The newest figures of any source.
    last: Option<Timestamp>,
}

impl Forecaster {
    /// One that knows nothing yet.
    pub fn new(parts: Parts) -> Self {
        let now = seconds(parts.clock.now());
        Self {
            ledger: Ledger::new(parts.options, now),
            listed: false,
            told: None,
            last: None,
            parts,
        }
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
                    tokio::spawn(async move { done.send(source.read().await).await });
                }
                Some(answer) = readings.recv() => {
                    reading = false;
                    self.readings(answer).await;
                }
            }
            if !self.tell().await {
                break;
            }
        }
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
            Ok(readings) => self.taken(readings).await,
            Err(error) => SourceHealth {
                error: Some(error.to_string()),
                last: self.last,
                ..self.told.as_ref().map(|(_, told)| told.clone()).unwrap_or_default()
            },
        };
        self.last = health.last.or(self.last);
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
        for portion in self.ledger.stirred().chunks(PORTION) {
            for line in portion {
                self.ledger.assess(*line, now);
            }
            tokio::task::yield_now().await;
        }
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
