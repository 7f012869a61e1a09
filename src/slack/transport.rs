//! The way to Slack: one HTTP exchange. In production it is the network, in tests a router in the same process, which also
//! works under a paused clock.
use axum::Router;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use std::time::Duration;
use thiserror::Error;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

/// An exchange takes at most this long, answer included.
pub const PATIENCE: Duration = Duration::from_secs(5);
/// Answers larger than this are not read: a page of 200 messages has some hundred KiB.
const LARGEST_ANSWER: usize = 8 << 20;

/// Sends a request and brings the whole answer.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Broken>;

/// No (whole) answer came. Never names the URL: response URLs are secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// The request did not get out: repeating it is safe.
    #[error("could not connect: {0}")]
    Unsent(String),
    /// It may have taken effect.
    #[error("no answer: {0}")]
    Unanswered(String),
}

/// The network. The process must have installed its TLS provider.
pub fn network() -> Result<Transport, reqwest::Error> {
    let client = reqwest::Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(3))
        // Slack's API does not redirect; following one would carry the token elsewhere.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("heal/", env!("CARGO_PKG_VERSION")))
        .build()?;
    Ok(BoxCloneSyncService::new(service_fn(
        move |request: Request<Bytes>| {
            let client = client.clone();
            async move { exchange(&client, request).await }
        },
    )))
}

async fn exchange(
    client: &reqwest::Client,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, Broken> {
    let request = reqwest::Request::try_from(request)
        .map_err(|error| Broken::Unsent(error.without_url().to_string()))?;
    let mut answer = client.execute(request).await.map_err(broken)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Broken::Unanswered("the answer is too large".to_owned()));
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

fn broken(error: reqwest::Error) -> Broken {
    let unsent = error.is_connect() || error.is_builder();
    let text = chain(&error.without_url());
    if unsent {
        Broken::Unsent(text)
    } else {
        Broken::Unanswered(text)
    }
}

/// The error and its causes: "error sending request" alone says nothing.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// A router of the same process.
pub fn in_process(router: Router) -> Transport {
    BoxCloneSyncService::new(service_fn(move |request: Request<Bytes>| {
        let router = router.clone();
        async move {
            let response = router
                .oneshot(request.map(axum::body::Body::from))
                .await
                .unwrap_or_else(|never| match never {});
            let (parts, body) = response.into_parts();
            let body = body
                .collect()
                .await
                .map_err(|error| Broken::Unanswered(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        }
    }))
}
