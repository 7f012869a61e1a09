//! views.*: modals.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Args, Outcome, Refused};
use crate::sim::slack::state::{State, View};
use crate::sim::slack::validate;

/// How long a trigger may be used.
const TRIGGER_LIFE: Duration = Duration::from_secs(3);
/// Modals on top of each other.
const STACK: usize = 3;
/// Bytes of one view.
const VIEW_SIZE: usize = 250_000;

pub(super) fn open(state: &mut State, args: &Args) -> Outcome {
    let view = definition(args)?;
    let user = use_trigger(state, args)?;
    // A new first view takes the place of what was open.
    state.views.retain(|v| v.user != user);
    Ok(json!({"view": show(state, &user, &view, None)?}))
}

pub(super) fn push(state: &mut State, args: &Args) -> Outcome {
    let view = definition(args)?;
    let user = use_trigger(state, args)?;
    let stack = state.views(&user);
    if stack.len() >= STACK {
        return Err(Refused::error("push_limit_reached"));
    }
    let Some(top) = stack.last() else {
        return Err(Refused::error("not_found"));
    };
    Ok(json!({"view": show(state, &user, &view, Some(&top.id))?}))
}

pub(super) fn update(state: &mut State, args: &Args) -> Outcome {
    let view = definition(args)?;
    let by_id = |v: &&View| match (args.text("view_id"), args.text("external_id")) {
        (Some(id), _) => v.id == id,
        (None, Some(id)) => v.view["external_id"] == id,
        (None, None) => false,
    };
    let Some(old) = state.views.iter().find(by_id).cloned() else {
        return Err(Refused::error("not_found"));
    };
    if args
        .text("hash")
        .is_some_and(|hash| old.view["hash"] != hash)
    {
        return Err(Refused::error("hash_conflict"));
    }
    Ok(json!({"view": replace(state, &old.id, &view)}))
}

/// Checks a view and puts it on the user's screen, on top of `previous`.
pub(in crate::sim::slack) fn show(
    state: &mut State,
    user: &str,
    view: &Value,
    previous: Option<&str>,
) -> Result<Value, Refused> {
    check(view)?;
    if let Some(external) = view["external_id"].as_str().filter(|id| !id.is_empty())
        && state
            .views
            .iter()
            .any(|v| v.view["external_id"] == external)
    {
        return Err(Refused::error("duplicate_external_id"));
    }
    let id = format!("V{:08}", state.next_serial());
    let root = previous
        .and_then(|p| state.view(p))
        .map_or(json!(id), |p| p.view["root_view_id"].clone());
    let described = describe(
        state,
        &id,
        view,
        json!({"root_view_id": root, "previous_view_id": previous}),
    );
    state.views.push(View {
        id,
        user: user.to_owned(),
        view: described.clone(),
        errors: None,
    });
    Ok(described)
}

/// Puts another view in the place of an open one; both were checked before.
pub(in crate::sim::slack) fn replace(state: &mut State, id: &str, view: &Value) -> Value {
    let Some(old) = state.view(id).map(|v| v.view.clone()) else {
        return Value::Null;
    };
    let described = describe(state, id, view, old);
    if let Some(open) = state.views.iter_mut().find(|v| v.id == id) {
        open.view = described.clone();
        open.errors = None;
    }
    described
}

/// Refuses a view that breaks a limit.
pub(in crate::sim::slack) fn check(view: &Value) -> Result<(), Refused> {
    if view.to_string().len() > VIEW_SIZE {
        return Err(Refused::error("view_too_large"));
    }
    validate::view(view).map_err(|problems| Refused::listing("invalid_arguments", problems))
}

fn describe(state: &mut State, id: &str, view: &Value, place: Value) -> Value {
    let blocks = view["blocks"]
        .as_array()
        .map(|b| state.adopt_blocks(b))
        .unwrap_or_default();
    let hash = format!("{}.{:08x}", state.now().as_second(), state.next_serial());
    let about = &state.identity;
    json!({
        "id": id, "team_id": about.team_id, "type": "modal", "blocks": blocks, "title": view["title"],
        "submit": view["submit"], "close": view["close"], "state": {"values": {}}, "hash": hash,
        "private_metadata": view["private_metadata"].as_str().unwrap_or_default(),
        "callback_id": view["callback_id"].as_str().unwrap_or_default(),
        "external_id": view["external_id"].as_str().unwrap_or_default(),
        "clear_on_close": view["clear_on_close"] == true, "notify_on_close": view["notify_on_close"] == true,
        "root_view_id": place["root_view_id"], "previous_view_id": place["previous_view_id"],
        "app_id": about.app_id, "app_installed_team_id": about.team_id, "bot_id": about.bot_id,
    })
}

fn definition(args: &Args) -> Result<Value, Refused> {
    let view = match args.get("view") {
        None => return Err(Refused::missing("view")),
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| Refused::error("invalid_arguments"))?
        }
        Some(view) => view.clone(),
    };
    check(&view).map(|()| view)
}

/// Uses a trigger up; the result is the user who made it.
fn use_trigger(state: &mut State, args: &Args) -> Result<String, Refused> {
    let id = args.required("trigger_id")?;
    let Some(trigger) = state.triggers.get_mut(id) else {
        return Err(Refused::error("invalid_trigger_id"));
    };
    if trigger.used {
        return Err(Refused::error("exchanged_trigger_id"));
    }
    if trigger.issued.elapsed() > TRIGGER_LIFE {
        return Err(Refused::error("expired_trigger_id"));
    }
    trigger.used = true;
    Ok(trigger.user.clone())
}
