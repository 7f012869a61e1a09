//! Requests to the API server: a path, a time limit, and errors that callers can decide on.
//!
//! Requests are written here rather than through kube's typed `Api`, because the same few lines then serve every kind and
//! every patch type (JSON patches need another cargo feature there), and because `Client::request` logs the whole response
//! when it cannot be parsed.
use super::slim::{List, Served};
use crate::{domain::action::FIELD_MANAGER, ports::ClusterError, redact::redact};
use kube::{Client, core::Status};
use serde::{Deserialize, de::DeserializeOwned};
use std::time::Duration;

/// A client with a time limit for each of its calls.
#[derive(Clone)]
pub struct Rest {
    client: Client,
    limit: Duration,
}

/// Why a call gave no result. Servers and webhooks quote what they were sent and what they hold: as text it is without secrets.
#[derive(Clone, Debug, thiserror::Error)]
pub enum Fault {
    /// The server answered no.
    #[error("{}", redact(&words(.0)))]
    Api(Box<Status>),
    /// The server did not answer, or the answer did not arrive whole: a write may have been made.
    #[error("{}", redact(.0))]
    Silent(String),
    /// The answer made no sense to us.
    #[error("{}", redact(.0))]
    Garbled(String),
}

/// What the server said, with the causes that its message leaves out.
fn words(status: &Status) -> String {
    let mut text = if status.message.is_empty() {
        format!("{} {}", status.code, status.reason)
    } else {
        status.message.clone()
    };
    for cause in status.details.iter().flat_map(|details| &details.causes) {
        if !cause.message.is_empty() && !text.contains(&cause.message) {
            text = format!("{text} ({})", cause.message);
        }
    }
    text
}

impl Fault {
    /// The HTTP status that the server answered with.
    pub fn code(&self) -> Option<u16> {
        match self {
            Fault::Api(status) => Some(status.code),
            Fault::Silent(_) | Fault::Garbled(_) => None,
        }
    }

    /// The server (or something before it) failed: the same call may work later, and a write may have been made.
    pub fn is_unclear(&self) -> bool {
        match self {
            Fault::Api(status) => status.code >= 500 || status.code == 408,
            Fault::Silent(_) | Fault::Garbled(_) => true,
        }
    }

    /// The same read may work later.
    pub fn may_pass(&self) -> bool {
        self.is_unclear() || self.code() == Some(429)
    }
}

impl From<Fault> for ClusterError {
    fn from(fault: Fault) -> Self {
        let text = fault.to_string();
        match fault.code() {
            Some(401 | 403) => ClusterError::Forbidden(text),
            Some(404 | 410) => ClusterError::NotFound(text),
            Some(code) if code < 500 && code != 429 => ClusterError::Refused(text),
            _ => ClusterError::Unavailable(text),
        }
    }
}

/// How a patch is to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatchType {
    /// `application/json-patch+json`: a list of operations.
    Json,
    /// `application/merge-patch+json`: lists are replaced.
    Merge,
    /// `application/strategic-merge-patch+json`: lists are merged by their keys; for built-in kinds.
    Strategic,
}

/// An object of which only the name is read.
#[derive(Deserialize)]
struct Named {
    metadata: Name,
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

/// The path of an object or, with an empty name, of a list; with an empty namespace of all of them.
pub fn path(served: &Served, namespace: &str, name: &str) -> String {
    let mut path = if served.group.is_empty() {
        format!("/api/{}", served.version)
    } else {
        format!("/apis/{}/{}", served.group, served.version)
    };
    if !namespace.is_empty() {
        path = format!("{path}/namespaces/{namespace}");
    }
    path = format!("{path}/{}", served.plural);
    if !name.is_empty() {
        path = format!("{path}/{name}");
    }
    path
}

fn query(pairs: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new())
        .extend_pairs(pairs)
        .finish()
}

/// A read that must not be older than some version: unknown to an old server, too old, or newer than it will be for seconds.
fn cannot_serve(fault: &Fault) -> bool {
    matches!(fault.code(), Some(400 | 410 | 504))
}

impl Rest {
    /// Calls of this client end after `limit`.
    pub fn new(client: Client, limit: Duration) -> Self {
        Self { client, limit }
    }

    /// One object.
    pub async fn get<T: DeserializeOwned>(
        &self,
        served: &Served,
        namespace: &str,
        name: &str,
    ) -> Result<T, Fault> {
        parse(
            &self
                .text("GET", &path(served, namespace, name), None)
                .await?,
        )
    }

    /// One object, no older than this version: the server answers it from its cache. As it is now, without a version or when the
    /// server cannot serve that one.
    pub async fn get_since<T: DeserializeOwned>(
        &self,
        served: &Served,
        namespace: &str,
        name: &str,
        since: Option<u64>,
    ) -> Result<T, Fault> {
        let Some(version) = since else {
            return self.get(served, namespace, name).await;
        };
        let path = path(served, namespace, name);
        let target = format!("{path}?resourceVersion={version}");
        match self.text("GET", &target, None).await {
            Err(fault) if cannot_serve(&fault) => self.get(served, namespace, name).await,
            answer => parse(&answer?),
        }
    }

    /// A list, or its first page (`pairs` are query parameters such as `labelSelector` and `limit`).
    pub async fn list<T: DeserializeOwned>(
        &self,
        served: &Served,
        namespace: &str,
        pairs: &[(&str, &str)],
    ) -> Result<Vec<T>, Fault> {
        Ok(self.page(served, namespace, pairs).await?.0)
    }

    /// What a selector selects, no older than this version: the server answers it from its cache. As it is now, and no more than
    /// 1,000, without a version or when the server cannot serve that one.
    pub async fn selected<T: DeserializeOwned>(
        &self,
        served: &Served,
        namespace: &str,
        selector: &str,
        since: Option<u64>,
    ) -> Result<Vec<T>, Fault> {
        if let Some(version) = since {
            let version = version.to_string();
            let pairs = [
                ("labelSelector", selector),
                ("resourceVersion", version.as_str()),
                ("resourceVersionMatch", "NotOlderThan"),
            ];
            match self.list(served, namespace, &pairs).await {
                Err(fault) if cannot_serve(&fault) => {}
                answer => return answer,
            }
        }
        let pairs = [("labelSelector", selector), ("limit", "1000")];
        self.list(served, namespace, &pairs).await
    }

    /// Names of the first objects of a list. The server sends their metadata alone.
    pub async fn names(
        &self,
        served: &Served,
        namespace: &str,
        most: u32,
    ) -> Result<Vec<String>, Fault> {
        let target = format!("{}?limit={most}", path(served, namespace, ""));
        let accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
        let list: List<Named> = parse(&self.ask("GET", &target, accept, None).await?)?;
        let names = list.into_parts().0.into_iter();
        Ok(names.map(|named| named.metadata.name).collect())
    }

    /// A page of a list, with the token of the next one if there is one.
    pub async fn page<T: DeserializeOwned>(
        &self,
        served: &Served,
        namespace: &str,
        pairs: &[(&str, &str)],
    ) -> Result<(Vec<T>, Option<String>), Fault> {
        let target = format!("{}?{}", path(served, namespace, ""), query(pairs));
        let list: List<T> = parse(&self.text("GET", &target, None).await?)?;
        Ok(list.into_parts())
    }

    /// A text, such as a log.
    pub async fn read(&self, path: &str, pairs: &[(&str, &str)]) -> Result<String, Fault> {
        self.text("GET", &format!("{path}?{}", query(pairs)), None)
            .await
    }

    /// Creates (or asks: reviews are created, too).
    pub async fn create<T: DeserializeOwned>(
        &self,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<T, Fault> {
        let content = ("application/json", body.to_string());
        parse(&self.text("POST", path, Some(content)).await?)
    }

    /// Patches under Heal's field manager; unknown fields are errors and not dropped in silence.
    pub async fn patch<T: DeserializeOwned>(
        &self,
        path: &str,
        kind: PatchType,
        body: &serde_json::Value,
        dry_run: bool,
    ) -> Result<T, Fault> {
        let mut pairs = vec![
            ("fieldManager", FIELD_MANAGER),
            ("fieldValidation", "Strict"),
        ];
        if dry_run {
            pairs.push(("dryRun", "All"));
        }
        let content_type = match kind {
            PatchType::Json => "application/json-patch+json",
            PatchType::Merge => "application/merge-patch+json",
            PatchType::Strategic => "application/strategic-merge-patch+json",
        };
        let target = format!("{path}?{}", query(&pairs));
        let content = (content_type, body.to_string());
        parse(&self.text("PATCH", &target, Some(content)).await?)
    }

    /// Deletes, if the uid is still this one.
    pub async fn delete(&self, path: &str, uid: &str, dry_run: bool) -> Result<(), Fault> {
        let mut body = serde_json::json!({
            "apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}
        });
        // In the body: where there is one, the server does not look at the query, and would delete.
        if dry_run {
            body["dryRun"] = serde_json::json!(["All"]);
        }
        let content = ("application/json", body.to_string());
        self.text("DELETE", path, Some(content)).await.map(drop)
    }

    async fn text(
        &self,
        method: &str,
        target: &str,
        content: Option<(&str, String)>,
    ) -> Result<String, Fault> {
        self.ask(method, target, "*/*", content).await
    }

    async fn ask(
        &self,
        method: &str,
        target: &str,
        accept: &str,
        content: Option<(&str, String)>,
    ) -> Result<String, Fault> {
        let request = http::Request::builder()
            .method(method)
            .uri(target)
            .header(http::header::ACCEPT, accept);
        let request = match content {
            None => request.body(Vec::new()),
            Some((kind, body)) => request
                .header(http::header::CONTENT_TYPE, kind)
                .body(body.into_bytes()),
        };
        let request = request.map_err(|error| Fault::Garbled(error.to_string()))?;
        match tokio::time::timeout(self.limit, self.client.request_text(request)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(kube::Error::Api(status))) => Err(Fault::Api(status)),
            Ok(Err(error)) => Err(Fault::Silent(chain(&error))),
            Err(_) => Err(Fault::Silent(format!(
                "no answer within {} s",
                self.limit.as_secs_f32()
            ))),
        }
    }
}

/// An error with its causes: the innermost says what happened ("connection refused").
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        let words = inner.to_string();
        if !text.contains(&words) {
            text = format!("{text}: {words}");
        }
        source = inner.source();
    }
    text
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Fault> {
    serde_json::from_str(text)
        .map_err(|error| Fault::Garbled(format!("unreadable answer: {error}")))
}
