//! Every shape that Slack is known to send.
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
