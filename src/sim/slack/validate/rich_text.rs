//! Rich text: sections, lists, quotes and preformatted text.

use serde_json::Value;

use super::check::Check;

/// Checks the elements of a `rich_text` block.
pub(super) fn elements(check: &mut Check, at: &str, block: &Value) {
    for (i, part) in check
        .list(at, block, "elements", 1, usize::MAX)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/elements/{i}");
        match part["type"].as_str() {
            Some("rich_text_section" | "rich_text_quote") => {
                check.only(&at, part, &["type", "elements", "border"]);
                leaves(check, &at, part, false);
            }
            Some("rich_text_preformatted") => {
                check.only(&at, part, &["type", "elements", "border", "language"]);
                leaves(check, &at, part, true);
            }
            Some("rich_text_list") => {
                check.only(
                    &at,
                    part,
                    &["type", "elements", "style", "indent", "offset", "border"],
                );
                check.word(&at, part, "style", &["bullet", "ordered"]);
                for (i, item) in check
                    .list(&at, part, "elements", 1, usize::MAX)
                    .iter()
                    .enumerate()
                {
                    leaves(check, &format!("{at}/elements/{i}"), item, false);
                }
            }
            Some(other) => check.problem(&at, format!("unsupported type: {other}")),
            None => check.problem(&at, "missing required field: type"),
        }
    }
}

/// Text, links and mentions; preformatted text takes only the first two.
fn leaves(check: &mut Check, at: &str, part: &Value, preformatted: bool) {
    for (i, leaf) in check
        .list(at, part, "elements", 0, usize::MAX)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/elements/{i}");
        let needed = match (leaf["type"].as_str(), preformatted) {
            (Some("text"), _) => "text",
            (Some("link"), _) => "url",
            (Some("user"), false) => "user_id",
            (Some("usergroup"), false) => "usergroup_id",
            (Some("channel"), false) => "channel_id",
            (Some("emoji"), false) => "name",
            (Some("broadcast"), false) => "range",
            (Some("color"), false) => "value",
            (Some("date"), false) => {
                if !leaf["timestamp"].is_i64() {
                    check.problem(&at, "missing required field: timestamp");
                }
                "format"
            }
            (Some(other), _) => {
                check.problem(&at, format!("unsupported type: {other}"));
                continue;
            }
            (None, _) => {
                check.problem(&at, "missing required field: type");
                continue;
            }
        };
        check.string(&at, leaf, needed, true, 1, usize::MAX);
    }
}
