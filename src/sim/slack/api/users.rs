//! users.info, bots.info and usergroups.*: who is who, and who belongs to a group.

use serde_json::{Value, json};

use super::{Args, Outcome, Refused};
use crate::sim::slack::state::State;

pub(super) fn info(state: &mut State, args: &Args) -> Outcome {
    let id = args.required("user")?;
    let user = state
        .user(id)
        .ok_or_else(|| Refused::error("user_not_found"))?;
    Ok(json!({"user": user.to_json(&state.identity.team_id)}))
}

/// The app's own bot is the only one.
pub(super) fn bot(state: &mut State, args: &Args) -> Outcome {
    let about = &state.identity;
    if args.text("bot") != Some(about.bot_id.as_str()) {
        return Err(Refused::error("bot_not_found"));
    }
    Ok(json!({"bot": {
        "id": about.bot_id, "deleted": false, "name": "heal", "updated": 1_700_000_000, "app_id": about.app_id,
        "user_id": about.bot_user_id, "icons": {},
    }}))
}

pub(super) fn groups(state: &mut State, args: &Args) -> Outcome {
    let (with_users, with_disabled) = (args.flag("include_users"), args.flag("include_disabled"));
    let home = &state.identity.team_id;
    let groups = state
        .usergroups
        .iter()
        .filter(|g| with_disabled || !g.disabled);
    let groups: Vec<Value> = groups.map(|g| g.to_json(home, with_users)).collect();
    Ok(json!({"usergroups": groups}))
}

pub(super) fn group_members(state: &mut State, args: &Args) -> Outcome {
    let id = args.required("usergroup")?;
    let group = state
        .usergroups
        .iter()
        .find(|g| g.id == id && (!g.disabled || args.flag("include_disabled")));
    let group = group.ok_or_else(|| Refused::error("no_such_subteam"))?;
    Ok(json!({"users": group.users}))
}
