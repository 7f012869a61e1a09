//! How requests of the workspace reach the app, and what came back.

use std::fmt::Display;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use futures::{FutureExt, TryFutureExt};
use http::{Request, Response};
use serde_json::Value;
use tokio::time::Instant;
use tower::{Service, ServiceExt};

use super::SlackSim;
use super::sign;

/// Where clicks, submitted and closed modals go.
pub const INTERACTIVITY: &str = "/slack/interactivity";
/// Where commands go.
pub const COMMANDS: &str = "/slack/commands";

/// The way to the app. The request has only a path; the error says why nothing came back.
pub type Deliver = Arc<
    dyn Fn(Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, String>> + Send + Sync,
>;

/// The way to an app through any service that takes requests to it.
pub fn through<S>(service: S) -> Deliver
where
    S: Service<Request<Bytes>, Response = Response<Bytes>> + Clone + Send + Sync + 'static,
    S::Error: Display,
    S::Future: Send,
{
    Arc::new(move |request| {
        let answer = service.clone().oneshot(request);
        answer.map_err(|error| error.to_string()).boxed()
    })
}

/// The way to an app that listens on `base_url` (`http://127.0.0.1:3000`), through a client of the caller's.
pub fn over_http(client: reqwest::Client, base_url: &str) -> Deliver {
    let base_url = base_url.trim_end_matches('/').to_owned();
    Arc::new(move |request| {
        let (parts, body) = request.into_parts();
        let url = format!("{base_url}{}", parts.uri);
        let request = client
            .request(parts.method, url)
            .headers(parts.headers)
            .body(body);
        async move {
            let response = request.send().await.map_err(|e| e.to_string())?;
            let mut built = Response::builder().status(response.status());
            for (name, value) in response.headers() {
                built = built.header(name, value);
            }
            let body = response.bytes().await.map_err(|e| e.to_string())?;
            built.body(body).map_err(|e| e.to_string())
        }
        .boxed()
    })
}

/// A request as Slack would send it, open to forgery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedRequest {
    /// The path on the app's server.
    pub path: String,
    /// Names and values, in order; a name may occur twice.
    pub headers: Vec<(String, String)>,
    /// The body, which the signature covers.
    pub body: Bytes,
}

impl SignedRequest {
    /// Replaces a header, or adds it.
    pub fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(n, _)| n != name);
        self.headers.push((name.to_owned(), value.to_owned()));
    }
}

/// What the app answered, as Slack saw it.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status; `None` when nothing came back in time.
    pub status: Option<u16>,
    /// The body; empty when nothing came back.
    pub body: Bytes,
    /// From sending to the whole answer, on tokio's clock.
    pub took: Duration,
    /// What the person sees instead of an effect (`operation_timeout`, …).
    pub problem: Option<String>,
}

impl Answer {
    /// Whether Slack is content.
    pub fn is_ok(&self) -> bool {
        self.problem.is_none() && self.status == Some(200)
    }

    /// The body as JSON; null if it is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

impl SlackSim {
    /// Signs `body` at `timestamp` (Unix seconds, as text) with the app's signing secret.
    pub fn sign(&self, body: &[u8], timestamp: &str) -> String {
        let secret = self.look(|state| state.identity.signing_secret.clone());
        sign::sign(&secret, timestamp, body)
    }

    /// A form with a correct signature of this moment.
    pub fn signed(&self, path: &str, body: impl Into<Bytes>) -> SignedRequest {
        let body = body.into();
        let timestamp = self.look(|state| state.now().as_second().to_string());
        let mut request = SignedRequest {
            path: path.to_owned(),
            headers: Vec::new(),
            body,
        };
        request.set("content-type", "application/x-www-form-urlencoded");
        request.set("user-agent", "Slackbot 1.0 (+https://api.slack.com/robots)");
        request.set("accept", "*/*");
        request.set(
            sign::SIGNATURE_HEADER,
            &self.sign(&request.body, &timestamp),
        );
        request.set(sign::TIMESTAMP_HEADER, &timestamp);
        request
    }

    /// A request of the caller's own making: forged, stale, huge. Nothing is added, nothing is done with the answer.
    pub async fn raw_request(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Answer {
        let headers = headers
            .iter()
            .map(|&(n, v)| (n.to_owned(), v.to_owned()))
            .collect();
        self.send(SignedRequest {
            path: path.to_owned(),
            headers,
            body: body.into(),
        })
        .await
    }

    /// The last request that was sent: send it again and it is a replay.
    pub fn last_request(&self) -> Option<SignedRequest> {
        self.0
            .last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Sends a request and waits for the answer as long as Slack does; then it hangs up.
    pub async fn send(&self, request: SignedRequest) -> Answer {
        *self
            .0
            .last_request
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(request.clone());
        let deliver = self
            .0
            .deliver
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let start = Instant::now();
        let failed = |problem: String| Answer {
            status: None,
            body: Bytes::new(),
            took: start.elapsed(),
            problem: Some(problem),
        };
        let Some(deliver) = deliver else {
            return failed("no app is connected to the workspace".to_owned());
        };
        let mut built = Request::post(&request.path);
        for (name, value) in &request.headers {
            built = built.header(name, value);
        }
        let built = match built.body(request.body) {
            Ok(built) => built,
            Err(e) => return failed(format!("not an HTTP request: {e}")),
        };
        match tokio::time::timeout(self.0.patience, deliver(built)).await {
            Err(_) => failed("operation_timeout".to_owned()),
            Ok(Err(e)) => failed(format!("dispatch_failed: {e}")),
            Ok(Ok(response)) => {
                let status = response.status().as_u16();
                let problem = (status != 200).then(|| format!("dispatch_failed: status {status}"));
                Answer {
                    status: Some(status),
                    body: response.into_body(),
                    took: start.elapsed(),
                    problem,
                }
            }
        }
    }
}
