//! PodDisruptionBudgets: their status, and spending from them on evictions.

use std::time::Duration;

use serde_json::{Value, json};

use super::{
    controllers::{Controller, Key, scaled},
    core::Core,
    object, resources,
    selectors::LabelSelector,
    status::ApiError,
    store::Change,
};

/// Keeps the status of every budget current.
pub(super) struct Disruption;

impl Controller for Disruption {
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key> {
        if *change.resource == resources::DISRUPTION_BUDGETS {
            return vec![Key::of(&change.object)];
        }
        if *change.resource != resources::PODS {
            return vec![];
        }
        let namespace = object::namespace(&change.object);
        let budgets = core
            .store
            .list(&resources::DISRUPTION_BUDGETS, Some(namespace));
        let selected = budgets
            .iter()
            .filter(|budget| selects(budget, &change.object));
        selected.map(|budget| Key::of(budget)).collect()
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let budget = core
            .store
            .get(&resources::DISRUPTION_BUDGETS, &key.namespace, &key.name)?;
        let pods = core.store.list(&resources::PODS, Some(&key.namespace));
        let pods: Vec<_> = pods
            .iter()
            .filter(|pod| object::is_active(pod) && selects(&budget, pod))
            .collect();
        let expected = pods.len() as i64;
        let healthy = pods.iter().filter(|pod| object::is_ready(pod)).count() as i64;
        let needed = match (
            budget["spec"].get("minAvailable"),
            budget["spec"].get("maxUnavailable"),
        ) {
            (Some(minimum), _) => scaled(minimum, expected, true),
            (None, Some(maximum)) => expected - scaled(maximum, expected, true),
            (None, None) => expected - 1,
        }
        .max(0);
        let allowed = (healthy - needed).max(0);
        let now = core.store.now();
        core.update_status(&resources::DISRUPTION_BUDGETS, &key.namespace, &key.name, |budget| {
            let generation = budget["metadata"]["generation"].clone();
            for (field, value) in [
                ("disruptionsAllowed", json!(allowed)),
                ("currentHealthy", json!(healthy)),
                ("desiredHealthy", json!(needed)),
                ("expectedPods", json!(expected)),
                ("observedGeneration", generation),
            ] {
                budget["status"][field] = value;
            }
            let (status, reason) = if allowed > 0 { ("True", "SufficientPods") } else { ("False", "InsufficientPods") };
            let condition = json!({"type": "DisruptionAllowed", "status": status, "reason": reason, "message": ""});
            object::set_condition(budget, condition, &now);
        });
        None
    }
}

fn selects(budget: &Value, pod: &Value) -> bool {
    LabelSelector::from_object(&budget["spec"]["selector"]).matches(&pod["metadata"]["labels"])
}

/// Takes one disruption from the budget of a pod, or refuses. Pods that do not run cost nothing.
pub(super) fn spend(core: &Core, pod: &Value, dry_run: bool) -> Result<(), ApiError> {
    if !matches!(object::text(pod, "/status/phase"), "Running") || object::is_deleting(pod) {
        return Ok(());
    }
    let namespace = object::namespace(pod);
    let budgets = core
        .store
        .list(&resources::DISRUPTION_BUDGETS, Some(namespace));
    let mut budgets = budgets.iter().filter(|budget| selects(budget, pod));
    let Some(budget) = budgets.next() else {
        return Ok(());
    };
    if budgets.next().is_some() {
        return Err(ApiError::internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.",
        ));
    }
    // The controller may not have seen the newest pods yet.
    Disruption.reconcile(core, &Key::of(budget));
    let name = object::name(budget);
    let budget = core
        .store
        .get(&resources::DISRUPTION_BUDGETS, namespace, name);
    let budget = budget.ok_or_else(|| ApiError::not_found(&resources::DISRUPTION_BUDGETS, name))?;
    let count = |field: &str| budget["status"][field].as_i64().unwrap_or(0);
    let (allowed, healthy, needed) = (
        count("disruptionsAllowed"),
        count("currentHealthy"),
        count("desiredHealthy"),
    );
    if !object::is_ready(pod) && healthy >= needed && healthy > 0 {
        return Ok(());
    }
    if allowed <= 0 {
        return Err(ApiError::disruption_budget(name, needed, healthy));
    }
    if !dry_run {
        core.update_status(&resources::DISRUPTION_BUDGETS, namespace, name, |budget| {
            budget["status"]["disruptionsAllowed"] = json!(allowed - 1);
        });
    }
    Ok(())
}
