//! Small shapes of Kubernetes objects: only the fields that Heal decides on are ever built in memory.
//!
//! A typed `Pod` costs 79 kB on the heap, half of it `managedFields`; these shapes skip what they do not name while they
//! are parsed, so that a watch over ten thousand pods never holds the rest.

/// A shape whose fields may be missing or `null`.
macro_rules! shape {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Debug, Default, Deserialize)]
        #[serde(rename_all = "camelCase", default)]
        pub struct $name {
            $($(#[$field_doc])* #[serde(deserialize_with = "nullable")] #[allow(missing_docs)] pub $field: $type,)*
        }
    };
}

mod event;
mod meta;
mod node;
mod pod;
mod workload;

pub use super::served::*;
pub use event::*;
use meta::metadata;
pub use node::*;
pub use pod::*;
pub use workload::*;

use super::quantity;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::DynamicResourceScope;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use std::{borrow::Cow, fmt::Debug};

/// Makes a shape usable with kube's watcher. The kind is a value, because one shape serves several workload kinds.
macro_rules! resource {
    ($shape:ty) => {
        impl kube::Resource for $shape {
            type DynamicType = Served;
            type Scope = DynamicResourceScope;

            fn kind(served: &Served) -> Cow<'_, str> {
                served.kind.into()
            }
            fn group(served: &Served) -> Cow<'_, str> {
                served.group.into()
            }
            fn version(served: &Served) -> Cow<'_, str> {
                served.version.into()
            }
            fn plural(served: &Served) -> Cow<'_, str> {
                served.plural.into()
            }
            fn meta(&self) -> &ObjectMeta {
                &self.metadata
            }
            fn meta_mut(&mut self) -> &mut ObjectMeta {
                &mut self.metadata
            }
        }
    };
}
resource!(Pod);
resource!(Node);
resource!(Event);
resource!(Workload);

/// What a watch needs of a shape.
pub trait Shape:
    kube::Resource<DynamicType = Served> + Clone + DeserializeOwned + Debug + Send + 'static
{
}
impl Shape for Pod {}
impl Shape for Node {}
impl Shape for Event {}
impl Shape for Workload {}

/// A list without its own metadata beyond the continuation.
#[derive(Debug, Deserialize)]
pub struct List<T> {
    // An option is optional without `default`, which would ask for `T: Default`.
    items: Option<Vec<T>>,
    #[serde(default)]
    metadata: ListMeta,
}

impl<T> List<T> {
    /// The items of this page, and the token of the next one if there is one.
    pub fn into_parts(self) -> (Vec<T>, Option<String>) {
        let next = self.metadata.next.filter(|token| !token.is_empty());
        (self.items.unwrap_or_default(), next)
    }
}

#[derive(Debug, Default, Deserialize)]
struct ListMeta {
    #[serde(default, rename = "continue")]
    next: Option<String>,
}

shape!(
    /// A status condition of any kind.
    Condition {
        #[serde(rename = "type")]
        kind: String,
        status: String,
        reason: String,
        message: String,
        last_transition_time: Option<Timestamp>,
    }
);

/// `null` where a value was expected means the default: Go writes empty lists and times so.
fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(d: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(d)?.unwrap_or_default())
}

fn memory<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    amount(d, quantity::bytes)
}

fn cpu<'de, D: Deserializer<'de>>(d: D) -> Result<Option<u64>, D::Error> {
    amount(d, quantity::millis)
}

/// Quantities are texts, but clients may write bare numbers and some servers hand them back.
fn amount<'de, D: Deserializer<'de>>(
    d: D,
    read: fn(&str) -> Option<u64>,
) -> Result<Option<u64>, D::Error> {
    Ok(match serde_json::Value::deserialize(d)? {
        serde_json::Value::String(text) => read(&text),
        serde_json::Value::Number(number) => read(&number.to_string()),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_is_read_without_its_managed_fields_and_its_applied_manifest() {
        let pod: Pod = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": "a", "namespace": "shop", "uid": "p1", "creationTimestamp": "2026-11-01T10:00:00Z",
                "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{…}", "keep": "me"},
                "managedFields": [{"manager": "argocd-controller", "fieldsV1": {"f:spec": {}}}]},
            "spec": {"containers": [{"name": "app", "image": "i", "resources": {"limits": {"memory": "64Mi", "cpu": 1}}}]},
            "status": {"conditions": null}
        }))
        .unwrap();
        let managers = pod.metadata.managed_fields.unwrap();
        assert_eq!(managers[0].manager.as_deref(), Some("argocd-controller"));
        assert!(managers[0].fields_v1.is_none());
        assert_eq!(pod.metadata.annotations.unwrap().len(), 1);
        let limits = pod.spec.containers[0].resources.limits;
        assert_eq!((limits.memory, limits.cpu), (Some(64 << 20), Some(1000)));
    }
}
