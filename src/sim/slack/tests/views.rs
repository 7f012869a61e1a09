use std::time::Duration;

use super::*;

pub(super) fn form() -> Value {
    let option =
        |value: &str| json!({"text": {"type": "plain_text", "text": value}, "value": value});
    json!({
        "type": "modal", "callback_id": "silence", "private_metadata": "i1", "notify_on_close": true,
        "title": {"type": "plain_text", "text": "Silence"}, "submit": {"type": "plain_text", "text": "Silence"},
        "blocks": [
            {"type": "input", "block_id": "why", "label": {"type": "plain_text", "text": "Why"},
                "element": {"type": "plain_text_input", "action_id": "text", "max_length": 20}},
            {"type": "input", "block_id": "how_long", "label": {"type": "plain_text", "text": "How long"},
                "element": {"type": "static_select", "action_id": "hours", "options": [option("1h"), option("8h")],
                    "initial_option": option("1h")}},
        ],
    })
}

/// Clicks, so that there is a fresh trigger.
async fn trigger(sim: &SlackSim, seen: &Mutex<Vec<http::Request<bytes::Bytes>>>) -> Value {
    let ts = card(sim).await;
    sim.click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    last_payload(seen)["trigger_id"].clone()
}

/// Opens the form; the result is the id of the view.
async fn open(sim: &SlackSim, seen: &Mutex<Vec<http::Request<bytes::Bytes>>>) -> String {
    let trigger = trigger(sim, seen).await;
    let opened = call(
        sim,
        "views.open",
        json!({"trigger_id": trigger, "view": form()}),
    )
    .await;
    opened["view"]["id"]
        .as_str()
        .unwrap_or_else(|| panic!("{opened}"))
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_trigger_opens_one_view_within_three_seconds() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let first = trigger(&sim, &seen).await;
    let open = |trigger: &Value| json!({"trigger_id": trigger, "view": form()});
    tokio::time::advance(Duration::from_secs(3)).await;
    assert_eq!(call(&sim, "views.open", open(&first)).await["ok"], true);
    assert_eq!(
        call(&sim, "views.open", open(&first)).await["error"],
        "exchanged_trigger_id"
    );
    let second = trigger(&sim, &seen).await;
    tokio::time::advance(Duration::from_millis(3001)).await;
    assert_eq!(
        call(&sim, "views.open", open(&second)).await["error"],
        "expired_trigger_id"
    );
    assert_eq!(
        call(&sim, "views.open", open(&json!("made.up"))).await["error"],
        "invalid_trigger_id"
    );
    assert_eq!(sim.views("U1").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_submitted_form_carries_its_values_and_closes() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let id = open(&sim, &seen).await;
    let answer = sim
        .submit_view("U1", &id, json!({"why": {"text": "deploying"}}))
        .await
        .expect("a filled form");
    assert!(answer.is_ok(), "{answer:?}");
    let payload = last_payload(&seen);
    assert_eq!(payload["type"], "view_submission");
    assert_eq!(payload["view"]["private_metadata"], "i1");
    insta::assert_json_snapshot!(payload["view"]["state"]["values"], @r#"
    {
      "how_long": {
        "hours": {
          "selected_option": {
            "text": {
              "emoji": true,
              "text": "1h",
              "type": "plain_text"
            },
            "value": "1h"
          },
          "type": "static_select"
        }
      },
      "why": {
        "text": {
          "type": "plain_text_input",
          "value": "deploying"
        }
      }
    }
    "#);
    assert!(sim.views("U1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_incomplete_form_is_not_sent() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let id = open(&sim, &seen).await;
    let before = seen.lock().expect("the log").len();
    for (values, problem) in [
        (json!({}), "the form is not filled in: why is required"),
        (
            json!({"why": {"text": "x".repeat(21)}}),
            "the form is not filled in: why: 21 characters, not 0 to 20",
        ),
        (
            json!({"why": {"text": "x"}, "how_long": {"hours": "2h"}}),
            r#"the form is not filled in: how_long: no option "2h""#,
        ),
        (
            json!({"why": {"text": "x"}, "who": {"text": "y"}}),
            "the form is not filled in: there is no input who/text",
        ),
    ] {
        assert_eq!(
            sim.submit_view("U1", &id, values)
                .await
                .expect_err("incomplete")
                .to_string(),
            problem
        );
    }
    assert_eq!(seen.lock().expect("the log").len(), before);
    assert!(
        sim.submit_view("U2", &id, json!({})).await.is_err(),
        "it is not on bob's screen"
    );
}

#[tokio::test(start_paused = true)]
async fn errors_keep_the_form_open_and_must_name_its_blocks() {
    let sim = workspace();
    let seen = app(
        &sim,
        200,
        r#"{"response_action":"errors","errors":{"why":"say more"}}"#,
    );
    let id = open(&sim, &seen).await;
    let values = json!({"why": {"text": "x"}});
    sim.submit_view("U1", &id, values.clone())
        .await
        .expect("a filled form");
    assert_eq!(sim.views("U1")[0].errors, Some(json!({"why": "say more"})));
    app(
        &sim,
        200,
        r#"{"response_action":"errors","errors":{"nope":"say more"}}"#,
    );
    let answer = sim
        .submit_view("U1", &id, values)
        .await
        .expect("a filled form");
    assert_eq!(
        answer.problem.as_deref(),
        Some("error for the unknown block nope")
    );
}

#[tokio::test(start_paused = true)]
async fn a_closed_view_is_told_when_the_app_asked_for_it() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let id = open(&sim, &seen).await;
    assert!(
        sim.close_view("U1", &id)
            .await
            .expect("it is open")
            .is_some()
    );
    assert_eq!(last_payload(&seen)["type"], "view_closed");
    assert!(sim.views("U1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_update_with_an_old_hash_is_refused() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let id = open(&sim, &seen).await;
    let hash = sim.views("U1")[0].view["hash"].clone();
    let update = json!({"view_id": id, "hash": hash, "view": form()});
    assert_eq!(
        call(&sim, "views.update", update.clone()).await["view"]["id"],
        id
    );
    assert_eq!(
        call(&sim, "views.update", update).await["error"],
        "hash_conflict"
    );
}

#[tokio::test(start_paused = true)]
async fn views_stack_up_to_three() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    open(&sim, &seen).await;
    for expected in [json!(null), json!(null), json!("push_limit_reached")] {
        let trigger = trigger(&sim, &seen).await;
        let pushed = call(
            &sim,
            "views.push",
            json!({"trigger_id": trigger, "view": form()}),
        )
        .await;
        assert_eq!(pushed["error"], expected);
    }
    let views = sim.views("U1");
    assert_eq!(views[2].view["root_view_id"], views[0].id);
    assert_eq!(views[2].view["previous_view_id"], views[1].id);
}

#[tokio::test(start_paused = true)]
async fn an_answer_can_update_stack_and_clear_views() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let id = open(&sim, &seen).await;
    let answers = [
        (
            json!({"response_action": "update", "view": form()}),
            vec![id.clone()],
        ),
        (
            json!({"response_action": "push", "view": {"type": "modal"}}),
            vec![id.clone()],
        ),
        (json!({"response_action": "clear"}), vec![]),
    ];
    for (answer, left) in answers {
        let body = bytes::Bytes::from(answer.to_string());
        sim.set_deliver(Arc::new(move |_| {
            let body = body.clone();
            Box::pin(async move { Ok(http::Response::new(body)) })
        }));
        let told = sim
            .submit_view("U1", &id, json!({"why": {"text": "x"}}))
            .await;
        let told = told.expect("a filled form");
        assert_eq!(
            told.is_ok(),
            answer["response_action"] != "push",
            "a bad view is refused: {told:?}"
        );
        let open: Vec<String> = sim.views("U1").into_iter().map(|v| v.id).collect();
        assert_eq!(open, left, "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_button_in_a_modal_is_pressed_there() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let trigger = trigger(&sim, &seen).await;
    let view = json!({"type": "modal", "title": {"type": "plain_text", "text": "Logs"}, "blocks": [
        {"type": "actions", "elements": [
            {"type": "button", "action_id": "older", "text": {"type": "plain_text", "text": "Older"}}]}]});
    let opened = call(
        &sim,
        "views.open",
        json!({"trigger_id": trigger, "view": view}),
    )
    .await;
    let id = opened["view"]["id"].as_str().expect("an id");
    let press = Press {
        action_id: "older".to_owned(),
        ..Press::default()
    };
    sim.press_in_view("U1", id, press)
        .await
        .expect("the button is there");
    let payload = last_payload(&seen);
    assert_eq!(payload["container"], json!({"type": "view", "view_id": id}));
    assert_eq!(payload["actions"][0]["action_id"], "older");
}
