//! A small Prometheus that scrapes the simulated cluster: the query API over HTTP, with the answers and errors of the real one.
//!
//! It knows the part of PromQL that questions about memory need (see `promql`); anything else is answered with
//! `bad_data`, so that a new question cannot seem to work by accident.
mod eval;
mod promql;
mod store;

use super::kube::KubeSim;
use axum::{
    Form, Router,
    extract::State,
    response::{IntoResponse, Response},
    routing::{any, post},
};
use http::{HeaderMap, StatusCode, header};
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use store::Store;
pub use store::{Labels, Point};

/// More steps than this are refused, as the real one does.
const STEPS: f64 = 11_000.0;

/// A running Prometheus. Clones share it; it scrapes for as long as the cluster or a clone lives.
#[derive(Clone)]
pub struct PrometheusSim {
    shared: Arc<Shared>,
}

struct Shared {
    kube: KubeSim,
    store: Mutex<Store>,
    behaviour: Mutex<Behaviour>,
}

/// How it answers.
#[derive(Clone, Debug, Default)]
struct Behaviour {
    down: bool,
    token: Option<String>,
    asked: Vec<String>,
}

impl PrometheusSim {
    /// Begins to scrape this cluster, at this interval. Must be called inside a tokio runtime.
    pub fn new(kube: KubeSim, scrape: Duration) -> Self {
        let shared = Arc::new(Shared {
            kube,
            store: Mutex::default(),
            behaviour: Mutex::default(),
        });
        let weak = Arc::downgrade(&shared);
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(scrape);
            loop {
                ticks.tick().await;
                let Some(shared) = weak.upgrade() else { return };
                let now = shared.now();
                let usage = shared.kube.usage();
                shared.store().scrape(now, &usage);
            }
        });
        Self { shared }
    }

    /// The API.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/v1/query", post(instant))
            .route("/api/v1/query_range", post(range))
            .fallback(any(|| async { StatusCode::NOT_FOUND }))
            .with_state(self.clone())
    }

    /// Stops answering, or answers again.
    pub fn set_down(&self, down: bool) {
        self.shared.behaviour().down = down;
    }

    /// From now on a bearer token is needed.
    pub fn require_token(&self, token: &str) {
        self.shared.behaviour().token = Some(token.to_owned());
    }

    /// From now on a metric is not exported.
    pub fn hide(&self, metric: &str) {
        self.shared.store().hidden.insert(metric.to_owned());
    }

    /// From now on a metric is exported (again).
    pub fn show(&self, metric: &str) {
        self.shared.store().hidden.remove(metric);
    }

    /// From now on a label has another name.
    pub fn rename(&self, label: &'static str, name: &str) {
        self.shared.store().renamed.insert(label, name.to_owned());
    }

    /// Adds a past that was never scraped: of a pod that is gone, or of before the simulation began.
    pub fn remember(&self, labels: Labels, points: impl IntoIterator<Item = Point>) {
        self.shared.store().remember(labels, points);
    }

    /// All queries so far.
    pub fn queries(&self) -> Vec<String> {
        self.shared.behaviour().asked.clone()
    }
}

impl Shared {
    fn now(&self) -> f64 {
        self.kube.now().as_millisecond() as f64 / 1000.0
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behaviour(&self) -> MutexGuard<'_, Behaviour> {
        self.behaviour
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Refuses what is not to be answered, and keeps what is asked.
    fn admit(&self, headers: &HeaderMap, query: &str) -> Result<(), Box<Response>> {
        let mut behaviour = self.behaviour();
        if behaviour.down {
            return Err(Box::new(
                (StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable").into_response(),
            ));
        }
        if let Some(token) = &behaviour.token {
            let wanted = format!("Bearer {token}");
            let given = headers.get(header::AUTHORIZATION);
            if given.and_then(|given| given.to_str().ok()) != Some(&wanted) {
                return Err(Box::new(
                    (StatusCode::UNAUTHORIZED, "Unauthorized").into_response(),
                ));
            }
        }
        behaviour.asked.push(query.to_owned());
        Ok(())
    }
}

#[derive(Deserialize)]
struct Instant {
    query: String,
    time: Option<f64>,
}

async fn instant(
    State(sim): State<PrometheusSim>,
    headers: HeaderMap,
    Form(asked): Form<Instant>,
) -> Response {
    if let Err(refusal) = sim.shared.admit(&headers, &asked.query) {
        return *refusal;
    }
    let at = asked.time.unwrap_or_else(|| sim.shared.now());
    let result =
        promql::parse(&asked.query).and_then(|query| eval::vector(&query, &sim.shared.store(), at));
    match result {
        Ok(vector) => {
            let series = |(labels, value): (_, f64)| json!({"metric": labels, "value": [at, written(value)]});
            let result: Vec<Value> = vector.into_iter().map(series).collect();
            success("vector", &result)
        }
        Err(why) => bad_data(&why),
    }
}

#[derive(Deserialize)]
struct Span {
    query: String,
    start: f64,
    end: f64,
    step: f64,
}

async fn range(
    State(sim): State<PrometheusSim>,
    headers: HeaderMap,
    Form(asked): Form<Span>,
) -> Response {
    if let Err(refusal) = sim.shared.admit(&headers, &asked.query) {
        return *refusal;
    }
    if (asked.end - asked.start) / asked.step > STEPS {
        return bad_data(
            "exceeded maximum resolution of 11,000 points per timeseries. Try decreasing the query resolution (?step=XX)",
        );
    }
    let query = match promql::parse(&asked.query) {
        Ok(query) => query,
        Err(why) => return bad_data(&why),
    };
    let store = sim.shared.store();
    let mut all: Vec<(eval::LabelSet, Vec<Value>)> = Vec::new();
    let mut at = asked.start;
    while at <= asked.end {
        let vector = match eval::vector(&query, &store, at) {
            Ok(vector) => vector,
            Err(why) => return bad_data(&why),
        };
        for (labels, value) in vector {
            let point = json!([at, written(value)]);
            match all.iter_mut().find(|(known, _)| *known == labels) {
                Some((_, points)) => points.push(point),
                None => all.push((labels, vec![point])),
            }
        }
        at += asked.step;
    }
    let result: Vec<Value> = all
        .into_iter()
        .map(|(labels, points)| json!({"metric": labels, "values": points}))
        .collect();
    success("matrix", &result)
}

fn written(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        value.to_string()
    }
}

fn success(kind: &str, result: &[Value]) -> Response {
    let body = json!({"status": "success", "data": {"resultType": kind, "result": result}});
    answer(StatusCode::OK, &body)
}

fn bad_data(why: &str) -> Response {
    let body = json!({"status": "error", "errorType": "bad_data", "error": why});
    answer(StatusCode::BAD_REQUEST, &body)
}

fn answer(status: StatusCode, body: &Value) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body.to_string()).into_response()
}
