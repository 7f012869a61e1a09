//! ConfigMaps that a pod template refers to: whether they exist, and which keys they have. Values are dropped while the
//! answer is parsed. Secrets are not read at all.
use super::{
    rest::{Fault, Rest},
    slim,
};
use crate::domain::evidence::Reference;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Deserialize)]
struct ConfigMap {
    #[serde(default)]
    data: Option<BTreeMap<String, IgnoredAny>>,
    #[serde(default, rename = "binaryData")]
    binary: Option<BTreeMap<String, IgnoredAny>>,
}

/// References beyond these are not followed.
const MOST: usize = 10;
/// Among so many names the one that was meant is looked for when one is missing.
const NEIGHBOURS: u32 = 200;

/// Names of ConfigMaps in a pod spec: volumes, projected volumes, `envFrom`, `env`.
pub fn names(pod_spec: &Value) -> BTreeSet<String> {
    fn walk(value: &Value, out: &mut BTreeSet<String>) {
        match value {
            Value::Object(map) => {
                for (key, inner) in map {
                    if matches!(
                        key.as_str(),
                        "configMap" | "configMapRef" | "configMapKeyRef"
                    ) && let Some(Value::String(name)) = inner.get("name")
                    {
                        out.insert(name.clone());
                    }
                    walk(inner, out);
                }
            }
            Value::Array(list) => list.iter().for_each(|inner| walk(inner, out)),
            _ => {}
        }
    }
    let mut out = BTreeSet::new();
    walk(pod_spec, &mut out);
    // Every pod has it, from the cluster itself.
    out.remove("kube-root-ca.crt");
    out
}

/// Looks the ConfigMaps up. If one is missing, the others of the namespace are listed by name: one of them may be meant.
pub async fn read(
    reader: &Rest,
    namespace: &str,
    names: &BTreeSet<String>,
) -> Result<Vec<Reference>, Fault> {
    let one = |name: String| async move {
        let found = reader
            .get::<ConfigMap>(&slim::CONFIG_MAPS, namespace, &name)
            .await;
        let (exists, keys) = match found {
            Ok(map) => {
                let data = map.data.unwrap_or_default().into_keys();
                (
                    true,
                    data.chain(map.binary.unwrap_or_default().into_keys())
                        .collect(),
                )
            }
            Err(fault) if fault.code() == Some(404) => (false, Vec::new()),
            Err(fault) => return Err(fault),
        };
        Ok(Reference { name, exists, keys })
    };
    let mut found: Vec<Reference> =
        futures::future::try_join_all(names.iter().take(MOST).cloned().map(one)).await?;
    if found.iter().any(|reference| !reference.exists) {
        let there = reader
            .names(&slim::CONFIG_MAPS, namespace, NEIGHBOURS)
            .await?;
        let others = there.into_iter().filter(|name| !names.contains(name));
        found.extend(others.map(|name| Reference {
            name,
            exists: true,
            keys: Vec::new(),
        }));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn every_way_to_refer_to_a_config_map_is_found() {
        let spec = json!({
            "volumes": [
                {"name": "v", "configMap": {"name": "files"}},
                {"name": "p", "projected": {"sources": [{"configMap": {"name": "part"}}, {"configMap": {"name": "kube-root-ca.crt"}}]}},
                {"name": "s", "secret": {"secretName": "no"}}
            ],
            "containers": [{"name": "app",
                "envFrom": [{"configMapRef": {"name": "all"}}, {"secretRef": {"name": "no"}}],
                "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "one", "key": "a"}}}]}]
        });
        let found: Vec<String> = names(&spec).into_iter().collect();
        assert_eq!(found, ["all", "files", "one", "part"]);
    }
}
