//! What Slack sends, as Heal understands it.
//!
//! Slack's payloads vary more than any model of them: `team` is null for installations of a whole organisation, `trigger_id` is
//! missing from workflow steps, blocks of kinds that are not known yet come back in `message`. So these structures name only
//! what is used, everything in them is optional, and what is missing is judged where it is needed.
use serde::{Deserialize, Deserializer};
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

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "type", default)]
    kind: String,
    #[serde(default, deserialize_with = "or_default")]
    api_app_id: String,
    #[serde(default, deserialize_with = "or_default")]
    team: Id,
    #[serde(default, deserialize_with = "or_default")]
    user: User,
    #[serde(default, deserialize_with = "or_default")]
    channel: Id,
    #[serde(default, deserialize_with = "or_default")]
    container: Container,
    #[serde(default, deserialize_with = "or_default")]
    message: MessageTs,
    trigger_id: Option<String>,
    response_url: Option<String>,
    #[serde(default, deserialize_with = "or_default")]
    actions: Vec<Action>,
    #[serde(default, deserialize_with = "or_default")]
    view: View,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Id {
    id: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct User {
    id: String,
    team_id: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Container {
    channel_id: Option<String>,
    message_ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct MessageTs {
    ts: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Action {
    action_id: String,
    value: Option<String>,
    selected_option: Option<Choice>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Choice {
    value: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct View {
    callback_id: Option<String>,
    private_metadata: Option<String>,
    state: Option<Values>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Values {
    values: Value,
}

/// A field that is null counts as missing.
fn or_default<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(
    from: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(from)?.unwrap_or_default())
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
mod tests {
    use super::*;
    use serde_json::json;

    fn press(payload: &Value) -> Press {
        match interaction(&payload.to_string()) {
            Ok(Inbound::Press(press)) => press,
            other => panic!("{payload} became {other:?}"),
        }
    }

    #[test]
    fn a_button_and_an_option_of_a_menu_give_their_value() {
        let mut payload = json!({
            "type": "block_actions", "api_app_id": "A1", "team": {"id": "T1", "domain": "d"}, "trigger_id": "1.2.x",
            "user": {"id": "U1", "username": "u", "team_id": "T1"}, "response_url": "https://hooks.slack.com/actions/x",
            "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1", "is_ephemeral": false},
            "channel": {"id": "C1", "name": "ops"}, "message": {"ts": "1.2", "blocks": [{"type": "from_the_future", "x": [1]}]},
            "actions": [{"type": "button", "action_id": "approve", "block_id": "b", "value": "token", "action_ts": "3.4"}],
        });
        let expected = Press {
            origin: Origin {
                app: "A1".into(),
                team: "T1".into(),
                user: "U1".into(),
            },
            action_id: "approve".into(),
            value: "token".into(),
            channel: "C1".into(),
            ts: "1.2".into(),
            trigger: Some("1.2.x".into()),
            response_url: Some("https://hooks.slack.com/actions/x".into()),
        };
        assert_eq!(press(&payload), expected);
        payload["actions"] = json!([{"type": "overflow", "action_id": "more", "selected_option": {"value": "details|token"}}]);
        assert_eq!(press(&payload).value, "details|token");
    }

    #[test]
    fn every_shape_of_press_that_slack_is_known_to_send_can_be_read() {
        let action = json!([{"type": "button", "action_id": "a", "block_id": "b"}]);
        for (shape, team) in [
            // Installed for a whole organisation: the person's workspace stands in.
            (
                json!({"team": null, "enterprise": {"id": "E1"}, "is_enterprise_install": true, "user": {"id": "U1", "team_id": "T2"},
                "container": {"type": "message", "message_ts": "1.2", "channel_id": "C1"}}),
                "T2",
            ),
            // In a modal or a home tab.
            (
                json!({"team": {"id": "T1"}, "user": {"id": "U1"}, "container": {"type": "view", "view_id": "V1"}, "view": {"id": "V1",
                "callback_id": "", "private_metadata": "", "state": {"values": {}}, "close": null}}),
                "T1",
            ),
            // From a workflow step: no trigger, a token that must not be kept.
            (
                json!({"team": {"id": "T1"}, "user": {"id": "U1"}, "bot_access_token": "secret", "function_data": {"inputs": {"n": 1}},
                "interactivity": {"interactor": {"secret": "s", "id": "U1"}}}),
                "T1",
            ),
            // In a reply, an attachment, an unfurled link.
            (
                json!({"team": {"id": "T1"}, "user": {"id": "U1"}, "container": {"type": "message_attachment", "thread_ts": "1.1",
                "message_ts": "1.2", "attachment_id": 1, "is_app_unfurl": true}, "app_unfurl": {"id": 1, "blocks": []}}),
                "T1",
            ),
            // Hardly anything at all.
            (
                json!({"team": {"id": ""}, "user": {"id": ""}, "container": {}, "message": {"type": "", "blocks": []}}),
                "",
            ),
            (
                json!({"user": null, "message": null, "channel": null, "view": null}),
                "",
            ),
        ] {
            let mut payload = shape;
            payload["type"] = json!("block_actions");
            payload["actions"] = action.clone();
            assert_eq!(press(&payload).origin.team, team, "{payload}");
        }
    }

    #[test]
    fn a_submitted_modal_gives_its_choice_and_its_words() {
        let payload = json!({
            "type": "view_submission", "api_app_id": "A1", "team": {"id": "T1"}, "user": {"id": "U1"},
            "view": {"callback_id": "dismiss", "private_metadata": "m", "state": {"values": {
                "b1": {"reason": {"type": "radio_buttons", "selected_option": {"value": "by_hand", "text": {}}}},
                "b2": {"comment": {"type": "plain_text_input", "value": null}, "other": {"value": "x"}}}}},
        });
        let Ok(Inbound::Submission(submission)) = interaction(&payload.to_string()) else {
            panic!("not a submission");
        };
        assert_eq!(submission.value("reason"), Some("by_hand"));
        assert_eq!(submission.value("comment"), None);
        assert_eq!(submission.value("other"), Some("x"));
        assert_eq!(submission.value("none"), None);
    }

    #[test]
    fn a_command_is_read_from_its_form() {
        let body = b"team_id=T1&api_app_id=A1&user_id=U1&user_name=x&command=%2Fheal&text=silence+shop%2Fapi+4h&channel_id=C1&enterprise_id=&response_url=https%3A%2F%2Fhooks.slack.com%2Fc";
        let Ok(Inbound::Command(typed)) = command(body) else {
            panic!("not a command");
        };
        assert_eq!(typed.text, "silence shop/api 4h");
        assert_eq!(
            (typed.command.as_str(), typed.channel.as_str()),
            ("/heal", "C1")
        );
        assert_eq!(
            typed.response_url.as_deref(),
            Some("https://hooks.slack.com/c")
        );
        assert_eq!(command(b"ssl_check=1&token=x"), Ok(Inbound::SslCheck));
        assert_eq!(command(b"text=x"), Err(Unreadable::Form));
        assert_eq!(command(&[0xff, 0xfe]), Err(Unreadable::Form));
    }

    #[test]
    fn what_is_not_for_us_is_named_and_what_is_not_slack_is_refused() {
        let challenge = br#"{"type":"url_verification","token":"t","challenge":"c"}"#;
        assert_eq!(event(challenge), Ok(Inbound::Challenge("c".into())));
        let event_callback = event(br#"{"type":"event_callback"}"#);
        assert_eq!(
            event_callback,
            Ok(Inbound::Nothing("event_callback".into()))
        );
        let closed = interaction(r#"{"type":"view_closed","is_cleared":false}"#);
        assert_eq!(closed, Ok(Inbound::Nothing("view_closed".into())));
        for bad in ["", "[]", "{}", "null", r#"{"type":7}"#] {
            assert_eq!(interaction(bad), Err(Unreadable::Json), "{bad}");
        }
        assert_eq!(interactivity(b"a=b"), Err(Unreadable::Form));
        assert_eq!(event(b"x"), Err(Unreadable::Json));
    }
}
