//! chat.*: messages of the app.

use serde_json::{Value, json};

use super::{Args, Outcome, Refused};
use crate::sim::slack::message::{Author, Message};
use crate::sim::slack::state::State;
use crate::sim::slack::validate;

/// Above this, chat.update fails.
const UPDATE_TEXT: usize = 4_000;
/// Above this, chat.postMessage cuts the text off.
const POST_TEXT: usize = 40_000;

pub(super) fn post_message(state: &mut State, args: &Args) -> Outcome {
    let channel = open_channel(state, args)?;
    let mut message = draft(state, args, &channel)?;
    message.thread_ts = parent(state, args, &channel)?;
    message.broadcast = args.flag("reply_broadcast") && message.thread_ts.is_some();
    state.buckets.post(&channel).map_err(Refused::too_often)?;
    let cut = message.text.chars().count() > POST_TEXT;
    if cut {
        message.text = message.text.chars().take(POST_TEXT).collect();
    }
    let ts = state.add(message);
    let mut answer =
        json!({"channel": channel, "ts": ts, "message": described(state, &channel, &ts)});
    if cut {
        answer["warning"] = json!("message_truncated");
        answer["response_metadata"]["warnings"] = json!(["message_truncated"]);
    }
    Ok(answer)
}

pub(super) fn post_ephemeral(state: &mut State, args: &Args) -> Outcome {
    let channel = open_channel(state, args)?;
    let user = args.required("user")?.to_owned();
    if state.user(&user).is_none() || !state.channel(&channel).is_some_and(|c| c.has(&user)) {
        return Err(Refused::error("user_not_in_channel"));
    }
    let mut message = draft(state, args, &channel)?;
    message.thread_ts = parent(state, args, &channel)?;
    message.ephemeral_to = Some(user);
    Ok(json!({"message_ts": state.add(message)}))
}

pub(super) fn update(state: &mut State, args: &Args) -> Outcome {
    let channel = open_channel(state, args)?;
    let ts = args.required("ts")?.to_owned();
    let old = own(state, &channel, &ts, "cant_update_message")?;
    let new = draft(state, args, &channel)?;
    if new.text.chars().count() > UPDATE_TEXT {
        return Err(Refused::error("msg_too_long"));
    }
    let rich = |m: &Message| m.blocks.iter().any(|b| b["type"] == "rich_text");
    let only_rich =
        |m: &Message| !m.blocks.is_empty() && m.blocks.iter().all(|b| b["type"] == "rich_text");
    if only_rich(&old) && !new.blocks.is_empty() && !rich(&new) {
        return Err(Refused::error("block_mismatch"));
    }
    let blocks_given = args.get("blocks").is_some();
    if let Some(message) = state.visible_mut(&channel, &ts) {
        // Blocks alone keep the text; text alone removes the blocks, and only then people see "edited".
        if args.get("text").is_some() {
            message.text = new.text;
        }
        message.blocks = new.blocks;
        message.edited |= !blocks_given;
        message.updates += 1;
        if args.get("metadata").is_some() {
            message.metadata = new.metadata;
        }
    }
    let message = described(state, &channel, &ts);
    Ok(json!({"channel": channel, "ts": ts, "text": message["text"], "message": message}))
}

pub(super) fn delete(state: &mut State, args: &Args) -> Outcome {
    let channel = known_channel(state, args)?;
    let ts = args.required("ts")?.to_owned();
    own(state, &channel, &ts, "cant_delete_message")?;
    state
        .messages
        .retain(|m| m.channel != channel || m.ts != ts);
    Ok(json!({"channel": channel, "ts": ts}))
}

pub(super) fn get_permalink(state: &mut State, args: &Args) -> Outcome {
    let channel = known_channel(state, args)?;
    let ts = args.required("message_ts")?;
    let Some(message) = state.visible(&channel, ts) else {
        return Err(Refused::error("message_not_found"));
    };
    let mut link = format!(
        "https://{}.slack.com/archives/{channel}/p{}",
        state.identity.team_domain,
        ts.replace('.', "")
    );
    if let Some(parent) = &message.thread_ts {
        link.push_str(&format!("?thread_ts={parent}&cid={channel}"));
    }
    Ok(json!({"channel": channel, "permalink": link}))
}

/// The channel argument, if such a channel exists and the app is in it.
pub(super) fn known_channel(state: &State, args: &Args) -> Result<String, Refused> {
    let id = args.required("channel")?;
    state
        .channel(id)
        .map(|c| c.id.clone())
        .ok_or_else(|| Refused::error("channel_not_found"))
}

/// The channel argument, if the app can write there.
fn open_channel(state: &State, args: &Args) -> Result<String, Refused> {
    let id = known_channel(state, args)?;
    match state.channel(&id) {
        Some(c) if !c.app_is_member => Err(Refused::error("not_in_channel")),
        Some(c) if c.is_archived => Err(Refused::error("is_archived")),
        _ => Ok(id),
    }
}

/// The thread to reply in: the ts of a parent, never of a reply. Slack does not document its words for the two mistakes.
fn parent(state: &State, args: &Args, channel: &str) -> Result<Option<String>, Refused> {
    let Some(ts) = args.text("thread_ts") else {
        return Ok(None);
    };
    match state.visible(channel, ts) {
        None => Err(Refused::error("thread_not_found")),
        Some(reply) if reply.thread_ts.is_some() => Err(Refused::error("cannot_reply_to_message")),
        Some(_) => Ok(Some(ts.to_owned())),
    }
}

fn own(state: &State, channel: &str, ts: &str, otherwise: &str) -> Result<Message, Refused> {
    match state.visible(channel, ts) {
        None => Err(Refused::error("message_not_found")),
        Some(message) if message.author != Author::App => Err(Refused::error(otherwise)),
        Some(message) => Ok(message.clone()),
    }
}

/// A message from `text`, `blocks` and `metadata`, checked.
fn draft(state: &mut State, args: &Args, channel: &str) -> Result<Message, Refused> {
    let blocks = match args.get("blocks") {
        None => Vec::new(),
        // A JSON body may hold the blocks as text, too.
        Some(Value::String(text)) => {
            serde_json::from_str(text).map_err(|_| Refused::error("invalid_blocks_format"))?
        }
        Some(Value::Array(blocks)) => blocks.clone(),
        Some(_) => return Err(Refused::error("invalid_blocks_format")),
    };
    let text = args.text("text").unwrap_or_default();
    if args
        .get("attachments")
        .and_then(Value::as_array)
        .is_some_and(|list| list.len() > 100)
    {
        return Err(Refused::error("too_many_attachments"));
    }
    if text.trim().is_empty() && blocks.is_empty() {
        return Err(Refused::error("no_text"));
    }
    validate::message(&blocks, &|file| state.is_usable(file))?;
    let metadata = args.get("metadata").cloned();
    if let Some(metadata) = &metadata {
        validate::metadata(metadata).map_err(Refused::error)?;
    }
    let mut message = Message::new(channel, Author::App);
    message.text = text.to_owned();
    message.blocks = state.adopt_blocks(&blocks);
    message.metadata = metadata.filter(|m| m.as_object().is_some_and(|fields| !fields.is_empty()));
    Ok(message)
}

fn described(state: &State, channel: &str, ts: &str) -> Value {
    state
        .visible(channel, ts)
        .map_or(Value::Null, |m| state.describe(m))
}
