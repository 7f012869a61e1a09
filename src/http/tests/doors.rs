//! What is turned away before it is looked at.
use super::bench::*;
use crate::sim::slack::{COMMANDS, INTERACTIVITY, SIGNATURE_HEADER, TIMESTAMP_HEADER};
use axum::body::Body;
use http::{Request, StatusCode};
use http_body_util::BodyExt;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tower::ServiceExt;

#[tokio::test(start_paused = true)]
async fn everything_but_a_signed_fresh_form_of_moderate_size_is_turned_away() {
    let bench = Bench::new();
    let form = "payload=%7B%22type%22%3A%22view_closed%22%7D";
    for path in [INTERACTIVITY, COMMANDS, "/slack/events"] {
        let unsigned = bench
            .sim
            .raw_request(
                path,
                &[("content-type", "application/x-www-form-urlencoded")],
                form,
            )
            .await;
        assert_eq!(unsigned.status, Some(401), "{path}");
    }
    assert_eq!(bench.refusals("headers"), 3);

    let good = bench.sim.signed(INTERACTIVITY, form);
    assert_eq!(bench.sim.send(good.clone()).await.status, Some(200));

    let mut forged = good.clone();
    forged.body = "payload=%7B%22type%22%3A%22view_opened%22%7D".into();
    assert_eq!(bench.sim.send(forged).await.status, Some(401));
    assert_eq!(bench.refusals("signature"), 1);

    let mut doubled = good.clone();
    doubled.headers.push((TIMESTAMP_HEADER.into(), "1".into()));
    assert_eq!(bench.sim.send(doubled).await.status, Some(401));

    let mut stale = good.clone();
    stale.set(TIMESTAMP_HEADER, "1799999699");
    stale.set(SIGNATURE_HEADER, &bench.sim.sign(&stale.body, "1799999699"));
    assert_eq!(bench.sim.send(stale).await.status, Some(401));
    assert_eq!(bench.refusals("stale"), 1);

    let mut json = good.clone();
    json.set("content-type", "application/json");
    assert_eq!(bench.sim.send(json).await.status, Some(415));
    let empty = bench.sim.signed(INTERACTIVITY, "a=b");
    assert_eq!(bench.sim.send(empty).await.status, Some(400));

    let large = bench
        .sim
        .signed(INTERACTIVITY, format!("payload={}", "x".repeat(300 * 1024)));
    assert_eq!(bench.sim.send(large).await.status, Some(413));
    assert_eq!(bench.refusals("too_large"), 1);
    // Nothing of it was believed, so nothing is written down.
    assert!(bench.audited().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_body_that_comes_too_slowly_is_not_waited_for() {
    let bench = Bench::new();
    let never = Body::from_stream(futures::stream::pending::<
        Result<bytes::Bytes, std::io::Error>,
    >());
    let request = Request::post(INTERACTIVITY).body(never).unwrap();
    let begun = tokio::time::Instant::now();
    let answer = bench.router.clone().oneshot(request).await.unwrap();
    assert_eq!(answer.status(), StatusCode::REQUEST_TIMEOUT);
    assert_eq!(begun.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn a_crowd_of_slow_readers_does_not_fill_the_memory() {
    let bench = Bench::new();
    let slow = || {
        let never = Body::from_stream(futures::stream::pending::<
            Result<bytes::Bytes, std::io::Error>,
        >());
        bench
            .router
            .clone()
            .oneshot(Request::post(INTERACTIVITY).body(never).unwrap())
    };
    let answers = futures::future::join_all((0..100).map(|_| slow())).await;
    let count = |status| {
        answers
            .iter()
            .filter(|a| a.as_ref().unwrap().status() == status)
            .count()
    };
    assert_eq!(count(StatusCode::REQUEST_TIMEOUT), 64);
    assert_eq!(count(StatusCode::SERVICE_UNAVAILABLE), 36);
    assert_eq!(bench.refusals("too_many"), 36);
}

#[tokio::test(start_paused = true)]
async fn slack_may_check_the_certificate_and_the_events_address() {
    let bench = Bench::new();
    let check = bench.sim.signed(COMMANDS, "ssl_check=1&token=x");
    assert_eq!(bench.sim.send(check).await.status, Some(200));
    let mut challenge = bench.sim.signed(
        "/slack/events",
        r#"{"type":"url_verification","challenge":"abc"}"#,
    );
    challenge.set("content-type", "application/json; charset=utf-8");
    let answer = bench.sim.send(challenge).await;
    assert_eq!(answer.json()["challenge"], "abc");
}

#[tokio::test(start_paused = true)]
async fn the_cluster_can_ask_how_the_process_is() {
    let bench = Bench::new();
    for (path, status, text) in [
        ("/healthz", 200, "ok\n"),
        ("/readyz", 503, "pods are not listed yet\n"),
        ("/metrics", 200, "# EOF\n"),
        ("/slack/interactivity", 405, ""),
        ("/nothing", 404, ""),
    ] {
        let request = Request::get(path).body(Body::empty()).unwrap();
        let answer = bench.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), status, "{path}");
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body, text, "{path}");
    }
}

/// On a real socket: a client that announces no length and does not stop sending.
#[tokio::test]
async fn a_flood_without_a_length_is_cut_off() {
    let bench = Bench::new();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let router = bench.router.clone();
    let server = tokio::spawn(async move { axum::serve(listener, router).await });
    let mut client = tokio::net::TcpStream::connect(address).await.unwrap();
    let head =
        "POST /slack/interactivity HTTP/1.1\r\nhost: heal\r\ntransfer-encoding: chunked\r\n\r\n";
    client.write_all(head.as_bytes()).await.unwrap();
    let mut chunk = b"10000\r\n".to_vec();
    chunk.extend(vec![b'x'; 0x10000]);
    chunk.extend(b"\r\n");
    // Eight of 64 KiB are twice the limit; the server may hang up earlier.
    for _ in 0..8 {
        if client.write_all(&chunk).await.is_err() {
            break;
        }
    }
    let mut answer = vec![0; 12];
    client.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    server.abort();
}
