//! slack-morphism's HTTP seam over our [`Transport`]: one HTTP client and one TLS provider in the process, a time-out on every
//! call, and errors without bodies, because bodies can hold secrets.
use crate::wire::{Broken, Limits, Transport};
use bytes::Bytes;
use futures::{FutureExt, future::BoxFuture};
use http::{HeaderMap, Method, Request, StatusCode, header};
use serde::{Serialize, de::DeserializeOwned};
use slack_morphism::{
    ClientResult, SlackClientApiCallContext, SlackClientHttpConnector, SlackClientId,
    SlackClientSecret, SlackEnvelopeMessage,
    errors::{
        SlackClientApiError, SlackClientError, SlackClientHttpError, SlackClientHttpProtocolError,
        SlackClientSystemError, SlackRateLimitError, map_serde_error,
    },
    multipart_form::FileMultipartData,
};
use std::time::Duration;
use tower::ServiceExt;
use url::Url;

/// An exchange takes five seconds at most; a page of 200 messages has some hundred KiB.
pub const LIMITS: Limits = Limits {
    patience: Duration::from_secs(5),
    connect: Duration::from_secs(3),
    answer: 8 << 20,
};

/// What to wait when Slack says "too often" and not how long.
const DEFAULT_RETRY_AFTER: Duration = Duration::from_secs(5);

/// The media type of nearly all bodies.
pub(super) const JSON: &str = "application/json; charset=utf-8";

/// Speaks to one Slack.
#[derive(Clone)]
pub struct Connector {
    transport: Transport,
    base: Url,
}

impl Connector {
    /// A connector to the Web API at `base` (`https://slack.com/api`).
    pub fn new(transport: Transport, base: Url) -> Self {
        Self { transport, base }
    }

    /// Where the Web API is.
    pub fn base(&self) -> &Url {
        &self.base
    }

    /// One exchange: status, headers and body of the answer. A body comes with its media type. The only place from which anything is sent.
    pub(super) async fn exchange(
        &self,
        method: Method,
        url: &Url,
        token: Option<&str>,
        body: Option<(&'static str, Bytes)>,
    ) -> Result<http::Response<Bytes>, Broken> {
        let mut request = Request::builder().method(method).uri(url.as_str());
        if let Some(token) = token {
            request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some((kind, _)) = &body {
            request = request.header(header::CONTENT_TYPE, *kind);
        }
        let request = request
            .body(body.map(|(_, bytes)| bytes).unwrap_or_default())
            .map_err(|error| Broken::Unsent(error.to_string()))?;
        let answer = self.transport.clone().oneshot(request);
        match tokio::time::timeout(LIMITS.patience, answer).await {
            Ok(answer) => answer,
            Err(_) => Err(Broken::Unanswered("timed out".to_owned())),
        }
    }

    async fn call<RS: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: Option<Bytes>,
        context: SlackClientApiCallContext<'_>,
    ) -> ClientResult<RS> {
        let token = context.token.map(|token| token.token_value.0.as_str());
        let answer = self
            .exchange(method, &url, token, body.map(|bytes| (JSON, bytes)))
            .await;
        let answer = answer.map_err(|broken| {
            SlackClientError::HttpProtocolError(
                SlackClientHttpProtocolError::new().with_cause(Box::new(broken)),
            )
        })?;
        read(&answer)
    }
}

/// The answer as what was asked for, or as an error that says which kind of trouble it is.
pub(super) fn read<RS: DeserializeOwned>(answer: &http::Response<Bytes>) -> ClientResult<RS> {
    let status = answer.status();
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(too_often(answer.headers()));
    }
    if !status.is_success() {
        return Err(SlackClientError::HttpError(SlackClientHttpError::new(
            status,
        )));
    }
    // The body goes into no error: it can hold message texts.
    let without_body = |error| map_serde_error(error, None);
    let envelope: SlackEnvelopeMessage =
        serde_json::from_slice(answer.body()).map_err(without_body)?;
    if !envelope.ok {
        let code = envelope.error.clone().unwrap_or_default();
        if code == "ratelimited" || code == "rate_limited" {
            return Err(too_often(answer.headers()));
        }
        return Err(SlackClientError::ApiError(
            SlackClientApiError::new(code).opt_errors(details(answer.body(), &envelope)),
        ));
    }
    serde_json::from_slice(answer.body()).map_err(without_body)
}

/// What Slack says about a refusal beside its code: in `errors`, or in `response_metadata.messages`.
fn details(body: &[u8], envelope: &SlackEnvelopeMessage) -> Option<Vec<String>> {
    envelope.errors_as_strings().or_else(|| {
        let body: serde_json::Value = serde_json::from_slice(body).ok()?;
        let messages = body["response_metadata"]["messages"].as_array()?;
        Some(
            messages
                .iter()
                .filter_map(|message| message.as_str().map(str::to_owned))
                .collect(),
        )
    })
}

fn too_often(headers: &HeaderMap) -> SlackClientError {
    let after = headers
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map_or(DEFAULT_RETRY_AFTER, Duration::from_secs);
    SlackClientError::RateLimitError(SlackRateLimitError::new().with_retry_after(after))
}

/// Uploads, OAuth: nothing that Heal does.
fn unsupported<'a, RS: Send + 'a>() -> BoxFuture<'a, ClientResult<RS>> {
    let error = SlackClientSystemError::new().with_message("not supported by Heal".to_owned());
    std::future::ready(Err(SlackClientError::SystemError(error))).boxed()
}

impl SlackClientHttpConnector for Connector {
    fn http_get_uri<'a, RS>(
        &'a self,
        full_uri: Url,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        self.call(Method::GET, full_uri, None, context).boxed()
    }

    fn http_post_uri<'a, RQ, RS>(
        &'a self,
        full_uri: Url,
        request_body: &'a RQ,
        context: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RQ: Serialize + Send + Sync,
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        match serde_json::to_vec(request_body) {
            Ok(body) => self
                .call(Method::POST, full_uri, Some(body.into()), context)
                .boxed(),
            Err(error) => std::future::ready(Err(map_serde_error(error, None))).boxed(),
        }
    }

    fn create_method_uri_path(&self, method: &str) -> ClientResult<Url> {
        let base = self.base.as_str().trim_end_matches('/');
        Ok(format!("{base}/{method}").parse()?)
    }

    fn http_get_with_client_secret<'a, RS>(
        &'a self,
        _: Url,
        _: &'a SlackClientId,
        _: &'a SlackClientSecret,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        unsupported()
    }

    fn http_post_uri_multipart_form<'a, 'p, RS, PT, TS>(
        &'a self,
        _: Url,
        _: Option<FileMultipartData<'p>>,
        _: &'p PT,
        _: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
        PT: IntoIterator<Item = (&'p str, Option<TS>)> + Clone,
        TS: AsRef<str> + 'p + Send,
    {
        unsupported()
    }

    fn http_post_uri_binary<'a, 'p, RS>(
        &'a self,
        _: Url,
        _: String,
        _: &'a [u8],
        _: SlackClientApiCallContext<'a>,
    ) -> BoxFuture<'a, ClientResult<RS>>
    where
        RS: for<'de> serde::de::Deserialize<'de> + Send + 'a,
    {
        unsupported()
    }
}
