//! Garbage collection: what a deleted owner controlled goes too, and a deleted namespace takes everything in it along.

use std::time::Duration;

use super::{Controller, Key, OWNED};
use crate::sim::kube::{
    core::{Core, Deletion},
    object, resources,
    store::{Change, ChangeKind},
};

/// Follows deletions.
pub(super) struct Garbage;

impl Controller for Garbage {
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key> {
        if change.kind != ChangeKind::Deleted {
            return vec![];
        }
        let uid = object::uid(&change.object);
        let namespace = object::namespace(&change.object);
        if *change.resource == resources::NAMESPACES {
            let name = object::name(&change.object).to_owned();
            return vec![Key {
                namespace: name,
                name: String::new(),
            }];
        }
        let owns = matches!(
            change.resource.kind,
            "Deployment" | "ReplicaSet" | "StatefulSet" | "DaemonSet" | "Job" | "CronJob"
        );
        if !owns {
            return vec![];
        }
        let orphan = OWNED.iter().any(|resource| {
            core.store
                .list(resource, Some(namespace))
                .iter()
                .any(|child| object::is_controlled_by(child, uid))
        });
        // The key carries the uid: the owner has no name any more.
        if orphan {
            vec![Key {
                namespace: namespace.to_owned(),
                name: uid.to_owned(),
            }]
        } else {
            vec![]
        }
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let whole_namespace = key.name.is_empty();
        let resources: &[_] = if whole_namespace {
            resources::ALL
        } else {
            &OWNED
        };
        for resource in resources.iter().filter(|resource| resource.namespaced) {
            for child in core.store.list(resource, Some(&key.namespace)) {
                if whole_namespace || object::is_controlled_by(&child, &key.name) {
                    // Gone already is as good as deleted.
                    let _ = core.delete(
                        resource,
                        &key.namespace,
                        object::name(&child),
                        &Deletion::default(),
                    );
                }
            }
        }
        None
    }
}
