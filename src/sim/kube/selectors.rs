//! Label selectors (text and object form) and field selectors.

use serde_json::Value;

use super::{object, status::ApiError};

/// One requirement on one key.
#[derive(Debug, Clone, PartialEq)]
enum Requirement {
    In(String, Vec<String>),
    NotIn(String, Vec<String>),
    Exists(String),
    Missing(String),
}

/// A parsed label selector; every requirement must hold.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct LabelSelector(Vec<Requirement>);

impl LabelSelector {
    /// Parses the text form: `app=web,tier in (a, b),!old`.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut requirements = Vec::new();
        for part in split_outside_parentheses(text) {
            let part = part.trim();
            if part.is_empty() {
                continue;
            }
            requirements.push(requirement(part).ok_or_else(|| {
                ApiError::bad_request(format!("unable to parse requirement: {part:?}"))
            })?);
        }
        Ok(Self(requirements))
    }

    /// Reads the object form: `matchLabels` and `matchExpressions`.
    pub(super) fn from_object(selector: &Value) -> Self {
        let mut requirements = Vec::new();
        for (key, value) in selector["matchLabels"].as_object().into_iter().flatten() {
            requirements.push(Requirement::In(
                key.clone(),
                vec![value.as_str().unwrap_or("").to_owned()],
            ));
        }
        for expression in object::list(selector, "/matchExpressions") {
            let key = object::text(expression, "/key").to_owned();
            let values = || {
                let values = object::list(expression, "/values");
                values
                    .iter()
                    .filter_map(Value::as_str)
                    .map(str::to_owned)
                    .collect()
            };
            requirements.push(match object::text(expression, "/operator") {
                "In" => Requirement::In(key, values()),
                "NotIn" => Requirement::NotIn(key, values()),
                "Exists" => Requirement::Exists(key),
                _ => Requirement::Missing(key),
            });
        }
        Self(requirements)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn matches(&self, labels: &Value) -> bool {
        let get = |key: &str| labels[key].as_str();
        self.0.iter().all(|requirement| match requirement {
            Requirement::In(key, values) => {
                get(key).is_some_and(|label| values.iter().any(|value| value == label))
            }
            Requirement::NotIn(key, values) => {
                get(key).is_none_or(|label| values.iter().all(|value| value != label))
            }
            Requirement::Exists(key) => get(key).is_some(),
            Requirement::Missing(key) => get(key).is_none(),
        })
    }
}

fn split_outside_parentheses(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0);
    for (index, letter) in text.char_indices() {
        match letter {
            '(' => depth += 1,
            ')' => depth -= 1,
            ',' if depth == 0 => {
                parts.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

fn requirement(part: &str) -> Option<Requirement> {
    let set = |rest: &str| -> Option<Vec<String>> {
        let inner = rest.trim().strip_prefix('(')?.strip_suffix(')')?;
        Some(
            inner
                .split(',')
                .map(|value| value.trim().to_owned())
                .collect(),
        )
    };
    if let Some(key) = part.strip_prefix('!') {
        return Some(Requirement::Missing(key.trim().to_owned()));
    }
    if let Some((key, rest)) = part.split_once(" notin ") {
        return Some(Requirement::NotIn(key.trim().to_owned(), set(rest)?));
    }
    if let Some((key, rest)) = part.split_once(" in ") {
        return Some(Requirement::In(key.trim().to_owned(), set(rest)?));
    }
    let clean = |text: &str| text.trim().to_owned();
    if let Some((key, value)) = part.split_once("!=") {
        return Some(Requirement::NotIn(clean(key), vec![clean(value)]));
    }
    if let Some((key, value)) = part.split_once("==").or_else(|| part.split_once('=')) {
        return Some(Requirement::In(clean(key), vec![clean(value)]));
    }
    (!part.contains(char::is_whitespace)).then(|| Requirement::Exists(part.to_owned()))
}

/// A parsed field selector: `path`, `value`, and whether they must be equal.
#[derive(Debug, Clone, Default)]
pub(super) struct FieldSelector(Vec<(String, String, bool)>);

impl FieldSelector {
    /// Parses `metadata.name=web,type!=Normal`.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        let mut terms = Vec::new();
        for part in text.split(',').filter(|part| !part.is_empty()) {
            let (path, value, equal) = if let Some((path, value)) = part.split_once("!=") {
                (path, value, false)
            } else if let Some((path, value)) =
                part.split_once("==").or_else(|| part.split_once('='))
            {
                (path, value, true)
            } else {
                return Err(ApiError::bad_request(format!(
                    "invalid selector: '{part}'; can't understand '{part}'"
                )));
            };
            let known = matches!(
                path,
                "metadata.name"
                    | "metadata.namespace"
                    | "type"
                    | "reason"
                    | "source"
                    | "reportingComponent"
            ) || path.starts_with("involvedObject.")
                || path.starts_with("status.")
                || path.starts_with("spec.");
            if !known {
                return Err(ApiError::bad_request(format!(
                    "field label not supported: {path}"
                )));
            }
            terms.push((path.to_owned(), value.to_owned(), equal));
        }
        Ok(Self(terms))
    }

    pub(super) fn matches(&self, object: &Value) -> bool {
        self.0
            .iter()
            .all(|(path, value, equal)| (field(object, path) == value) == *equal)
    }
}

fn field<'a>(object: &'a Value, path: &str) -> &'a str {
    match path {
        "source" => match object::text(object, "/source/component") {
            "" => object::text(object, "/reportingComponent"),
            component => component,
        },
        _ => object::text(object, &format!("/{}", path.replace('.', "/"))),
    }
}

/// Both selectors of a list or watch.
#[derive(Debug, Clone, Default)]
pub(super) struct Selectors {
    pub(super) namespace: Option<String>,
    pub(super) labels: LabelSelector,
    pub(super) fields: FieldSelector,
}

impl Selectors {
    pub(super) fn matches(&self, object: &Value) -> bool {
        self.namespace
            .as_deref()
            .is_none_or(|namespace| object::namespace(object) == namespace)
            && self.labels.matches(&object["metadata"]["labels"])
            && self.fields.matches(object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn label_selectors_take_equality_and_set_forms() {
        let labels = json!({"app": "web", "tier": "front"});
        let matches = |text: &str| LabelSelector::parse(text).unwrap().matches(&labels);
        assert!(matches("app=web,tier in (front, back)"));
        assert!(matches("app,!old,tier!=back"));
        assert!(!matches("app notin (web)"));
        assert!(!matches("app==db"));
        assert!(LabelSelector::parse("a b c").is_err());
    }

    #[test]
    fn field_selectors_refuse_unknown_fields() {
        let event = json!({"type": "Warning", "involvedObject": {"kind": "Pod", "name": "a"}});
        let parse = FieldSelector::parse;
        assert!(
            parse("type=Warning,involvedObject.name=a,reason!=BackOff")
                .unwrap()
                .matches(&event)
        );
        assert!(!parse("involvedObject.kind=Node").unwrap().matches(&event));
        assert!(parse("metadata.labels=x").is_err());
    }
}
