//! What only a real connection shows: loopback sockets, on the real clock.

use std::future::IntoFuture;

use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use super::*;

/// Serves a router on a free loopback port; the result is its URL and the task to stop.
async fn serve(router: Router) -> (String, JoinHandle<std::io::Result<()>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    (
        url,
        tokio::spawn(axum::serve(listener, router).into_future()),
    )
}

fn client() -> reqwest::Client {
    // Fails when another test installed it before, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client")
}

#[tokio::test]
async fn a_reset_breaks_the_connection_after_the_message_was_accepted() {
    let sim = workspace();
    let (url, server) = serve(sim.router()).await;
    sim.fail(None, Fault::AcceptThenReset, 1);
    let post = client()
        .post(format!("{url}/api/chat.postMessage"))
        .bearer_auth("xoxb-1")
        .json(&json!({"channel": "C1", "text": "t"}));
    let answer = match post.send().await {
        Ok(response) => response.bytes().await,
        Err(e) => Err(e),
    };
    assert!(answer.is_err(), "{answer:?}");
    assert_eq!(sim.messages("C1").len(), 1);
    server.abort();
}

#[tokio::test]
async fn a_command_reaches_an_app_on_another_port_with_all_its_headers() {
    let sim = workspace();
    let app = Router::new().route(
        COMMANDS,
        axum::routing::post(async |headers: axum::http::HeaderMap, body: bytes::Bytes| {
            let header = |name: &str| headers[name].to_str().unwrap_or_default().to_owned();
            if header(SIGNATURE_HEADER) == sign(SECRET, &header(TIMESTAMP_HEADER), &body) {
                "signed"
            } else {
                "forged"
            }
        }),
    );
    let (url, server) = serve(app).await;
    sim.set_deliver(over_http(client(), &url));
    let answer = sim
        .command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    assert_eq!(
        (answer.status, answer.text().as_str()),
        (Some(200), "signed")
    );
    server.abort();
}

#[tokio::test]
async fn an_app_that_does_not_listen_is_a_failure_to_the_person() {
    let sim = workspace();
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    sim.set_deliver(over_http(client(), &url));
    let answer = sim
        .command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    assert!(
        answer
            .problem
            .is_some_and(|p| p.starts_with("dispatch_failed"))
    );
}
