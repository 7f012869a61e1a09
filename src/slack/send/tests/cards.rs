//! Cards are projections.
use super::bench::*;
use crate::domain::{diagnosis::Severity, incident::IncidentId, recovery::Verdict};
use crate::ports::{ChatJob, Posted};

#[tokio::test(start_paused = true)]
async fn a_new_incident_gets_one_card_and_the_engine_learns_where() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.pass(0.2).await;
    let top = bench.top();
    assert_eq!(top.len(), 1);
    assert!(top[0].words().contains("app-1"), "{}", top[0].words());
    let posted = bench.posted(1).unwrap();
    assert_eq!((posted.channel.as_str(), &posted.ts), (CHANNEL, &top[0].ts));
    let call = &bench.sim.calls()[0].arguments;
    assert_eq!(call["metadata"]["event_payload"]["incident"], "H1");
    for (name, value) in [
        ("parse", "none".into()),
        ("link_names", false.into()),
        ("unfurl_links", false.into()),
        ("unfurl_media", serde_json::Value::Bool(false)),
    ] {
        assert_eq!(call[name], value, "{name}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_slack_shows_already_is_not_sent_again() {
    let mut bench = Bench::new();
    for _ in 0..3 {
        bench.card(&incident(1));
        bench.pass(5.0).await;
    }
    assert_eq!(bench.sim.calls().len(), 1);
    // Nor after a restart.
    bench.kill().await;
    bench.start();
    bench.card_at(&incident(1), bench.posted(1));
    bench.pass(5.0).await;
    assert_eq!(bench.sim.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn only_the_latest_projection_is_shown_and_at_most_every_three_seconds() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.pass(1.0).await;
    for signals in 2..=40 {
        let mut newer = incident(1);
        newer.signals = signals;
        newer.latest.message = format!("signal {signals}");
        bench.card(&newer);
        bench.pass(0.1).await;
    }
    bench.card(&proposed(1, Severity::Major));
    bench.pass(4.0).await;
    let updates = bench.calls("chat.update");
    assert!((1..=3).contains(&updates), "{updates}");
    let card = &bench.top()[0];
    assert!(card.words().contains("It helps."), "{}", card.words());
    assert_eq!(bench.posted(1).unwrap().ts, card.ts);
}

#[tokio::test(start_paused = true)]
async fn a_decision_is_shown_at_once_even_if_details_wait() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.card(&incident(2));
    bench.pass(1.0).await;
    bench.card(&proposed(1, Severity::Major));
    bench.pass(0.05).await;
    assert_eq!(
        bench
            .sim
            .message(CHANNEL, &bench.posted(1).unwrap().ts)
            .unwrap()
            .updates,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn silenced_incidents_and_those_that_are_over_before_anybody_knew_get_no_card() {
    let mut bench = Bench::new();
    let mut muted = incident(1);
    muted.muted = Some(1);
    bench.card(&muted);
    bench.card(&closed(2, Verdict::RecoveredByItself));
    bench.card(&closed(3, Verdict::Failed));
    bench.tell(2, 20, new_cause("x"));
    bench.pass(1.0).await;
    let top = bench.top();
    assert_eq!(top.len(), 1);
    assert!(top[0].words().contains("app-3"));
    // What was to be said about it is confirmed and counted, or it would wait for ever.
    assert_eq!(bench.said(), [20]);
    assert_eq!(bench.count("slack_notes_unsaid", "no_card"), 1);
    // The silence ends.
    muted.muted = None;
    bench.card(&muted);
    bench.pass(1.0).await;
    assert_eq!(bench.top().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_somebody_deleted_is_posted_again() {
    let mut bench = Bench::new();
    bench.card_at(
        &incident(1),
        Some(Posted {
            channel: CHANNEL.into(),
            ts: "1.000100".into(),
            hash: "old".into(),
        }),
    );
    bench.pass(1.0).await;
    assert_eq!(bench.top().len(), 1);
    assert_eq!(bench.posted(1).unwrap().ts, bench.top()[0].ts);
}

#[tokio::test(start_paused = true)]
async fn a_whisper_is_heard_by_one_person() {
    let mut bench = Bench::new();
    bench.send(ChatJob::Whisper {
        user: "U0ALICE".into(),
        channel: CHANNEL.into(),
        response_url: Some("https://example.com/steal".into()),
        text: "Not you. Ask <@U0BOB>, <!channel>".into(),
    });
    bench.send(ChatJob::Open(IncidentId(99)));
    bench.pass(1.0).await;
    let heard = bench.sim.ephemerals("U0ALICE");
    assert_eq!(heard.len(), 1);
    insta::assert_snapshot!(heard[0].text, @"Not you. Ask <@U0BOB>, &lt;!channel&gt;");
}
