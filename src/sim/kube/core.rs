//! What all parts of the simulation share, and the two operations that admission guards: create and delete.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{
    admission,
    events::Recorder,
    faults::Faults,
    kubelet::Runtime,
    object,
    options::Options,
    resources::{self, Resource},
    status::ApiError,
    store::Store,
    time::seconds,
};

/// The shared state.
pub(super) struct Core {
    pub(super) options: Options,
    pub(super) store: Arc<Store>,
    pub(super) faults: Faults,
    pub(super) events: Recorder,
    pub(super) runtime: Runtime,
    pub(super) cancel: CancellationToken,
}

/// What a deletion asks for.
#[derive(Debug, Clone, Default)]
pub(super) struct Deletion {
    pub(super) uid: Option<String>,
    pub(super) resource_version: Option<String>,
    pub(super) grace_seconds: Option<i64>,
    pub(super) orphan: bool,
    pub(super) dry_run: bool,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Deleted {
    /// The object waits for its kubelet or its finalizers.
    Waiting(Arc<Value>),
    Gone(Arc<Value>),
}

impl Core {
    /// Creates an object the way the API does: completed, validated, admitted.
    pub(super) fn create(
        &self,
        resource: &'static Resource,
        mut object: Value,
        dry_run: bool,
    ) -> Result<Arc<Value>, ApiError> {
        if resource.namespaced
            && self
                .store
                .get(&resources::NAMESPACES, "", object::namespace(&object))
                .is_none()
        {
            return Err(ApiError::not_found(
                &resources::NAMESPACES,
                object::namespace(&object),
            ));
        }
        admission::complete(resource, &mut object);
        admission::admit(self, resource, &mut object)?;
        if dry_run {
            let (namespace, name) = (object::namespace(&object), object::name(&object));
            if !name.is_empty() && self.store.get(resource, namespace, name).is_some() {
                return Err(ApiError::already_exists(resource, name));
            }
            self.store.complete_new(resource, &mut object);
            return Ok(Arc::new(object));
        }
        let created = self.store.create(resource, object)?;
        if *resource == resources::NAMESPACES {
            self.furnish_namespace(object::name(&created));
        }
        Ok(created)
    }

    /// Every namespace has a default ServiceAccount and the cluster's root certificate.
    pub(super) fn furnish_namespace(&self, name: &str) {
        let account = json!({"metadata": {"name": "default", "namespace": name}});
        let roots = json!({"metadata": {"name": "kube-root-ca.crt", "namespace": name}, "data": {"ca.crt": ""}});
        for (resource, object) in [
            (&resources::SERVICE_ACCOUNTS, account),
            (&resources::CONFIG_MAPS, roots),
        ] {
            // A namespace that comes back may find them still there, which is as good.
            let _ = self.store.create(resource, object);
        }
    }

    /// Checks the preconditions of a deletion.
    pub(super) fn check_deletion(
        &self,
        resource: &Resource,
        object: &Value,
        deletion: &Deletion,
    ) -> Result<(), ApiError> {
        let version = object::text(object, "/metadata/resourceVersion");
        let pairs = [
            (
                "UID",
                &deletion.uid,
                object::uid(object),
                "deleted and then recreated",
            ),
            (
                "ResourceVersion",
                &deletion.resource_version,
                version,
                "modified",
            ),
        ];
        for (what, wanted, found, guess) in pairs {
            let Some(wanted) = wanted.as_ref().filter(|wanted| *wanted != found) else {
                continue;
            };
            let why = format!(
                "the {what} in the precondition ({wanted}) does not match the {what} in record ({found}). The object might \
                 have been {guess}"
            );
            return Err(ApiError::other_object(resource, object::name(object), &why));
        }
        Ok(())
    }

    /// Deletes an object: at once, or by marking it when a kubelet or a finalizer has to finish first.
    pub(super) fn delete(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        deletion: &Deletion,
    ) -> Result<Deleted, ApiError> {
        let object = self.store.get(resource, namespace, name);
        let object = object.ok_or_else(|| ApiError::not_found(resource, name))?;
        self.check_deletion(resource, &object, deletion)?;
        let grace = self.grace_seconds(resource, &object, deletion);
        let waits = grace > 0 || !object::list(&object, "/metadata/finalizers").is_empty();
        if deletion.dry_run {
            return Ok(if waits {
                Deleted::Waiting(object)
            } else {
                Deleted::Gone(object)
            });
        }
        if deletion.orphan {
            self.orphan_dependents(&object);
        }
        if !waits {
            let gone = self.store.remove(resource, namespace, name);
            return gone
                .map(Deleted::Gone)
                .ok_or_else(|| ApiError::not_found(resource, name));
        }
        let until = (self.store.clock)().saturating_add(jiff::SignedDuration::from_secs(grace));
        let marked = self.store.update(resource, namespace, name, |object| {
            let sooner = object::int(object, "/metadata/deletionGracePeriodSeconds")
                .is_none_or(|old| grace < old);
            if sooner {
                object["metadata"]["deletionTimestamp"] =
                    json!(until.map(seconds).unwrap_or_default());
                object["metadata"]["deletionGracePeriodSeconds"] = json!(grace);
            }
            Ok(())
        })?;
        Ok(Deleted::Waiting(marked))
    }

    /// Only a pod that a kubelet runs is deleted gracefully.
    fn grace_seconds(&self, resource: &Resource, object: &Value, deletion: &Deletion) -> i64 {
        let runs = *resource == resources::PODS
            && self.options.runs_pods()
            && !object::text(object, "/spec/nodeName").is_empty()
            && !object::is_finished(object);
        if !runs {
            return 0;
        }
        let own = object::int(object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        deletion.grace_seconds.unwrap_or(own).max(0)
    }

    fn orphan_dependents(&self, owner: &Value) {
        for resource in super::controllers::OWNED {
            for child in self.store.list(resource, Some(object::namespace(owner))) {
                if !object::is_controlled_by(&child, object::uid(owner)) {
                    continue;
                }
                // A child that vanished in between needs no orphaning.
                let _ = self.store.update(
                    resource,
                    object::namespace(&child),
                    object::name(&child),
                    |child| {
                        if let Some(owners) = child["metadata"]["ownerReferences"].as_array_mut() {
                            owners.retain(|reference| reference["uid"] != owner["metadata"]["uid"]);
                        }
                        Ok(())
                    },
                );
            }
        }
    }

    /// Edits the status of an object; a vanished object is not an error for the controller that writes.
    pub(super) fn update_status(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value),
    ) {
        let _ = self.store.update(resource, namespace, name, |object| {
            edit(object);
            Ok(())
        });
    }
}
