//! The way to a service: one HTTP exchange. In production it is the network, in tests a router in the same process, which also
//! works under a paused clock.
use axum::Router;
use bytes::{Bytes, BytesMut};
use http::{Request, Response};
use http_body_util::BodyExt;
use rustls::{
    CertificateError, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use std::{error::Error as StdError, io, time::Duration};
use thiserror::Error;
use tower::{ServiceExt, service_fn, util::BoxCloneSyncService};

/// Sends a request and brings the whole answer.
pub type Transport = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, Broken>;

/// What an exchange may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// This long at most, answer included.
    pub patience: Duration,
    /// This long at most until there is a connection.
    pub connect: Duration,
    /// Larger answers are not read, in bytes.
    pub answer: usize,
}

/// No (whole) answer came. Never names the URL: some are secrets.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum Broken {
    /// The request did not get out: repeating it is safe.
    #[error("{0}")]
    Unsent(String),
    /// The request did not get out: who answers shows a certificate that nobody signed who is trusted.
    #[error("its certificate is signed by an unknown authority")]
    UnknownAuthority,
    /// It may have taken effect.
    #[error("{0}")]
    Unanswered(String),
    /// It may have taken effect: the answer is larger than this many bytes.
    #[error("the answer is larger than {} MiB", .0 >> 20)]
    TooLarge(usize),
}

/// The network. `authority` holds certificates in PEM, which are then the only ones that are trusted. The process must have
/// installed its TLS provider.
///
/// # Errors
/// When the certificates cannot be read, or there is no client to be had.
pub fn network(limits: Limits, authority: Option<&[u8]>) -> Result<Transport, reqwest::Error> {
    let mut builder = reqwest::Client::builder()
        .timeout(limits.patience)
        .connect_timeout(limits.connect)
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
            async move { exchange(&client, request, limits.answer).await }
        },
    )))
}

/// Whether a text holds certificates in PEM form that can be trusted; if not, what is wrong with it, as said of a file.
///
/// # Errors
/// When there is none in it, or one of them cannot be read.
pub fn check_authority(pem: &str) -> Result<(), &'static str> {
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let added = certificate.is_ok_and(|certificate| trusted.add(certificate).is_ok());
        if !added {
            return Err("with a certificate that cannot be read");
        }
    }
    match trusted.is_empty() {
        true => Err("without a certificate"),
        false => Ok(()),
    }
}

async fn exchange(
    client: &reqwest::Client,
    request: Request<Bytes>,
    largest: usize,
) -> Result<Response<Bytes>, Broken> {
    let request = reqwest::Request::try_from(request).map_err(broken)?;
    let mut answer = client.execute(request).await.map_err(broken)?;
    let mut body = BytesMut::new();
    while let Some(chunk) = answer.chunk().await.map_err(broken)? {
        if body.len() + chunk.len() > largest {
            return Err(Broken::TooLarge(largest));
        }
        body.extend_from_slice(&chunk);
    }
    let mut response = Response::new(body.freeze());
    *response.status_mut() = answer.status();
    *response.headers_mut() = answer.headers().clone();
    Ok(response)
}

fn broken(error: reqwest::Error) -> Broken {
    if is_of_unknown_authority(&error) {
        return Broken::UnknownAuthority;
    }
    let unsent = error.is_connect() || error.is_builder();
    let text = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        chain(&error.without_url())
    };
    if unsent {
        Broken::Unsent(text)
    } else {
        Broken::Unanswered(text)
    }
}

fn is_of_unknown_authority(error: &(dyn StdError + 'static)) -> bool {
    if let Some(rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer)) =
        error.downcast_ref()
    {
        return true;
    }
    // An error of input and output does not name the one that it wraps as its source.
    let wrapped = error.downcast_ref().and_then(io::Error::get_ref);
    let wrapped = wrapped.map(|error| error as &(dyn StdError + 'static));
    wrapped
        .or_else(|| error.source())
        .is_some_and(is_of_unknown_authority)
}

/// The error and its causes: "error sending request" alone says nothing. Some causes repeat what was said.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let words = error.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use axum::{response::Redirect, routing::get};
    use std::fmt;

    #[derive(Debug)]
    struct Words(&'static str, Option<Box<Words>>);

    impl fmt::Display for Words {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl StdError for Words {
        fn source(&self) -> Option<&(dyn StdError + 'static)> {
            let cause = self.1.as_deref()?;
            Some(cause)
        }
    }

    #[test]
    fn an_error_comes_with_its_causes_and_says_nothing_twice() {
        let innermost = Words("refused", None);
        let inner = Words("connect: refused", Some(Box::new(innermost)));
        let error = Words("error sending request", Some(Box::new(inner)));
        assert_eq!(chain(&error), "error sending request: connect: refused");
    }

    fn ask(url: &str) -> Request<Bytes> {
        Request::get(url).body(Bytes::new()).unwrap()
    }

    #[tokio::test]
    async fn the_network_keeps_to_its_limits() {
        // Installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let router = Router::new()
            .route("/short", get(|| async { "x".repeat(1 << 20) }))
            .route("/long", get(|| async { "x".repeat((1 << 20) + 1) }))
            .route("/never", get(std::future::pending::<String>))
            .route("/elsewhere", get(|| async { Redirect::to("/short") }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let limits = Limits {
            patience: Duration::from_secs(60),
            connect: Duration::from_secs(60),
            answer: 1 << 20,
        };
        let hasty = Limits {
            patience: Duration::from_millis(50),
            ..limits
        };
        let hasty = super::network(hasty, None).unwrap();
        let network = network(limits, None).unwrap();
        let get = async |path: &str| network.clone().oneshot(ask(&format!("{base}{path}"))).await;
        assert_eq!(get("/short").await.unwrap().body().len(), 1 << 20);
        assert_eq!(get("/elsewhere").await.unwrap().status(), 303);
        let error = get("/long").await.unwrap_err();
        assert_eq!(error.to_string(), "the answer is larger than 1 MiB");
        let late = Broken::Unanswered("no answer in time".to_owned());
        let error = hasty.oneshot(ask(&format!("{base}/never"))).await;
        assert_eq!(error.unwrap_err(), late);
        // Nobody listens on port 1.
        let error = network.clone().oneshot(ask("http://127.0.0.1:1/secret"));
        let error = error.await.unwrap_err();
        assert!(matches!(error, Broken::Unsent(_)), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
