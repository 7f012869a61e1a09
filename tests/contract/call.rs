//! Requests as they go over the wire. Raw JSON on purpose: a typed client hides what the server says, and Heal reads small
//! shapes of its own.
use futures::{AsyncBufReadExt, Stream, StreamExt};
use kube::{Client, Error};
use serde_json::{Value, json};
use std::time::Duration;

/// So many seconds a real server may be too busy to answer.
const BUSY_FOR: u32 = 60;

/// What came back: the object, or the `Status` of a refusal.
pub type Answer = Result<Value, Value>;

/// A patch format.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Strategic,
    Merge,
    Json,
}

impl Format {
    fn media_type(self) -> &'static str {
        match self {
            Format::Strategic => "application/strategic-merge-patch+json",
            Format::Merge => "application/merge-patch+json",
            Format::Json => "application/json-patch+json",
        }
    }
}

/// Calls the API as one identity.
#[derive(Clone)]
pub struct Caller(Client);

impl Caller {
    pub fn new(client: Client) -> Self {
        Self(client)
    }

    /// Reads. A server that is too busy to answer is asked again: reading changes nothing.
    pub async fn get(&self, path: &str) -> Answer {
        for _ in 0..BUSY_FOR {
            let answer = self.request("GET", path, "", &Value::Null).await;
            if !answer.as_ref().is_err_and(is_busy) {
                return answer.map_err(status);
            }
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        self.send("GET", path, "", &Value::Null).await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, "application/json", body).await
    }

    /// Patches as Heal does: named, and strict about fields.
    pub async fn patch(&self, path: &str, format: Format, body: &Value) -> Answer {
        let path = with(path, "fieldManager=heal&fieldValidation=Strict");
        self.send("PATCH", &path, format.media_type(), body).await
    }

    pub async fn delete(&self, path: &str, options: &Value) -> Answer {
        self.send("DELETE", path, "application/json", options).await
    }

    /// A log, or the `Status` of a refusal.
    pub async fn text(&self, path: &str) -> Result<String, Value> {
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        self.0.request_text(request).await.map_err(status)
    }

    /// The lines of a watch from a version on.
    pub async fn watch(
        &self,
        path: &str,
        version: &str,
        parameters: &str,
    ) -> impl Stream<Item = Value> + Unpin + use<> {
        let path = with(
            path,
            &format!("watch=1&resourceVersion={version}&{parameters}"),
        );
        let request = http::Request::get(path).body(Vec::new()).unwrap();
        let lines = self.0.request_stream(request).await.unwrap().lines();
        lines.map(|line| serde_json::from_str(&line.unwrap()).unwrap())
    }

    async fn send(&self, method: &str, path: &str, media_type: &str, body: &Value) -> Answer {
        let answer = self.request(method, path, media_type, body).await;
        answer.map_err(status)
    }

    async fn request(
        &self,
        method: &str,
        path: &str,
        media_type: &str,
        body: &Value,
    ) -> Result<Value, Error> {
        let bytes = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let mut request = http::Request::builder().method(method).uri(path);
        if !bytes.is_empty() {
            request = request.header("content-type", media_type);
        }
        self.0.request(request.body(bytes).unwrap()).await
    }
}

/// No answer, or none that is about what was asked.
fn is_busy(error: &Error) -> bool {
    match error {
        Error::Api(status) => status.code >= 500,
        _ => true,
    }
}

/// A path with one more query.
fn with(path: &str, query: &str) -> String {
    format!(
        "{path}{}{query}",
        if path.contains('?') { '&' } else { '?' }
    )
}

fn status(error: Error) -> Value {
    match error {
        Error::Api(status) => json!(*status),
        other => panic!("the API did not answer: {:#}", anyhow::Error::from(other)),
    }
}

/// Code and reason of a refusal.
pub fn refusal(answer: &Answer) -> (i64, &str) {
    match answer {
        Ok(object) => panic!("accepted: {object}"),
        Err(status) => (
            status["code"].as_i64().unwrap(),
            status["reason"].as_str().unwrap(),
        ),
    }
}
