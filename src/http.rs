//! The HTTP side: what Slack sends, and what a cluster asks of every process (`/healthz`, `/readyz`, `/metrics`).
//!
//! The checks of a Slack request, in this order: not too many at once, size (declared, and while reading), time for reading,
//! both signature headers, time stamp, signature, form. Only then is it looked at. Refusals say nothing that helps a forger:
//! 401 signature or time, 413 size, 415 or 400 form, 408 too slow, 503 too many. Everything that is about business is a 200,
//! because Slack shows anything else as an error of its own.
use crate::{
    ports::{Clock, Meter},
    slack::{
        inbound::{self, Inbound, Unreadable},
        reception::{Ack, Reception},
        verify::verify,
    },
};
use axum::{
    Json, Router,
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;
use tower_http::{catch_panic::CatchPanicLayer, limit::RequestBodyLimitLayer};

/// Bodies above this are refused, unread as far as possible. Slack's largest payloads carry a message of some ten KiB.
const LARGEST_BODY: usize = 256 * 1024;
/// Reading a body takes at most this long.
const READING: Duration = Duration::from_secs(3);
/// Requests from Slack under way at the same time.
const AT_ONCE: usize = 64;

/// Whether the process is ready; the error says why not.
pub type Ready = Arc<dyn Fn() -> Result<(), String> + Send + Sync>;
/// The text of `/metrics`.
pub type Metrics = Arc<dyn Fn() -> String + Send + Sync>;

/// What the HTTP side is made of.
pub struct WebParts {
    /// What to do with Slack's requests; none with Socket Mode.
    pub slack: Option<SlackParts>,
    /// Whether the process is ready.
    pub ready: Ready,
    /// The text of `/metrics`.
    pub metrics: Metrics,
}

/// What is needed to believe Slack.
pub struct SlackParts {
    /// What to do with what was believed.
    pub reception: Reception,
    /// The signing secret; two while it is being replaced.
    pub secrets: Vec<SecretString>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Where figures go.
    pub meter: Arc<dyn Meter>,
}

struct Door {
    parts: SlackParts,
    places: Semaphore,
}

/// All routes.
pub fn router(parts: WebParts) -> Router {
    let WebParts {
        slack,
        ready,
        metrics,
    } = parts;
    let slack = slack.map(|parts| {
        let door = Arc::new(Door {
            parts,
            places: Semaphore::new(AT_ONCE),
        });
        Router::new()
            .route("/slack/interactivity", post(interactivity))
            .route("/slack/commands", post(commands))
            .route("/slack/events", post(events))
            .layer(RequestBodyLimitLayer::new(LARGEST_BODY))
            .with_state(door)
    });
    Router::new()
        .merge(slack.unwrap_or_default())
        .route("/healthz", get(|| async { "ok\n" }))
        .route(
            "/readyz",
            get(move || {
                let ready = ready();
                async move {
                    match ready {
                        Ok(()) => (StatusCode::OK, "ready\n".to_owned()),
                        Err(why) => (StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
                    }
                }
            }),
        )
        .route(
            "/metrics",
            get(move || {
                let text = metrics();
                async move {
                    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                    ([(header::CONTENT_TYPE, kind)], text)
                }
            }),
        )
        .layer(CatchPanicLayer::new())
}

async fn interactivity(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.take(request, FORM, inbound::interactivity).await
}

async fn commands(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.take(request, FORM, inbound::command).await
}

async fn events(State(door): State<Arc<Door>>, request: Request) -> Response {
    door.take(request, "application/json", inbound::event).await
}

const FORM: &str = "application/x-www-form-urlencoded";

/// Why a request is not looked at: status, and the reason under which it is counted.
type Turned = (StatusCode, &'static str);

impl Door {
    async fn take(
        &self,
        request: Request,
        content_type: &str,
        parse: fn(&[u8]) -> Result<Inbound, Unreadable>,
    ) -> Response {
        let begun = tokio::time::Instant::now();
        let answer = match self.check(request, content_type, parse).await {
            Ok((inbound, signature)) => {
                let reception = &self.parts.reception;
                match reception.receive(inbound, Some(signature)).await {
                    Ack::Empty => StatusCode::OK.into_response(),
                    Ack::Json(json) => Json(json).into_response(),
                }
            }
            Err((status, reason)) => {
                tracing::warn!(reason, "http.slack.refused");
                self.parts.meter.add("slack_requests_refused", reason, 1);
                status.into_response()
            }
        };
        let seconds = begun.elapsed().as_secs_f64();
        self.parts.meter.observe("slack_request_seconds", seconds);
        answer
    }

    async fn check(
        &self,
        request: Request,
        content_type: &str,
        parse: fn(&[u8]) -> Result<Inbound, Unreadable>,
    ) -> Result<(Inbound, String), Turned> {
        // Held only while a request is read and checked: that is what costs memory.
        let _place = self
            .places
            .try_acquire()
            .map_err(|_| (StatusCode::SERVICE_UNAVAILABLE, "too_many"))?;
        let (head, body) = request.into_parts();
        let body = tokio::time::timeout(READING, read(body))
            .await
            .map_err(|_| (StatusCode::REQUEST_TIMEOUT, "too_slow"))??;
        let now = self.parts.clock.now();
        let signature = verify(&self.parts.secrets, &head.headers, &body, now)
            .map_err(|rejection| (StatusCode::UNAUTHORIZED, rejection.reason()))?;
        if !is(&head.headers, content_type) {
            return Err((StatusCode::UNSUPPORTED_MEDIA_TYPE, "content_type"));
        }
        let inbound = parse(&body).map_err(|_| (StatusCode::BAD_REQUEST, "form"))?;
        Ok((inbound, signature))
    }
}

/// The whole body, as far as it is allowed. The layer outside has the same limit; this one does not depend on it.
async fn read(body: Body) -> Result<Bytes, Turned> {
    match Limited::new(body, LARGEST_BODY).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if is_too_long(error.as_ref()) => {
            Err((StatusCode::PAYLOAD_TOO_LARGE, "too_large"))
        }
        Err(_) => Err((StatusCode::BAD_REQUEST, "broken_off")),
    }
}

fn is_too_long(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if error.is::<LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn is(headers: &HeaderMap, content_type: &str) -> bool {
    let given = headers.get(header::CONTENT_TYPE);
    let given = given
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let kind = given.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case(content_type)
}

#[cfg(test)]
mod tests;
