//! The workspace, spoken to as Heal and as a browser do: through its router, under a paused clock.

mod chat;
mod faults;
mod page;
mod peer;
mod people;
mod response;
mod socket;
mod views;

use std::sync::Arc;

use axum::body::Body;
use axum::http::{Request, Response};
use http_body_util::BodyExt;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use tower::ServiceExt;

use super::*;

const SECRET: &str = "signing-secret";

/// A workspace whose day starts at a fixed second and passes with tokio's clock.
fn workspace() -> SlackSim {
    workspace_with(|_| {})
}

fn workspace_with(change: impl FnOnce(&mut SlackSimOptions)) -> SlackSim {
    let start = Instant::now();
    let clock =
        move || Timestamp::from_second(1_800_000_000).expect("a time stamp") + start.elapsed();
    let mut stranger = User::new("U0MALLORY", "mallory");
    stranger.team_id = Some("T0OTHER".to_owned());
    stranger.is_stranger = true;
    let mut options = SlackSimOptions {
        team_id: "T1".to_owned(),
        app_id: "A1".to_owned(),
        bot_token: "xoxb-1".to_owned(),
        signing_secret: SECRET.to_owned(),
        channels: vec![Channel::new("C1", "ops"), Channel::new("C2", "dev")],
        users: vec![User::new("U1", "alice"), User::new("U2", "bob"), stranger],
        usergroups: vec![Usergroup::new("S1", "sre", &["U1"])],
        clock: Arc::new(clock),
        ..SlackSimOptions::default()
    };
    change(&mut options);
    SlackSim::new(options)
}

/// A POST with a JSON body; the result is status, headers and body.
async fn post(sim: &SlackSim, path: &str, token: Option<&str>, body: &Value) -> Response<Body> {
    let mut request = Request::post(path).header("content-type", "application/json; charset=utf-8");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let request = request
        .body(Body::from(body.to_string()))
        .expect("a request");
    sim.router()
        .oneshot(request)
        .await
        .expect("routers do not fail")
}

async fn json_of(response: Response<Body>) -> Value {
    let body = response
        .into_body()
        .collect()
        .await
        .expect("a whole body")
        .to_bytes();
    serde_json::from_slice(&body).expect("JSON")
}

/// A call of a method that writes, with the right token.
async fn call(sim: &SlackSim, method: &str, arguments: Value) -> Value {
    json_of(post(sim, &format!("/api/{method}"), Some("xoxb-1"), &arguments).await).await
}

/// A call of a method that reads.
async fn get(sim: &SlackSim, method: &str, query: &str) -> Value {
    let request =
        Request::get(format!("/api/{method}?{query}")).header("authorization", "Bearer xoxb-1");
    let request = request.body(Body::empty()).expect("a request");
    json_of(
        sim.router()
            .oneshot(request)
            .await
            .expect("routers do not fail"),
    )
    .await
}

/// A message with a button `approve` in block `b` and a menu `more` in block `m`; the result is its ts.
async fn card(sim: &SlackSim) -> String {
    let option =
        |value: &str| json!({"text": {"type": "plain_text", "text": value}, "value": value});
    let blocks = json!([
        {"type": "section", "text": {"type": "mrkdwn", "text": "*api* is failing"}},
        {"type": "actions", "block_id": "b", "elements": [
            {"type": "button", "action_id": "approve", "value": "opaque-1", "style": "primary",
                "text": {"type": "plain_text", "text": "Roll back"}},
        ]},
        {"type": "actions", "block_id": "m", "elements": [
            {"type": "overflow", "action_id": "more", "options": [option("silence"), option("details")]},
        ]},
    ]);
    let answer = call(
        sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "api is failing", "blocks": blocks}),
    )
    .await;
    answer["ts"].as_str().expect("a posted card").to_owned()
}

/// An app that remembers what it was sent and answers with `answer`.
fn app(
    sim: &SlackSim,
    status: u16,
    answer: &'static str,
) -> Arc<Mutex<Vec<http::Request<bytes::Bytes>>>> {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let log = seen.clone();
    sim.set_deliver(Arc::new(move |request| {
        log.lock().expect("the log").push(request);
        let response = http::Response::builder()
            .status(status)
            .body(bytes::Bytes::from(answer));
        Box::pin(async move { response.map_err(|e| e.to_string()) })
    }));
    seen
}

/// The payload of the interaction that the app saw last.
fn last_payload(seen: &Mutex<Vec<http::Request<bytes::Bytes>>>) -> Value {
    let seen = seen.lock().expect("the log");
    let request = seen.last().expect("a request");
    let (name, payload) = form_urlencoded::parse(request.body())
        .next()
        .expect("a field");
    assert_eq!(name, "payload");
    serde_json::from_str(&payload).expect("JSON")
}
