//! People who belong here, and people who do not.
use super::bench::*;
use crate::domain::incident::{ClickKind, ClickReply, DismissReason};
use crate::ports::ChatJob;
use jiff::SignedDuration;
use serde_json::json;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn a_click_reaches_the_engine_with_who_and_where() {
    let bench = Bench::new();
    let ts = bench.card().await;
    let answer = bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "approve")
        .await
        .unwrap();
    assert!(answer.is_ok() && answer.body.is_empty());
    bench.settle().await;
    let pressed = bench.memo.pressed.lock().unwrap();
    assert_eq!(pressed.len(), 1);
    assert_eq!(pressed[0].click.token, "token");
    assert_eq!(pressed[0].click.kind, ClickKind::Approve);
    assert_eq!(pressed[0].click.by.groups, ["S1"]);
    assert_eq!(pressed[0].message, (CHANNEL.to_owned(), ts));
    assert!(bench.heard("U0ALICE").is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_refused_click_is_told_to_the_one_who_clicked() {
    let bench = Bench::new();
    let ts = bench.card().await;
    *bench.memo.reply.lock().unwrap() = Some(ClickReply::Refused("It is decided already.".into()));
    bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "approve")
        .await
        .unwrap();
    bench.settle().await;
    let heard = bench.heard("U0ALICE");
    assert_eq!(heard.len(), 1);
    assert!(heard[0].contains("It is decided already."), "{}", heard[0]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_engine_is_answered_for_in_time_and_the_click_counts() {
    let bench = Bench::new();
    let ts = bench.card().await;
    *bench.memo.takes.lock().unwrap() = Duration::from_secs(8);
    let answer = bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "approve")
        .await
        .unwrap();
    assert!(answer.is_ok());
    assert_eq!(answer.took, Duration::from_millis(2_500));
    assert!(bench.memo.pressed.lock().unwrap().is_empty());
    bench.settle().await;
    assert_eq!(bench.memo.pressed.lock().unwrap().len(), 1);
    insta::assert_snapshot!(bench.heard("U0ALICE").join("\n"), @"That took longer than usual, but your click counts: the card and its thread show how it goes.");
    // A command's answer comes late, too, but it comes.
    *bench.memo.report.lock().unwrap() = Some(paused());
    let answer = bench
        .sim
        .command("U0ALICE", CHANNEL, "/heal", "pause freeze")
        .await
        .unwrap();
    assert!(answer.is_ok() && answer.body.is_empty());
    tokio::time::sleep(Duration::from_secs(10)).await;
    let messages = bench.sim.messages(CHANNEL);
    assert!(messages.last().unwrap().text.contains("Actions are paused"));
}

#[tokio::test(start_paused = true)]
async fn dismissing_asks_why_and_the_answer_reaches_the_engine() {
    let bench = Bench::new();
    let ts = bench.card().await;
    bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "dismiss")
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let views = bench.sim.views("U0ALICE");
    assert_eq!(target(&views[0].view).ts, ts);
    let values = json!({"reason": {"reason": "by_hand"}, "comment": {"comment": "on it"}});
    let answer = bench
        .sim
        .submit_view("U0ALICE", &views[0].id, values)
        .await
        .unwrap();
    assert!(answer.is_ok() && answer.body.is_empty());
    assert!(bench.sim.views("U0ALICE").is_empty());
    bench.settle().await;
    let pressed = bench.memo.pressed.lock().unwrap();
    let kind = ClickKind::Dismiss {
        reason: DismissReason::ByHand,
        comment: "on it".into(),
    };
    assert_eq!(pressed[0].click.kind, kind);
    assert_eq!(pressed[0].message, (CHANNEL.to_owned(), ts));
}

#[tokio::test(start_paused = true)]
async fn a_dialog_that_does_not_open_is_explained() {
    let bench = Bench::new();
    let ts = bench.card().await;
    let fault = crate::sim::slack::Fault::Error("expired_trigger_id".into());
    bench.sim.fail(Some("views.open"), fault, 1);
    bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "dismiss")
        .await
        .unwrap();
    bench.settle().await;
    insta::assert_snapshot!(bench.heard("U0ALICE").join("\n"), @"Slack did not open the dialog. Nothing was changed; press the button again.");
}

#[tokio::test(start_paused = true)]
async fn the_menu_silences_and_checks_again_and_ignores_what_it_does_not_know() {
    let bench = Bench::new();
    let ts = bench.card().await;
    for option in [
        "silence_4h|token",
        "check_again|token",
        "nonsense|token",
        "details|token",
    ] {
        let answer = bench
            .sim
            .select("U0ALICE", CHANNEL, &ts, "more", option)
            .await;
        assert!(answer.unwrap().is_ok());
    }
    assert!(
        bench
            .sim
            .click("U0ALICE", CHANNEL, &ts, "link")
            .await
            .unwrap()
            .is_ok()
    );
    bench.settle().await;
    let silenced = bench.memo.silenced.lock().unwrap().clone();
    assert_eq!(
        silenced,
        [("token".to_owned(), SignedDuration::from_hours(4))]
    );
    let pressed = bench.memo.pressed.lock().unwrap();
    assert_eq!(pressed.len(), 1);
    assert_eq!(pressed[0].click.kind, ClickKind::CheckAgain);
    // Both reports were refusals here: two whispers.
    assert_eq!(bench.heard("U0ALICE").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn commands_are_answered_in_the_request_and_only_news_for_all_are_shown_to_all() {
    let mut bench = Bench::new();
    let run = async |text: &str| {
        bench
            .sim
            .command("U0ALICE", CHANNEL, "/heal", text)
            .await
            .unwrap()
    };
    for (text, everybody) in [
        ("status", false),
        ("help", false),
        ("silence", false),
        ("pause freeze", true),
    ] {
        *bench.memo.report.lock().unwrap() = everybody.then(paused);
        let answer = run(text).await;
        let kind = if everybody { "in_channel" } else { "ephemeral" };
        assert_eq!(answer.json()["response_type"], kind, "{text}");
        assert!(
            answer.json()["text"]
                .as_str()
                .is_some_and(|text| !text.is_empty())
        );
    }
    assert_eq!(bench.memo.commands.lock().unwrap().len(), 2);
    assert!(bench.chat.try_recv().is_err());
    let incident = crate::slack::send::tests::bench::incident(7);
    *bench.memo.report.lock().unwrap() = Some(crate::domain::report::Report::Incident(
        Box::new(incident),
        None,
    ));
    bench
        .sim
        .command("U0ALICE", CHANNEL, "/heal", "show H7")
        .await
        .unwrap();
    assert!(matches!(bench.chat.try_recv(), Ok(ChatJob::Open(id)) if id.0 == 7));
}

#[tokio::test(start_paused = true)]
async fn outsiders_are_told_why_and_written_down_and_never_reach_the_engine() {
    let bench = Bench::new();
    let ts = bench.card().await;
    for user in ["U0GUEST", "U0ALIEN"] {
        let answer = bench
            .sim
            .click(user, CHANNEL, &ts, "approve")
            .await
            .unwrap();
        assert!(answer.is_ok(), "{user}");
    }
    let command = bench
        .sim
        .command("U0GUEST", CHANNEL, "/heal", "pause")
        .await
        .unwrap();
    assert_eq!(command.json()["response_type"], "ephemeral");
    bench.settle().await;
    assert!(bench.memo.pressed.lock().unwrap().is_empty());
    assert!(bench.memo.commands.lock().unwrap().is_empty());
    assert!(bench.heard("U0GUEST")[0].contains("Guests cannot decide"));
    assert!(bench.heard("U0ALIEN")[0].contains("Only members of this workspace"));
    assert_eq!(bench.refusals("outsider"), 3);
    assert_eq!(
        bench.audited()[0],
        ("U0GUEST".to_owned(), "refused.outsider".to_owned())
    );
}

#[tokio::test(start_paused = true)]
async fn another_app_or_workspace_is_refused_before_anything_else() {
    for (change, reason) in [
        (
            (|o: &mut crate::sim::slack::SlackSimOptions| o.app_id = "A0OTHER".into())
                as fn(&mut _),
            "other_app",
        ),
        (
            |o: &mut crate::sim::slack::SlackSimOptions| o.team_id = "T0OTHER".into(),
            "other_team",
        ),
    ] {
        let bench = Bench::with(change);
        let ts = bench.card().await;
        let answer = bench
            .sim
            .click("U0ALICE", CHANNEL, &ts, "approve")
            .await
            .unwrap();
        assert!(answer.is_ok());
        bench.settle().await;
        assert_eq!(bench.refusals(reason), 1);
        assert_eq!(
            bench.audited(),
            [("U0ALICE".to_owned(), format!("refused.{reason}"))]
        );
        assert!(bench.memo.pressed.lock().unwrap().is_empty());
        assert!(bench.memo.seen.lock().unwrap().is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_replayed_request_is_answered_and_does_nothing() {
    let bench = Bench::new();
    let ts = bench.card().await;
    bench
        .sim
        .click("U0ALICE", CHANNEL, &ts, "approve")
        .await
        .unwrap();
    let again = bench.sim.send(bench.sim.last_request().unwrap()).await;
    assert!(again.is_ok() && again.body.is_empty());
    bench.settle().await;
    assert_eq!(bench.memo.pressed.lock().unwrap().len(), 1);
    assert_eq!(bench.refusals("replay"), 1);
    assert_eq!(bench.audited()[0].1, "refused.replay");
}
