//! The HTTP surface: routing by path, access checks, and one handler per verb.

mod metrics;
mod read;
mod special;
mod write;

use axum::{
    Router,
    body::Body,
    extract::State,
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use serde_json::Value;
use std::collections::HashMap;

use super::{
    KubeSim,
    faults::RecordedRequest,
    resources::{self, Resource},
    status::ApiError,
};

/// The largest body that is read; far above any object of a test.
const BODY_LIMIT: usize = 8 << 20;

/// The whole API as a router.
pub(super) fn router(sim: KubeSim) -> Router {
    Router::new().fallback(handle).with_state(sim)
}

/// A request, taken apart.
struct Call {
    method: Method,
    path: String,
    query: HashMap<String, String>,
    headers: HeaderMap,
    body: Bytes,
}

impl Call {
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or("")
    }

    fn param(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }

    fn flag(&self, name: &str) -> bool {
        matches!(self.param(name), "true" | "1")
    }

    fn dry_run(&self) -> bool {
        self.param("dryRun") == "All"
    }

    fn strict(&self) -> bool {
        self.param("fieldValidation") == "Strict"
    }

    /// Who writes: the field manager, or the program part of the user agent.
    fn manager(&self) -> String {
        match self.param("fieldManager") {
            "" => self
                .header("user-agent")
                .split('/')
                .next()
                .unwrap_or("")
                .to_owned(),
            manager => manager.to_owned(),
        }
    }

    fn json(&self) -> Result<Value, ApiError> {
        if self.body.is_empty() {
            return Ok(Value::Null);
        }
        serde_json::from_slice(&self.body)
            .map_err(|error| ApiError::bad_request(format!("the body is not JSON: {error}")))
    }

    /// Whether the client wants `PartialObjectMetadata`.
    fn metadata_only(&self) -> bool {
        self.header("accept").contains("as=PartialObjectMetadata")
    }
}

/// What a path names.
struct Target {
    resource: &'static Resource,
    namespace: Option<String>,
    name: Option<String>,
    subresource: Option<String>,
}

impl Target {
    fn parse(path: &str) -> Option<Self> {
        let segments: Vec<&str> = path
            .split('/')
            .filter(|segment| !segment.is_empty())
            .collect();
        let (group, version, rest) = match segments.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            ["namespaces", _, "status" | "finalize"] => (None, rest),
            ["namespaces", namespace, rest @ ..] if !rest.is_empty() => {
                (Some((*namespace).to_owned()), rest)
            }
            _ => (None, rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (plural, None, None),
            [plural, name] => (plural, Some((*name).to_owned()), None),
            [plural, name, subresource] => (
                plural,
                Some((*name).to_owned()),
                Some((*subresource).to_owned()),
            ),
            _ => return None,
        };
        let resource = resources::by_path(group, version, plural)?;
        Some(Self {
            resource,
            namespace,
            name,
            subresource,
        })
    }

    /// The namespace of the key; empty for cluster-wide types.
    fn key_namespace(&self) -> &str {
        self.namespace.as_deref().unwrap_or("")
    }

    fn access_name(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
            None => self.resource.plural.to_owned(),
        }
    }
}

async fn handle(State(sim): State<KubeSim>, request: Request<Body>) -> Response {
    match answer(&sim, request).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn answer(sim: &KubeSim, request: Request<Body>) -> Result<Response, ApiError> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, BODY_LIMIT)
        .await
        .map_err(|error| ApiError::bad_request(format!("the body could not be read: {error}")))?;
    let raw_query = parts.uri.query().unwrap_or("");
    let call = Call {
        method: parts.method,
        path: parts.uri.path().to_owned(),
        query: form_urlencoded::parse(raw_query.as_bytes())
            .into_owned()
            .collect(),
        headers: parts.headers,
        body,
    };
    if call.method != Method::GET {
        sim.core().faults.record(RecordedRequest {
            method: call.method.to_string(),
            path: call.path.clone(),
            query: raw_query.to_owned(),
            body: serde_json::from_slice(&call.body).unwrap_or(Value::Null),
            user_agent: call.header("user-agent").to_owned(),
        });
    }
    sim.core()
        .faults
        .check(&call.method, &format!("{}?{raw_query}", call.path))?;
    if let Some(response) = special::answer(sim, &call)? {
        return Ok(response);
    }
    if call.method == Method::GET
        && let Some(value) = metrics::answer(sim, &call.path)?
    {
        return Ok(json_response(200, &value));
    }
    let target = Target::parse(&call.path).ok_or_else(ApiError::unknown_path)?;
    check_access(sim, &call, &target)?;
    match (&call.method, &target.name) {
        (&Method::GET, None) if call.flag("watch") => read::watch(sim, &call, &target),
        (&Method::GET, None) => read::list(sim, &call, &target),
        (&Method::GET, Some(name)) => read::get(sim, &call, &target, name),
        (&Method::POST, None) => write::create(sim, &call, &target),
        (&Method::POST, Some(name)) if target.subresource.as_deref() == Some("eviction") => {
            write::evict(sim, &call, &target, name)
        }
        (&Method::PATCH, Some(name)) => write::patch(sim, &call, &target, name),
        (&Method::PUT, Some(name)) => write::replace(sim, &call, &target, name),
        (&Method::DELETE, Some(name)) => write::delete(sim, &call, &target, name),
        (&Method::DELETE, None) => write::delete_collection(sim, &call, &target),
        _ => Err(ApiError::method_not_allowed()),
    }
}

fn check_access(sim: &KubeSim, call: &Call, target: &Target) -> Result<(), ApiError> {
    let verb = match (&call.method, &target.name) {
        (&Method::GET, None) if call.flag("watch") => "watch",
        (&Method::GET, None) => "list",
        (&Method::GET, Some(_)) => "get",
        (&Method::POST, _) => "create",
        (&Method::PATCH, _) => "patch",
        (&Method::PUT, _) => "update",
        (&Method::DELETE, None) => "deletecollection",
        _ => "delete",
    };
    let access_name = target.access_name();
    if !sim.core().faults.is_denied(verb, &access_name) {
        return Ok(());
    }
    let scope = match &target.namespace {
        Some(namespace) => format!("in the namespace \"{namespace}\""),
        None => "at the cluster scope".to_owned(),
    };
    let why = format!(
        "User \"system:serviceaccount:heal:heal\" cannot {verb} resource \"{access_name}\" in API group \"{}\" {scope}",
        target.resource.group
    );
    let mut error =
        ApiError::forbidden(target.resource, target.name.as_deref().unwrap_or(""), &why);
    if target.name.is_none() {
        error.message = format!("{} is forbidden: {why}", target.resource.qualified());
    }
    Err(error)
}

fn json_response(code: u16, value: &Value) -> Response {
    let code = http::StatusCode::from_u16(code).unwrap_or(http::StatusCode::OK);
    (code, axum::Json(value)).into_response()
}

/// The metadata of an object alone.
fn partial_metadata(object: &Value) -> Value {
    serde_json::json!({
        "kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": object["metadata"],
    })
}
