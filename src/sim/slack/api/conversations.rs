//! conversations.*: channels and what was written in them.

use serde_json::{Value, json};

use super::chat::known_channel;
use super::{Args, Outcome, Refused};
use crate::sim::slack::message::Message;
use crate::sim::slack::state::State;

pub(super) fn info(state: &mut State, args: &Args) -> Outcome {
    let id = known_channel(state, args)?;
    let channel = state.channel(&id).map_or(Value::Null, |c| c.to_json());
    Ok(json!({"channel": channel}))
}

pub(super) fn members(state: &mut State, args: &Args) -> Outcome {
    let id = readable(state, args)?;
    let mut members: Vec<String> = state
        .users
        .iter()
        .filter(|u| state.channel(&id).is_some_and(|c| c.has(&u.id)))
        .map(|u| u.id.clone())
        .collect();
    members.push(state.identity.bot_user_id.clone());
    let (page, next) = page(members, args, 100)?;
    Ok(json!({"members": page, "response_metadata": {"next_cursor": next}}))
}

/// Top-level messages, newest first.
pub(super) fn history(state: &mut State, args: &Args) -> Outcome {
    let channel = readable(state, args)?;
    let mut messages = state.messages(&channel);
    messages.retain(|m| (m.thread_ts.is_none() || m.broadcast) && in_range(m, args));
    messages.reverse();
    listing(state, messages, args, 100)
}

/// The parent, then its replies, oldest first.
pub(super) fn replies(state: &mut State, args: &Args) -> Outcome {
    let channel = readable(state, args)?;
    let ts = args.required("ts")?;
    let mut messages = state.thread(&channel, ts);
    if messages.is_empty() {
        return Err(Refused::error("thread_not_found"));
    }
    messages.retain(|m| m.ts == ts || in_range(m, args));
    listing(state, messages, args, 1000)
}

fn readable(state: &State, args: &Args) -> Result<String, Refused> {
    let id = known_channel(state, args)?;
    match state.channel(&id) {
        Some(c) if !c.app_is_member => Err(Refused::error("not_in_channel")),
        _ => Ok(id),
    }
}

/// Time stamps of equal form sort as text.
fn in_range(message: &Message, args: &Args) -> bool {
    let inclusive = args.flag("inclusive");
    let after = |bound: &str| message.ts.as_str() > bound || (inclusive && message.ts == bound);
    let before = |bound: &str| message.ts.as_str() < bound || (inclusive && message.ts == bound);
    args.text("oldest").is_none_or(after) && args.text("latest").is_none_or(before)
}

fn listing(state: &State, messages: Vec<Message>, args: &Args, default: u64) -> Outcome {
    let (page, next) = page(messages, args, default)?;
    let with_metadata = args.flag("include_all_metadata");
    let page: Vec<Value> = page
        .iter()
        .map(|m| {
            let mut json = state.describe(m);
            if let (true, Some(metadata)) = (with_metadata, &m.metadata) {
                json["metadata"] = metadata.clone();
            }
            json
        })
        .collect();
    Ok(
        json!({"messages": page, "has_more": !next.is_empty(), "response_metadata": {"next_cursor": next}}),
    )
}

/// One page and the cursor of the next, which is empty at the end.
fn page<T>(items: Vec<T>, args: &Args, default: u64) -> Result<(Vec<T>, String), Refused> {
    let start: usize = match args.text("cursor") {
        None => 0,
        Some(cursor) => cursor
            .strip_prefix("next:")
            .and_then(|n| n.parse().ok())
            .ok_or_else(|| Refused::error("invalid_cursor"))?,
    };
    let limit = usize::try_from(args.number("limit").unwrap_or(default)).unwrap_or(usize::MAX);
    if limit == 0 || limit > 1000 {
        return Err(Refused::error("invalid_limit"));
    }
    let end = start.saturating_add(limit);
    let next = if end < items.len() {
        format!("next:{end}")
    } else {
        String::new()
    };
    Ok((items.into_iter().skip(start).take(limit).collect(), next))
}
