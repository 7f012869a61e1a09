//! When Slack is slow, down, or says no.
use super::bench::*;
use crate::domain::diagnosis::Severity;
use crate::ports::{Backlog, Delivered};
use crate::sim::slack::{Channel, Fault};
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_wish_to_wait_is_kept_also_over_a_restart() {
    let mut bench = Bench::new();
    bench.sim.fail(
        Some("chat.postMessage"),
        Fault::RateLimited { retry_after: 30 },
        1,
    );
    bench.card(&incident(1));
    bench.pass(10.0).await;
    assert_eq!(bench.sim.calls().len(), 1);
    let stored = bench.log.iter().find_map(|delivered| match delivered {
        Delivered::NotBefore { key, until } => Some((key.clone(), *until)),
        _ => None,
    });
    assert_eq!(stored, Some(("chat.postMessage".to_owned(), at(30))));
    bench.kill().await;
    bench.not_before = stored.into_iter().collect();
    bench.can_search = false;
    bench.start();
    bench.card(&incident(1));
    bench.pass(19.0).await;
    assert_eq!(bench.sim.calls().len(), 1);
    bench.pass(2.0).await;
    assert_eq!(bench.top().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_waits_is_counted_from_the_moment_it_is_behind_whatever_is_tried_in_between() {
    let mut bench = Bench::new();
    let since = |count, second| Backlog {
        count,
        oldest: Some(at(second)),
    };
    bench.card(&incident(1));
    bench.pass(10.0).await;
    assert_eq!(bench.waiting(), Backlog::default());
    bench.sim.set_down(true);
    bench.card(&proposed(1, Severity::Major));
    bench.pass(60.0).await;
    // A newer projection does not make it younger, nor does what came later.
    bench.card(&proposed(1, Severity::Warning));
    bench.card(&incident(2));
    bench.pass(60.0).await;
    assert_eq!(bench.waiting(), since(2, 10));
    bench.sim.set_down(false);
    bench.pass(120.0).await;
    assert_eq!(bench.waiting(), Backlog::default());
    // Many that share a message are one that waits.
    bench.sim.set_down(true);
    for id in 11..=30 {
        bench.card(&incident(id));
    }
    bench.pass(60.0).await;
    assert_eq!(bench.waiting(), since(1, 250));
    bench.sim.set_down(false);
    bench.pass(120.0).await;
    assert_eq!(bench.waiting(), Backlog::default());
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_waited_out_with_few_calls_and_nothing_is_lost() {
    let mut bench = Bench::new();
    bench.sim.set_down(true);
    for id in 1..=5 {
        bench.card(&incident(id));
        bench.tell(id, id, new_cause("x"));
    }
    bench.pass(600.0).await;
    let calls = bench.sim.calls().len();
    assert!(calls < 80, "{calls}");
    let trouble = bench.trouble.as_ref().unwrap().borrow().clone();
    insta::assert_snapshot!(trouble.unwrap_or_default().split(" in ").last().unwrap_or_default(), @"C0OPS: it is unknown whether Slack did it: status 503");
    bench.sim.set_down(false);
    bench.pass(90.0).await;
    assert_eq!(bench.top().len(), 5);
    assert_eq!(bench.said().len(), 5);
    assert_eq!(*bench.trouble.as_ref().unwrap().borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn a_card_that_was_accepted_without_an_answer_is_found_again() {
    for fault in [Fault::AcceptThenHang, Fault::AcceptThenReset] {
        let mut bench = Bench::new();
        bench.sim.fail(Some("chat.postMessage"), fault, 1);
        bench.card(&incident(1));
        bench.pass(20.0).await;
        assert_eq!(bench.top().len(), 1);
        assert_eq!(bench.posted(1).unwrap().ts, bench.top()[0].ts);
        assert_eq!(bench.calls("conversations.history"), 1);
        assert_eq!(bench.count("slack_posts_found", "card"), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn without_the_right_to_look_it_is_posted_again_and_counted() {
    let mut bench = Bench::with(|options| options.scopes = vec!["chat:write".into()]);
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::AcceptThenHang, 1);
    bench.card(&incident(1));
    bench.pass(20.0).await;
    assert_eq!(bench.top().len(), 2);
    assert_eq!(bench.posted(1).unwrap().ts, bench.top()[1].ts);
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::AcceptThenHang, 1);
    bench.card(&incident(2));
    bench.pass(20.0).await;
    assert_eq!(bench.calls("conversations.history"), 1);
    assert_eq!(bench.count("slack_posts_repeated", ""), 1);
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_posting_and_storing_posts_no_second_card() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.card(&incident(2));
    bench.pass(5.0).await;
    bench.kill().await;
    bench.start();
    // The engine never heard of either.
    bench.card(&incident(1));
    bench.card(&incident(2));
    bench.card(&incident(3));
    bench.pass(5.0).await;
    assert_eq!(bench.top().len(), 3);
    assert_eq!(bench.calls("conversations.history"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_layout_that_slack_refuses_is_shown_as_text() {
    let mut bench = Bench::new();
    let refusal = || Fault::Error("invalid_blocks".into());
    bench.sim.fail(Some("chat.postMessage"), refusal(), 1);
    bench.card(&incident(1));
    bench.pass(3.0).await;
    let top = bench.top();
    assert_eq!(top.len(), 1);
    assert!(top[0].blocks.is_empty());
    assert!(
        top[0]
            .text
            .ends_with("(shown as text: Slack refused the layout)")
    );
    assert!(top[0].text.contains("app-1"));
    assert_eq!(bench.count("slack_refused", "layout"), 1);
    // The next projection tries its layout again.
    let mut newer = incident(1);
    newer.latest.message = "other".into();
    newer.signals = 9;
    newer.family = crate::domain::family::Family::Oom;
    bench.card(&newer);
    bench.pass(5.0).await;
    assert!(!bench.top()[0].blocks.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_channel_without_the_bot_is_tried_every_minute_and_said_to_be_wrong() {
    let mut bench = Bench::with(|options| {
        options.channels = vec![Channel {
            app_is_member: false,
            ..Channel::new(CHANNEL, "ops")
        }];
    });
    bench.card(&incident(1));
    bench.pass(130.0).await;
    assert_eq!(bench.calls("chat.postMessage"), 3);
    let trouble = bench.trouble.as_ref().unwrap().borrow().clone();
    insta::assert_snapshot!(trouble.unwrap_or_default(), @"chat.postMessage in C0OPS: Slack refused: not_in_channel");
}

#[tokio::test(start_paused = true)]
async fn one_call_that_hangs_does_not_hold_up_the_others() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.card(&incident(2));
    bench.pass(5.0).await;
    bench
        .sim
        .fail(Some("chat.update"), Fault::Hang(Duration::from_secs(60)), 1);
    for id in [1, 2] {
        bench.card(&proposed(id, crate::domain::diagnosis::Severity::Major));
    }
    bench.pass(1.0).await;
    let updated = bench.top().iter().filter(|card| card.updates == 1).count();
    assert_eq!(updated, 1);
    bench.pass(15.0).await;
    let updated = bench.top().iter().filter(|card| card.updates == 1).count();
    assert_eq!(updated, 2);
}

#[tokio::test(start_paused = true)]
async fn losing_the_channel_does_not_lose_the_right_to_look() {
    let mut bench = Bench::new();
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::AcceptThenHang, 1);
    let gone = Fault::Error("not_in_channel".into());
    bench.sim.fail(Some("conversations.history"), gone, 1);
    bench.card(&incident(1));
    bench.pass(90.0).await;
    assert_eq!(bench.top().len(), 1);
    assert_eq!(bench.calls("conversations.history"), 2);
}
