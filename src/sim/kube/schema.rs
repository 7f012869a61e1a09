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

/// Why an object does not fit its type.
pub(super) struct Misfit {
    why: String,
    /// Whether fields are unknown, as opposed to of a wrong type.
    unknown: bool,
}

impl Misfit {
    /// The answer to a creation or a replacement.
    pub(super) fn of_a_body(&self, resource: &Resource) -> ApiError {
        let (kind, version) = (resource.kind, resource.version);
        ApiError::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {}",
            self.why
        ))
    }

    /// The answer to a patch.
    pub(super) fn of_a_patch(&self, resource: &Resource, patch: &Value) -> ApiError {
        if self.unknown {
            ApiError::unknown_in_patch(patch, &self.why)
        } else {
            self.of_a_body(resource)
        }
    }
}

/// Checks an object of a type that Heal writes to; other types are taken as they come.
pub(super) fn check(resource: &Resource, object: &mut Value, strict: bool) -> Result<(), Misfit> {
    match resource.kind {
        "Deployment" => decode::<Deployment>(object, strict),
        "ReplicaSet" => decode::<ReplicaSet>(object, strict),
        "StatefulSet" => decode::<StatefulSet>(object, strict),
        "DaemonSet" => decode::<DaemonSet>(object, strict),
        "Job" => decode::<Job>(object, strict),
        "Pod" => decode::<Pod>(object, strict),
        "Node" => decode::<Node>(object, strict),
        _ => Ok(()),
    }
}

fn decode<T: DeserializeOwned + Serialize>(object: &mut Value, strict: bool) -> Result<(), Misfit> {
    let wrong = |error: serde_json::Error| Misfit {
        why: error.to_string(),
        unknown: false,
    };
    let typed = T::deserialize(&*object).map_err(wrong)?;
    let known = serde_json::to_value(typed).map_err(wrong)?;
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
    Err(Misfit {
        why: format!("strict decoding error: {}", fields.join(", ")),
        unknown: true,
    })
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
