use super::*;

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_and_compared() {
    let sim = workspace();
    let body = json!({"channel": "C1", "text": "hello"});
    let without = json_of(post(&sim, "/api/chat.postMessage", None, &body).await).await;
    assert_eq!(without["error"], "not_authed");
    let wrong = json_of(post(&sim, "/api/chat.postMessage", Some("xoxb-2"), &body).await).await;
    assert_eq!(wrong["error"], "invalid_auth");
    assert!(sim.messages("C1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn auth_test_names_the_app_and_every_answer_its_scopes() {
    let sim = workspace();
    let response = post(&sim, "/api/auth.test", Some("xoxb-1"), &json!({})).await;
    let scopes = response.headers()["x-oauth-scopes"]
        .to_str()
        .expect("text")
        .to_owned();
    assert!(scopes.contains("chat:write"), "{scopes}");
    insta::assert_json_snapshot!(json_of(response).await, @r#"
    {
      "bot_id": "B1",
      "is_enterprise_install": false,
      "ok": true,
      "team": "Heal",
      "team_id": "T1",
      "url": "https://heal.slack.com/",
      "user": "heal",
      "user_id": "UBOT1"
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_message_comes_back_with_the_defaults_filled_in() {
    let sim = workspace();
    let ts = card(&sim).await;
    let history = get(&sim, "conversations.history", "channel=C1").await;
    let message = &history["messages"][0];
    assert_eq!(message["ts"], ts);
    assert_eq!(message["bot_id"], "B1");
    assert_eq!(message["blocks"][0]["text"]["verbatim"], false);
    assert_eq!(message["blocks"][1]["elements"][0]["text"]["emoji"], true);
    assert!(
        message["blocks"][0]["block_id"]
            .as_str()
            .is_some_and(|id| !id.is_empty())
    );
}

#[tokio::test(start_paused = true)]
async fn refused_blocks_are_explained_and_leave_nothing() {
    let sim = workspace();
    let blocks =
        json!([{"type": "header", "text": {"type": "plain_text", "text": "x".repeat(151)}}]);
    let answer = call(
        &sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "t", "blocks": blocks}),
    )
    .await;
    insta::assert_json_snapshot!(answer, @r#"
    {
      "error": "invalid_blocks",
      "errors": [
        "must be less than 151 characters [json-pointer:/blocks/0/text/text]"
      ],
      "ok": false,
      "response_metadata": {
        "messages": [
          "[ERROR] must be less than 151 characters [json-pointer:/blocks/0/text/text]"
        ]
      }
    }
    "#);
    assert!(sim.messages("C1").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_message_needs_words_and_an_open_channel() {
    let sim = workspace_with(|options| {
        options.channels[1].app_is_member = false;
        let mut archived = Channel::new("C3", "old");
        archived.is_archived = true;
        options.channels.push(archived);
    });
    for (arguments, error) in [
        (json!({"channel": "C9", "text": "t"}), "channel_not_found"),
        (json!({"channel": "C2", "text": "t"}), "not_in_channel"),
        (json!({"channel": "C3", "text": "t"}), "is_archived"),
        (json!({"channel": "C1", "text": ""}), "no_text"),
        (
            json!({"channel": "C1", "text": "t", "blocks": "not JSON"}),
            "invalid_blocks_format",
        ),
        (json!({"text": "t"}), "invalid_arguments"),
    ] {
        assert_eq!(
            call(&sim, "chat.postMessage", arguments).await["error"],
            error
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_form_with_blocks_as_text_is_as_good_as_json() {
    let sim = workspace();
    let body = form_urlencoded::Serializer::new(String::new())
        .append_pair("token", "xoxb-1")
        .append_pair("channel", "C1")
        .append_pair("text", "t")
        .append_pair("blocks", r#"[{"type":"divider"}]"#)
        .finish();
    let request = Request::post("/api/chat.postMessage")
        .header("content-type", "application/x-www-form-urlencoded");
    let response = sim
        .router()
        .oneshot(request.body(Body::from(body)).expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(json_of(response).await["ok"], true);
    assert_eq!(sim.messages("C1")[0].blocks[0]["type"], "divider");
    assert!(
        sim.calls()[0].arguments.get("token").is_none(),
        "the record holds no token"
    );
}

#[tokio::test(start_paused = true)]
async fn methods_that_read_do_not_look_at_a_json_body() {
    let sim = workspace();
    let answer = call(&sim, "users.info", json!({"user": "U1"})).await;
    assert_eq!(answer["errors"][0], "missing required field: user");
    assert_eq!(
        get(&sim, "users.info", "user=U1").await["user"]["name"],
        "alice"
    );
}

#[tokio::test(start_paused = true)]
async fn a_json_body_without_a_character_set_gets_a_warning() {
    let sim = workspace();
    let request = Request::post("/api/chat.postMessage").header("content-type", "application/json");
    let request = request
        .header("authorization", "Bearer xoxb-1")
        .body(Body::from(r#"{"channel":"C1","text":"t"}"#));
    let response = sim
        .router()
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    assert_eq!(json_of(response).await["warning"], "missing_charset");
}

#[tokio::test(start_paused = true)]
async fn replies_hang_on_a_parent_and_never_on_a_reply() {
    let sim = workspace();
    let parent = card(&sim).await;
    let reply = |ts: &str| json!({"channel": "C1", "text": "running", "thread_ts": ts});
    let first = call(&sim, "chat.postMessage", reply(&parent)).await;
    assert_eq!(first["message"]["thread_ts"], parent);
    let on_reply = call(
        &sim,
        "chat.postMessage",
        reply(first["ts"].as_str().expect("a ts")),
    )
    .await;
    assert_eq!(on_reply["error"], "cannot_reply_to_message");
    assert_eq!(
        call(&sim, "chat.postMessage", reply("1.000000")).await["error"],
        "thread_not_found"
    );
    let other_channel = json!({"channel": "C2", "text": "running", "thread_ts": parent});
    assert_eq!(
        call(&sim, "chat.postMessage", other_channel).await["error"],
        "thread_not_found"
    );

    assert_eq!(sim.thread("C1", &parent).len(), 2);
    let history = get(&sim, "conversations.history", "channel=C1").await;
    assert_eq!(
        history["messages"].as_array().map(Vec::len),
        Some(1),
        "replies are not in the channel"
    );
    assert_eq!(history["messages"][0]["reply_count"], 1);
    let replies = get(
        &sim,
        "conversations.replies",
        &format!("channel=C1&ts={parent}"),
    )
    .await;
    assert_eq!(replies["messages"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(start_paused = true)]
async fn an_update_with_text_alone_removes_the_blocks_and_shows_as_edited() {
    let sim = workspace();
    let ts = card(&sim).await;
    let blocks = json!([{"type": "divider"}]);
    let with_blocks = json!({"channel": "C1", "ts": ts, "text": "approved", "blocks": blocks});
    assert_eq!(call(&sim, "chat.update", with_blocks).await["ok"], true);
    let message = sim.message("C1", &ts).expect("the card");
    assert_eq!((message.blocks.len(), message.edited), (1, false));

    call(
        &sim,
        "chat.update",
        json!({"channel": "C1", "ts": ts, "text": "done"}),
    )
    .await;
    let message = sim.message("C1", &ts).expect("the card");
    assert_eq!(
        (message.blocks.len(), message.edited, message.updates),
        (0, true, 2)
    );
}

#[tokio::test(start_paused = true)]
async fn an_update_takes_at_most_4000_characters_where_a_post_takes_more() {
    let sim = workspace();
    let post = call(
        &sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "x".repeat(5000)}),
    )
    .await;
    assert_eq!(post["ok"], true);
    let update =
        |length: usize| json!({"channel": "C1", "ts": post["ts"], "text": "y".repeat(length)});
    assert_eq!(
        call(&sim, "chat.update", update(4001)).await["error"],
        "msg_too_long"
    );
    assert_eq!(call(&sim, "chat.update", update(4000)).await["ok"], true);
}

#[tokio::test(start_paused = true)]
async fn only_own_messages_are_changed_and_never_ephemeral_ones() {
    let sim = workspace();
    let human = sim.say("U1", "C1", "on it").expect("alice is here");
    let change = |ts: &str| json!({"channel": "C1", "ts": ts, "text": "t"});
    assert_eq!(
        call(&sim, "chat.update", change(&human)).await["error"],
        "cant_update_message"
    );
    assert_eq!(
        call(&sim, "chat.delete", change(&human)).await["error"],
        "cant_delete_message"
    );
    let whisper = call(
        &sim,
        "chat.postEphemeral",
        json!({"channel": "C1", "user": "U1", "text": "no"}),
    )
    .await;
    let ts = whisper["message_ts"].as_str().expect("a ts");
    assert_eq!(
        call(&sim, "chat.update", change(ts)).await["error"],
        "message_not_found"
    );
    assert_eq!(sim.ephemerals("U1").len(), 1);
    assert!(sim.ephemerals("U2").is_empty());
}

#[tokio::test(start_paused = true)]
async fn rich_text_alone_cannot_become_something_else() {
    let sim = workspace();
    let rich = json!([{"type": "rich_text", "elements": [
        {"type": "rich_text_section", "elements": [{"type": "text", "text": "t"}]}]}]);
    let ts = call(
        &sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "t", "blocks": rich}),
    )
    .await["ts"]
        .clone();
    let update = json!({"channel": "C1", "ts": ts, "text": "t", "blocks": [{"type": "divider"}]});
    assert_eq!(
        call(&sim, "chat.update", update).await["error"],
        "block_mismatch"
    );
}

#[tokio::test(start_paused = true)]
async fn metadata_stays_until_it_is_replaced_by_nothing() {
    let sim = workspace();
    let metadata = json!({"event_type": "heal_incident", "event_payload": {"id": "i1"}});
    let post = call(
        &sim,
        "chat.postMessage",
        json!({"channel": "C1", "text": "t", "metadata": metadata}),
    )
    .await;
    let ts = post["ts"].as_str().expect("a ts");
    call(
        &sim,
        "chat.update",
        json!({"channel": "C1", "ts": ts, "text": "u"}),
    )
    .await;
    let history = get(
        &sim,
        "conversations.history",
        "channel=C1&include_all_metadata=true",
    )
    .await;
    assert_eq!(history["messages"][0]["metadata"], metadata);
    call(
        &sim,
        "chat.update",
        json!({"channel": "C1", "ts": ts, "text": "u", "metadata": {}}),
    )
    .await;
    assert_eq!(sim.message("C1", ts).expect("the message").metadata, None);
}

#[tokio::test(start_paused = true)]
async fn strangers_guests_and_groups_are_told_apart() {
    let sim = workspace();
    let stranger = get(&sim, "users.info", "user=U0MALLORY").await;
    assert_eq!(stranger["user"]["is_stranger"], true);
    assert_eq!(stranger["user"]["team_id"], "T0OTHER");
    assert!(
        get(&sim, "users.info", "user=U1").await["user"]
            .get("is_stranger")
            .is_none()
    );
    assert_eq!(
        get(&sim, "users.info", "user=U9").await["error"],
        "user_not_found"
    );
    assert_eq!(
        get(&sim, "usergroups.users.list", "usergroup=S1").await["users"],
        json!(["U1"])
    );
    assert_eq!(
        get(&sim, "usergroups.users.list", "usergroup=S9").await["error"],
        "no_such_subteam"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_scope_is_named() {
    let sim = workspace_with(|options| options.scopes = vec!["chat:write".to_owned()]);
    let answer = get(&sim, "users.info", "user=U1").await;
    assert_eq!(
        (&answer["error"], &answer["needed"]),
        (&json!("missing_scope"), &json!("users:read"))
    );
}

#[tokio::test(start_paused = true)]
async fn pages_of_history_follow_each_other() {
    let sim = workspace();
    for i in 0..3 {
        call(
            &sim,
            "chat.postMessage",
            json!({"channel": "C1", "text": format!("m{i}")}),
        )
        .await;
    }
    let first = get(&sim, "conversations.history", "channel=C1&limit=2").await;
    assert_eq!(first["messages"][0]["text"], "m2");
    let cursor = first["response_metadata"]["next_cursor"]
        .as_str()
        .expect("a cursor");
    let second = get(
        &sim,
        "conversations.history",
        &format!("channel=C1&limit=2&cursor={cursor}"),
    )
    .await;
    assert_eq!(second["messages"][0]["text"], "m0");
    assert_eq!(second["has_more"], false);
}

#[tokio::test(start_paused = true)]
async fn a_file_is_announced_uploaded_and_shared() {
    let sim = workspace();
    let announced = get(
        &sim,
        "files.getUploadURLExternal",
        "filename=api.log&length=5",
    )
    .await;
    let url = announced["upload_url"]
        .as_str()
        .expect("a URL")
        .strip_prefix("http://127.0.0.1")
        .expect("the base URL");
    let complete =
        json!({"files": [{"id": announced["file_id"], "title": "Log"}], "channel_id": "C1"});
    assert_eq!(
        call(&sim, "files.completeUploadExternal", complete.clone()).await["error"],
        "file_not_found"
    );
    let upload = Request::post(url)
        .body(Body::from("lines"))
        .expect("a request");
    let uploaded = sim.router().oneshot(upload).await.expect("an answer");
    assert_eq!(
        uploaded
            .into_body()
            .collect()
            .await
            .expect("a body")
            .to_bytes(),
        "OK - 5"
    );
    assert_eq!(
        call(&sim, "files.completeUploadExternal", complete).await["ok"],
        true
    );
    let file = &sim.files()[0];
    assert_eq!(file.shared, Some(("C1".to_owned(), None)));
    assert_eq!(file.content.as_deref(), Some(b"lines".as_slice()));
    let messages = sim.messages("C1");
    let said = messages.last().expect("a message with the file");
    assert_eq!(said.files, std::slice::from_ref(&file.id));
    let too_large = "filename=a.png&length=99999999";
    assert_eq!(
        get(&sim, "files.getUploadURLExternal", too_large).await["error"],
        "file_upload_size_restricted"
    );
}

#[tokio::test(start_paused = true)]
async fn an_empty_body_is_no_arguments_whatever_its_type() {
    let sim = workspace();
    let request =
        Request::post("/api/auth.test").header("content-type", "application/json;charset=utf-8");
    let request = request
        .header("authorization", "Bearer xoxb-1")
        .body(Body::empty())
        .expect("a request");
    let answer = json_of(sim.router().oneshot(request).await.expect("an answer")).await;
    assert_eq!(answer["ok"], true);
}

#[tokio::test(start_paused = true)]
async fn an_unknown_method_is_named() {
    let answer = call(&workspace(), "chat.shout", json!({})).await;
    assert_eq!(
        (&answer["error"], &answer["req_method"]),
        (&json!("unknown_method"), &json!("chat.shout"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_permalink_leads_to_the_message() {
    let sim = workspace();
    let ts = card(&sim).await;
    let answer = get(
        &sim,
        "chat.getPermalink",
        &format!("channel=C1&message_ts={ts}"),
    )
    .await;
    assert_eq!(
        answer["permalink"],
        "https://heal.slack.com/archives/C1/p1800000000000100"
    );
    assert_eq!(
        get(&sim, "chat.getPermalink", "channel=C1&message_ts=1.0").await["error"],
        "message_not_found"
    );
}
