//! Paths that are not objects: health, version, discovery and access reviews.

use axum::response::{IntoResponse, Response};
use http::Method;
use serde_json::{Value, json};

use super::{Call, json_response};
use crate::sim::kube::{KubeSim, resources, status::ApiError};

const VERBS: [&str; 8] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
];
/// Subresources that the API serves.
const SUBRESOURCES: [(&str, &str); 5] = [
    ("", "pods/log"),
    ("", "pods/eviction"),
    ("", "pods/resize"),
    ("apps", "deployments/scale"),
    ("apps", "statefulsets/scale"),
];

/// Answers when the path is one of these, else `None`.
pub(super) fn answer(sim: &KubeSim, call: &Call) -> Result<Option<Response>, ApiError> {
    let path = call.path.trim_end_matches('/');
    let value = match path {
        "/healthz" | "/readyz" | "/livez" => return Ok(Some("ok".into_response())),
        "/version" => json!({
            "major": "1", "minor": "36", "gitVersion": "v1.36.2", "platform": "linux/amd64",
            "gitCommit": "", "gitTreeState": "clean", "buildDate": "", "goVersion": "", "compiler": "gc",
        }),
        "/api" => {
            json!({"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": []})
        }
        "/apis" => groups(),
        "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews" if call.method == Method::POST => {
            return Ok(Some(json_response(201, &access_review(sim, call.json()?))));
        }
        "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews" if call.method == Method::POST => {
            return Ok(Some(json_response(201, &rules_review(sim, call.json()?))));
        }
        _ => match resource_list(path) {
            Some(list) => list,
            None => return Ok(None),
        },
    };
    Ok(Some(json_response(200, &value)))
}

fn groups() -> Value {
    let mut groups: Vec<(&str, &str)> = Vec::new();
    for resource in resources::ALL
        .iter()
        .filter(|resource| !resource.group.is_empty())
    {
        if !groups.contains(&(resource.group, resource.version)) {
            groups.push((resource.group, resource.version));
        }
    }
    let groups: Vec<Value> = groups
        .iter()
        .map(|(group, version)| {
            let version = json!({"groupVersion": format!("{group}/{version}"), "version": version});
            json!({"name": group, "versions": [version], "preferredVersion": version})
        })
        .collect();
    json!({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups})
}

fn resource_list(path: &str) -> Option<Value> {
    let version = path
        .strip_prefix("/apis/")
        .or_else(|| path.strip_prefix("/api/"))?;
    let resources: Vec<Value> = resources::ALL
        .iter()
        .filter(|resource| resource.api_version() == version)
        .map(|resource| {
            json!({
                "name": resource.plural, "singularName": resource.kind.to_lowercase(),
                "namespaced": resource.namespaced, "kind": resource.kind, "verbs": VERBS,
            })
        })
        .collect();
    (!resources.is_empty())
        .then(|| json!({"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": version, "resources": resources}))
}

fn access_review(sim: &KubeSim, mut review: Value) -> Value {
    let attributes = &review["spec"]["resourceAttributes"];
    let verb = attributes["verb"].as_str().unwrap_or("");
    let resource = attributes["resource"].as_str().unwrap_or("");
    let resource = match attributes["subresource"].as_str() {
        Some(subresource) if !subresource.is_empty() => format!("{resource}/{subresource}"),
        _ => resource.to_owned(),
    };
    let allowed = !sim.core().faults.is_denied(verb, &resource);
    review["status"] = json!({"allowed": allowed});
    review
}

/// Everything is allowed with one wildcard rule, until something is denied: then each resource has its own rule.
fn rules_review(sim: &KubeSim, mut review: Value) -> Value {
    let faults = &sim.core().faults;
    let rules: Vec<Value> = if faults.denied().is_empty() {
        vec![json!({"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]})]
    } else {
        let names = resources::ALL
            .iter()
            .map(|resource| (resource.group, resource.plural))
            .chain(SUBRESOURCES);
        names
            .map(|(group, name)| {
                let verbs: Vec<_> = VERBS
                    .iter()
                    .filter(|verb| !faults.is_denied(verb, name))
                    .collect();
                json!({"verbs": verbs, "apiGroups": [group], "resources": [name]})
            })
            .collect()
    };
    review["status"] = json!({"resourceRules": rules, "nonResourceRules": [], "incomplete": false});
    review
}
