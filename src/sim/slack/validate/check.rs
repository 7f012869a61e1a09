//! The small checks of which the limits are made.

use std::collections::HashSet;

use serde_json::Value;

use super::Surface;

/// The kinds of text object that a place accepts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Any,
}

/// What was found wrong so far.
pub(super) struct Check {
    pub(super) surface: Surface,
    /// Files that are used: where, and which.
    pub(super) files: Vec<(String, String)>,
    pub(super) problems: Vec<String>,
    pub(super) block_ids: HashSet<String>,
}

impl Check {
    pub(super) fn new(surface: Surface) -> Self {
        Self {
            surface,
            files: Vec::new(),
            problems: Vec::new(),
            block_ids: HashSet::new(),
        }
    }

    pub(super) fn problem(&mut self, at: &str, what: impl AsRef<str>) {
        self.problems
            .push(format!("{} [json-pointer:{at}]", what.as_ref()));
    }

    /// No fields but these.
    pub(super) fn only(&mut self, at: &str, value: &Value, allowed: &[&str]) {
        let Some(fields) = value.as_object() else {
            return self.problem(at, "must be an object");
        };
        for name in fields
            .keys()
            .filter(|name| !allowed.contains(&name.as_str()))
        {
            self.problem(at, format!("invalid additional property: {name}"));
        }
    }

    /// A string with a length in characters from `min` to `max`.
    pub(super) fn string(
        &mut self,
        at: &str,
        owner: &Value,
        name: &str,
        required: bool,
        min: usize,
        max: usize,
    ) {
        match owner.get(name) {
            None | Some(Value::Null) if required => {
                self.problem(at, format!("missing required field: {name}"))
            }
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => self.length(&format!("{at}/{name}"), text, min, max),
            Some(_) => self.problem(&format!("{at}/{name}"), "must be a string"),
        }
    }

    pub(super) fn length(&mut self, at: &str, text: &str, min: usize, max: usize) {
        let length = text.chars().count();
        if length < min {
            self.problem(at, format!("must be more than {} characters", min - 1));
        } else if length > max {
            self.problem(at, format!("must be less than {} characters", max + 1));
        }
    }

    /// One of a few words.
    pub(super) fn word(&mut self, at: &str, owner: &Value, name: &str, words: &[&str]) {
        if let Some(value) = owner.get(name)
            && value.as_str().is_none_or(|word| !words.contains(&word))
        {
            self.problem(&format!("{at}/{name}"), "must be a valid enum value");
        }
    }

    /// A `plain_text` object.
    pub(super) fn plain_text(
        &mut self,
        at: &str,
        owner: &Value,
        name: &str,
        required: bool,
        max: usize,
    ) {
        self.text_field(at, owner, name, required, Kind::Plain, max);
    }

    /// A text object in a field.
    pub(super) fn text_field(
        &mut self,
        at: &str,
        owner: &Value,
        name: &str,
        required: bool,
        kind: Kind,
        max: usize,
    ) {
        match owner.get(name) {
            None | Some(Value::Null) if required => {
                self.problem(at, format!("missing required field: {name}"))
            }
            None | Some(Value::Null) => {}
            Some(text) => self.text(&format!("{at}/{name}"), text, kind, max),
        }
    }

    /// A text object.
    pub(super) fn text(&mut self, at: &str, text: &Value, kind: Kind, max: usize) {
        match (text["type"].as_str(), kind) {
            (Some("plain_text"), _) => self.only(at, text, &["type", "text", "emoji"]),
            (Some("mrkdwn"), Kind::Any) => self.only(at, text, &["type", "text", "verbatim"]),
            (Some(other), _) => {
                return self.problem(&format!("{at}/type"), format!("unsupported type: {other}"));
            }
            (None, _) => return self.problem(at, "missing required field: type"),
        }
        self.string(at, text, "text", true, 1, max);
    }

    /// A list with `min` to `max` items; what is not a list counts as empty.
    pub(super) fn list<'a>(
        &mut self,
        at: &str,
        owner: &'a Value,
        name: &str,
        min: usize,
        max: usize,
    ) -> &'a [Value] {
        let Some(value) = owner.get(name) else {
            self.problem(at, format!("missing required field: {name}"));
            return &[];
        };
        let at = format!("{at}/{name}");
        let Some(items) = value.as_array() else {
            self.problem(&at, "must be an array");
            return &[];
        };
        if items.len() < min {
            self.problem(&at, format!("no fewer than {min} items allowed"));
        } else if items.len() > max {
            self.problem(&at, format!("no more than {max} items allowed"));
        }
        items
    }
}
