//! The parts of objects that a cluster fills in by itself: usage of ResourceQuotas and binding of claims.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Controller, Key};
use crate::sim::kube::{
    core::Core, events::Note, limits::quota_usage, object, quantity::format_milli, resources,
    store::Change,
};

/// The storage class that provisions at once.
const STORAGE_CLASS: &str = "standard";

/// Keeps quotas and claims current.
pub(super) struct Quotas;

impl Controller for Quotas {
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key> {
        if *change.resource == resources::RESOURCE_QUOTAS || *change.resource == resources::CLAIMS {
            return vec![Key::of(&change.object)];
        }
        if *change.resource != resources::PODS {
            return vec![];
        }
        let quotas = core.store.list(
            &resources::RESOURCE_QUOTAS,
            Some(object::namespace(&change.object)),
        );
        quotas.iter().map(|quota| Key::of(quota)).collect()
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        if let Some(quota) = core
            .store
            .get(&resources::RESOURCE_QUOTAS, &key.namespace, &key.name)
        {
            count(core, key, &quota);
        }
        let claim = core
            .store
            .get(&resources::CLAIMS, &key.namespace, &key.name);
        if let Some(claim) = claim.filter(|claim| object::text(claim, "/status/phase") != "Bound") {
            bind(core, key, &claim);
        }
        None
    }
}

fn count(core: &Core, key: &Key, quota: &Value) {
    let pods = core.store.list(&resources::PODS, Some(&key.namespace));
    let mut used = json!({});
    for (resource, _) in quota["spec"]["hard"].as_object().into_iter().flatten() {
        let counted = pods.iter().filter(|pod| !object::is_finished(pod));
        let sum: i128 = counted.filter_map(|pod| quota_usage(pod, resource)).sum();
        used[resource] = json!(format_milli(sum, resource));
    }
    core.update_status(
        &resources::RESOURCE_QUOTAS,
        &key.namespace,
        &key.name,
        |quota| {
            quota["status"] = json!({"hard": quota["spec"]["hard"], "used": used});
        },
    );
}

fn bind(core: &Core, key: &Key, claim: &Value) {
    let class = claim["spec"]["storageClassName"]
        .as_str()
        .unwrap_or(STORAGE_CLASS);
    let bound = class == STORAGE_CLASS;
    if !bound {
        let message = format!("storageclass.storage.k8s.io \"{class}\" not found");
        core.events.record(Note::warning(
            "persistentvolume-controller",
            claim,
            "ProvisioningFailed",
            message,
        ));
    }
    core.update_status(&resources::CLAIMS, &key.namespace, &key.name, |claim| {
        claim["status"]["phase"] = json!(if bound { "Bound" } else { "Pending" });
        if bound {
            claim["spec"]["volumeName"] = json!(format!("pvc-{}", object::uid(claim)));
        }
    });
}
