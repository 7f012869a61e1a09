//! What a namespace allows: quotas, limit ranges, and autoscalers that own a replica count.
use super::{
    quantity,
    rest::{Fault, Rest},
    slim,
};
use crate::domain::{evidence::NamespaceLimits, object::ObjectRef};
use serde::Deserialize;
use std::collections::BTreeMap;

#[derive(Deserialize)]
struct Quota {
    metadata: Named,
    #[serde(default)]
    status: QuotaStatus,
}

#[derive(Deserialize)]
struct Named {
    name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct QuotaStatus {
    hard: BTreeMap<String, String>,
    used: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct LimitRange {
    #[serde(default)]
    spec: LimitRangeSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct LimitRangeSpec {
    limits: Vec<LimitRule>,
}

#[derive(Deserialize)]
struct LimitRule {
    #[serde(rename = "type")]
    of: String,
    #[serde(default)]
    max: BTreeMap<String, String>,
}

/// Quotas and limit ranges of a namespace.
pub async fn of(reader: &Rest, namespace: &str) -> Result<NamespaceLimits, Fault> {
    let (quotas, ranges) = tokio::try_join!(
        reader.list::<Quota>(&slim::QUOTAS, namespace, &[]),
        reader.list::<LimitRange>(&slim::LIMIT_RANGES, namespace, &[]),
    )?;
    Ok(limits(&quotas, &ranges))
}

fn limits(quotas: &[Quota], ranges: &[LimitRange]) -> NamespaceLimits {
    let rules = ranges.iter().flat_map(|range| &range.spec.limits);
    let max_memory = rules
        .filter(|rule| rule.of == "Container" || rule.of == "Pod")
        .filter_map(|rule| quantity::bytes(rule.max.get("memory")?))
        .min();
    let left = quotas.iter().filter_map(|quota| {
        let hard = quantity::bytes(quota.status.hard.get("limits.memory")?)?;
        let used = quota.status.used.get("limits.memory");
        Some(hard.saturating_sub(used.and_then(|used| quantity::bytes(used)).unwrap_or(0)))
    });
    let tight = quotas.iter().flat_map(|quota| {
        let used_up = quota.status.hard.iter().filter_map(|(resource, hard)| {
            let used = quota.status.used.get(resource)?;
            let (u, h) = (quantity::millis(used)?, quantity::millis(hard)?);
            (u128::from(u) * 10 >= u128::from(h) * 9)
                .then(|| format!("{}: {resource} {used} of {hard}", quota.metadata.name))
        });
        used_up.collect::<Vec<_>>()
    });
    NamespaceLimits {
        max_memory,
        quota_memory_left: left.min(),
        tight: tight.collect(),
    }
}

#[derive(Deserialize)]
struct Autoscaler {
    metadata: Named,
    spec: AutoscalerSpec,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AutoscalerSpec {
    scale_target_ref: ScaleTarget,
}

#[derive(Deserialize)]
struct ScaleTarget {
    kind: String,
    name: String,
}

/// The name of the autoscaler that owns this workload's replica count. KEDA works through one of these, too.
pub async fn autoscaler(reader: &Rest, owner: &ObjectRef) -> Result<Option<String>, Fault> {
    let list = reader
        .list::<Autoscaler>(&slim::AUTOSCALERS, &owner.namespace, &[])
        .await?;
    let mine = |scaler: &Autoscaler| {
        let target = &scaler.spec.scale_target_ref;
        target.kind == owner.kind.as_str() && target.name == owner.name
    };
    let found = list.into_iter().find(mine);
    Ok(found.map(|scaler| scaler.metadata.name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_tightest_quota_and_limit_range_count_and_nearly_used_up_ones_are_named() {
        let quotas: Vec<Quota> = serde_json::from_value(json!([
            {"metadata": {"name": "team"}, "status": {
                "hard": {"limits.memory": "1Gi", "pods": "10"}, "used": {"limits.memory": "512Mi", "pods": "9"}}},
            {"metadata": {"name": "small"}, "status": {
                "hard": {"limits.memory": "600Mi"}, "used": {"limits.memory": "512Mi"}}}
        ]))
        .unwrap();
        let ranges: Vec<LimitRange> = serde_json::from_value(json!([
            {"spec": {"limits": [{"type": "Container", "max": {"memory": "256Mi"}}, {"type": "PersistentVolumeClaim", "max": {"memory": "1"}}]}}
        ]))
        .unwrap();
        insta::assert_json_snapshot!(limits(&quotas, &ranges), @r#"
        {
          "max_memory": 268435456,
          "quota_memory_left": 92274688,
          "tight": [
            "team: pods 9 of 10"
          ]
        }
        "#);
    }
}
