//! GET, LIST, WATCH and logs.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{Call, Target, json_response, partial_metadata};
use crate::sim::kube::{
    KubeSim, object,
    resources::{self, Resource},
    selectors::{FieldSelector, LabelSelector, Selectors},
    status::ApiError,
    watch::{self, WatchRequest},
};

fn selectors(call: &Call, target: &Target) -> Result<Selectors, ApiError> {
    Ok(Selectors {
        namespace: target.namespace.clone(),
        labels: LabelSelector::parse(call.param("labelSelector"))?,
        fields: FieldSelector::parse(call.param("fieldSelector"))?,
    })
}

/// Whether there is the version that an answer must not be older than.
fn reaches(sim: &KubeSim, call: &Call) -> Result<(), ApiError> {
    let current = sim.core().store.version();
    match call.param("resourceVersion").parse() {
        Ok(wanted) if wanted > current => Err(ApiError::too_large_version(wanted, current)),
        _ => Ok(()),
    }
}

/// One object, its scale or its log.
pub(super) fn get(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
) -> Result<Response, ApiError> {
    reaches(sim, call)?;
    let object = sim
        .core()
        .store
        .get(target.resource, target.key_namespace(), name);
    let object = object.ok_or_else(|| ApiError::not_found(target.resource, name))?;
    match target.subresource.as_deref() {
        None if call.metadata_only() => Ok(json_response(200, &partial_metadata(&object))),
        None | Some("status" | "resize") => Ok(json_response(200, &object)),
        Some("scale") => Ok(json_response(200, &scale(target.resource, &object)?)),
        Some("log") if *target.resource == resources::PODS => log(sim, call, &object),
        Some(_) => Err(ApiError::unknown_path()),
    }
}

/// The `Scale` view of a workload.
pub(super) fn scale(resource: &Resource, object: &Value) -> Result<Value, ApiError> {
    if !matches!(resource.kind, "Deployment" | "ReplicaSet" | "StatefulSet") {
        return Err(ApiError::unknown_path());
    }
    // None is told by leaving the number out.
    let replicas = match object::int(object, "/spec/replicas").unwrap_or(1) {
        0 => json!({}),
        wanted => json!({"replicas": wanted}),
    };
    let labels = object["spec"]["selector"]["matchLabels"].as_object();
    let pairs = labels
        .into_iter()
        .flatten()
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or("")));
    Ok(json!({
        "kind": "Scale", "apiVersion": "autoscaling/v1",
        "metadata": {
            "name": object::name(object), "namespace": object::namespace(object), "uid": object::uid(object),
            "resourceVersion": object["metadata"]["resourceVersion"],
            "creationTimestamp": object["metadata"]["creationTimestamp"],
        },
        "spec": replicas,
        "status": {
            "replicas": object::int(object, "/status/replicas").unwrap_or(0),
            "selector": pairs.collect::<Vec<_>>().join(","),
        },
    }))
}

/// A list, in pages when `limit` is given. All pages show the moment of the first, and carry its version.
pub(super) fn list(sim: &KubeSim, call: &Call, target: &Target) -> Result<Response, ApiError> {
    reaches(sim, call)?;
    let selectors = selectors(call, target)?;
    let store = &sim.core().store;
    let namespace = target.namespace.as_deref();
    let page = match call.param("continue") {
        "" => store.page(target.resource, namespace),
        token => {
            let (version, after) = parse_token(token)?;
            store
                .page_at(target.resource, namespace, version, after)
                .map_err(|_| token_expired())?
        }
    };
    let limit = call
        .param("limit")
        .parse::<usize>()
        .ok()
        .filter(|limit| *limit > 0);
    let mut items: Vec<_> = page
        .items
        .into_iter()
        .filter(|object| selectors.matches(object))
        .collect();
    let mut metadata = json!({"resourceVersion": page.version.to_string()});
    if let Some(limit) = limit
        && items.len() > limit
    {
        let remaining = items.len() - limit;
        items.truncate(limit);
        if let Some(last) = items.last() {
            let token = format!(
                "{}/{}/{}",
                page.version,
                object::namespace(last),
                object::name(last)
            );
            metadata["continue"] = json!(hex::encode(token));
            metadata["remainingItemCount"] = json!(remaining);
        }
    }
    let partial = call.metadata_only();
    let items: Vec<Value> = items
        .iter()
        .map(|object| {
            if partial {
                return partial_metadata(object);
            }
            let mut item = Value::clone(object);
            // List items carry no type of their own in the real API.
            if let Some(fields) = item.as_object_mut() {
                fields.remove("kind");
                fields.remove("apiVersion");
            }
            item
        })
        .collect();
    let (kind, version) = if partial {
        (
            "PartialObjectMetadataList".to_owned(),
            "meta.k8s.io/v1".to_owned(),
        )
    } else {
        (
            format!("{}List", target.resource.kind),
            target.resource.api_version(),
        )
    };
    Ok(json_response(
        200,
        &json!({"kind": kind, "apiVersion": version, "metadata": metadata, "items": items}),
    ))
}

fn token_expired() -> ApiError {
    ApiError::expired(
        "The provided continue parameter is too old to display a consistent list result. You can start a new list without \
         the continue parameter.",
    )
}

/// The version of the first page, and the key of the last item so far.
fn parse_token(token: &str) -> Result<(u64, (String, String)), ApiError> {
    let bad = || ApiError::bad_request("continue key is not valid");
    let text = hex::decode(token)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(bad)?;
    let mut parts = text.splitn(3, '/');
    let version = parts
        .next()
        .and_then(|version| version.parse().ok())
        .ok_or_else(bad)?;
    let (namespace, name) = parts.next().zip(parts.next()).ok_or_else(bad)?;
    Ok((version, (namespace.to_owned(), name.to_owned())))
}

/// A watch stream.
pub(super) fn watch(sim: &KubeSim, call: &Call, target: &Target) -> Result<Response, ApiError> {
    let version = match call.param("resourceVersion") {
        "" | "0" => None,
        text => Some(
            text.parse()
                .map_err(|_| ApiError::bad_request("invalid resource version"))?,
        ),
    };
    let initial_events = call.flag("sendInitialEvents");
    let request = WatchRequest {
        resource: target.resource,
        selectors: selectors(call, target)?,
        version: version.filter(|_| !initial_events),
        bookmarks: call.flag("allowWatchBookmarks"),
        initial_events,
        timeout: call
            .param("timeoutSeconds")
            .parse()
            .ok()
            .map(Duration::from_secs),
        project: if call.metadata_only() {
            partial_metadata
        } else {
            Value::clone
        },
    };
    let stream = watch::open(Arc::clone(&sim.core().store), request);
    Ok((
        [(http::header::CONTENT_TYPE, "application/json")],
        Body::from_stream(stream),
    )
        .into_response())
}

fn log(sim: &KubeSim, call: &Call, pod: &Value) -> Result<Response, ApiError> {
    let containers: Vec<&str> = object::list(pod, "/spec/initContainers")
        .iter()
        .chain(object::list(pod, "/spec/containers"))
        .map(|container| object::text(container, "/name"))
        .collect();
    let name = object::name(pod);
    let container = match call.param("container") {
        "" if object::list(pod, "/spec/containers").len() == 1 => containers[containers.len() - 1],
        "" => {
            let choice = containers.join(" ");
            return Err(ApiError::bad_request(format!(
                "a container name must be specified for pod {name}, choose one of: [{choice}]"
            )));
        }
        wanted if containers.contains(&wanted) => wanted,
        wanted => {
            return Err(ApiError::bad_request(format!(
                "container {wanted} is not valid for pod {name}"
            )));
        }
    };
    let text = sim.core().runtime.log(
        pod,
        container,
        call.flag("previous"),
        call.param("tailLines").parse().ok(),
        call.param("limitBytes").parse().ok(),
        call.flag("timestamps"),
    )?;
    Ok(([(http::header::CONTENT_TYPE, "text/plain")], text).into_response())
}
