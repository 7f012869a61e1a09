//! The inputs of a modal: what a person fills in, and what Slack's client makes of it.

use serde_json::{Map, Value, json};

/// The options of a menu, grouped or not.
pub(super) fn options(element: &Value) -> Vec<Value> {
    let plain = element["options"].as_array().into_iter().flatten();
    let groups = element["option_groups"].as_array().into_iter().flatten();
    let grouped = groups.filter_map(|g| g["options"].as_array()).flatten();
    plain.chain(grouped).cloned().collect()
}

/// `state.values` for these blocks. The error says why the client would not submit: something required is empty, too long, or
/// not among the options; or there is no such input.
pub(super) fn fill(blocks: &Value, values: &Value) -> Result<Value, String> {
    let blocks = blocks.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut state = Map::new();
    for block in blocks.iter().filter(|b| b["type"] == "input") {
        let (block_id, element) = (
            block["block_id"].as_str().unwrap_or_default(),
            &block["element"],
        );
        let action_id = element["action_id"].as_str().unwrap_or_default();
        let given = &values[block_id][action_id];
        let given = if given.is_null() {
            initial(element)
        } else {
            given.clone()
        };
        if given.is_null() && block["optional"] != true {
            return Err(format!("{block_id} is required"));
        }
        let value = entered(element, &given).map_err(|problem| format!("{block_id}: {problem}"))?;
        state.insert(block_id.to_owned(), json!({action_id: value}));
    }
    for (block_id, actions) in values.as_object().into_iter().flatten() {
        for action_id in actions.as_object().into_iter().flat_map(Map::keys) {
            if state
                .get(block_id)
                .is_none_or(|b| b.get(action_id).is_none())
            {
                return Err(format!("there is no input {block_id}/{action_id}"));
            }
        }
    }
    Ok(Value::Object(state))
}

fn initial(element: &Value) -> Value {
    match element.get("initial_value") {
        Some(text) => text.clone(),
        None => element["initial_option"]["value"].clone(),
    }
}

/// One input as Slack describes it. An object is taken as it is, so that every kind of input can be played.
fn entered(element: &Value, given: &Value) -> Result<Value, String> {
    let kind = element["type"].as_str().unwrap_or_default();
    if given.is_object() {
        return Ok(given.clone());
    }
    match kind {
        "static_select" | "radio_buttons" => {
            let option = options(element)
                .into_iter()
                .find(|o| !given.is_null() && o["value"] == *given);
            if option.is_none() && !given.is_null() {
                return Err(format!("no option {given}"));
            }
            Ok(json!({"type": kind, "selected_option": option}))
        }
        "multi_static_select" | "checkboxes" => {
            let wanted = given.as_array().map(Vec::as_slice).unwrap_or_default();
            let picked: Vec<Value> = options(element)
                .into_iter()
                .filter(|o| wanted.contains(&o["value"]))
                .collect();
            if picked.len() != wanted.len() {
                return Err(format!("not all of {given} are options"));
            }
            Ok(json!({"type": kind, "selected_options": picked}))
        }
        _ => {
            let length = given.as_str().map_or(0, |text| text.chars().count() as u64);
            let (min, max) = (
                element["min_length"].as_u64().unwrap_or(0),
                element["max_length"].as_u64().unwrap_or(3000),
            );
            if !given.is_null() && !(min..=max).contains(&length) {
                return Err(format!("{length} characters, not {min} to {max}"));
            }
            Ok(json!({"type": kind, "value": given}))
        }
    }
}
