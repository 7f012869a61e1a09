//! CREATE, PATCH, PUT, DELETE and eviction.

use axum::response::Response;
use serde_json::{Value, json};

use super::{Call, Target, json_response, partial_metadata, read};
use crate::sim::kube::{
    KubeSim, admission,
    core::{Deleted, Deletion},
    disruption, object, patch,
    resources::{self, Resource},
    schema,
    status::{ApiError, success},
    store::Store,
};

/// A new object.
pub(super) fn create(sim: &KubeSim, call: &Call, target: &Target) -> Result<Response, ApiError> {
    let mut object = call.json()?;
    if !object.is_object() {
        return Err(ApiError::bad_request("the body must be an object"));
    }
    if let Some(namespace) = &target.namespace {
        let given = object::namespace(&object);
        if !given.is_empty() && given != namespace {
            return Err(ApiError::bad_request(
                "the namespace of the provided object does not match the namespace sent on the request",
            ));
        }
        object["metadata"]["namespace"] = json!(namespace);
    }
    if target.resource.status
        && let Some(fields) = object.as_object_mut()
    {
        fields.remove("status");
    }
    schema::check(target.resource, &mut object, call.strict())
        .map_err(|error| error.of_a_body(target.resource))?;
    let manager = call.manager();
    let changed = object.clone();
    note_manager(sim, &mut object, &changed, &manager, "Update", None);
    let created = sim.core().create(target.resource, object, call.dry_run())?;
    Ok(json_response(201, &created))
}

/// The patch formats by content type.
#[derive(Clone, Copy, PartialEq)]
enum Format {
    Merge,
    Strategic,
    Json,
    Apply,
}

fn apply(format: Format, object: &mut Value, body: &Value) -> Result<(), ApiError> {
    match format {
        Format::Merge => patch::merge(object, body),
        // Server-side apply is approximated by a strategic merge: fields that an owner stops applying stay.
        Format::Strategic | Format::Apply => patch::strategic(object, body),
        Format::Json => patch::json_patch(object, body)?,
    }
    Ok(())
}

/// A patch of an object, its status, its scale or its resources.
pub(super) fn patch(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
) -> Result<Response, ApiError> {
    let format = match call.header("content-type").split(';').next().unwrap_or("") {
        "application/merge-patch+json" => Format::Merge,
        "application/strategic-merge-patch+json" => Format::Strategic,
        "application/json-patch+json" => Format::Json,
        "application/apply-patch+yaml" => Format::Apply,
        _ => return Err(ApiError::unsupported_media_type()),
    };
    let body = call.json()?;
    let exists = sim
        .core()
        .store
        .get(target.resource, target.key_namespace(), name)
        .is_some();
    if format == Format::Apply && !exists && target.subresource.is_none() {
        return create(sim, call, target);
    }
    edit(sim, call, target, name, &body, |object| {
        apply(format, object, &body)
    })
}

/// A whole new version of an object.
pub(super) fn replace(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
) -> Result<Response, ApiError> {
    let body = call.json()?;
    edit(sim, call, target, name, &body, |object| {
        let old = std::mem::replace(object, body.clone());
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        // A PUT without these takes those of the stored object.
        for field in ["resourceVersion", "uid", "name", "namespace"] {
            if object["metadata"][field].as_str().unwrap_or("").is_empty() {
                object["metadata"][field] = old["metadata"][field].clone();
            }
        }
        Ok(())
    })
}

fn edit(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
    body: &Value,
    change: impl FnOnce(&mut Value) -> Result<(), ApiError>,
) -> Result<Response, ApiError> {
    let resource = target.resource;
    let subresource = target.subresource.as_deref();
    let manager = call.manager();
    let edit = |object: &mut Value| -> Result<(), ApiError> {
        let old = object.clone();
        if subresource == Some("scale") {
            let mut scale = read::scale(resource, object)?;
            change(&mut scale)?;
            check_identity(resource, &old, &scale)?;
            object["spec"]["replicas"] = json!(object::int(&scale, "/spec/replicas").unwrap_or(0));
        } else {
            change(object)?;
            check_identity(resource, &old, object)?;
            keep_what_the_path_does_not_write(resource, subresource, &old, object)?;
        }
        count_annotations(resource, subresource, &old, object);
        admission::complete(resource, object);
        schema::check(resource, object, call.strict()).map_err(|error| {
            if call.method == http::Method::PATCH {
                error.of_a_patch(resource, body)
            } else {
                error.of_a_body(resource)
            }
        })?;
        admission::check_update(resource, subresource, &old, object)?;
        if *object != old {
            note_manager(sim, object, body, &manager, "Update", subresource);
        }
        Ok(())
    };
    let store = &sim.core().store;
    let new = if call.dry_run() {
        let old = store.get(resource, target.key_namespace(), name);
        let old = old.ok_or_else(|| ApiError::not_found(resource, name))?;
        Store::preview(resource, &old, edit)?
    } else {
        (*store.update(resource, target.key_namespace(), name, edit)?).clone()
    };
    let view = match subresource {
        Some("scale") => read::scale(resource, &new)?,
        _ if call.metadata_only() => partial_metadata(&new),
        _ => new,
    };
    Ok(json_response(200, &view))
}

/// Compare-and-swap: a resource version or uid in the request must be that of the stored object.
fn check_identity(resource: &Resource, old: &Value, new: &Value) -> Result<(), ApiError> {
    let name = object::name(old);
    if object::uid(new) != object::uid(old) {
        let why = format!(
            "Precondition failed: UID in precondition: {}, UID in object meta: {}",
            object::uid(new),
            object::uid(old)
        );
        return Err(ApiError::conflict(resource, name, &why));
    }
    if new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] {
        return Err(ApiError::modified(resource, name));
    }
    if object::name(new) != name {
        return Err(ApiError::bad_request(
            "the name of the object does not match the name on the URL",
        ));
    }
    Ok(())
}

/// Annotations of a Deployment count as a generation, because its controller copies them to ReplicaSets. Those of other
/// workloads do not, and neither do those that come with a status.
fn count_annotations(resource: &Resource, subresource: Option<&str>, old: &Value, new: &mut Value) {
    let counts = *resource == resources::DEPLOYMENTS
        && subresource.is_none()
        && new["metadata"]["annotations"] != old["metadata"]["annotations"];
    match object::int(old, "/metadata/generation") {
        Some(old) => new["metadata"]["generation"] = json!(old + i64::from(counts)),
        None => drop(
            new["metadata"]
                .as_object_mut()
                .map(|metadata| metadata.remove("generation")),
        ),
    }
}

fn keep_what_the_path_does_not_write(
    resource: &Resource,
    subresource: Option<&str>,
    old: &Value,
    new: &mut Value,
) -> Result<(), ApiError> {
    let keep = |new: &mut Value, field: &str| match old.get(field) {
        Some(value) => new[field] = value.clone(),
        None => drop(new.as_object_mut().map(|fields| fields.remove(field))),
    };
    match subresource {
        None if resource.status => keep(new, "status"),
        None => {}
        Some("status") if resource.status => keep(new, "spec"),
        Some("resize") if *resource == resources::PODS => keep(new, "status"),
        Some(_) => return Err(ApiError::unknown_path()),
    }
    Ok(())
}

/// Records who wrote which fields.
fn note_manager(
    sim: &KubeSim,
    object: &mut Value,
    body: &Value,
    manager: &str,
    operation: &str,
    subresource: Option<&str>,
) {
    let mut entry = json!({
        "manager": manager, "operation": operation, "apiVersion": object["apiVersion"],
        "time": sim.core().store.now(), "fieldsType": "FieldsV1", "fieldsV1": field_tree(body),
    });
    if let Some(subresource) = subresource {
        entry["subresource"] = json!(subresource);
    }
    let entries = &mut object["metadata"]["managedFields"];
    if !entries.is_array() {
        *entries = json!([]);
    }
    let Some(entries) = entries.as_array_mut() else {
        return;
    };
    let same = |old: &&mut Value| {
        old["manager"] == entry["manager"] && old["subresource"] == entry["subresource"]
    };
    match entries.iter_mut().find(same) {
        Some(old) => {
            let mut fields = old["fieldsV1"].take();
            patch::merge(&mut fields, &entry["fieldsV1"]);
            entry["fieldsV1"] = fields;
            *old = entry;
        }
        None => entries.push(entry),
    }
}

/// The fields of a body in the `f:` notation.
fn field_tree(body: &Value) -> Value {
    let mut tree = json!({});
    for (key, value) in body.as_object().into_iter().flatten() {
        if !matches!(
            key.as_str(),
            "apiVersion" | "kind" | "managedFields" | "name" | "namespace"
        ) {
            tree[format!("f:{key}")] = match value.as_array() {
                Some(items) => list_tree(key, items),
                None => field_tree(value),
            };
        }
    }
    tree
}

/// The items of a list by their keys, or a leaf when the list is replaced as a whole.
fn list_tree(field: &str, items: &[Value]) -> Value {
    let mut tree = json!({});
    if let Some(key) = patch::merge_key(field, items) {
        for item in items {
            let mut fields = field_tree(item);
            fields["."] = json!({});
            fields[format!("f:{key}")] = json!({});
            let name = json!({key: item[key]}).to_string();
            tree[format!("k:{name}")] = fields;
        }
    }
    tree
}

/// The options of a deletion: the body's, or the query's when there is no body. With a body the real server does not look at
/// the query at all, not even at `dryRun`.
fn deletion(call: &Call, options: &Value) -> Deletion {
    if options.is_null() {
        return Deletion {
            uid: None,
            resource_version: None,
            grace_seconds: call.param("gracePeriodSeconds").parse().ok(),
            orphan: call.param("propagationPolicy") == "Orphan",
            dry_run: call.dry_run(),
        };
    }
    let precondition = |field: &str| options["preconditions"][field].as_str().map(str::to_owned);
    Deletion {
        uid: precondition("uid"),
        resource_version: precondition("resourceVersion"),
        grace_seconds: options["gracePeriodSeconds"].as_i64(),
        orphan: options["propagationPolicy"] == "Orphan",
        dry_run: is_dry_run(options),
    }
}

fn is_dry_run(options: &Value) -> bool {
    object::list(options, "/dryRun")
        .iter()
        .any(|mode| mode == "All")
}

fn deleted_response(resource: &Resource, deleted: &Deleted) -> Response {
    match deleted {
        Deleted::Waiting(object) => json_response(200, object),
        Deleted::Gone(object) if *resource == resources::PODS => json_response(200, object),
        Deleted::Gone(object) => json_response(
            200,
            &success(resource, object::name(object), object::uid(object)),
        ),
    }
}

/// Deletes one object.
pub(super) fn delete(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
) -> Result<Response, ApiError> {
    if target.subresource.is_some() {
        return Err(ApiError::method_not_allowed());
    }
    let deletion = deletion(call, &call.json()?);
    let deleted = sim
        .core()
        .delete(target.resource, target.key_namespace(), name, &deletion)?;
    Ok(deleted_response(target.resource, &deleted))
}

/// Deletes everything that a list with the same selectors would answer.
pub(super) fn delete_collection(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
) -> Result<Response, ApiError> {
    let deletion = deletion(call, &call.json()?);
    let labels = crate::sim::kube::selectors::LabelSelector::parse(call.param("labelSelector"))?;
    let fields = crate::sim::kube::selectors::FieldSelector::parse(call.param("fieldSelector"))?;
    for object in sim
        .core()
        .store
        .list(target.resource, target.namespace.as_deref())
    {
        if labels.matches(&object["metadata"]["labels"]) && fields.matches(&object) {
            sim.core().delete(
                target.resource,
                object::namespace(&object),
                object::name(&object),
                &deletion,
            )?;
        }
    }
    Ok(json_response(200, &success(target.resource, "", "")))
}

/// Evicts a pod unless its disruption budget forbids it.
pub(super) fn evict(
    sim: &KubeSim,
    call: &Call,
    target: &Target,
    name: &str,
) -> Result<Response, ApiError> {
    if *target.resource != resources::PODS {
        return Err(ApiError::unknown_path());
    }
    let body = call.json()?;
    let mut deletion = deletion(call, &body["deleteOptions"]);
    // An eviction is a creation: its query counts.
    deletion.dry_run |= call.dry_run() || is_dry_run(&body);
    let namespace = target.key_namespace();
    let pod = sim.core().store.get(&resources::PODS, namespace, name);
    let pod = pod.ok_or_else(|| ApiError::not_found(&resources::PODS, name))?;
    sim.core()
        .check_deletion(&resources::PODS, &pod, &deletion)?;
    disruption::spend(sim.core(), &pod, deletion.dry_run)?;
    if !deletion.dry_run {
        let now = sim.core().store.now();
        sim.core()
            .store
            .update(&resources::PODS, namespace, name, |pod| {
                let condition = json!({
                    "type": "DisruptionTarget", "status": "True", "reason": "EvictionByEvictionAPI",
                    "message": "Eviction API: evicting",
                });
                object::set_condition(pod, condition, &now);
                Ok(())
            })?;
    }
    deletion.resource_version = None; // Checked above; the condition has made a new version since.
    sim.core()
        .delete(&resources::PODS, namespace, name, &deletion)?;
    let mut status = success(&resources::PODS, name, object::uid(&pod));
    status["code"] = json!(201);
    Ok(json_response(201, &status))
}
