//! What Slack refuses: the limits of Block Kit, modals and metadata.
//!
//! The error texts have the form of Slack's (`must be less than 151 characters [json-pointer:/blocks/0/text/text]`).

mod block;
mod check;
mod element;
mod rich_text;

use serde_json::Value;

use check::Check;

/// Blocks of one message.
const MESSAGE_BLOCKS: usize = 50;
/// Blocks of one modal.
const VIEW_BLOCKS: usize = 100;
/// Characters of all blocks together. Slack does not document it: a lone markdown block fails above 13,297, messages with many
/// containers fail a little above 11,000 of visible text. Here every string in the blocks counts, names of types too, which
/// stands for the containers.
const ALL_BLOCKS: usize = 13_200;
/// Bytes of message metadata.
const METADATA: usize = 16_000;

/// Where blocks are shown; not every block may stand everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Surface {
    Message,
    Modal,
}

/// Why blocks are refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// `invalid_blocks`, with what is wrong where.
    Invalid(Vec<String>),
    /// `msg_blocks_too_long`.
    TooLong,
}

/// Checks the blocks of a message. `file` says whether the app may use a file.
pub(super) fn message(blocks: &[Value], file: &dyn Fn(&str) -> bool) -> Result<(), Refusal> {
    let mut check = Check::new(Surface::Message);
    if blocks.len() > MESSAGE_BLOCKS {
        check.problem(
            "/blocks",
            format!("no more than {MESSAGE_BLOCKS} items allowed"),
        );
    }
    block::all(&mut check, "/blocks", blocks);
    for (at, id) in std::mem::take(&mut check.files) {
        if !file(&id) {
            check.problem(&at, "invalid slack file");
        }
    }
    if !check.problems.is_empty() {
        return Err(Refusal::Invalid(check.problems));
    }
    if blocks.iter().map(characters).sum::<usize>() > ALL_BLOCKS {
        return Err(Refusal::TooLong);
    }
    Ok(())
}

/// Checks a modal; the result is what is wrong where. Whether its files exist is not looked up.
pub(super) fn view(view: &Value) -> Result<(), Vec<String>> {
    const FIELDS: [&str; 11] = [
        "type",
        "title",
        "blocks",
        "close",
        "submit",
        "private_metadata",
        "callback_id",
        "clear_on_close",
        "notify_on_close",
        "external_id",
        "submit_disabled",
    ];
    let mut check = Check::new(Surface::Modal);
    if view["type"] != "modal" {
        check.problem(
            "/view/type",
            format!(
                "unsupported type: {}",
                view["type"].as_str().unwrap_or_default()
            ),
        );
    }
    check.only("/view", view, &FIELDS);
    check.plain_text("/view", view, "title", true, 24);
    check.plain_text("/view", view, "submit", false, 24);
    check.plain_text("/view", view, "close", false, 24);
    check.string("/view", view, "private_metadata", false, 0, 3000);
    check.string("/view", view, "callback_id", false, 0, 255);
    check.string("/view", view, "external_id", false, 0, 255);
    let blocks = check.list("/view", view, "blocks", 0, VIEW_BLOCKS);
    block::all(&mut check, "/view/blocks", blocks);
    if blocks.iter().any(|b| b["type"] == "input") && view.get("submit").is_none_or(Value::is_null)
    {
        check.problem("/view", "missing required field: submit");
    }
    if check.problems.is_empty() {
        Ok(())
    } else {
        Err(check.problems)
    }
}

/// Checks message metadata; the result is Slack's error word.
pub(super) fn metadata(metadata: &Value) -> Result<(), &'static str> {
    let Some(fields) = metadata.as_object() else {
        return Err("invalid_metadata_format");
    };
    if fields.is_empty() {
        return Ok(());
    }
    if !metadata["event_type"].is_string()
        || !metadata["event_payload"].is_object()
        || fields.len() != 2
    {
        return Err("invalid_metadata_schema");
    }
    if metadata.to_string().len() > METADATA {
        Err("metadata_too_large")
    } else {
        Ok(())
    }
}

/// The characters of every string in the value.
fn characters(value: &Value) -> usize {
    match value {
        Value::String(text) => text.chars().count(),
        Value::Array(items) => items.iter().map(characters).sum(),
        Value::Object(fields) => fields.values().map(characters).sum(),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
