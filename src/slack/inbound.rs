//! What Slack sends, as Heal understands it.
//!
//! Slack's payloads vary more than any model of them: `team` is null for installations of a whole organisation, `trigger_id` is
//! missing from workflow steps, blocks of kinds that are not known yet come back in `message`. So these structures name only
//! what is used, everything in them is optional, and what is missing is judged where it is needed.
mod payload;

use payload::Payload;
use serde::Deserialize;
use serde_json::Value;
use thiserror::Error;

/// Something that came in. Who sent it is in [`Origin`]; nothing here has been authorised yet.
#[derive(Clone, Debug, PartialEq)]
pub enum Inbound {
    /// A button was pressed, or an option of a menu picked.
    Press(Press),
    /// A modal was submitted.
    Submission(Submission),
    /// A command was typed.
    Command(Typed),
    /// Slack asks whether the certificate is good.
    SslCheck,
    /// Slack asks whether the events URL is ours: the challenge goes back.
    Challenge(String),
    /// Nothing to do (a closed modal, an event): the kind, for the counter.
    Nothing(String),
}

/// Which app, workspace and person a payload names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// `A…`
    pub app: String,
    /// `T…`: the workspace of the interaction, or the person's when Slack names none.
    pub team: String,
    /// `U…` or `W…`
    pub user: String,
}

/// A press in a message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Press {
    /// Who and where from.
    pub origin: Origin,
    /// What was pressed.
    pub action_id: String,
    /// Its value, or the value of the option.
    pub value: String,
    /// The message's channel.
    pub channel: String,
    /// The message's time stamp.
    pub ts: String,
    /// Permission to open a modal, for three seconds.
    pub trigger: Option<String>,
    /// Where an answer for this person goes.
    pub response_url: Option<String>,
}

/// A submitted modal.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Submission {
    /// Who and where from.
    pub origin: Origin,
    /// Which modal.
    pub callback_id: String,
    /// What the app wrote into it when it was opened.
    pub private_metadata: String,
    /// `state.values`: block id → action id → element.
    pub values: Value,
}

impl Submission {
    /// What was picked or written under this action id, in whichever block.
    pub fn value(&self, action_id: &str) -> Option<&str> {
        let blocks = self.values.as_object()?;
        let element = blocks.values().find_map(|block| block.get(action_id))?;
        element["selected_option"]["value"]
            .as_str()
            .or_else(|| element["value"].as_str())
    }
}

/// A typed command.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Typed {
    /// Who and where from.
    pub origin: Origin,
    /// With its slash.
    pub command: String,
    /// What stands behind it.
    pub text: String,
    /// Where it was typed.
    pub channel: String,
    /// Where a later answer goes.
    pub response_url: Option<String>,
}

/// A verified request that is not what Slack sends. Carries nothing of the body: payloads hold secrets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Unreadable {
    /// Not a form with the expected field.
    #[error("the form has no payload")]
    Form,
    /// Not JSON of the expected kind.
    #[error("the payload is not JSON of a known form")]
    Json,
}

/// The body of an interactivity request: a form whose field `payload` is JSON.
pub fn interactivity(body: &[u8]) -> Result<Inbound, Unreadable> {
    let mut fields = form_urlencoded::parse(body);
    let payload = fields.find(|(name, _)| name == "payload");
    let (_, payload) = payload.ok_or(Unreadable::Form)?;
    interaction(&payload)
}

/// An interaction's JSON.
pub fn interaction(json: &str) -> Result<Inbound, Unreadable> {
    let payload: Payload = serde_json::from_str(json).map_err(|_| Unreadable::Json)?;
    let origin = Origin {
        app: payload.api_app_id,
        team: Some(payload.team.id)
            .filter(|team| !team.is_empty())
            .or(payload.user.team_id)
            .unwrap_or_default(),
        user: payload.user.id,
    };
    Ok(match payload.kind.as_str() {
        "block_actions" => {
            // Slack sends one action per request; a request without one has nothing to do.
            let Some(action) = payload.actions.into_iter().next() else {
                return Ok(Inbound::Nothing("block_actions without action".to_owned()));
            };
            let chosen = action.selected_option.and_then(|option| option.value);
            Inbound::Press(Press {
                origin,
                action_id: action.action_id,
                value: chosen.or(action.value).unwrap_or_default(),
                channel: payload.container.channel_id.unwrap_or(payload.channel.id),
                ts: payload
                    .container
                    .message_ts
                    .or(payload.message.ts)
                    .unwrap_or_default(),
                trigger: payload.trigger_id,
                response_url: payload.response_url,
            })
        }
        "view_submission" => Inbound::Submission(Submission {
            origin,
            callback_id: payload.view.callback_id.unwrap_or_default(),
            private_metadata: payload.view.private_metadata.unwrap_or_default(),
            values: payload.view.state.unwrap_or_default().values,
        }),
        "" => return Err(Unreadable::Json),
        other => Inbound::Nothing(other.to_owned()),
    })
}

/// The body of a command request: a form.
pub fn command(body: &[u8]) -> Result<Inbound, Unreadable> {
    let mut typed = Typed::default();
    for (name, value) in form_urlencoded::parse(body) {
        let value = value.into_owned();
        match name.as_ref() {
            "ssl_check" if value == "1" => return Ok(Inbound::SslCheck),
            "api_app_id" => typed.origin.app = value,
            "team_id" => typed.origin.team = value,
            "user_id" => typed.origin.user = value,
            "command" => typed.command = value,
            "text" => typed.text = value,
            "channel_id" => typed.channel = value,
            "response_url" => typed.response_url = Some(value),
            _ => {}
        }
    }
    if typed.command.is_empty() {
        return Err(Unreadable::Form);
    }
    Ok(Inbound::Command(typed))
}

/// The body of an events request: JSON.
pub fn event(body: &[u8]) -> Result<Inbound, Unreadable> {
    #[derive(Deserialize)]
    struct Event {
        #[serde(rename = "type")]
        kind: String,
        challenge: Option<String>,
    }
    let event: Event = serde_json::from_slice(body).map_err(|_| Unreadable::Json)?;
    Ok(match (event.kind.as_str(), event.challenge) {
        ("url_verification", Some(challenge)) => Inbound::Challenge(challenge),
        _ => Inbound::Nothing(event.kind),
    })
}

#[cfg(test)]
mod tests;
