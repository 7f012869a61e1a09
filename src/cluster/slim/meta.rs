//! Metadata of all objects.
use super::nullable;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    ManagedFieldsEntry, ObjectMeta, OwnerReference, Time,
};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;

/// Metadata without the trees: of `managedFields` only who and on which subresource, of annotations none of the manifests
/// that `kubectl apply` stores.
pub fn metadata<'de, D: Deserializer<'de>>(d: D) -> Result<ObjectMeta, D::Error> {
    let meta = Meta::deserialize(d)?;
    let some = |map: BTreeMap<String, String>| (!map.is_empty()).then_some(map);
    let mut annotations = meta.annotations;
    annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
    Ok(ObjectMeta {
        name: Some(meta.name),
        namespace: meta.namespace,
        uid: Some(meta.uid),
        resource_version: meta.resource_version,
        generation: meta.generation,
        creation_timestamp: meta.creation_timestamp.map(Time),
        deletion_timestamp: meta.deletion_timestamp.map(Time),
        labels: some(meta.labels),
        annotations: some(annotations),
        owner_references: (!meta.owner_references.is_empty()).then_some(meta.owner_references),
        managed_fields: (!meta.managed_fields.is_empty()).then(|| {
            let entry = |writer: Writer| ManagedFieldsEntry {
                manager: Some(writer.manager),
                ..ManagedFieldsEntry::default()
            };
            meta.managed_fields.into_iter().map(entry).collect()
        }),
        ..ObjectMeta::default()
    })
}
shape!(
    /// The part of `metadata` that is kept.
    Meta {
        name: String,
        namespace: Option<String>,
        uid: String,
        resource_version: Option<String>,
        generation: Option<i64>,
        creation_timestamp: Option<Timestamp>,
        deletion_timestamp: Option<Timestamp>,
        labels: BTreeMap<String, String>,
        annotations: BTreeMap<String, String>,
        owner_references: Vec<OwnerReference>,
        managed_fields: Vec<Writer>,
    }
);
shape!(
    /// One entry of `managedFields`.
    Writer {
        manager: String,
    }
);
