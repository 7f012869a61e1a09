//! Many incidents at once.
use super::bench::*;
use crate::domain::{diagnosis::Severity, incident::IncidentId, recovery::Verdict};
use crate::ports::ChatJob;
use crate::sim::slack::Fault;

#[tokio::test(start_paused = true)]
async fn two_hundred_workloads_that_fail_within_ten_seconds_are_named_within_seconds_in_few_calls()
{
    let mut bench = Bench::new();
    for id in 1..=200 {
        bench.card(&incident(id));
        bench.pass(0.05).await;
    }
    bench.pass(3.5).await;
    let words: Vec<String> = bench.top().iter().map(|message| message.words()).collect();
    let words = words.join("\n");
    let named: std::collections::HashSet<&str> = words
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .collect();
    for id in 1..=200 {
        assert!(
            named.contains(format!("H{id}").as_str()),
            "H{id} in {words}"
        );
        assert!(named.contains(format!("app-{id}").as_str()), "app-{id}");
        assert!(bench.posted(id).is_some(), "H{id}");
    }
    let calls = bench.sim.calls().len();
    assert!(calls <= 12, "{calls}");
    let refused = bench
        .sim
        .calls()
        .iter()
        .filter(|call| !call.is_ok())
        .count();
    assert_eq!(refused, 0);
}

#[tokio::test(start_paused = true)]
async fn six_at_once_are_still_cards() {
    let mut bench = Bench::new();
    for id in 1..=6 {
        bench.card(&incident(id));
    }
    bench.pass(5.0).await;
    assert_eq!(bench.top().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn cards_that_wait_grow_no_younger_by_becoming_one_list() {
    let mut bench = Bench::new();
    bench.can_search = false;
    bench.start();
    bench.sim.set_down(true);
    for id in 1..=3 {
        bench.card(&incident(id));
    }
    bench.pass(100.0).await;
    for id in 4..=20 {
        bench.card(&incident(id));
    }
    bench.pass(100.0).await;
    let waiting = bench.waiting();
    assert_eq!((waiting.count, waiting.oldest), (1, Some(at(0))));
    bench.sim.set_down(false);
    bench.pass(120.0).await;
    assert_eq!(bench.waiting().count, 0);
}

#[tokio::test(start_paused = true)]
async fn after_the_storm_what_can_be_decided_gets_its_card_worst_first() {
    let mut bench = Bench::new();
    for id in 1..=20 {
        let severity = if id == 15 {
            Severity::Critical
        } else {
            Severity::Warning
        };
        bench.card(&proposed(id, severity));
    }
    bench.card(&incident(21));
    bench.pass(5.0).await;
    assert_eq!(bench.top().len(), 1);
    bench.pass(6.0).await;
    let top = bench.top();
    assert!(top[1].words().contains("app-15"), "{}", top[1].words());
    bench.pass(60.0).await;
    assert_eq!(bench.top().len(), 21);
    let digest = bench.top()[0].words();
    assert!(
        digest.contains("H21") && !digest.contains("H15"),
        "{digest}"
    );
    assert_eq!(bench.posted(21).unwrap().hash, "digest");
}

#[tokio::test(start_paused = true)]
async fn somebody_who_asks_gets_a_card_at_once() {
    let mut bench = Bench::new();
    for id in 1..=50 {
        bench.card(&incident(id));
    }
    bench.pass(2.0).await;
    assert_eq!(bench.top().len(), 1);
    bench.send(ChatJob::Open(IncidentId(33)));
    bench.pass(0.1).await;
    let top = bench.top();
    assert_eq!(top.len(), 2);
    assert!(top[1].words().contains("app-33"));
    // Its thread works from then on; nobody needs to be told of the others there.
    bench.tell(33, 1, new_cause("x"));
    bench.tell(34, 2, new_cause("y"));
    bench.pass(2.0).await;
    assert_eq!(bench.replies(&top[1].ts).len(), 1);
    let mut said = bench.said();
    said.sort_unstable();
    assert_eq!(said, [1, 2]);
    assert_eq!(bench.count("slack_notes_unsaid", "in_digest"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_digest_survives_a_restart_and_ends_when_all_is_over() {
    let mut bench = Bench::new();
    for id in 1..=10 {
        bench.card(&incident(id));
    }
    bench.pass(5.0).await;
    bench.kill().await;
    bench.start();
    for id in 1..=10 {
        bench.card_at(&incident(id), bench.posted(id));
    }
    bench.pass(10.0).await;
    assert_eq!(bench.top().len(), 1);
    for id in 1..=10 {
        bench.card(&closed(id, Verdict::RecoveredByItself));
        bench.pass(1.0).await;
    }
    bench.pass(5.0).await;
    let top = bench.top();
    assert_eq!(top.len(), 1);
    insta::assert_snapshot!(top[0].text, @"✅ Everything that this message listed is over or has a card of its own.");
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_was_accepted_without_an_answer_is_found_again() {
    let mut bench = Bench::new();
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::AcceptThenHang, 1);
    for id in 1..=10 {
        bench.card(&incident(id));
    }
    bench.pass(20.0).await;
    assert_eq!(bench.top().len(), 1);
    assert!((1..=10).all(|id| {
        bench
            .posted(id)
            .is_some_and(|posted| posted.hash == "digest")
    }));
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_posting_a_digest_and_storing_it_posts_no_second_one() {
    let mut bench = Bench::new();
    for id in 1..=10 {
        bench.card(&incident(id));
    }
    bench.pass(5.0).await;
    bench.kill().await;
    bench.start();
    for id in 1..=10 {
        bench.card(&incident(id));
    }
    bench.pass(10.0).await;
    assert_eq!(bench.top().len(), 1);
}
