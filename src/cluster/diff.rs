//! What differs between two JSON trees, as lines for people: `containers[app].image: web:2 → web:1`.
use crate::{
    domain::text::clip,
    redact::{names_secret, redact},
};
use serde_json::{Map, Value};

/// Most lines that are shown.
const LINES: usize = 20;
/// Most characters of a value.
const WIDTH: usize = 80;

/// The differences from `now` to `then`, at most 20 lines; the last one counts the rest. Literal values of environment
/// variables and of probes' headers are hidden: they may be secrets that nobody called so. So are texts under a name that
/// tells of a secret, and secrets that show themselves anywhere.
pub fn lines(now: &Value, then: &Value) -> Vec<String> {
    let mut out = Vec::new();
    walk("", now, then, &mut out);
    if out.len() > LINES {
        let rest = out.len() - (LINES - 1);
        out.truncate(LINES - 1);
        out.push(format!("… and {rest} more"));
    }
    out
}

fn walk(path: &str, now: &Value, then: &Value, out: &mut Vec<String>) {
    if now == then || is_noise(path) {
        return;
    }
    match (now, then) {
        (Value::Object(a), Value::Object(b)) => objects(path, a, b, out),
        (Value::Array(a), Value::Array(b)) => match (by_name(a), by_name(b)) {
            (Some(a), Some(b)) => items(path, &a, &b, out),
            _ => out.push(line(path, now, then)),
        },
        // What is added or removed as a whole is shown leaf by leaf, like everything else.
        (Value::Object(a), Value::Null) => objects(path, a, &Map::new(), out),
        (Value::Null, Value::Object(b)) => objects(path, &Map::new(), b, out),
        (Value::Array(a), Value::Null) if by_name(a).is_some() => {
            items(path, &by_name(a).unwrap_or_default(), &[], out);
        }
        (Value::Null, Value::Array(b)) if by_name(b).is_some() => {
            items(path, &[], &by_name(b).unwrap_or_default(), out);
        }
        _ => out.push(line(path, now, then)),
    }
}

fn objects(path: &str, a: &Map<String, Value>, b: &Map<String, Value>, out: &mut Vec<String>) {
    for (key, value) in a {
        walk(
            &join(path, key),
            value,
            b.get(key).unwrap_or(&Value::Null),
            out,
        );
    }
    for (key, value) in b.iter().filter(|(key, _)| !a.contains_key(*key)) {
        walk(&join(path, key), &Value::Null, value, out);
    }
}

type Named<'a> = (String, &'a Value);

/// Lists of Kubernetes are mostly maps in disguise: their items have names (or ports, or paths).
fn by_name(list: &[Value]) -> Option<Vec<Named<'_>>> {
    let name = |item: &'_ Value| {
        let key = ["name", "mountPath", "containerPort"]
            .iter()
            .find_map(|key| item.get(key))?;
        Some(match key {
            Value::String(text) => text.clone(),
            other => other.to_string(),
        })
    };
    list.iter().map(|item| Some((name(item)?, item))).collect()
}

fn items(path: &str, a: &[Named<'_>], b: &[Named<'_>], out: &mut Vec<String>) {
    let find = |list: &[Named<'_>], name: &str| {
        list.iter()
            .find(|(other, _)| other == name)
            .map_or(Value::Null, |(_, value)| (*value).clone())
    };
    for (name, value) in a {
        walk(&format!("{path}[{name}]"), value, &find(b, name), out);
    }
    for (name, value) in b
        .iter()
        .filter(|(name, _)| !a.iter().any(|(n, _)| n == name))
    {
        walk(&format!("{path}[{name}]"), &Value::Null, value, out);
    }
}

fn join(path: &str, key: &str) -> String {
    match (path, key) {
        // The parts that every path of a workload begins with say nothing.
        ("" | "spec" | "template", "spec" | "template") => String::new(),
        ("", key) => key.to_owned(),
        (path, key) => format!("{path}.{key}"),
    }
}

/// What controllers write for themselves, and names that the path already says.
fn is_noise(path: &str) -> bool {
    path.ends_with("labels.pod-template-hash")
        || path.ends_with("$patch")
        || path.ends_with("metadata.creationTimestamp")
        || path.ends_with("].name")
        || path.ends_with("].terminationMessagePath")
        || path.ends_with("].terminationMessagePolicy")
}

fn line(path: &str, now: &Value, then: &Value) -> String {
    let literal = path.contains(".env[") || path.contains(".httpHeaders[");
    let text = now.is_string() || then.is_string();
    let hidden = literal && path.ends_with("].value") || text && names_secret(path);
    let show = |value: &Value| match value {
        Value::Null => "(none)".to_owned(),
        _ if hidden => "(hidden)".to_owned(),
        Value::String(text) => clip(&redact(text).replace(['\n', '\r'], " "), WIDTH),
        other => clip(&redact(&other.to_string()), WIDTH),
    };
    let change = if hidden && !now.is_null() && !then.is_null() {
        "(hidden) → (another value)".to_owned()
    } else {
        format!("{} → {}", show(now), show(then))
    };
    format!("{path}: {change}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_template_diff_names_containers_and_hides_environment_values() {
        let now = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "b"}, "creationTimestamp": null,
            "annotations": {"checksum/secret": "1a2b", "note": "password=hunter2"}},
        "spec": {"containers": [
            {"name": "app", "image": "web:2", "env": [{"name": "PASSWORD", "value": "new"}, {"name": "MODE", "value": "x"}],
             "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Door", "value": "open sesame"}]}},
             "args": ["--dsn", "db://shop:hunter2@db", "--token", "hunter"],
             "resources": {"limits": {"memory": "64Mi"}}, "command": ["run", "--fast"]},
            {"name": "sidecar", "image": "h:1"}]}});
        let then = json!({"metadata": {"labels": {"app": "web", "pod-template-hash": "a"}},
        "spec": {"containers": [
            {"name": "app", "image": "web:1", "env": [{"name": "PASSWORD", "value": "old"}],
             "envFrom": [{"secretRef": {"name": "s"}}],
             "resources": {"limits": {"memory": "128Mi"}, "requests": {"memory": "128Mi"}}, "command": ["run"]}]}});
        insta::assert_snapshot!(lines(&now, &then).join("\n"), @r#"
        metadata.annotations.checksum/secret: (hidden) → (none)
        metadata.annotations.note: password=[redacted] → (none)
        containers[app].args: ["--dsn","db://shop:[redacted]@db","--token","[redacted]"] → (none)
        containers[app].command: ["run","--fast"] → ["run"]
        containers[app].env[PASSWORD].value: (hidden) → (another value)
        containers[app].env[MODE].value: (hidden) → (none)
        containers[app].image: web:2 → web:1
        containers[app].livenessProbe.httpGet.httpHeaders[X-Door].value: (hidden) → (none)
        containers[app].resources.limits.memory: 64Mi → 128Mi
        containers[app].resources.requests.memory: (none) → 128Mi
        containers[app].envFrom: (none) → [{"secretRef":{"name":"s"}}]
        containers[sidecar].image: h:1 → (none)
        "#);
    }

    #[test]
    fn equal_trees_have_no_lines_and_long_diffs_are_counted() {
        let tree = |n: u32| {
            let fields = (0..n).map(|i| (format!("k{i:02}"), json!(n)));
            Value::Object(fields.collect())
        };
        assert!(lines(&tree(3), &tree(3)).is_empty());
        let many = lines(&tree(30), &tree(31));
        assert_eq!((many.len(), many[19].as_str()), (20, "… and 12 more"));
    }
}
