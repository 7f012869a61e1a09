//! `response_url`: answers to a click or command, five times within thirty minutes.
//!
//! Slack does not document the HTTP statuses of its refusals here; these are the ones of incoming webhooks.

use std::time::Duration;

use axum::extract::{Path, State as Extracted};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};

use super::SlackSim;
use super::api::{Refused, with_faults};
use super::message::{Author, Message};
use super::permits::ResponseUrl;
use super::state::State;
use super::validate;

/// How often a response URL may be used.
const USES: u32 = 5;
/// How long it may be used.
const LIFE: Duration = Duration::from_secs(30 * 60);

/// `POST /response/{id}`.
pub(super) async fn serve(
    Extracted(sim): Extracted<SlackSim>,
    Path(id): Path<String>,
    body: Bytes,
) -> Response {
    let answer: Option<Value> = serde_json::from_slice(&body).ok();
    with_faults(
        &sim,
        "response_url",
        answer.clone().unwrap_or_default(),
        |state| {
            let answer =
                answer.ok_or_else(|| Refused::error("invalid_payload").with_status(400))?;
            let response = spend(state, &id)?;
            apply(state, &response, &answer).map_err(|refused| refused.with_status(400))?;
            Ok(json!({"ok": true}))
        },
    )
    .await
}

fn spend(state: &mut State, id: &str) -> Result<ResponseUrl, Refused> {
    let Some(response) = state.response_urls.get_mut(id) else {
        return Err(Refused::error("invalid_url").with_status(404));
    };
    if response.issued.elapsed() > LIFE {
        return Err(Refused::error("expired_url").with_status(404));
    }
    if response.uses >= USES {
        return Err(Refused::error("used_url").with_status(404));
    }
    response.uses += 1;
    Ok(response.clone())
}

/// Does what an answer says: to a response URL, or in the body that answers a command.
pub(super) fn apply(
    state: &mut State,
    response: &ResponseUrl,
    answer: &Value,
) -> Result<(), Refused> {
    let original = response.message_ts.as_deref();
    if answer["delete_original"] == true {
        let ts = original.ok_or_else(|| Refused::error("message_not_found"))?;
        state
            .messages
            .retain(|m| m.channel != response.channel || m.ts != ts);
        return Ok(());
    }
    let text = answer["text"].as_str().unwrap_or_default();
    let blocks = answer["blocks"].as_array().cloned().unwrap_or_default();
    if text.is_empty() && blocks.is_empty() {
        return Err(Refused::error("no_text"));
    }
    validate::message(&blocks, &|file| state.is_usable(file))?;
    let blocks = state.adopt_blocks(&blocks);
    if answer["replace_original"] == true {
        let ts = original.ok_or_else(|| Refused::error("message_not_found"))?;
        let found = state
            .messages
            .iter_mut()
            .find(|m| m.channel == response.channel && m.ts == ts);
        let message = found.ok_or_else(|| Refused::error("message_not_found"))?;
        message.text = text.to_owned();
        message.blocks = blocks;
        message.updates += 1;
        return Ok(());
    }
    let mut message = Message::new(&response.channel, Author::App);
    message.text = text.to_owned();
    message.blocks = blocks;
    message.thread_ts = answer["thread_ts"]
        .as_str()
        .map(str::to_owned)
        .or_else(|| response.thread_ts.clone());
    if answer["response_type"] != "in_channel" {
        message.ephemeral_to = Some(response.user.clone());
    }
    state.add(message);
    Ok(())
}
