//! Interactive elements: buttons, menus, inputs, and the confirmation before them.

use std::collections::HashSet;

use serde_json::Value;

use super::check::{Check, Kind};

/// Elements that may stand in an actions block or beside a section.
const PRESSABLE: [&str; 14] = [
    "button",
    "static_select",
    "overflow",
    "multi_static_select",
    "users_select",
    "conversations_select",
    "channels_select",
    "external_select",
    "datepicker",
    "timepicker",
    "datetimepicker",
    "radio_buttons",
    "checkboxes",
    "workflow_button",
];
/// Elements that stand only in an input block.
const INPUT_ONLY: [&str; 5] = [
    "plain_text_input",
    "number_input",
    "email_text_input",
    "url_text_input",
    "rich_text_input",
];

/// Where an element stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Actions,
    Accessory,
    Input,
}

/// Checks one element; `seen` holds the action ids of its block.
pub(super) fn element(
    check: &mut Check,
    at: &str,
    element: &Value,
    place: Place,
    seen: &mut HashSet<String>,
) {
    let Some(kind) = element["type"].as_str() else {
        return check.problem(at, "missing required field: type");
    };
    if kind == "image" && place == Place::Accessory {
        return image(check, at, element);
    }
    let allowed = match place {
        Place::Actions | Place::Accessory => PRESSABLE.contains(&kind),
        Place::Input => {
            INPUT_ONLY.contains(&kind)
                || (PRESSABLE.contains(&kind) && kind != "button" && kind != "overflow")
        }
    };
    if !allowed {
        return check.problem(at, format!("unsupported type: {kind}"));
    }
    check.string(at, element, "action_id", false, 1, 255);
    if let Some(id) = element["action_id"].as_str()
        && !seen.insert(id.to_owned())
    {
        check.problem(
            &format!("{at}/action_id"),
            format!("`action_id` \"{id}\" already exists for another element"),
        );
    }
    if let Some(confirm) = element.get("confirm") {
        confirmation(check, &format!("{at}/confirm"), confirm);
    }
    check.plain_text(at, element, "placeholder", false, 150);
    match kind {
        "button" => button(check, at, element),
        "overflow" => {
            check.only(at, element, &["type", "action_id", "options", "confirm"]);
            options(check, at, element, 1, 5);
        }
        "static_select" | "multi_static_select" if element.get("option_groups").is_some() => {
            for (i, group) in check
                .list(at, element, "option_groups", 1, 100)
                .iter()
                .enumerate()
            {
                let at = format!("{at}/option_groups/{i}");
                check.plain_text(&at, group, "label", true, 75);
                options(check, &at, group, 1, 100);
            }
        }
        "static_select" | "multi_static_select" => options(check, at, element, 1, 100),
        "radio_buttons" | "checkboxes" => options(check, at, element, 1, 10),
        "plain_text_input" => {
            check.string(at, element, "initial_value", false, 0, 3000);
            for name in ["min_length", "max_length"] {
                if element
                    .get(name)
                    .is_some_and(|n| n.as_u64().is_none_or(|n| n > 3000))
                {
                    check.problem(&format!("{at}/{name}"), "must be a number up to 3000");
                }
            }
        }
        _ => {}
    }
}

fn button(check: &mut Check, at: &str, button: &Value) {
    const FIELDS: [&str; 8] = [
        "type",
        "text",
        "action_id",
        "url",
        "value",
        "style",
        "confirm",
        "accessibility_label",
    ];
    check.only(at, button, &FIELDS);
    check.plain_text(at, button, "text", true, 75);
    check.string(at, button, "value", false, 0, 2000);
    check.string(at, button, "url", false, 1, 3000);
    check.string(at, button, "accessibility_label", false, 1, 75);
    check.word(at, button, "style", &["primary", "danger"]);
}

fn confirmation(check: &mut Check, at: &str, confirm: &Value) {
    check.only(at, confirm, &["title", "text", "confirm", "deny", "style"]);
    check.plain_text(at, confirm, "title", true, 100);
    check.text_field(at, confirm, "text", true, Kind::Any, 300);
    check.plain_text(at, confirm, "confirm", true, 30);
    check.plain_text(at, confirm, "deny", true, 30);
    check.word(at, confirm, "style", &["primary", "danger"]);
}

fn options(check: &mut Check, at: &str, owner: &Value, min: usize, max: usize) {
    for (i, option) in check
        .list(at, owner, "options", min, max)
        .iter()
        .enumerate()
    {
        let at = format!("{at}/options/{i}");
        check.only(&at, option, &["text", "value", "description", "url"]);
        check.text_field(&at, option, "text", true, Kind::Any, 75);
        check.string(&at, option, "value", true, 1, 150);
        check.text_field(&at, option, "description", false, Kind::Any, 75);
    }
}

/// An image, as a block's part or in a context.
pub(super) fn image(check: &mut Check, at: &str, image: &Value) {
    check.only(at, image, &["type", "image_url", "slack_file", "alt_text"]);
    image_source(check, at, image);
}

/// The picture's address and its text for those who do not see it.
pub(super) fn image_source(check: &mut Check, at: &str, image: &Value) {
    check.string(at, image, "alt_text", true, 1, 2000);
    let Some(file) = image.get("slack_file") else {
        return check.string(at, image, "image_url", true, 1, 3000);
    };
    if image.get("image_url").is_some() {
        check.problem(at, "must define either `image_url` or `slack_file`");
    }
    let at = format!("{at}/slack_file");
    check.only(&at, file, &["id", "url"]);
    match file["id"].as_str() {
        Some(id) => check.files.push((at, id.to_owned())),
        None => check.string(&at, file, "url", true, 1, 3000),
    }
}
