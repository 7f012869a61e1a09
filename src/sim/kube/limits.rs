//! LimitRanges and ResourceQuotas: what they add to pods, and what they refuse.

use serde_json::Value;

use super::{
    admission::default,
    core::Core,
    object,
    quantity::{format_milli, parse_milli},
    resources,
};

/// Fills in the defaults of a LimitRange and refuses what exceeds its maximum.
pub(super) fn apply_range(range: &Value, pod: &mut Value) -> Result<(), String> {
    for limit in object::list(range, "/spec/limits")
        .iter()
        .filter(|limit| limit["type"] == "Container")
    {
        let fields = pod["spec"].as_object_mut().into_iter().flatten();
        let lists = fields.filter(|(name, _)| *name == "initContainers" || *name == "containers");
        for container in lists.filter_map(|(_, list)| list.as_array_mut()).flatten() {
            for (kind, source) in [("limits", "default"), ("requests", "defaultRequest")] {
                for (name, value) in limit[source].as_object().into_iter().flatten() {
                    default(&mut container["resources"][kind], name, value.clone());
                }
            }
            for (name, maximum) in limit["max"].as_object().into_iter().flatten() {
                let have = &container["resources"]["limits"][name];
                if parse_milli(have)
                    .zip(parse_milli(maximum))
                    .is_some_and(|(have, maximum)| have > maximum)
                {
                    return Err(format!(
                        "maximum {name} usage per Container is {}, but limit is {}",
                        maximum.as_str().unwrap_or(""),
                        have.as_str().unwrap_or("")
                    ));
                }
            }
        }
    }
    Ok(())
}

/// What a pod uses of a quota's resource, in thousandths; `None` when a container does not say.
pub(super) fn quota_usage(pod: &Value, resource: &str) -> Option<i128> {
    match resource {
        "pods" | "count/pods" => Some(1000),
        other => object::asked(pod, |container| says(container, other)),
    }
}

/// What a container says of a quota's resource, in thousandths.
fn says(container: &Value, resource: &str) -> Option<i128> {
    let (kind, name) = match resource {
        "cpu" | "memory" => ("requests", resource),
        other => other.split_once('.')?,
    };
    parse_milli(&container["resources"][kind][name])
}

/// Refuses a pod that a quota has no room for, or that does not say what the quota counts.
pub(super) fn check_quota(core: &Core, quota: &Value, pod: &Value) -> Result<(), String> {
    let hard = quota["spec"]["hard"]
        .as_object()
        .cloned()
        .unwrap_or_default();
    let pods = core
        .store
        .list(&resources::PODS, Some(object::namespace(pod)));
    let name = object::name(quota);
    let (mut missing, mut requested, mut used, mut limited) = (vec![], vec![], vec![], vec![]);
    for (resource, maximum) in &hard {
        let Some(maximum) = parse_milli(maximum) else {
            continue;
        };
        let known = matches!(resource.as_str(), "pods" | "count/pods" | "cpu" | "memory")
            || resource.starts_with("requests.")
            || resource.starts_with("limits.");
        if !known {
            continue;
        }
        let Some(wanted) = quota_usage(pod, resource) else {
            missing.push(resource.clone());
            continue;
        };
        let counted = pods.iter().filter(|pod| !object::is_finished(pod));
        let in_use: i128 = counted.filter_map(|pod| quota_usage(pod, resource)).sum();
        if in_use + wanted > maximum {
            requested.push(format!("{resource}={}", format_milli(wanted, resource)));
            used.push(format!("{resource}={}", format_milli(in_use, resource)));
            limited.push(format!("{resource}={}", format_milli(maximum, resource)));
        }
    }
    if !missing.is_empty() {
        let silent = |resource: &str| {
            let init = object::list(pod, "/spec/initContainers").iter();
            let all = init.chain(object::list(pod, "/spec/containers"));
            let silent = all.filter(|container| says(container, resource).is_none());
            let names: Vec<_> = silent.map(|one| object::text(one, "/name")).collect();
            names.join(",")
        };
        let each: Vec<_> = missing
            .iter()
            .map(|resource| format!("{resource} for: {}", silent(resource)))
            .collect();
        return Err(format!(
            "failed quota: {name}: must specify {}",
            each.join("; ")
        ));
    }
    if requested.is_empty() {
        return Ok(());
    }
    Err(format!(
        "exceeded quota: {name}, requested: {}, used: {}, limited: {}",
        requested.join(","),
        used.join(","),
        limited.join(",")
    ))
}
