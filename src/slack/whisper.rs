//! Telling one person something that only they see. Best effort: what matters is on the card and in the thread.
use super::{
    api::SlackApi,
    render::{Message, mrkdwn::Markup},
};
use serde_json::{Value, json};

/// Whom to tell, and how to reach them.
#[derive(Clone, Copy, Debug)]
pub struct Whisper<'a> {
    /// Slack user id.
    pub user: &'a str,
    /// The channel where they are.
    pub channel: &'a str,
    /// Slack's permission to answer: valid for half an hour, also where the bot is not a member.
    pub response_url: Option<&'a str>,
}

/// The body of an answer to a command or a response URL: for one person, or for the channel.
pub fn response(message: &Message, everybody: bool) -> Value {
    let mut body = json!({
        "response_type": if everybody { "in_channel" } else { "ephemeral" }, "replace_original": false,
        "text": message.text, "unfurl_links": false, "unfurl_media": false,
    });
    if message
        .blocks
        .as_array()
        .is_some_and(|blocks| !blocks.is_empty())
    {
        body["blocks"] = message.blocks.clone();
    }
    body
}

/// One paragraph of Heal's own making; mentions of people stay alive, everything else that looks like one does not.
pub fn paragraph(text: &str) -> Message {
    Message {
        text: Markup::with_mentions(text).into_string(),
        blocks: json!([]),
    }
}

/// Tells it, by the response URL if there is one, else as an ephemeral message.
pub async fn whisper(api: &SlackApi, to: Whisper<'_>, message: &Message) {
    answer(api, to, message, false).await;
}

/// The same, or for the whole channel.
pub async fn answer(api: &SlackApi, to: Whisper<'_>, message: &Message, everybody: bool) {
    if let Some(url) = to.response_url {
        match api.respond(url, &response(message, everybody)).await {
            Ok(()) => return,
            Err(error) => tracing::warn!(%error, "slack.whisper.response_url"),
        }
    }
    if let Err(error) = api.whisper(to.channel, to.user, message).await {
        tracing::warn!(user = to.user, %error, "slack.whisper.failed");
    }
}
