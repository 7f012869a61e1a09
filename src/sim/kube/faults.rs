//! Faults that tests switch on, and the log of requests that change something.

use std::sync::Mutex;

use http::Method;
use serde_json::Value;

use super::status::ApiError;

/// Which requests an injected failure hits.
#[derive(Debug, Clone, Default)]
pub struct RequestMatcher {
    /// Only this method; any when `None`.
    pub method: Option<Method>,
    /// Only paths (with query) that contain this text; empty matches all.
    pub path_contains: String,
}

impl RequestMatcher {
    /// Requests of a method whose path contains a text.
    pub fn new(method: Method, path_contains: impl Into<String>) -> Self {
        Self {
            method: Some(method),
            path_contains: path_contains.into(),
        }
    }
}

/// A request other than GET that reached the API, refused ones included.
#[derive(Debug, Clone)]
pub struct RecordedRequest {
    /// HTTP method.
    pub method: String,
    /// Path without the query.
    pub path: String,
    /// Raw query; empty when there is none.
    pub query: String,
    /// JSON body; null when empty or not JSON.
    pub body: Value,
    /// The `User-Agent` header; empty when absent.
    pub user_agent: String,
}

#[derive(Debug, Default)]
struct State {
    failures: Vec<(RequestMatcher, u16, u32)>,
    denied: Vec<(String, String)>,
    down: bool,
    refused_pods: Option<String>,
    requests: Vec<RecordedRequest>,
}

/// The faults in force.
#[derive(Debug, Default)]
pub(super) struct Faults {
    state: Mutex<State>,
}

impl Faults {
    pub(super) fn fail_next(&self, matcher: RequestMatcher, status: u16, times: u32) {
        super::lock(&self.state)
            .failures
            .push((matcher, status, times));
    }

    pub(super) fn set_down(&self, down: bool) {
        super::lock(&self.state).down = down;
    }

    pub(super) fn refuse_pods(&self, message: Option<&str>) {
        super::lock(&self.state).refused_pods = message.map(str::to_owned);
    }

    /// With which words new pods are refused, if they are.
    pub(super) fn refused_pods(&self) -> Option<String> {
        super::lock(&self.state).refused_pods.clone()
    }

    pub(super) fn deny(&self, verb: &str, resource: &str) {
        super::lock(&self.state)
            .denied
            .push((verb.to_owned(), resource.to_owned()));
    }

    pub(super) fn allow(&self, verb: &str, resource: &str) {
        super::lock(&self.state)
            .denied
            .retain(|(v, r)| !(v == verb && r == resource));
    }

    /// Whether a verb on a resource (`pods`, `pods/eviction`) is denied.
    pub(super) fn is_denied(&self, verb: &str, resource: &str) -> bool {
        let state = super::lock(&self.state);
        state
            .denied
            .iter()
            .any(|(v, r)| (v == "*" || v == verb) && (r == "*" || r == resource))
    }

    /// All denied pairs of verb and resource.
    pub(super) fn denied(&self) -> Vec<(String, String)> {
        super::lock(&self.state).denied.clone()
    }

    /// Uses up an injected failure that matches, if there is one.
    pub(super) fn check(&self, method: &Method, path_and_query: &str) -> Result<(), ApiError> {
        let mut state = super::lock(&self.state);
        if state.down {
            return Err(ApiError::unavailable());
        }
        let hit = state.failures.iter_mut().find(|(matcher, _, times)| {
            *times > 0
                && matcher
                    .method
                    .as_ref()
                    .is_none_or(|wanted| wanted == method)
                && path_and_query.contains(&matcher.path_contains)
        });
        match hit {
            Some((_, status, times)) => {
                *times -= 1;
                Err(ApiError::injected(*status))
            }
            None => Ok(()),
        }
    }

    pub(super) fn record(&self, request: RecordedRequest) {
        super::lock(&self.state).requests.push(request);
    }

    pub(super) fn requests(&self) -> Vec<RecordedRequest> {
        super::lock(&self.state).requests.clone()
    }
}
