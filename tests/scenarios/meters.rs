//! What Heal says of its own work: every number on `/metrics` comes from something that happened, every line of the log about an
//! incident names it.
use crate::support::{
    meters::Log,
    people::Person::{Ivan, Olivia},
    shop::{app, limited},
    stories::CRASHES,
    story::says,
    world::{WORKS, World},
};
use heal::{sim::slack::Fault, store::audit_head};

const BY_ITSELF: &str = r#"heal_verdicts_total{verdict="recovered_by_itself",action="none"}"#;

#[tokio::test(start_paused = true)]
async fn an_incident_that_ends_without_a_change_has_its_verdict_on_the_metrics_too() {
    let world = World::start().await;
    let card = world.breaks_by_a_setting("checkout").await;
    assert_eq!(world.figure(BY_ITSELF).await, None);
    world.sets("good");
    world
        .card_says(&card, "It cleared without a change by Heal")
        .await;
    assert_eq!(world.figure(BY_ITSELF).await, Some(1.0));
    let other = world.breaks("billing").await;
    world.kube.delete("Deployment", "shop", "billing");
    world.card_says(&other, "no longer exists").await;
    let gone = r#"heal_verdicts_total{verdict="target_gone",action="none"}"#;
    assert_eq!(world.figure(gone).await, Some(1.0));
}

#[tokio::test(start_paused = true)]
async fn a_card_that_slack_does_not_take_is_counted_as_waiting_and_grows_old() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    // Who she is was asked while Slack could answer.
    Olivia.types(&world, "status").await;
    assert_eq!(world.figure("heal_outbox_depth").await, Some(0.0));
    world.slack.set_down(true);
    world.rolls_out("checkout", 2, CRASHES);
    world.figure_becomes("heal_outbox_depth", 1.0).await;
    let young = world.figure("heal_outbox_age_seconds").await.unwrap();
    assert!(young < 5.0, "{young}");
    world.passes(120).await;
    assert_eq!(world.figure("heal_outbox_depth").await, Some(1.0));
    let old = world.figure("heal_outbox_age_seconds").await.unwrap();
    assert!((young + 119.0..young + 121.0).contains(&old), "{old}");
    let status = Olivia.types(&world, "status").await;
    assert!(
        status.contains("Waiting to be sent to Slack: 1 message, the oldest for 2 min"),
        "{status}"
    );
    world.slack.set_down(false);
    world.offer("checkout").await;
    world.figure_becomes("heal_outbox_depth", 0.0).await;
    assert_eq!(world.figure("heal_outbox_age_seconds").await, Some(0.0));
    let status = Olivia.types(&world, "status").await;
    assert!(!status.contains("Waiting to be sent"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn a_card_that_waits_is_as_old_after_a_restart_as_before() {
    let mut world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.slack.set_down(true);
    world.rolls_out("checkout", 2, CRASHES);
    world.figure_becomes("heal_outbox_depth", 1.0).await;
    world.passes(600).await;
    world.restart().await;
    world.figure_becomes("heal_outbox_depth", 1.0).await;
    let old = world.figure("heal_outbox_age_seconds").await.unwrap();
    assert!((600.0..640.0).contains(&old), "{old}");
    world.slack.set_down(false);
    world.offer("checkout").await;
    world.figure_becomes("heal_outbox_depth", 0.0).await;
    assert_eq!(world.figure("heal_outbox_age_seconds").await, Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn many_cards_that_wait_are_as_old_after_a_restart_as_before() {
    let mut world = World::start().await;
    for number in 0..8 {
        world.runs(&format!("app-{number}"), 1, WORKS).await;
    }
    world.slack.set_down(true);
    world.rolls_out("app-0", 1, CRASHES);
    world.figure_becomes("heal_outbox_depth", 1.0).await;
    world.passes(600).await;
    for number in 1..8 {
        world.rolls_out(&format!("app-{number}"), 1, CRASHES);
    }
    world.passes(60).await;
    for _ in 0..2 {
        let old = world.figure("heal_outbox_age_seconds").await.unwrap();
        assert!((660.0..700.0).contains(&old), "{old}");
        world.restart().await;
        world.passes(5).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_card_that_slack_does_not_bring_up_to_date_waits_with_the_messages_of_its_thread() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.types(&world, "status").await;
    world.slack.set_down(true);
    Olivia.presses(&world, &card, "approve").await;
    // The card, and that it was approved.
    world.passes(2).await;
    assert!(world.figure("heal_outbox_depth").await >= Some(2.0));
    world.slack.set_down(false);
    world.thread_says(&card, "Recovered").await;
    world.figure_becomes("heal_outbox_depth", 0.0).await;
}

#[tokio::test(start_paused = true)]
async fn after_a_day_at_work_every_figure_is_there_and_right() {
    let world = World::start().await;
    // One is approved and recovers, after somebody tried who may not.
    let card = world.breaks("checkout").await;
    Ivan.presses(&world, &card, "approve").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    // One is dismissed.
    let card = world.breaks("billing").await;
    Olivia.dismisses(&world, &card, "by_hand", "").await;
    world.card_says(&card, "Dismissed").await;
    // One is silenced.
    world.runs("search", 2, WORKS).await;
    Olivia.types(&world, "silence shop/search 4h").await;
    world.rolls_out("search", 2, CRASHES);
    world.passes(120).await;
    // One is foreseen.
    world
        .runs_well(app("cart", 1, limited(WORKS, "256Mi")))
        .await;
    world.foresees(&world.outlook("cart", 110)).await;
    let card = world.card("cart", "will be OOM-killed").await;
    says(&card, &["cart"]);
    world.passes(60).await;
    let named = [
        "heal_decisions",
        "heal_executions",
        "heal_incidents",
        "heal_open_incidents",
        "heal_outbox",
        "heal_signal_to_slack",
        "heal_suppressed",
        "heal_verdicts",
    ];
    insta::assert_snapshot!(world.figures(&named).await, @r#"
    heal_decisions_total{decision="approved",action="RolloutUndo"} 1
    heal_decisions_total{decision="dismissed",action="RolloutUndo"} 1
    heal_decisions_total{decision="refused",action="RolloutUndo"} 1
    heal_executions_total{action="RolloutUndo",outcome="applied"} 1
    heal_incidents_total{family="crash"} 3
    heal_incidents_total{family="forecast"} 1
    heal_open_incidents 3
    heal_outbox_age_seconds 0.0
    heal_outbox_depth 0
    heal_signal_to_slack_seconds_count 3
    heal_suppressed_total{reason="incidents kept quiet by a silence"} 1
    heal_verdicts_total{verdict="recovered",action="RolloutUndo"} 1
    "#);
    let at_least = [
        (r#"heal_signals_total{family="crash"}"#, 3.0),
        ("heal_click_ack_seconds_count", 5.0),
        ("heal_commit_seconds_count", 10.0),
        ("heal_inspect_seconds_count", 4.0),
    ];
    for (sample, least) in at_least {
        let value = world.figure(sample).await;
        assert!(value >= Some(least), "{sample}: {value:?}");
    }
    for kind in ["pods", "deployments", "nodes", "events"] {
        let age = format!("heal_watch_age_seconds{{kind=\"{kind}\"}}");
        let age = world.figure(&age).await.unwrap();
        // After 240 s without a word a watch is started over.
        assert!((0.0..240.0).contains(&age), "{kind}: {age}");
    }
    let head = world.store.read(audit_head).unwrap().unwrap();
    assert_eq!(world.figure("heal_audit_rows").await, Some(head.seq as f64));
}

#[tokio::test(start_paused = true)]
async fn whatever_the_log_says_about_an_incident_names_it() {
    let log = Log::begins();
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let about = |message: &str| {
        let lines = log.lines(message);
        assert!(!lines.is_empty(), "nothing was said: {message}");
        for line in lines {
            assert_eq!(line["incident"], "H1", "{message}: {line}");
        }
    };
    about("incident.diagnosed");
    // Who they are was asked while Slack could answer.
    Ivan.types(&world, "status").await;
    Olivia.types(&world, "status").await;
    // Slack takes no update, no note and no word to the one who pressed.
    world.slack.set_down(true);
    Ivan.presses(&world, &card, "approve").await;
    world.kube.set_down(true);
    Olivia.presses(&world, &card, "approve").await;
    world.passes(300).await;
    about("slack.send.failed");
    about("slack.whisper.failed");
    about("execution.not_done");
    about("cluster.read.failed");
    world.kube.set_down(false);
    world.slack.set_down(false);
    // And it refuses one for good.
    world
        .slack
        .fail(Some("chat.update"), Fault::Error("msg_too_long".into()), 1);
    let say = || (!log.lines("slack.send.refused").is_empty()).then_some(());
    world.until("the refusal in the log", say).await;
    about("slack.send.refused");
}

#[tokio::test(start_paused = true)]
async fn the_log_names_the_end_of_the_audit_log_so_that_rows_cut_off_are_missed() {
    let log = Log::begins();
    let mut world = World::start().await;
    world.breaks("checkout").await;
    world.stop().await;
    let head = world.store.read(audit_head).unwrap().unwrap();
    let last = log.lines("audit.head").pop().unwrap();
    assert_eq!(
        (&last["rows"], &last["hash"]),
        (&head.seq.into(), &head.hash.into())
    );
    let lines = log.lines("audit.head").len();
    world.boot().await;
    world.passes(1).await;
    let said = log.lines("audit.head");
    assert!(said.len() > lines, "said again at the start");
    assert_eq!(said[lines], last);
}
