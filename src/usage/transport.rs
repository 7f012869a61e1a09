//! The way to a metrics service: one HTTP exchange. In production it is the network, in tests a router in the same process,
//! which also works under a paused clock.
use axum::Router;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use std::time::Duration;
use thiserror::Error;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

/// An exchange takes at most this long, answer included: less than the usual interval between two readings.
pub const PATIENCE: Duration = Duration::from_secs(25);
/// Larger answers are not read. A hundred thousand containers have some 25 MiB.
const LARGEST_ANSWER: usize = 192 << 20;

/// Sends a request and brings the whole answer.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Broken>;

/// No (whole) answer came.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// Not even a connection, or it broke.
    #[error("{0}")]
    Away(String),
    /// The answer is larger than what is taken in.
    #[error("the answer is larger than {} MiB", LARGEST_ANSWER >> 20)]
    TooLarge,
}

/// The network. `authority` holds certificates in PEM, which are then the only ones that are trusted. The process must have
/// installed its TLS provider.
///
/// # Errors
/// When the certificates cannot be read.
pub fn network(authority: Option<&[u8]>) -> Result<Transport, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .timeout(PATIENCE)
        .connect_timeout(Duration::from_secs(5))
        // Following one would carry the credentials elsewhere; a redirect to a login page is told as what it is.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("heal/", env!("CARGO_PKG_VERSION")));
    if let Some(authority) = authority {
        builder = builder.tls_certs_only(reqwest::Certificate::from_pem_bundle(authority)?);
    }
    let client = builder.build()?;
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
    let request = reqwest::Request::try_from(request).map_err(broken)?;
    let mut answer = client.execute(request).await.map_err(broken)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > LARGEST_ANSWER {
            return Err(Broken::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

/// The error and its causes, without the address: "error sending request" alone says nothing.
fn broken(error: reqwest::Error) -> Broken {
    if error.is_timeout() {
        return Broken::Away("no answer in time".to_owned());
    }
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(&error);
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        cause = error.source();
    }
    Broken::Away(text)
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
                .map_err(|error| Broken::Away(error.to_string()))?;
            Ok(Response::from_parts(parts, body.to_bytes()))
        }
    }))
}
