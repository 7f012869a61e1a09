//! Scenarios: a real `kube::Client` over the router, under tokio's paused clock.

mod api;
mod pods;
mod workloads;

use std::time::Duration;

use serde_json::{Value, json};

use super::{KubeSim, Options, tokio_clock};

/// A cluster that begins on a fixed day.
fn options() -> Options {
    Options::new(tokio_clock("2026-11-20T08:00:00Z".parse().unwrap()))
}

fn client(sim: &KubeSim) -> kube::Client {
    let service = tower::ServiceBuilder::new()
        .map_request(|request: http::Request<kube::client::Body>| {
            request.map(axum::body::Body::new)
        })
        .service(sim.router());
    kube::Client::new(service, "default")
}

/// Lets virtual time pass.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

async fn pass_millis(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}

/// A Deployment whose pods run a script of busybox.
fn deployment(name: &str, replicas: i64, script: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [container(script)]},
        }},
    })
}

fn container(script: &str) -> Value {
    json!({"name": "app", "image": "busybox:1.36", "command": ["sh", "-c", script]})
}

/// A pod of its own.
fn pod(name: &str, container: Value) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": {"name": name, "namespace": "default"},
        "spec": {"containers": [container]},
    })
}

/// The texts of all events of a reason, with their counts.
fn events(sim: &KubeSim, reason: &str) -> Vec<String> {
    let events = sim
        .list("Event", None)
        .into_iter()
        .filter(|event| event["reason"] == reason);
    events
        .map(|event| event["message"].as_str().unwrap_or("").to_owned())
        .collect()
}

/// The first container status of the only pod.
fn status(sim: &KubeSim) -> Value {
    sim.list("Pod", Some("default"))[0]["status"]["containerStatuses"][0].clone()
}
