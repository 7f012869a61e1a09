//! What is said in threads: after the card, in order, once.
use super::bench::*;
use crate::domain::incident::IncidentId;
use crate::ports::Delivered;
use crate::sim::slack::Fault;

fn texts(bench: &Bench) -> Vec<String> {
    let ts = bench.posted(1).unwrap().ts;
    bench
        .replies(&ts)
        .into_iter()
        .map(|reply| reply.text)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn thread_messages_wait_for_the_card_and_keep_their_order() {
    let mut bench = Bench::new();
    for n in 0..8 {
        bench.tell(1, 10 + n, new_cause(&format!("cause {n}.")));
    }
    bench.pass(2.0).await;
    assert_eq!(bench.sim.calls().len(), 0);
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::Status(500), 3);
    bench.card(&incident(1));
    bench.pass(40.0).await;
    let texts = texts(&bench);
    assert_eq!(texts.len(), 8);
    for (n, text) in texts.iter().enumerate() {
        assert!(text.contains(&format!("ause {n}")), "{text}");
    }
    assert_eq!(bench.said(), (10..18).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn progress_is_one_message_that_is_brought_up_to_date() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    for n in 0..10 {
        bench.tell(1, n, progress(&format!("step {n}")));
        bench.pass(1.0).await;
    }
    bench.pass(4.0).await;
    let replies = bench.replies(&bench.posted(1).unwrap().ts);
    assert_eq!(replies.len(), 1);
    assert!(replies[0].text.contains("tep 9"), "{}", replies[0].text);
    assert!(bench.calls("chat.update") <= 4);
    assert_eq!(bench.said(), (0..10).collect::<Vec<_>>());
    // Also after a restart, with what the engine stored.
    let slot = bench
        .log
        .iter()
        .rev()
        .find_map(|delivered| match delivered {
            Delivered::Note { slot, .. } => slot.clone(),
            _ => None,
        });
    let (slot, ts) = slot.unwrap();
    bench.kill().await;
    bench.slots = vec![(IncidentId(1), slot, ts)];
    bench.start();
    bench.card_at(&incident(1), bench.posted(1));
    bench.tell(1, 11, progress("the end"));
    bench.pass(4.0).await;
    assert_eq!(bench.replies(&bench.posted(1).unwrap().ts).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_accepted_without_an_answer_is_not_said_twice() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.pass(1.0).await;
    bench
        .sim
        .fail(Some("chat.postMessage"), Fault::AcceptThenHang, 1);
    bench.tell(1, 7, new_cause("once"));
    bench.tell(1, 8, new_cause("after"));
    bench.pass(20.0).await;
    assert_eq!(texts(&bench).len(), 2);
    assert_eq!(bench.said(), [7, 8]);
}

#[tokio::test(start_paused = true)]
async fn a_kill_between_saying_and_storing_says_nothing_twice() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.pass(10.0).await;
    bench.tell(1, 7, new_cause("once"));
    bench.pass(1.0).await;
    bench.kill().await;
    bench.start();
    bench.card_at(&incident(1), bench.posted(1));
    bench.tell(1, 7, new_cause("once"));
    bench.tell(1, 8, new_cause("more"));
    bench.pass(5.0).await;
    assert_eq!(texts(&bench).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_slack_refuses_is_given_up_and_that_is_reported() {
    let mut bench = Bench::new();
    bench.card(&incident(1));
    bench.pass(1.0).await;
    let refusal = Fault::Error("no_text".into());
    bench.sim.fail(Some("chat.postMessage"), refusal, 1);
    bench.tell(1, 7, new_cause("one"));
    bench.tell(1, 8, new_cause("two"));
    bench.pass(5.0).await;
    let lost = bench.log.iter().find_map(|delivered| match delivered {
        Delivered::Lost { effect, why } => Some((*effect, why.clone())),
        _ => None,
    });
    assert_eq!(lost, Some((7, "Slack refused: no_text".to_owned())));
    assert_eq!(bench.said(), [8]);
}
