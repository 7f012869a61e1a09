//! What happens between a request and the store: defaults, validation, quotas, limit ranges and ServiceAccounts.

use serde_json::{Value, json};

use super::{
    core::Core,
    limits, object,
    quantity::{format_milli, parse_milli},
    resources::{self, Resource},
    selectors::LabelSelector,
    status::ApiError,
};

pub(super) fn default(object: &mut Value, field: &str, value: Value) {
    if object.get(field).is_none_or(Value::is_null) {
        object[field] = value;
    }
}

/// Fills in the defaults that clients read back.
pub(super) fn complete(resource: &Resource, object: &mut Value) {
    let spec = &mut object["spec"];
    match resource.kind {
        "Deployment" => {
            default(spec, "replicas", json!(1));
            default(spec, "revisionHistoryLimit", json!(10));
            default(spec, "progressDeadlineSeconds", json!(600));
            default(spec, "strategy", json!({}));
            default(&mut spec["strategy"], "type", json!("RollingUpdate"));
            if spec["strategy"]["type"] == "RollingUpdate" {
                default(&mut spec["strategy"], "rollingUpdate", json!({}));
                default(
                    &mut spec["strategy"]["rollingUpdate"],
                    "maxSurge",
                    json!("25%"),
                );
                default(
                    &mut spec["strategy"]["rollingUpdate"],
                    "maxUnavailable",
                    json!("25%"),
                );
            }
        }
        "ReplicaSet" => default(spec, "replicas", json!(1)),
        "StatefulSet" => {
            default(spec, "replicas", json!(1));
            default(spec, "podManagementPolicy", json!("OrderedReady"));
            default(spec, "revisionHistoryLimit", json!(10));
            default(spec, "updateStrategy", json!({"type": "RollingUpdate"}));
        }
        "DaemonSet" => {
            default(spec, "revisionHistoryLimit", json!(10));
            default(
                spec,
                "updateStrategy",
                json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}}),
            );
        }
        "Job" => {
            default(spec, "backoffLimit", json!(6));
            default(spec, "parallelism", json!(1));
            default(spec, "completions", json!(1));
        }
        "Pod" => {
            complete_pod_spec(spec);
            complete_requests(spec);
        }
        _ => {}
    }
    if matches!(
        resource.kind,
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job"
    ) {
        complete_pod_spec(&mut object["spec"]["template"]["spec"]);
    }
}

fn complete_pod_spec(spec: &mut Value) {
    default(spec, "restartPolicy", json!("Always"));
    default(spec, "terminationGracePeriodSeconds", json!(30));
    default(spec, "dnsPolicy", json!("ClusterFirst"));
    default(spec, "schedulerName", json!("default-scheduler"));
    default(spec, "securityContext", json!({}));
    for field in ["initContainers", "containers"] {
        for container in spec[field].as_array_mut().into_iter().flatten() {
            let image = object::text(container, "/image");
            let tagged = image
                .rsplit('/')
                .next()
                .is_some_and(|last| last.contains(':') && !last.ends_with(":latest"));
            let policy = if tagged { "IfNotPresent" } else { "Always" };
            default(container, "imagePullPolicy", json!(policy));
            default(container, "resources", json!({}));
            default(
                container,
                "terminationMessagePath",
                json!("/dev/termination-log"),
            );
            default(container, "terminationMessagePolicy", json!("File"));
        }
        if spec[field].is_null()
            && let Some(fields) = spec.as_object_mut()
        {
            fields.remove(field);
        }
    }
}

/// In a pod, a limit without a request is also the request; templates stay as they are.
fn complete_requests(spec: &mut Value) {
    for field in ["initContainers", "containers"] {
        for container in spec[field].as_array_mut().into_iter().flatten() {
            let limits = container["resources"]["limits"].as_object().cloned();
            for (name, limit) in limits.unwrap_or_default() {
                if container["resources"]["requests"].get(&name).is_none() {
                    container["resources"]["requests"][name] = limit;
                }
            }
        }
        if spec[field].is_null()
            && let Some(fields) = spec.as_object_mut()
        {
            fields.remove(field);
        }
    }
}

/// Validates a new object and, for pods, lets the admission plugins change or refuse it.
pub(super) fn admit(core: &Core, resource: &Resource, object: &mut Value) -> Result<(), ApiError> {
    validate(resource, object)?;
    if *resource == resources::PODS {
        admit_pod(core, object)?;
    }
    Ok(())
}

fn validate(resource: &Resource, object: &Value) -> Result<(), ApiError> {
    let name = object::name(object);
    let invalid = |field: &str, why: &str| Err(ApiError::invalid(resource, name, field, why));
    if name.is_empty() && object::text(object, "/metadata/generateName").is_empty() {
        return invalid(
            "metadata.name",
            "Required value: name or generateName is required",
        );
    }
    if matches!(
        resource.kind,
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet"
    ) {
        let selector = LabelSelector::from_object(&object["spec"]["selector"]);
        if selector.is_empty() {
            return invalid("spec.selector", "Required value");
        }
        if !selector.matches(&object["spec"]["template"]["metadata"]["labels"]) {
            return invalid(
                "spec.template.metadata.labels",
                "Invalid value: `selector` does not match template `labels`",
            );
        }
    }
    if object::int(object, "/spec/replicas").is_some_and(|replicas| replicas < 0) {
        return invalid(
            "spec.replicas",
            "Invalid value: must be greater than or equal to 0",
        );
    }
    let pods = match resource.kind {
        "Pod" => "/spec",
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" => "/spec/template/spec",
        _ => return Ok(()),
    };
    let path = pods.trim_start_matches('/').replace('/', ".");
    let containers = object::list(object, &format!("{pods}/containers"));
    if containers.is_empty() {
        return invalid(&format!("{path}.containers"), "Required value");
    }
    for (index, container) in containers.iter().enumerate() {
        for field in ["name", "image"] {
            if object::text(container, &format!("/{field}")).is_empty() {
                return invalid(
                    &format!("{path}.containers[{index}].{field}"),
                    "Required value",
                );
            }
        }
        for resource_name in ["cpu", "memory"] {
            let request = parse_milli(&container["resources"]["requests"][resource_name]);
            let limit = parse_milli(&container["resources"]["limits"][resource_name]);
            if let (Some(request), Some(limit)) = (request, limit)
                && request > limit
            {
                let why = format!(
                    "Invalid value: {:?}: must be less than or equal to {resource_name} limit of {}",
                    format_milli(request, resource_name),
                    format_milli(limit, resource_name)
                );
                return invalid(
                    &format!("{path}.containers[{index}].resources.requests"),
                    &why,
                );
            }
        }
    }
    Ok(())
}

/// Validates a changed object.
pub(super) fn check_update(
    resource: &Resource,
    subresource: Option<&str>,
    old: &Value,
    new: &Value,
) -> Result<(), ApiError> {
    if subresource == Some("status") {
        return Ok(());
    }
    validate(resource, new)?;
    let name = object::name(new);
    if matches!(
        resource.kind,
        "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job"
    ) && old["spec"]["selector"] != new["spec"]["selector"]
    {
        return Err(ApiError::invalid(
            resource,
            name,
            "spec.selector",
            "Invalid value: field is immutable",
        ));
    }
    if *resource == resources::PODS {
        let comparable = |pod: &Value| {
            let mut spec = pod["spec"].clone();
            for container in spec["containers"].as_array_mut().into_iter().flatten() {
                container[if subresource == Some("resize") {
                    "resources"
                } else {
                    "image"
                }] = Value::Null;
            }
            spec
        };
        if comparable(old) != comparable(new) {
            let why = "Forbidden: pod updates may not change fields other than `spec.containers[*].image`,\
                       `spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to \
                       existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was \
                       previously negative)";
            return Err(ApiError::invalid(resource, name, "spec", why));
        }
    }
    Ok(())
}

fn admit_pod(core: &Core, pod: &mut Value) -> Result<(), ApiError> {
    let namespace = object::namespace(pod).to_owned();
    // A generated name is not known yet: messages show its prefix, as the real ones do.
    let name = match object::name(pod) {
        "" => object::text(pod, "/metadata/generateName").to_owned(),
        name => name.to_owned(),
    };
    let forbidden = |why: &str| Err(ApiError::forbidden(&resources::PODS, &name, why));
    default(&mut pod["spec"], "serviceAccountName", json!("default"));
    let account = object::text(pod, "/spec/serviceAccountName").to_owned();
    if core
        .store
        .get(&resources::SERVICE_ACCOUNTS, &namespace, &account)
        .is_none()
    {
        return forbidden(&format!(
            "error looking up service account {namespace}/{account}: serviceaccount \"{account}\" not found"
        ));
    }
    let toleration = |taint: &str| json!({"key": format!("node.kubernetes.io/{taint}"), "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300});
    for taint in ["not-ready", "unreachable"] {
        let key = format!("node.kubernetes.io/{taint}");
        if !object::list(pod, "/spec/tolerations")
            .iter()
            .any(|have| have["key"] == key.as_str())
        {
            match pod["spec"]["tolerations"].as_array_mut() {
                Some(tolerations) => tolerations.push(toleration(taint)),
                None => pod["spec"]["tolerations"] = json!([toleration(taint)]),
            }
        }
    }
    for range in core.store.list(&resources::LIMIT_RANGES, Some(&namespace)) {
        limits::apply_range(&range, pod).or_else(|why| forbidden(&why))?;
    }
    for quota in core
        .store
        .list(&resources::RESOURCE_QUOTAS, Some(&namespace))
    {
        limits::check_quota(core, &quota, pod).or_else(|why| forbidden(&why))?;
    }
    if let Some(message) = core.faults.refused_pods() {
        return Err(ApiError::not_admitted(message.replace("{pod}", &name)));
    }
    let phase = json!({"phase": "Pending", "qosClass": quality_of_service(pod)});
    default(pod, "status", phase);
    Ok(())
}

fn quality_of_service(pod: &Value) -> &'static str {
    let containers = object::list(pod, "/spec/containers");
    let set = |kind: &str, name: &str| {
        containers
            .iter()
            .all(|c| c["resources"][kind].get(name).is_some())
    };
    let none = containers.iter().all(|c| {
        ["limits", "requests"]
            .iter()
            .all(|kind| c["resources"].get(kind).is_none())
    });
    let equal = containers
        .iter()
        .all(|c| c["resources"]["limits"] == c["resources"]["requests"]);
    match () {
        () if none => "BestEffort",
        () if equal && set("limits", "cpu") && set("limits", "memory") => "Guaranteed",
        () => "Burstable",
    }
}
