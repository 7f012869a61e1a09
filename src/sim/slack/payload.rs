//! The bodies of what Slack sends, in the shape of recorded payloads.

use serde_json::{Value, json};

use super::directory::User;
use super::message::Message;
use super::state::{State, View};

/// What was pressed.
pub(super) struct Pressed<'a> {
    pub(super) block_id: &'a str,
    pub(super) element: &'a Value,
    /// The option that was picked, of a menu.
    pub(super) option: Option<&'a Value>,
}

/// Something in a message was pressed.
pub(super) fn message_action(
    state: &mut State,
    user: &User,
    message: &Message,
    pressed: &Pressed<'_>,
) -> Value {
    let ephemeral = message.ephemeral_to.is_some();
    let mut container = json!({
        "type": "message", "message_ts": message.ts, "channel_id": message.channel, "is_ephemeral": ephemeral,
    });
    if let Some(parent) = &message.thread_ts {
        container["thread_ts"] = json!(parent);
    }
    let name = state
        .channel(&message.channel)
        .map(|c| c.name.clone())
        .unwrap_or_default();
    let mut payload = envelope(state, "block_actions", user);
    payload["container"] = container;
    payload["channel"] = json!({"id": message.channel, "name": name});
    payload["state"] = json!({"values": values(pressed)});
    // Payloads about messages that only one person sees come without the message.
    if !ephemeral {
        payload["message"] = state.describe(message);
    }
    payload["trigger_id"] = json!(state.issue_trigger(&user.id));
    let url = state.issue_response_url(
        &user.id,
        &message.channel,
        Some(&message.ts),
        message.thread_ts.as_deref(),
    );
    payload["response_url"] = json!(url);
    payload["actions"] = json!([action(state, pressed)]);
    payload
}

/// Something in a modal was pressed.
pub(super) fn view_action(
    state: &mut State,
    user: &User,
    view: &View,
    pressed: &Pressed<'_>,
) -> Value {
    let mut payload = envelope(state, "block_actions", user);
    payload["container"] = json!({"type": "view", "view_id": view.id});
    payload["view"] = view.view.clone();
    payload["trigger_id"] = json!(state.issue_trigger(&user.id));
    payload["actions"] = json!([action(state, pressed)]);
    payload
}

/// A modal was submitted; `view` holds the values.
pub(super) fn view_submission(state: &mut State, user: &User, view: Value) -> Value {
    let mut payload = envelope(state, "view_submission", user);
    payload["trigger_id"] = json!(state.issue_trigger(&user.id));
    payload["view"] = view;
    payload["response_urls"] = json!([]);
    payload
}

/// A modal was closed.
pub(super) fn view_closed(state: &State, user: &User, view: &View) -> Value {
    let mut payload = envelope(state, "view_closed", user);
    payload["view"] = view.view.clone();
    payload["is_cleared"] = json!(false);
    payload
}

/// The form of an interaction.
pub(super) fn interaction_form(payload: &Value) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &payload.to_string())
        .finish()
}

/// The form of a command, and the response URL in it.
pub(super) fn command_form(
    state: &mut State,
    user: &User,
    channel: &str,
    command: &str,
    text: &str,
) -> (String, String) {
    let channel_name = state
        .channel(channel)
        .map(|c| c.name.clone())
        .unwrap_or_default();
    let response_url = state.issue_response_url(&user.id, channel, None, None);
    let trigger_id = state.issue_trigger(&user.id);
    let about = &state.identity;
    let form = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", &about.verification_token)
        .append_pair("team_id", user.team(&about.team_id))
        .append_pair("team_domain", &about.team_domain)
        .append_pair("channel_id", channel)
        .append_pair("channel_name", &channel_name)
        .append_pair("user_id", &user.id)
        .append_pair("user_name", &user.name)
        .append_pair("command", command)
        .append_pair("text", text)
        .append_pair("api_app_id", &about.app_id)
        .append_pair("is_enterprise_install", "false")
        .append_pair("response_url", &response_url)
        .append_pair("trigger_id", &trigger_id)
        .finish();
    (form, response_url)
}

fn envelope(state: &State, kind: &str, user: &User) -> Value {
    let about = &state.identity;
    json!({
        "type": kind, "token": about.verification_token, "api_app_id": about.app_id, "enterprise": null,
        "is_enterprise_install": false, "team": {"id": about.team_id, "domain": about.team_domain},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": user.team(&about.team_id)},
    })
}

fn action(state: &mut State, pressed: &Pressed<'_>) -> Value {
    let mut action = pressed.element.clone();
    if let Some(fields) = action.as_object_mut() {
        for name in [
            "options",
            "option_groups",
            "accessibility_label",
            "initial_option",
        ] {
            fields.remove(name);
        }
    }
    if let Some(option) = pressed.option {
        action["selected_option"] = option.clone();
    }
    action["block_id"] = json!(pressed.block_id);
    action["action_ts"] = json!(state.next_ts());
    action
}

/// The choice as the message's state.
fn values(pressed: &Pressed<'_>) -> Value {
    match (
        pressed.option,
        pressed.element["type"].as_str(),
        pressed.element["action_id"].as_str(),
    ) {
        (Some(option), Some(kind), Some(action)) if kind != "overflow" => {
            json!({pressed.block_id: {action: {"type": kind, "selected_option": option}}})
        }
        _ => json!({}),
    }
}
