//! The arguments of a call, from a query, a form or a JSON body.

use axum::http::{HeaderMap, header};
use serde_json::{Map, Value};

use super::Refused;

/// Arguments that hold JSON; in a form they come as text.
const STRUCTURED: [&str; 5] = ["blocks", "attachments", "metadata", "view", "files"];

/// The arguments of one call.
#[derive(Debug, Default)]
pub(super) struct Args {
    values: Map<String, Value>,
    /// Whether they came as a JSON body.
    pub(super) json: bool,
    /// Whether they came as a JSON body that does not name its character set: Slack warns about that.
    pub(super) charset_missing: bool,
}

impl Args {
    pub(super) fn read(headers: &HeaderMap, query: &str, body: &[u8]) -> Result<Self, Refused> {
        let mut args = Self::default();
        args.form(query.as_bytes());
        let content_type = headers
            .get(header::CONTENT_TYPE)
            .and_then(|v| v.to_str().ok())
            .unwrap_or_default();
        if content_type.starts_with("application/json") {
            args.json = true;
            args.charset_missing = !content_type.contains("charset");
            match serde_json::from_slice(body) {
                // Libraries name the type even where they send nothing.
                Err(_) if body.is_empty() => {}
                Ok(Value::Object(fields)) => args.values.extend(fields),
                Ok(_) => return Err(Refused::error("json_not_object")),
                Err(_) => return Err(Refused::error("invalid_json")),
            }
        } else if content_type.starts_with("application/x-www-form-urlencoded") {
            args.form(body);
        } else if !body.is_empty() {
            return Err(Refused::error("invalid_post_type"));
        }
        Ok(args)
    }

    fn form(&mut self, encoded: &[u8]) {
        for (name, text) in form_urlencoded::parse(encoded) {
            let parsed = STRUCTURED
                .contains(&name.as_ref())
                .then(|| serde_json::from_str(&text).ok())
                .flatten();
            self.values.insert(
                name.into_owned(),
                parsed.unwrap_or_else(|| Value::from(text.into_owned())),
            );
        }
    }

    /// The token, where it came as an argument; it is not kept.
    pub(super) fn take_token(&mut self) -> Option<String> {
        Some(self.values.remove("token")?.as_str()?.to_owned())
    }

    /// All of them, for the record.
    pub(super) fn to_json(&self) -> Value {
        Value::Object(self.values.clone())
    }

    /// Methods that only read do not look at a JSON body.
    pub(super) fn drop_json(&mut self) {
        if self.json {
            self.values.clear();
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.values.get(name).filter(|v| !v.is_null())
    }

    /// A text argument; empty counts as missing.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.get(name)?.as_str().filter(|text| !text.is_empty())
    }

    /// A text argument that Slack insists on.
    pub(super) fn required(&self, name: &str) -> Result<&str, Refused> {
        self.text(name).ok_or_else(|| Refused::missing(name))
    }

    pub(super) fn flag(&self, name: &str) -> bool {
        match self.get(name) {
            Some(Value::Bool(flag)) => *flag,
            Some(Value::String(text)) => text == "true" || text == "1",
            Some(Value::Number(number)) => number.as_u64() == Some(1),
            _ => false,
        }
    }

    pub(super) fn number(&self, name: &str) -> Option<u64> {
        match self.get(name)? {
            Value::Number(number) => number.as_u64(),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }
}
