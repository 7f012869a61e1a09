//! users.info and usergroups.*: who is who, and who belongs to a group.

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
