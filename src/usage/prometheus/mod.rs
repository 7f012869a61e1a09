//! Prometheus, and what speaks its query language: Thanos, Mimir, VictoriaMetrics.
//!
//! One instant query per figure and interval for the whole cluster, whatever its size; the past by range queries in bounded
//! pieces. Once an hour it is probed again which metrics are exported.
mod answer;
mod join;
mod past;
mod place;
mod query;
#[cfg(test)]
mod tests;
mod verdict;

pub use join::Join;
pub use place::{Auth, Place};
pub use query::{Exported, Labels, Measure};

use crate::{
    domain::forecast::Source,
    ports::{PastRun, Readings, Span, UsageError, UsageSource},
    wire::{Broken, Limits, Transport},
};
use answer::Instant;
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, header};
use past::runs;
use std::{
    hash::RandomState,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tower::ServiceExt;
use verdict::{series, verdict};

/// An exchange takes less than the usual interval between two readings; a hundred thousand containers have some 25 MiB.
pub const LIMITS: Limits = Limits {
    patience: Duration::from_secs(25),
    connect: Duration::from_secs(5),
    answer: 192 << 20,
};
/// What is exported is found out again this often: exporters are upgraded.
const PROBE: Duration = Duration::from_secs(3600);
/// So often while nothing better than the bare working set was found: in a new cluster the kubelet's other endpoint answers first.
const PROBE_AGAIN: Duration = Duration::from_secs(60);

/// A source of memory figures.
pub struct Prometheus {
    transport: Transport,
    place: Place,
    probed: Mutex<Option<(tokio::time::Instant, Exported)>>,
    keys: RandomState,
}

impl Prometheus {
    /// A service at this place. Nothing is sent yet.
    pub fn new(transport: Transport, place: Place) -> Self {
        Self {
            transport,
            place,
            probed: Mutex::default(),
            keys: RandomState::new(),
        }
    }

    /// What is exported.
    ///
    /// # Errors
    /// When it cannot be found out, or nothing of use is.
    pub async fn probe(&self) -> Result<Exported, UsageError> {
        let known = *self.probed.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((at, exported)) = known {
            let holds = match exported.measure {
                Measure::WorkingSet => PROBE_AGAIN,
                _ => PROBE,
            };
            if at.elapsed() < holds {
                return Ok(exported);
            }
        }
        let labels = &self.place.labels;
        let body = self.ask("query", &[("query", &labels.probe())]).await?;
        let found: Vec<Instant<'_>> = series(&body)?;
        let names = found.iter().map(|series| series.metric.get("__name__"));
        let mut exported = Exported::of(names).ok_or_else(|| {
            UsageError::Wrong(
                "it has no container_memory_working_set_bytes with the configured labels: is cAdvisor scraped?"
                    .to_owned(),
            )
        })?;
        let body = self
            .ask("query", &[("query", &labels.probe_swap())])
            .await?;
        let swapping: Vec<Instant<'_>> = series(&body)?;
        exported.swap = swapping.iter().any(|series| series.value.1.0 > 0.0);
        *self.probed.lock().unwrap_or_else(PoisonError::into_inner) =
            Some((tokio::time::Instant::now(), exported));
        Ok(exported)
    }

    async fn readings(&self) -> Result<Readings, UsageError> {
        let exported = self.probe().await?;
        let labels = &self.place.labels;
        let mut join = Join::new(labels.clone(), self.keys.clone());
        let taken = self.ask("query", &[("query", &labels.taken())]).await?;
        join = apart(move || join.taken(&taken)).await?;
        let used = self
            .ask("query", &[("query", &labels.used(exported))])
            .await?;
        join = apart(move || join.used(&used)).await?;
        // Forecasts do without CPU, so a failure is none.
        if exported.cpu
            && let Ok(cpu) = self.ask("query", &[("query", &labels.cpu())]).await
        {
            join = apart(move || join.cpu(&cpu)).await?;
        }
        let containers = join.readings();
        if containers.is_empty() {
            return Err(self.gone().await);
        }
        Ok(Readings {
            source: match exported.measure {
                Measure::WorkingSet => Source::PrometheusWorkingSet,
                _ => Source::Prometheus,
            },
            trouble: None,
            containers,
        })
    }

    /// It answers, and what it was known to have is not there: it is probed anew, which says why.
    async fn gone(&self) -> UsageError {
        *self.probed.lock().unwrap_or_else(PoisonError::into_inner) = None;
        let nothing = || UsageError::Away("it answers, and has figures of no container".to_owned());
        self.probe().await.err().unwrap_or_else(nothing)
    }

    async fn history(&self, span: Span) -> Result<Vec<PastRun>, UsageError> {
        let exported = self.probe().await?;
        let [mean, max] = self.place.labels.past(exported, &span.namespace, span.step);
        let (from, to) = (span.from.to_string(), span.to.to_string());
        let step = span.step.to_string();
        let ask = |query: String| {
            let (from, to, step) = (from.clone(), to.clone(), step.clone());
            async move {
                let pairs = [
                    ("query", query.as_str()),
                    ("start", &from),
                    ("end", &to),
                    ("step", &step),
                ];
                self.ask("query_range", &pairs).await
            }
        };
        let mean = ask(mean).await?;
        let max = ask(max).await?;
        // Memory alone is worth having, so a failure is none.
        let cpu = match exported.cpu {
            true => ask(self.place.labels.past_cpu(&span.namespace, span.step)).await,
            false => Ok(Bytes::new()),
        };
        let labels = self.place.labels.clone();
        apart(move || runs(&labels, &mean, &max, &cpu.unwrap_or_default())).await
    }

    /// Asks, by POST: queries are longer than some proxies let addresses be.
    async fn ask(&self, what: &str, pairs: &[(&str, &str)]) -> Result<Bytes, UsageError> {
        let base = self.place.url.as_str().trim_end_matches('/');
        let base = base.strip_suffix("/api/v1").unwrap_or(base);
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(pairs)
            .finish();
        let mut request = Request::post(format!("{base}/api/v1/{what}"))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .header(header::ACCEPT, "application/json")
            .body(Bytes::from(body))
            .map_err(|error| UsageError::Wrong(error.to_string()))?;
        let headers = request.headers_mut();
        for (name, value) in &self.place.headers {
            headers.insert(name.clone(), value.clone());
        }
        self.place.auth.prove(headers).await?;
        let answer = match self.transport.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(Broken::Unsent(why) | Broken::Unanswered(why)) => {
                return Err(UsageError::Away(why));
            }
            Err(error @ Broken::UnknownAuthority) => {
                return Err(UsageError::Wrong(format!(
                    "{error}: name the file of that authority in forecast.prometheus.ca_file"
                )));
            }
            Err(error @ Broken::TooLarge(_)) => return Err(UsageError::TooMuch(error.to_string())),
        };
        match verdict(answer.status(), answer.headers(), answer.body()) {
            Some(error) => Err(error),
            None => Ok(answer.into_body()),
        }
    }
}

impl UsageSource for Prometheus {
    fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>> {
        Box::pin(self.readings())
    }

    fn past(&self, span: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>> {
        Box::pin(self.history(span))
    }

    fn has_past(&self) -> bool {
        true
    }
}

/// Reads an answer on a thread that nobody waits for: there are tens of megabytes in a large cluster.
async fn apart<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, UsageError> + Send + 'static,
) -> Result<T, UsageError> {
    tokio::task::spawn_blocking(read)
        .await
        .map_err(|_| UsageError::Away("reading the answer was stopped".to_owned()))?
}
