//! Single values of the file: what they are, and how they are quoted in messages.
use crate::{domain::text::clip, redact::redact};
use toml::de::DeValue;

/// Line of a byte position, from 1.
pub(super) fn line_of(source: &str, at: usize) -> usize {
    source
        .bytes()
        .take(at)
        .filter(|byte| *byte == b'\n')
        .count()
        + 1
}

/// A text that `check` accepts.
pub(super) fn checked_text(
    value: &DeValue<'_>,
    check: &impl Fn(&str) -> bool,
) -> Result<String, String> {
    match value {
        DeValue::String(text) if check(text) => Ok(text.to_string()),
        DeValue::String(text) if text.trim().is_empty() => Err("is empty".to_owned()),
        DeValue::String(text) => Err(format!("is {}", quoted(text))),
        other => Err(kind(other, "a text in quotes")),
    }
}

/// What is wrong with a value of another kind.
pub(super) fn kind(value: &DeValue<'_>, want: &str) -> String {
    let is = match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a section",
    };
    format!("is {is}, not {want}")
}

/// A value in a message. A secret can stand at the wrong place, so it is redacted first.
pub(super) fn quoted(text: &str) -> String {
    format!("{:?}", clip(&redact(text), 60))
}
