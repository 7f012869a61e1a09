//! What a container is given from outside: environment, ConfigMaps, Secrets and mounted files.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value;

use crate::sim::kube::{
    core::Core,
    object,
    resources::{self, Resource},
};

/// The two sources of configuration: resource type, name in messages about keys, name in messages about objects.
const CONFIG_MAP: (&Resource, &str, &str) = (&resources::CONFIG_MAPS, "ConfigMap", "configmap");
const SECRET: (&Resource, &str, &str) = (&resources::SECRETS, "Secret", "secret");

fn data(source: &Value, key: &str) -> Option<String> {
    let text = source["data"][key]
        .as_str()
        .or_else(|| source["stringData"][key].as_str())?;
    Some(text.to_owned())
}

fn keys(source: &Value) -> Vec<String> {
    let fields = ["data", "stringData"]
        .iter()
        .filter_map(|field| source[*field].as_object());
    fields.flat_map(|fields| fields.keys().cloned()).collect()
}

fn find(
    core: &Core,
    kind: (&'static Resource, &str, &str),
    namespace: &str,
    name: &str,
) -> Result<Arc<Value>, String> {
    core.store
        .get(kind.0, namespace, name)
        .ok_or_else(|| format!("{} \"{name}\" not found", kind.2))
}

/// The environment of a container, or the message of its CreateContainerConfigError.
pub(super) fn environment(
    core: &Core,
    pod: &Value,
    spec: &Value,
) -> Result<BTreeMap<String, String>, String> {
    let namespace = object::namespace(pod);
    let mut variables = BTreeMap::from([("HOSTNAME".to_owned(), object::name(pod).to_owned())]);
    for source in object::list(spec, "/envFrom") {
        for (field, kind) in [("configMapRef", CONFIG_MAP), ("secretRef", SECRET)] {
            let Some(reference) = source.get(field) else {
                continue;
            };
            match find(core, kind, namespace, object::text(reference, "/name")) {
                Ok(found) => {
                    variables.extend(
                        keys(&found)
                            .into_iter()
                            .filter_map(|key| Some((key.clone(), data(&found, &key)?))),
                    );
                }
                Err(_) if reference["optional"] == true => {}
                Err(missing) => return Err(missing),
            }
        }
    }
    for variable in object::list(spec, "/env") {
        let name = object::text(variable, "/name").to_owned();
        if let Some(value) = variable["value"].as_str() {
            variables.insert(name, value.to_owned());
            continue;
        }
        let from = &variable["valueFrom"];
        for (field, kind) in [("configMapKeyRef", CONFIG_MAP), ("secretKeyRef", SECRET)] {
            let Some(reference) = from.get(field) else {
                continue;
            };
            let key = object::text(reference, "/key");
            let source = object::text(reference, "/name");
            let value = find(core, kind, namespace, source).and_then(|found| {
                data(&found, key).ok_or_else(|| {
                    format!("couldn't find key {key} in {} {namespace}/{source}", kind.1)
                })
            });
            match value {
                Ok(value) => drop(variables.insert(name.clone(), value)),
                Err(_) if reference["optional"] == true => {}
                Err(missing) => return Err(missing),
            }
        }
        if let Some(path) = from["fieldRef"]["fieldPath"].as_str() {
            let value = object::text(pod, &format!("/{}", path.replace('.', "/")));
            variables.insert(name, value.to_owned());
        }
    }
    Ok(variables)
}

/// The volumes of a pod that take their files from ConfigMaps and Secrets: name, kind, source, optional, wanted keys.
fn sources(
    pod: &Value,
) -> impl Iterator<
    Item = (
        &str,
        (&'static Resource, &'static str, &'static str),
        &str,
        &Value,
    ),
> {
    object::list(pod, "/spec/volumes")
        .iter()
        .filter_map(|volume| {
            let name = object::text(volume, "/name");
            if let Some(source) = volume.get("configMap") {
                return Some((name, CONFIG_MAP, object::text(source, "/name"), source));
            }
            let source = volume.get("secret")?;
            Some((name, SECRET, object::text(source, "/secretName"), source))
        })
}

/// The first volume that cannot be mounted, and why.
pub(super) fn missing_volume(core: &Core, pod: &Value) -> Option<(String, String)> {
    for (volume, kind, name, source) in sources(pod) {
        if source["optional"] == true {
            continue;
        }
        match find(core, kind, object::namespace(pod), name) {
            Err(missing) => return Some((volume.to_owned(), missing)),
            Ok(found) => {
                let mut wanted = object::list(source, "/items")
                    .iter()
                    .map(|item| object::text(item, "/key"));
                if let Some(key) = wanted.find(|key| data(&found, key).is_none()) {
                    let why = format!("{} references non-existent config key: {key}", kind.2);
                    return Some((volume.to_owned(), why));
                }
            }
        }
    }
    None
}

/// The files that the mounts of a container put into it.
pub(super) fn mounted_files(core: &Core, pod: &Value, spec: &Value) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    for mount in object::list(spec, "/volumeMounts") {
        let Some((_, kind, name, source)) =
            sources(pod).find(|source| source.0 == object::text(mount, "/name"))
        else {
            continue;
        };
        let Ok(found) = find(core, kind, object::namespace(pod), name) else {
            continue;
        };
        let items: Vec<(String, String)> = match object::list(source, "/items") {
            [] => keys(&found)
                .into_iter()
                .map(|key| (key.clone(), key))
                .collect(),
            items => {
                let pair = |item: &Value| {
                    (
                        object::text(item, "/key").to_owned(),
                        object::text(item, "/path").to_owned(),
                    )
                };
                items.iter().map(pair).collect()
            }
        };
        let mount_path = object::text(mount, "/mountPath").trim_end_matches('/');
        let sub_path = object::text(mount, "/subPath");
        for (key, path) in items {
            let Some(content) = data(&found, &key) else {
                continue;
            };
            if sub_path.is_empty() {
                files.insert(format!("{mount_path}/{path}"), content);
            } else if sub_path == path {
                files.insert(mount_path.to_owned(), content);
            }
        }
    }
    files
}
