//! Blocks, one kind after the other.

use std::collections::HashSet;

use serde_json::Value;

use super::Surface;
use super::check::{Check, Kind};
use super::element::{self, Place};
use super::rich_text;

/// Characters of all markdown blocks of a message together.
const MARKDOWN: usize = 12_000;

/// Checks a list of blocks.
pub(super) fn all(check: &mut Check, at: &str, blocks: &[Value]) {
    for (i, one) in blocks.iter().enumerate() {
        block(check, &format!("{at}/{i}"), one);
    }
    let markdown: usize = blocks
        .iter()
        .filter(|b| b["type"] == "markdown")
        .filter_map(|b| Some(b["text"].as_str()?.chars().count()))
        .sum();
    if markdown > MARKDOWN {
        check.problem(
            at,
            format!("markdown must be less than {} characters", MARKDOWN + 1),
        );
    }
}

fn block(check: &mut Check, at: &str, block: &Value) {
    let Some(kind) = block["type"].as_str() else {
        return check.problem(at, "missing required field: type");
    };
    check.string(at, block, "block_id", false, 0, 255);
    if let Some(id) = block["block_id"].as_str().filter(|id| !id.is_empty())
        && !check.block_ids.insert(id.to_owned())
    {
        check.problem(
            &format!("{at}/block_id"),
            format!("`block_id` \"{id}\" already exists for another block"),
        );
    }
    match kind {
        "section" => section(check, at, block),
        "header" => {
            check.only(at, block, &["type", "block_id", "text", "level"]);
            check.plain_text(at, block, "text", true, 150);
        }
        "divider" => check.only(at, block, &["type", "block_id"]),
        "image" => {
            check.only(
                at,
                block,
                &[
                    "type",
                    "block_id",
                    "image_url",
                    "slack_file",
                    "alt_text",
                    "title",
                ],
            );
            element::image_source(check, at, block);
            check.plain_text(at, block, "title", false, 2000);
        }
        "context" => context(check, at, block),
        "actions" => {
            check.only(at, block, &["type", "block_id", "elements"]);
            let mut seen = HashSet::new();
            for (i, one) in check.list(at, block, "elements", 1, 25).iter().enumerate() {
                element::element(
                    check,
                    &format!("{at}/elements/{i}"),
                    one,
                    Place::Actions,
                    &mut seen,
                );
            }
        }
        "input" => input(check, at, block),
        "rich_text" => {
            check.only(at, block, &["type", "block_id", "elements"]);
            rich_text::elements(check, at, block);
        }
        "markdown" if check.surface == Surface::Message => {
            check.only(at, block, &["type", "block_id", "text"]);
            check.string(at, block, "text", true, 1, usize::MAX);
        }
        "table" if check.surface == Surface::Message => table(check, at, block),
        "alert" if check.surface == Surface::Modal => {}
        _ => newer(check, at, block, kind),
    }
}

fn section(check: &mut Check, at: &str, block: &Value) {
    check.only(
        at,
        block,
        &["type", "block_id", "text", "fields", "accessory", "expand"],
    );
    if block.get("text").is_none() && block.get("fields").is_none() {
        check.problem(at, "must define either `text` or `fields`");
    }
    check.text_field(at, block, "text", false, Kind::Any, 3000);
    if block.get("fields").is_some() {
        for (i, field) in check.list(at, block, "fields", 1, 10).iter().enumerate() {
            check.text(&format!("{at}/fields/{i}"), field, Kind::Any, 2000);
        }
    }
    if let Some(accessory) = block.get("accessory") {
        element::element(
            check,
            &format!("{at}/accessory"),
            accessory,
            Place::Accessory,
            &mut HashSet::new(),
        );
    }
}

fn context(check: &mut Check, at: &str, block: &Value) {
    check.only(at, block, &["type", "block_id", "elements"]);
    for (i, one) in check.list(at, block, "elements", 1, 10).iter().enumerate() {
        let at = format!("{at}/elements/{i}");
        match one["type"].as_str() {
            Some("image") => element::image(check, &at, one),
            _ => check.text(&at, one, Kind::Any, 3000),
        }
    }
}

fn input(check: &mut Check, at: &str, block: &Value) {
    check.only(
        at,
        block,
        &[
            "type",
            "block_id",
            "label",
            "element",
            "hint",
            "optional",
            "dispatch_action",
        ],
    );
    check.plain_text(at, block, "label", true, 2000);
    check.plain_text(at, block, "hint", false, 2000);
    match block.get("element") {
        Some(one) => element::element(
            check,
            &format!("{at}/element"),
            one,
            Place::Input,
            &mut HashSet::new(),
        ),
        None => check.problem(at, "missing required field: element"),
    }
}

fn table(check: &mut Check, at: &str, block: &Value) {
    check.only(at, block, &["type", "block_id", "rows", "column_settings"]);
    for (i, row) in check.list(at, block, "rows", 1, 100).iter().enumerate() {
        let at = format!("{at}/rows/{i}");
        match row.as_array() {
            Some(cells) if cells.len() > 20 => check.problem(&at, "no more than 20 items allowed"),
            Some(_) => {}
            None => check.problem(&at, "must be an array"),
        }
    }
}

/// Blocks of which only the outer limits are known here; none of them is read further.
fn newer(check: &mut Check, at: &str, block: &Value, kind: &str) {
    match (kind, check.surface) {
        ("card", Surface::Message) => {
            for (name, max) in [("title", 150), ("subtitle", 150), ("body", 200)] {
                check.text_field(at, block, name, false, Kind::Any, max);
            }
        }
        ("carousel", Surface::Message) => {
            check.list(at, block, "elements", 1, 10);
        }
        ("context_actions", Surface::Message) => {
            check.list(at, block, "elements", 1, 5);
        }
        (
            "video" | "file" | "task_card" | "plan" | "container" | "data_table"
            | "data_visualization",
            Surface::Message,
        ) => {}
        _ => check.problem(at, format!("unsupported type: {kind}")),
    }
}
