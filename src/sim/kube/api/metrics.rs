//! `metrics.k8s.io/v1beta1`: what containers use at this moment. CPU is always idle in the simulation.

use serde_json::{Value, json};

use crate::sim::kube::{KubeSim, object, resources, status::ApiError};

const PREFIX: &str = "/apis/metrics.k8s.io/v1beta1/";

/// The answer for a path of this group, or `None` for other paths.
pub(super) fn answer(sim: &KubeSim, path: &str) -> Result<Option<Value>, ApiError> {
    let Some(rest) = path.strip_prefix(PREFIX) else {
        return Ok(None);
    };
    let segments: Vec<&str> = rest.split('/').collect();
    let (namespace, name) = match segments.as_slice() {
        ["pods"] => (None, None),
        ["namespaces", namespace, "pods"] => (Some(*namespace), None),
        ["namespaces", namespace, "pods", name] => (Some(*namespace), Some(*name)),
        _ => return Err(ApiError::unknown_path()),
    };
    let pods = sim.core().store.list(&resources::PODS, namespace);
    let mut items: Vec<Value> = pods
        .iter()
        .filter(|pod| name.is_none_or(|name| object::name(pod) == name))
        .filter_map(|pod| usage(sim, pod))
        .collect();
    if let Some(name) = name {
        let found = items
            .pop()
            .ok_or_else(|| ApiError::not_found(&resources::PODS, name))?;
        return Ok(Some(found));
    }
    Ok(Some(json!({
        "kind": "PodMetricsList", "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": items,
    })))
}

/// The usage of a pod; none while no container runs, as with the real metrics server.
fn usage(sim: &KubeSim, pod: &Value) -> Option<Value> {
    let containers: Vec<Value> = object::beside(pod)
        .filter_map(|container| {
            let name = object::text(container, "/name");
            let bytes = sim.core().runtime.memory(object::uid(pod), name);
            let usage = json!({"cpu": "1m", "memory": format!("{}Ki", bytes / 1024)});
            (bytes > 0).then(|| json!({"name": name, "usage": usage}))
        })
        .collect();
    (!containers.is_empty()).then(|| {
        json!({
            "kind": "PodMetrics", "apiVersion": "metrics.k8s.io/v1beta1",
            "metadata": {
                "name": object::name(pod), "namespace": object::namespace(pod),
                "labels": pod["metadata"]["labels"],
            },
            "timestamp": sim.core().store.now(), "window": "10s", "containers": containers,
        })
    })
}
