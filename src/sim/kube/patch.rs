//! The patch formats: JSON merge, strategic merge for the built-in types, and JSON patch.

use serde_json::{Value, json};

use super::status::ApiError;

/// RFC 7386: objects merge, `null` removes, everything else replaces.
pub(super) fn merge(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (key, value) in fields {
        if value.is_null() {
            if let Some(target) = target.as_object_mut() {
                target.remove(key);
            }
        } else {
            merge(&mut target[key], value);
        }
    }
}

/// The key that identifies the items of a list field in the built-in types; `None` when the list is replaced as a whole.
pub(super) fn merge_key(field: &str, items: &[Value]) -> Option<&'static str> {
    match field {
        "containers"
        | "initContainers"
        | "ephemeralContainers"
        | "volumes"
        | "env"
        | "imagePullSecrets"
        | "secrets" => Some("name"),
        "volumeMounts" => Some("mountPath"),
        "volumeDevices" => Some("devicePath"),
        // Ports of containers are keyed by containerPort, those of Services by port.
        "ports" if items.iter().any(|item| item.get("containerPort").is_some()) => {
            Some("containerPort")
        }
        "ports" => Some("port"),
        "conditions" | "addresses" => Some("type"),
        "ownerReferences" => Some("uid"),
        "hostAliases" => Some("ip"),
        "topologySpreadConstraints" => Some("topologyKey"),
        _ => None,
    }
}

/// Strategic merge: like [`merge`], but the known lists merge by key, and `$patch`, `$retainKeys` and
/// `$deleteFromPrimitiveList` are obeyed. `$setElementOrder` is ignored: it only affects order.
pub(super) fn strategic(target: &mut Value, patch: &Value) {
    let Some(fields) = patch.as_object() else {
        *target = patch.clone();
        return;
    };
    if fields
        .get("$patch")
        .is_some_and(|directive| directive == "replace")
    {
        *target = without_directives(patch);
        return;
    }
    if !target.is_object() {
        *target = json!({});
    }
    if let (Some(kept), Some(target)) = (
        fields.get("$retainKeys").and_then(Value::as_array),
        target.as_object_mut(),
    ) {
        target.retain(|key, _| kept.iter().any(|kept| kept == key));
    }
    for (key, value) in fields {
        if let Some(list) = key.strip_prefix("$deleteFromPrimitiveList/") {
            if let (Some(items), Some(gone)) = (target[list].as_array_mut(), value.as_array()) {
                items.retain(|item| !gone.contains(item));
            }
        } else if key.starts_with('$') {
            continue;
        } else if value.is_null()
            || value
                .get("$patch")
                .is_some_and(|directive| directive == "delete")
        {
            if let Some(target) = target.as_object_mut() {
                target.remove(key);
            }
        } else if let Some(items) = value.as_array() {
            merge_list(&mut target[key], key, items);
        } else {
            strategic(&mut target[key], value);
        }
    }
}

fn merge_list(target: &mut Value, field: &str, items: &[Value]) {
    if field == "finalizers" && target.is_array() {
        if let Some(target) = target.as_array_mut() {
            target.extend(
                items
                    .iter()
                    .filter(|item| !target.contains(item))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        return;
    }
    let replace = items.iter().any(|item| item["$patch"] == "replace");
    let Some(key) = merge_key(field, items).filter(|_| !replace) else {
        let kept = items.iter().filter(|item| item["$patch"] != "replace");
        *target = kept.map(without_directives).collect();
        return;
    };
    if !target.is_array() {
        *target = json!([]);
    }
    let Some(existing) = target.as_array_mut() else {
        return;
    };
    for item in items {
        let position = existing.iter().position(|old| old[key] == item[key]);
        match position {
            Some(index) if item["$patch"] == "delete" => drop(existing.remove(index)),
            Some(index) => strategic(&mut existing[index], item),
            None if item["$patch"] == "delete" => {}
            None => existing.push(without_directives(item)),
        }
    }
}

fn without_directives(value: &Value) -> Value {
    let mut clean = json!({});
    match value {
        Value::Object(_) => {
            strategic_fields(&mut clean, value);
            clean
        }
        other => other.clone(),
    }
}

fn strategic_fields(target: &mut Value, patch: &Value) {
    for (key, value) in patch.as_object().into_iter().flatten() {
        if !key.starts_with('$') && !value.is_null() {
            target[key] = without_directives(value);
        }
    }
}

/// RFC 6902, all six operations.
pub(super) fn json_patch(target: &mut Value, operations: &Value) -> Result<(), ApiError> {
    let operations = operations
        .as_array()
        .ok_or_else(|| ApiError::bad_request("a JSON patch is a list"))?;
    for operation in operations {
        let path = operation["path"].as_str().unwrap_or("");
        let from = operation["from"].as_str().unwrap_or("");
        let missing = || {
            ApiError::unprocessable(
                "the server rejected our request due to an error in our request",
            )
        };
        match operation["op"].as_str().unwrap_or("") {
            "test" => {
                if target.pointer(path) != Some(&operation["value"]) {
                    return Err(missing());
                }
            }
            "add" => insert(target, path, operation["value"].clone()).ok_or_else(missing)?,
            "replace" => {
                *target.pointer_mut(path).ok_or_else(missing)? = operation["value"].clone()
            }
            "remove" => drop(take(target, path).ok_or_else(missing)?),
            "move" => {
                let value = take(target, from).ok_or_else(missing)?;
                insert(target, path, value).ok_or_else(missing)?;
            }
            "copy" => {
                let value = target.pointer(from).cloned().ok_or_else(missing)?;
                insert(target, path, value).ok_or_else(missing)?;
            }
            other => {
                return Err(ApiError::bad_request(format!(
                    "unexpected JSON patch operation {other:?}"
                )));
            }
        }
    }
    Ok(())
}

fn split_pointer(path: &str) -> Option<(&str, String)> {
    let (parent, last) = path.rsplit_once('/')?;
    Some((parent, last.replace("~1", "/").replace("~0", "~")))
}

fn insert(target: &mut Value, path: &str, value: Value) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, key) = split_pointer(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(fields) => drop(fields.insert(key, value)),
        Value::Array(items) if key == "-" => items.push(value),
        Value::Array(items) => {
            let index = key
                .parse::<usize>()
                .ok()
                .filter(|index| *index <= items.len())?;
            items.insert(index, value);
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = split_pointer(path)?;
    match target.pointer_mut(parent)? {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => {
            let index = key
                .parse::<usize>()
                .ok()
                .filter(|index| *index < items.len())?;
            Some(items.remove(index))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strategic_merge_finds_containers_and_variables_by_name() {
        let mut pod = json!({"spec": {"containers": [
            {"name": "app", "image": "a:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "side", "image": "s:1"}]}});
        let patch = json!({"spec": {"containers": [
            {"name": "app", "image": "a:2", "env": [{"name": "B", "$patch": "delete"}, {"name": "C", "value": "3"}]}]}});
        strategic(&mut pod, &patch);
        let expected = json!({"spec": {"containers": [
            {"name": "app", "image": "a:2", "env": [{"name": "A", "value": "1"}, {"name": "C", "value": "3"}]},
            {"name": "side", "image": "s:1"}]}});
        assert_eq!(pod, expected);
    }

    #[test]
    fn merge_patch_replaces_lists_and_removes_nulls() {
        let mut object = json!({"a": [1, 2], "b": {"c": 1, "d": 2}});
        merge(&mut object, &json!({"a": [3], "b": {"c": null}}));
        assert_eq!(object, json!({"a": [3], "b": {"d": 2}}));
    }

    #[test]
    fn a_failed_json_patch_test_is_refused() {
        let mut object = json!({"spec": {"replicas": 1, "list": ["a"]}});
        let stale = json!([{"op": "test", "path": "/spec/replicas", "value": 2}]);
        assert_eq!(json_patch(&mut object, &stale).unwrap_err().code, 422);
        let good = json!([{"op": "replace", "path": "/spec/replicas", "value": 3}, {"op": "add", "path": "/spec/list/-", "value": "b"},
            {"op": "add", "path": "/spec/x~1y", "value": 1}]);
        json_patch(&mut object, &good).unwrap();
        assert_eq!(
            object,
            json!({"spec": {"replicas": 3, "list": ["a", "b"], "x/y": 1}})
        );
    }
}
