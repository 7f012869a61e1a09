//! Disruption budgets: how many pods of a workload may be missing at a time.
use super::{
    rest::{Fault, Rest},
    slim::{self, Selector},
};
use crate::domain::{evidence::Budget, object::ObjectRef};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Disruption {
    metadata: Named,
    #[serde(default)]
    spec: Spec,
    #[serde(default)]
    status: Status,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Spec {
    selector: Option<Selector>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Status {
    disruptions_allowed: i32,
}

/// The tightest budget that selects pods with these labels.
pub async fn of(
    reader: &Rest,
    owner: &ObjectRef,
    labels: &BTreeMap<String, String>,
) -> Result<Option<Budget>, Fault> {
    let list = reader
        .list::<Disruption>(&slim::BUDGETS, &owner.namespace, &[])
        .await?;
    Ok(tightest(&list, labels))
}

fn tightest(list: &[Disruption], labels: &BTreeMap<String, String>) -> Option<Budget> {
    list.iter()
        .filter(|budget| {
            let selector = budget.spec.selector.as_ref();
            selector.is_some_and(|selector| selects(selector, labels))
        })
        .map(|budget| Budget {
            name: budget.metadata.name.clone(),
            allowed: budget.status.disruptions_allowed,
        })
        .min_by_key(|budget| budget.allowed)
}

/// Whether a label selector selects these labels. A selector that says nothing selects everything (policy/v1).
fn selects(selector: &Selector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector
        .match_labels
        .iter()
        .all(|(key, value)| labels.get(key) == Some(value));
    equal
        && selector.match_expressions.iter().all(|rule| {
            let has = labels.get(&rule.key);
            let listed = has.is_some_and(|value| rule.values.contains(value));
            match rule.operator.as_str() {
                "In" => listed,
                "NotIn" => !listed,
                "Exists" => has.is_some(),
                "DoesNotExist" => has.is_none(),
                // What is not understood may select them: the careful answer.
                _ => true,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tightest_budget_that_selects_the_pods_counts() {
        let list: Vec<Disruption> = serde_json::from_value(json!([
            {"metadata": {"name": "loose"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}, "status": {"disruptionsAllowed": 2}},
            {"metadata": {"name": "tight"}, "spec": {"selector": {"matchExpressions": [
                {"key": "app", "operator": "In", "values": ["web", "api"]}]}}, "status": {"disruptionsAllowed": 0}},
            {"metadata": {"name": "others"}, "spec": {"selector": {"matchLabels": {"app": "db"}}}, "status": {"disruptionsAllowed": 0}},
            {"metadata": {"name": "nothing"}, "status": {}}
        ]))
        .unwrap();
        let labels = |app: &str| BTreeMap::from([("app".to_owned(), app.to_owned())]);
        assert_eq!(
            tightest(&list, &labels("web")),
            Some(Budget {
                name: "tight".into(),
                allowed: 0
            })
        );
        assert_eq!(tightest(&list, &labels("cache")), None);
    }
}
