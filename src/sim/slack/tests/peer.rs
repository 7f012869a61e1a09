//! A second opinion: what the workspace sends and answers is read by the types of a Slack library.

use serde::de::DeserializeOwned;
use slack_morphism::prelude::*;
use slack_morphism::signature_verifier::SlackEventSignatureVerifier;

use super::*;

fn read<T: DeserializeOwned>(value: Value) -> T {
    assert_eq!(value["ok"], true, "{value}");
    serde_json::from_value(value).expect("an answer as the library knows it")
}

#[tokio::test(start_paused = true)]
async fn a_library_reads_every_answer() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let ts = card(&sim).await;
    let auth: SlackApiAuthTestResponse = read(call(&sim, "auth.test", json!({})).await);
    assert_eq!(auth.team_id.0, "T1");
    let reply = json!({"channel": "C1", "text": "t", "thread_ts": ts});
    let reply: SlackApiChatPostMessageResponse = read(call(&sim, "chat.postMessage", reply).await);
    assert_eq!(reply.message.origin.thread_ts.expect("a thread").0, ts);
    let update = json!({"channel": "C1", "ts": reply.ts, "text": "u"});
    let update: SlackApiChatUpdateResponse = read(call(&sim, "chat.update", update).await);
    assert_eq!(update.message.content.text.as_deref(), Some("u"));
    let whisper = json!({"channel": "C1", "user": "U1", "text": "t"});
    let _: SlackApiChatPostEphemeralResponse =
        read(call(&sim, "chat.postEphemeral", whisper).await);
    let link = get(
        &sim,
        "chat.getPermalink",
        &format!("channel=C1&message_ts={ts}"),
    )
    .await;
    let _: SlackApiChatGetPermalinkResponse = read(link);
    let info: SlackApiConversationsInfoResponse =
        read(get(&sim, "conversations.info", "channel=C1").await);
    assert_eq!(info.channel.name.as_deref(), Some("ops"));
    let history: SlackApiConversationsHistoryResponse =
        read(get(&sim, "conversations.history", "channel=C1").await);
    assert_eq!(
        history.messages[0].content.blocks.as_ref().map(Vec::len),
        Some(3)
    );
    let replies = get(
        &sim,
        "conversations.replies",
        &format!("channel=C1&ts={ts}"),
    )
    .await;
    let replies: SlackApiConversationsRepliesResponse = read(replies);
    assert_eq!(replies.messages.len(), 2);
    let members: SlackApiConversationsMembersResponse =
        read(get(&sim, "conversations.members", "channel=C1").await);
    assert_eq!(members.members.len(), 4);
    let user: SlackApiUsersInfoResponse = read(get(&sim, "users.info", "user=U0MALLORY").await);
    assert_eq!(user.user.team_id.expect("a team").0, "T0OTHER");
    let groups: SlackApiUserGroupsListResponse =
        read(get(&sim, "usergroups.list", "include_users=true").await);
    assert_eq!(groups.usergroups[0].handle, "sre");
    let users: SlackApiUserGroupsUsersListResponse =
        read(get(&sim, "usergroups.users.list", "usergroup=S1").await);
    assert_eq!(users.users.len(), 1);
    let upload: SlackApiFilesGetUploadUrlExternalResponse = read(
        get(
            &sim,
            "files.getUploadURLExternal",
            "filename=a.log&length=5",
        )
        .await,
    );
    assert!(upload.file_id.0.starts_with('F'));

    sim.click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    let trigger = last_payload(&seen)["trigger_id"].clone();
    let view = views::form();
    let opened: SlackApiViewsOpenResponse = read(
        call(
            &sim,
            "views.open",
            json!({"trigger_id": trigger, "view": view}),
        )
        .await,
    );
    assert_eq!(opened.view.state_params.id.0, sim.views("U1")[0].id);
}

#[tokio::test(start_paused = true)]
async fn a_library_reads_every_interaction_and_command() {
    let sim = workspace();
    let seen = app(&sim, 200, "");
    let secret = SlackSigningSecret(SECRET.to_owned());
    let ts = card(&sim).await;
    sim.click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    let Ok(SlackInteractionEvent::BlockActions(click)) =
        serde_json::from_value(last_payload(&seen))
    else {
        panic!("not a click: {}", last_payload(&seen));
    };
    let action = &click.actions.expect("actions")[0];
    assert_eq!(
        (action.action_id.0.as_str(), action.value.as_deref()),
        ("approve", Some("opaque-1"))
    );

    let trigger = last_payload(&seen)["trigger_id"].clone();
    call(
        &sim,
        "views.open",
        json!({"trigger_id": trigger, "view": views::form()}),
    )
    .await;
    let id = sim.views("U1")[0].id.clone();
    sim.submit_view("U1", &id, json!({"why": {"text": "x"}}))
        .await
        .expect("a filled form");
    let Ok(SlackInteractionEvent::ViewSubmission(submission)) =
        serde_json::from_value(last_payload(&seen))
    else {
        panic!("not a submission: {}", last_payload(&seen));
    };
    assert_eq!(submission.user.id.0, "U1");

    sim.command("U1", "C1", "/heal", "status")
        .await
        .expect("alice is here");
    let request = sim.last_request().expect("a request");
    let fields: serde_json::Map<String, Value> = form_urlencoded::parse(&request.body)
        .map(|(n, v)| (n.into_owned(), json!(v)))
        .collect();
    let command: SlackCommandEvent =
        serde_json::from_value(Value::Object(fields)).expect("a command");
    assert_eq!(command.text.as_deref(), Some("status"));

    // The library's verifier looks at the real time of day, so this one request is signed now.
    let now = Timestamp::now().as_second().to_string();
    let verifier = SlackEventSignatureVerifier::new(&secret);
    assert!(
        verifier
            .verify(&sim.sign(b"payload=1", &now), "payload=1", &now)
            .is_ok()
    );
    assert!(
        verifier
            .verify(&sim.sign(b"payload=1", &now), "payload=2", &now)
            .is_err()
    );
}
