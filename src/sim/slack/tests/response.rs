use std::time::Duration;

use super::*;

/// Clicks the card's button; the result is its ts and the path of the response URL.
async fn clicked(sim: &SlackSim) -> (String, String) {
    let seen = app(sim, 200, "");
    let ts = card(sim).await;
    sim.click("U1", "C1", &ts, "approve")
        .await
        .expect("the button is there");
    let payload = last_payload(&seen);
    let url = payload["response_url"].as_str().expect("a URL");
    (
        ts,
        url.strip_prefix("http://127.0.0.1")
            .expect("the base URL")
            .to_owned(),
    )
}

async fn respond(sim: &SlackSim, path: &str, body: Value) -> Value {
    json_of(post(sim, path, None, &body).await).await
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_whisper_unless_it_says_otherwise() {
    let sim = workspace();
    let (_, path) = clicked(&sim).await;
    respond(&sim, &path, json!({"text": "not allowed"})).await;
    assert_eq!(sim.ephemerals("U1")[0].text, "not allowed");
    respond(
        &sim,
        &path,
        json!({"text": "look here", "response_type": "in_channel"}),
    )
    .await;
    assert_eq!(
        sim.messages("C1").last().expect("a message").text,
        "look here"
    );
}

#[tokio::test(start_paused = true)]
async fn it_works_five_times() {
    let sim = workspace();
    let (_, path) = clicked(&sim).await;
    for _ in 0..5 {
        assert_eq!(respond(&sim, &path, json!({"text": "t"})).await["ok"], true);
    }
    assert_eq!(
        respond(&sim, &path, json!({"text": "t"})).await["error"],
        "used_url"
    );
    assert_eq!(
        post(&sim, &path, None, &json!({"text": "t"}))
            .await
            .status(),
        404
    );
    assert_eq!(sim.ephemerals("U1").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn it_works_for_thirty_minutes() {
    let sim = workspace();
    let (_, path) = clicked(&sim).await;
    tokio::time::advance(Duration::from_secs(30 * 60)).await;
    assert_eq!(respond(&sim, &path, json!({"text": "t"})).await["ok"], true);
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(
        respond(&sim, &path, json!({"text": "t"})).await["error"],
        "expired_url"
    );
}

#[tokio::test(start_paused = true)]
async fn it_can_replace_and_delete_what_was_clicked() {
    let sim = workspace();
    let (ts, path) = clicked(&sim).await;
    respond(
        &sim,
        &path,
        json!({"text": "approved", "replace_original": true}),
    )
    .await;
    let message = sim.message("C1", &ts).expect("the card");
    assert_eq!(
        (message.text.as_str(), message.blocks.len()),
        ("approved", 0)
    );
    respond(&sim, &path, json!({"delete_original": true})).await;
    assert!(sim.message("C1", &ts).is_none());
}

#[tokio::test(start_paused = true)]
async fn bad_blocks_and_made_up_urls_are_refused() {
    let sim = workspace();
    let (_, path) = clicked(&sim).await;
    assert_eq!(
        respond(&sim, &path, json!({"blocks": [{"type": "blink"}]})).await["error"],
        "invalid_blocks"
    );
    assert_eq!(
        respond(&sim, "/response/guess", json!({"text": "t"})).await["error"],
        "invalid_url"
    );
}
