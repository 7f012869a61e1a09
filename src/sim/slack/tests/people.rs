use super::*;
use crate::wire::in_process;

#[tokio::test(start_paused = true)]
async fn a_click_arrives_signed_and_in_the_recorded_shape() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    let answer = sim
        .click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    assert!(answer.is_ok(), "{answer:?}");

    let request = seen.lock().expect("the log")[0].clone();
    assert_eq!(request.uri().path(), INTERACTIVITY);
    let timestamp = request.headers()[TIMESTAMP_HEADER].to_str().expect("text");
    assert_eq!(timestamp, "1800000000");
    assert_eq!(
        request.headers()[SIGNATURE_HEADER],
        sign(SECRET, timestamp, request.body()).as_str()
    );

    let mut payload = last_payload(&seen);
    assert_eq!(payload["message"]["ts"], ts);
    assert_eq!(payload["message"]["blocks"][1]["block_id"], "b");
    for name in ["message", "response_url", "trigger_id"] {
        assert!(
            payload
                .as_object_mut()
                .expect("an object")
                .remove(name)
                .is_some(),
            "{name}"
        );
    }
    insta::assert_json_snapshot!(payload, @r#"
    {
      "actions": [
        {
          "action_id": "approve",
          "action_ts": "1800000000.000200",
          "block_id": "b",
          "style": "primary",
          "text": {
            "emoji": true,
            "text": "Roll back",
            "type": "plain_text"
          },
          "type": "button",
          "value": "opaque-1"
        }
      ],
      "api_app_id": "A1",
      "channel": {
        "id": "C1",
        "name": "ops"
      },
      "container": {
        "channel_id": "C1",
        "is_ephemeral": false,
        "message_ts": "1800000000.000100",
        "type": "message"
      },
      "enterprise": null,
      "is_enterprise_install": false,
      "state": {
        "values": {}
      },
      "team": {
        "domain": "heal",
        "id": "T1"
      },
      "token": "legacy-fixed-value",
      "type": "block_actions",
      "user": {
        "id": "U1",
        "name": "alice",
        "team_id": "T1",
        "username": "alice"
      }
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_clicks_with_the_id_of_another_workspace() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    sim.click("U0MALLORY", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    let payload = last_payload(&seen);
    assert_eq!(payload["user"]["team_id"], "T0OTHER");
    assert_eq!(payload["team"]["id"], "T1");
}

#[tokio::test(start_paused = true)]
async fn an_option_of_a_menu_is_picked_by_its_value() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    sim.select("U1", "C1", &ts, "more", "silence")
        .await
        .expect("the option is there");
    let action = last_payload(&seen)["actions"][0].clone();
    assert_eq!(action["selected_option"]["value"], "silence");
    assert!(action.get("options").is_none());
    assert_eq!(
        sim.select("U1", "C1", &ts, "more", "explode")
            .await
            .expect_err("no such option"),
        CannotDo::NoSuchOption("explode".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn nobody_presses_what_is_not_on_the_screen() {
    let sim = workspace_with(|options| options.channels[0].members = Some(vec!["U1".to_owned()]));
    app(&sim, 200, "");
    let ts = card(&sim).await;
    let missing = sim
        .click("U1", "C1", &ts, "dismiss")
        .await
        .expect_err("no such button");
    assert_eq!(
        missing.to_string(),
        "0 elements with action id dismiss; there are: approve, more"
    );
    assert!(matches!(
        sim.click("U2", "C1", &ts, "approve").await,
        Err(CannotDo::NotInChannel { .. })
    ));
    assert!(matches!(
        sim.click("U9", "C1", &ts, "approve").await,
        Err(CannotDo::NoSuchUser(_))
    ));
    assert!(matches!(
        sim.click("U1", "C1", "1.0", "approve").await,
        Err(CannotDo::NoSuchMessage(_))
    ));
}

#[tokio::test(start_paused = true)]
async fn a_click_on_a_whisper_comes_without_the_message() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let blocks = json!([{"type": "actions", "elements": [
        {"type": "button", "action_id": "ok", "text": {"type": "plain_text", "text": "OK"}}]}]);
    let whisper = json!({"channel": "C1", "user": "U1", "text": "t", "blocks": blocks});
    let ts = call(&sim, "chat.postEphemeral", whisper).await["message_ts"]
        .as_str()
        .expect("a ts")
        .to_owned();
    sim.click("U1", "C1", &ts, "ok")
        .await
        .expect("alice sees it");
    let payload = last_payload(&seen);
    assert_eq!(payload["container"]["is_ephemeral"], true);
    assert!(payload.get("message").is_none());
    assert!(
        sim.click("U2", "C1", &ts, "ok").await.is_err(),
        "bob does not see it"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_has_every_field_and_its_answer_is_a_whisper() {
    let sim = workspace();
    let seen = app(&sim, 200, r#"{"text":"All quiet"}"#);
    sim.command("U1", "C1", "/heal", "status now")
        .await
        .expect("alice is here");
    let request = seen.lock().expect("the log")[0].clone();
    assert_eq!(request.uri().path(), COMMANDS);
    let fields: Vec<(String, String)> = form_urlencoded::parse(request.body())
        .into_owned()
        .collect();
    let named: Vec<&str> = fields.iter().map(|(name, _)| name.as_str()).collect();
    insta::assert_snapshot!(
        named.join(" "),
        @"token team_id team_domain channel_id channel_name user_id user_name command text api_app_id is_enterprise_install response_url trigger_id"
    );
    assert!(fields.contains(&("text".to_owned(), "status now".to_owned())));
    let whispers = sim.ephemerals("U1");
    assert_eq!(whispers[0].text, "All quiet");
    assert!(sim.messages("C1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_for_the_channel_also_shows_what_was_typed() {
    let sim = workspace();
    app(
        &sim,
        200,
        r#"{"response_type":"in_channel","text":"Two incidents"}"#,
    );
    sim.command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    let texts: Vec<String> = sim.messages("C1").into_iter().map(|m| m.text).collect();
    assert_eq!(texts, ["/heal status", "Two incidents"]);
}

#[tokio::test(start_paused = true)]
async fn a_plain_text_answer_is_a_whisper_too() {
    let sim = workspace();
    app(&sim, 200, "Unknown subcommand");
    sim.command("U1", "C1", "/heal", "dance")
        .await
        .expect("alice is here");
    assert_eq!(sim.ephemerals("U1")[0].text, "Unknown subcommand");
}

#[tokio::test(start_paused = true)]
async fn slack_hangs_up_after_three_seconds_and_says_so() {
    let sim = workspace();
    sim.set_deliver(Arc::new(|_| Box::pin(std::future::pending())));
    let answer = sim
        .command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    assert_eq!(
        (answer.status, answer.took),
        (None, std::time::Duration::from_secs(3))
    );
    assert_eq!(
        sim.ephemerals("U1")[0].text,
        r#"/heal failed with the error "operation_timeout""#
    );
}

#[tokio::test(start_paused = true)]
async fn anything_but_200_is_a_failure_to_the_person() {
    let sim = workspace();
    app(&sim, 401, "no");
    let ts = card(&sim).await;
    let answer = sim
        .click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    assert_eq!(answer.status, Some(401));
    assert_eq!(
        answer.problem.as_deref(),
        Some("dispatch_failed: status 401")
    );
}

#[tokio::test(start_paused = true)]
async fn a_sent_request_can_be_replayed_and_forged() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    sim.click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    let replay = sim.last_request().expect("a request");
    sim.send(replay.clone()).await;
    let mut forged = replay;
    forged.set(SIGNATURE_HEADER, "v0=00");
    sim.send(forged).await;
    sim.raw_request(COMMANDS, &[("x-twice", "1"), ("x-twice", "2")], "huge")
        .await;
    let seen = seen.lock().expect("the log");
    assert_eq!(seen[0].body(), seen[1].body());
    assert_eq!(seen[0].headers(), seen[1].headers());
    assert_eq!(seen[2].headers()[SIGNATURE_HEADER], "v0=00");
    assert_eq!(seen[3].headers().get_all("x-twice").iter().count(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_router_in_the_same_process_is_an_app() {
    let sim = workspace();
    sim.set_deliver(through(in_process(Router::new().route(
        COMMANDS,
        axum::routing::post(|body: String| async move { body }),
    ))));
    let answer = sim
        .command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    assert!(answer.text().contains("command=%2Fheal"));
    let answer = sim.raw_request("/elsewhere", &[], "").await;
    assert_eq!(answer.status, Some(404));
}

#[tokio::test(start_paused = true)]
async fn waiting_ends_with_the_change_that_was_waited_for() {
    let sim = workspace();
    let waiting = tokio::spawn({
        let sim = sim.clone();
        async move {
            sim.until(|state| {
                state
                    .messages("C1")
                    .into_iter()
                    .find(|m| m.text == "second")
            })
            .await
            .ts
        }
    });
    sim.say("U1", "C1", "first").expect("alice is here");
    tokio::task::yield_now().await;
    let ts = sim.say("U1", "C1", "second").expect("alice is here");
    assert_eq!(waiting.await.expect("the wait ends"), ts);
}

#[tokio::test(start_paused = true)]
async fn an_answer_to_a_command_keeps_the_same_limits() {
    let sim = workspace();
    app(&sim, 200, r#"{"text":"t","blocks":[{"type":"blink"}]}"#);
    let answer = sim
        .command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    assert_eq!(answer.problem.as_deref(), Some("invalid_command_response"));
    assert_eq!(sim.ephemerals("U1")[0].author, Author::Slackbot);
}
