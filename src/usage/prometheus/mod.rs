//! Prometheus, and what speaks its query language: Thanos, Mimir, VictoriaMetrics.
//!
//! One instant query per figure and interval for the whole cluster, whatever its size; the past by range queries in bounded
//! pieces. Once an hour it is probed again which metrics are exported.
mod answer;
mod join;
mod query;
#[cfg(test)]
mod tests;

pub use join::Join;
pub use query::{Exported, Labels, Measure};

use super::transport::{Broken, Transport};
use crate::{
    domain::{forecast::Source, text::clip},
    ports::{PastPoint, PastRun, Readings, Span, UsageError, UsageSource},
    redact::redact,
};
use answer::{Answer, Instant, Metric, Range};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Request, StatusCode, header};
use secrecy::{ExposeSecret, SecretString};
use std::{
    collections::HashMap,
    hash::RandomState,
    path::PathBuf,
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tower::ServiceExt;

/// What is exported is found out again this often: exporters are upgraded.
const PROBE: Duration = Duration::from_secs(3600);
/// So often while nothing better than the bare working set was found: in a new cluster the kubelet's other endpoint answers first.
const PROBE_AGAIN: Duration = Duration::from_secs(60);

/// How to prove who asks.
#[derive(Clone, Debug, Default)]
pub enum Auth {
    /// Not at all.
    #[default]
    None,
    /// A bearer token.
    Bearer(SecretString),
    /// A bearer token in a file that is read anew each time: tokens of service accounts are replaced every hour.
    BearerFile(PathBuf),
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: SecretString,
    },
}

/// Where the service is, and how it is asked.
#[derive(Clone, Debug)]
pub struct Place {
    /// Base address, with the path below which `/api/v1/…` lies, if there is one.
    pub url: url::Url,
    /// How to prove who asks.
    pub auth: Auth,
    /// Further headers, such as `X-Scope-OrgID`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// How series are labelled.
    pub labels: Labels,
}

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
        Ok(Readings {
            source: match exported.measure {
                Measure::WorkingSet => Source::PrometheusWorkingSet,
                _ => Source::Prometheus,
            },
            trouble: None,
            containers: join.readings(),
        })
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
        self.prove(headers).await?;
        let answer = match self.transport.clone().oneshot(request).await {
            Ok(answer) => answer,
            Err(Broken::Away(why)) => return Err(UsageError::Away(why)),
            Err(error @ Broken::TooLarge) => return Err(UsageError::TooMuch(error.to_string())),
        };
        match verdict(answer.status(), answer.headers(), answer.body()) {
            Some(error) => Err(error),
            None => Ok(answer.into_body()),
        }
    }

    async fn prove(&self, headers: &mut HeaderMap) -> Result<(), UsageError> {
        let text = match &self.place.auth {
            Auth::None => return Ok(()),
            Auth::Bearer(token) => format!("Bearer {}", token.expose_secret()),
            Auth::BearerFile(path) => {
                let token = tokio::fs::read_to_string(path).await.map_err(|error| {
                    UsageError::Refused(format!("the token's file cannot be read: {error}"))
                })?;
                format!("Bearer {}", token.trim())
            }
            Auth::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", STANDARD.encode(pair))
            }
        };
        let mut value = HeaderValue::try_from(text)
            .map_err(|_| UsageError::Refused("the credentials hold line breaks".to_owned()))?;
        value.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, value);
        Ok(())
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

/// What is wrong with an answer, if anything is.
fn verdict(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<UsageError> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if status.is_success() && kind.contains("html") {
        return Some(UsageError::Wrong(
            "a web page came instead of figures: is this Prometheus' own address, with its path?"
                .to_owned(),
        ));
    }
    if status.is_success() {
        return None;
    }
    let said = said(body);
    let with = |text: &str| {
        if said.is_empty() {
            text.to_owned()
        } else {
            format!("{text}: {said}")
        }
    };
    Some(match status.as_u16() {
        401 => UsageError::Refused(with("it wants other credentials (401)")),
        403 => UsageError::Refused(with("these credentials may not query it (403)")),
        404 => UsageError::Wrong(with("there is no query API at this address (404)")),
        300..400 => UsageError::Wrong(format!(
            "it redirects ({}), probably to a login page: is this its own address?",
            status.as_u16()
        )),
        413 => UsageError::TooMuch(with("the answer would be too large (413)")),
        400 | 422 if is_too_much(&said) => UsageError::TooMuch(said),
        400 | 422 => UsageError::Wrong(with("it does not take the query")),
        code => UsageError::Away(with(&format!("it failed ({code})"))),
    })
}

/// Prometheus and its relatives refuse what is too large in words of their own.
fn is_too_much(said: &str) -> bool {
    let said = said.to_lowercase();
    ["too many", "limit", "exceed", "maximum"]
        .iter()
        .any(|word| said.contains(word))
}

/// The service's own words, in one short line.
fn said(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Answer<'_, serde::de::IgnoredAny>>(body) {
        Ok(answer) => answer.error.unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned(),
    };
    if text.trim_start().starts_with('<') {
        return String::new();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    clip(&redact(&words.join(" ")), 200)
}

/// The series of an answer.
fn series<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, UsageError> {
    let answer: Answer<'a, T> = serde_json::from_slice(body).map_err(|error| {
        UsageError::Wrong(format!("its answer is not that of the query API: {error}"))
    })?;
    if answer.status != "success" {
        let words = answer.error.unwrap_or_default();
        let text = format!(
            "it answered {}: {}",
            answer.error_type.unwrap_or_default(),
            clip(&redact(&words), 200)
        );
        return Err(if is_too_much(&words) {
            UsageError::TooMuch(text)
        } else {
            UsageError::Away(text)
        });
    }
    Ok(answer.data.map(|data| data.result).unwrap_or_default())
}

/// The past of all runs of a namespace: means, maxima and CPU belong together by their labels and times. CPU may be missing.
fn runs(labels: &Labels, mean: &[u8], max: &[u8], cpu: &[u8]) -> Result<Vec<PastRun>, UsageError> {
    let name = |metric: &Metric<'_>| {
        [&labels.pod, &labels.container, &labels.run].map(|label| metric.get(label).to_owned())
    };
    let by_name = |found: Vec<Range<'_>>| -> HashMap<[String; 3], Vec<(f64, answer::Value)>> {
        let named = found.into_iter();
        named
            .map(|series| (name(&series.metric), series.values))
            .collect()
    };
    let at = |values: &[(f64, answer::Value)], t: f64| {
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
