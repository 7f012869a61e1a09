use std::time::Duration;

use super::*;

async fn say(sim: &SlackSim, text: &str) -> Response<Body> {
    post(
        sim,
        "/api/chat.postMessage",
        Some("xoxb-1"),
        &json!({"channel": "C1", "text": text}),
    )
    .await
}

#[tokio::test(start_paused = true)]
async fn the_sixth_message_of_a_burst_waits_and_other_channels_do_not() {
    let sim = workspace_with(|options| options.rate_limits = true);
    for _ in 0..5 {
        assert_eq!(say(&sim, "t").await.status(), 200);
    }
    let refused = say(&sim, "t").await;
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "1");
    assert_eq!(
        json_of(refused).await,
        json!({"ok": false, "error": "ratelimited"})
    );
    assert_eq!(
        call(
            &sim,
            "chat.postMessage",
            json!({"channel": "C2", "text": "t"})
        )
        .await["ok"],
        true
    );
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(say(&sim, "t").await.status(), 200);
    assert_eq!(say(&sim, "t").await.status(), 429);
    assert_eq!(sim.messages("C1").len(), 6);
}

#[tokio::test(start_paused = true)]
async fn by_default_nothing_is_limited() {
    let sim = workspace();
    for _ in 0..30 {
        assert_eq!(say(&sim, "t").await.status(), 200);
    }
}

#[tokio::test(start_paused = true)]
async fn planned_refusals_have_no_effect_and_pass() {
    let sim = workspace();
    sim.fail(
        Some("chat.postMessage"),
        Fault::RateLimited { retry_after: 7 },
        1,
    );
    sim.fail(Some("chat.postMessage"), Fault::Status(500), 1);
    sim.fail(None, Fault::Error("invalid_blocks".to_owned()), 1);
    assert_eq!(say(&sim, "t").await.headers()["retry-after"], "7");
    assert_eq!(say(&sim, "t").await.status(), 500);
    assert_eq!(
        json_of(say(&sim, "t").await).await["error"],
        "invalid_blocks"
    );
    assert!(sim.messages("C1").is_empty());
    assert_eq!(say(&sim, "t").await.status(), 200);
    let calls = sim.calls();
    assert_eq!(calls.len(), 4);
    assert_eq!(calls[2].error(), Some("invalid_blocks"));
    assert!(calls[3].is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_hang_delays_and_is_forgotten_by_a_caller_who_leaves() {
    let sim = workspace();
    sim.fail(None, Fault::Hang(Duration::from_secs(8)), 2);
    let gone = tokio::time::timeout(Duration::from_secs(5), say(&sim, "gone")).await;
    assert!(gone.is_err());
    let start = Instant::now();
    assert_eq!(say(&sim, "patient").await.status(), 200);
    assert_eq!(start.elapsed(), Duration::from_secs(8));
    let texts: Vec<String> = sim.messages("C1").into_iter().map(|m| m.text).collect();
    assert_eq!(texts, ["patient"]);
}

#[tokio::test(start_paused = true)]
async fn an_accepted_message_is_there_though_its_answer_never_comes() {
    let sim = workspace();
    sim.fail(None, Fault::AcceptThenHang, 1);
    assert!(
        tokio::time::timeout(Duration::from_secs(60), say(&sim, "one"))
            .await
            .is_err()
    );
    sim.fail(None, Fault::AcceptThenReset, 1);
    assert!(say(&sim, "two").await.into_body().collect().await.is_err());
    assert_eq!(sim.messages("C1").len(), 2);
    assert!(sim.calls().iter().all(|c| c.answer.is_none()));
}

#[tokio::test(start_paused = true)]
async fn while_down_every_call_is_refused() {
    let sim = workspace();
    sim.set_down(true);
    assert_eq!(say(&sim, "t").await.status(), 503);
    sim.set_down(false);
    assert_eq!(say(&sim, "t").await.status(), 200);
}
