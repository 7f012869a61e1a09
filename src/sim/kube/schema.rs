//! Decoding by the real types: wrong types are refused; unknown fields are dropped, or refused when the
//! client asks for strict validation.

use k8s_openapi::api::{
    apps::v1::{DaemonSet, Deployment, ReplicaSet, StatefulSet},
    batch::v1::Job,
    core::v1::{Node, Pod},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use super::{resources::Resource, status::ApiError};

/// Checks an object of a type that Heal writes to; other types are taken as they come.
pub(super) fn check(resource: &Resource, object: &mut Value, strict: bool) -> Result<(), ApiError> {
    match resource.kind {
        "Deployment" => decode::<Deployment>(resource, object, strict),
        "ReplicaSet" => decode::<ReplicaSet>(resource, object, strict),
        "StatefulSet" => decode::<StatefulSet>(resource, object, strict),
        "DaemonSet" => decode::<DaemonSet>(resource, object, strict),
        "Job" => decode::<Job>(resource, object, strict),
        "Pod" => decode::<Pod>(resource, object, strict),
        "Node" => decode::<Node>(resource, object, strict),
        _ => Ok(()),
    }
}

fn decode<T: DeserializeOwned + Serialize>(
    resource: &Resource,
    object: &mut Value,
    strict: bool,
) -> Result<(), ApiError> {
    let (kind, version) = (resource.kind, resource.version);
    let typed = T::deserialize(&*object).map_err(|error| {
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {error}"
        ))
    })?;
    let known =
        serde_json::to_value(typed).map_err(|error| ApiError::internal(error.to_string()))?;
    let mut unknown = Vec::new();
    collect_unknown(object, &known, "", &mut unknown);
    if unknown.is_empty() {
        return Ok(());
    }
    if !strict {
        drop_unknown(object, &known);
        return Ok(());
    }
    let fields: Vec<_> = unknown
        .iter()
        .map(|field| format!("unknown field \"{field}\""))
        .collect();
    Err(ApiError::bad_request(format!(
        "strict decoding error: {}",
        fields.join(", ")
    )))
}

/// A field that was given and did not survive decoding is one that the type does not have.
fn collect_unknown(given: &Value, known: &Value, path: &str, unknown: &mut Vec<String>) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            for (key, value) in given.iter().filter(|(_, value)| !value.is_null()) {
                let path = if path.is_empty() {
                    key.clone()
                } else {
                    format!("{path}.{key}")
                };
                match known.get(key) {
                    Some(known) => collect_unknown(value, known, &path, unknown),
                    None => unknown.push(path),
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            for (index, (given, known)) in given.iter().zip(known).enumerate() {
                collect_unknown(given, known, &format!("{path}[{index}]"), unknown);
            }
        }
        _ => {}
    }
}

fn drop_unknown(given: &mut Value, known: &Value) {
    match (given, known) {
        (Value::Object(given), Value::Object(known)) => {
            given.retain(|key, value| value.is_null() || known.contains_key(key));
            for (key, value) in given {
                if let Some(known) = known.get(key) {
                    drop_unknown(value, known);
                }
            }
        }
        (Value::Array(given), Value::Array(known)) => {
            given
                .iter_mut()
                .zip(known)
                .for_each(|(given, known)| drop_unknown(given, known));
        }
        _ => {}
    }
}
