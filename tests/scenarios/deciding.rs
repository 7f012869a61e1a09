//! Who decides what, and what a decision does: at most once, by the right people, on the world as it is.
use crate::support::{
    people::Person::{Grace, Guest, Ivan, Olivia, Omar, Robot, Stranger},
    shop::app,
    stories::{CRASHES, Can},
    world::{NAMESPACE, Setup, WORKS, World},
};
use heal::domain::waits::Waits;
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn an_approval_runs_the_fix_and_the_card_says_who_approved() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world
        .thread_says(&card, "<@U0OLIVIA> approved “Roll back to revision 1”")
        .await;
    let card = world.card_says(&card, "Recovered in").await;
    assert!(
        card.words().contains("approved by <@U0OLIVIA>"),
        "{}",
        card.words()
    );
    assert_eq!(world.changes(), 1);
    let (who, what) = world.audited("decision.approved");
    assert_eq!(who, "U0OLIVIA");
    assert_eq!(
        what["action"],
        "kubectl rollout undo deployment/checkout -n shop --to-revision=1"
    );
}

#[tokio::test(start_paused = true)]
async fn the_record_has_what_was_to_change_and_what_the_cluster_says_did() {
    let world = World::start().await;
    world.runs_well(app("checkout", 2, json!({}))).await;
    world.applies(app("checkout", 2, json!({"image": "busybox:1.63"})));
    let card = world.offer("checkout").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    let change = json!(["containers[app].image: busybox:1.63 → busybox:1.36"]);
    let approved = world.audited("decision.approved").1;
    assert_eq!(approved["before"], change);
    assert_eq!(approved["generation"], 2);
    let result = world.audited("execution.result").1["result"].clone();
    assert_eq!(result["after"], change);
    assert_eq!(result["generation"], 3);
    assert_eq!(world.generation("checkout"), 3);
}

#[tokio::test(start_paused = true)]
async fn a_dismissal_is_shown_with_its_reason_and_changes_nothing() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia
        .dismisses(
            &world,
            &card,
            "by_hand",
            "the new version is *needed*, we set the URL",
        )
        .await;
    let now = world.card_says(&card, "Dismissed").await;
    assert!(now.words().contains("by <@U0OLIVIA>"), "{}", now.words());
    assert!(now.words().contains("handled by hand"), "{}", now.words());
    assert!(
        now.words().contains("the new version is"),
        "{}",
        now.words()
    );
    assert!(!now.can("approve"));
    world
        .thread_says(&card, "dismissed the fix: handled by hand")
        .await;
    let (who, what) = world.audited("decision.dismissed");
    assert_eq!(
        (who.as_str(), what["reason"].as_str()),
        ("U0OLIVIA", Some("by_hand"))
    );
    Omar.presses_as_seen(&world, &card, "approve").await;
    Omar.is_told(&world, "already dismissed by <@U0OLIVIA>")
        .await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn an_offer_runs_out_and_check_again_makes_a_new_one() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.passes(3601).await;
    let expired = world.card_says(&card, "Nobody decided in time").await;
    assert!(!expired.can("approve"));
    world.thread_says(&card, "Nobody decided in time").await;
    Olivia.presses_as_seen(&world, &card, "approve").await;
    Olivia.is_told(&world, "This offer has expired").await;
    assert_eq!(world.audit("decision.expired").len(), 1);
    Olivia.presses(&world, &expired, "check_again").await;
    let renewed = world.newer_offer(&card).await;
    Olivia.approves(&world, &renewed).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn where_two_have_to_approve_one_person_is_not_enough_however_often_they_click() {
    let world = World::with(Setup {
        approvals: 2,
        ..Setup::default()
    })
    .await;
    let card = world.breaks("checkout").await;
    assert!(card.words().contains("Needs 2 people"), "{}", card.words());
    Olivia.presses(&world, &card, "approve").await;
    Olivia
        .is_told(&world, "One more person has to approve")
        .await;
    let half = world.card_says(&card, "1 of 2 approvals").await;
    world
        .thread_says(&card, "<@U0OLIVIA> approved. It needs 2 people")
        .await;
    Olivia.presses(&world, &half, "approve").await;
    Olivia
        .is_told(&world, "You have approved this already")
        .await;
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
    Omar.approves(&world, &half).await;
    world
        .thread_says(&card, "<@U0OLIVIA> and <@U0OMAR> approved")
        .await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn those_who_may_not_are_told_why_and_it_is_on_record() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    for (person, reason) in [
        (
            Ivan,
            "You may not approve RolloutUndo in namespace shop. These may: <@U0OLIVIA>",
        ),
        (Guest, "Guests cannot decide on actions"),
        (Robot, "Apps cannot decide on actions"),
        (Stranger, "Only members of this workspace can decide"),
    ] {
        person.presses(&world, &card, "approve").await;
        person.is_told(&world, reason).await;
    }
    assert_eq!(world.audited("click.refused").0, "U0IVAN");
    let outsiders: Vec<String> = world
        .audit("refused.outsider")
        .into_iter()
        .map(|row| row.actor)
        .collect();
    assert_eq!(outsiders, ["U0GUEST", "U0ROBOT", "U0STRANGER"]);
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
    assert!(world.again(&card).can("approve"));
    // Nobody else sees who was refused.
    assert!(!world.everything_said().contains("U0IVAN"));
}

#[tokio::test(start_paused = true)]
async fn a_member_of_a_group_that_a_rule_names_may_approve_and_no_outsider_in_it() {
    let world = World::with(Setup {
        on_call: vec![Grace, Guest, Robot, Stranger],
        ..Setup::default()
    })
    .await;
    let card = world.breaks("checkout").await;
    for person in [Ivan, Guest, Robot, Stranger] {
        person.presses(&world, &card, "approve").await;
    }
    Ivan.is_told(&world, "<!subteam^S0ONCALL>").await;
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
    assert!(world.audit("decision.approved").is_empty());
    Grace.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.audited("decision.approved").0, "U0GRACE");
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn clicks_of_another_workspace_or_app_are_refused_and_on_record() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    for (field, word) in [
        ("/team/id", "refused.other_team"),
        ("/api_app_id", "refused.other_app"),
    ] {
        let mut payload = Olivia.payload(&card, "approve");
        *payload.pointer_mut(field).unwrap() = "X0OTHER".into();
        let answer = world.slack.send(world.signed_click(&payload)).await;
        assert!(answer.is_ok(), "{answer:?}");
        Olivia
            .is_told(&world, "This comes from another workspace or app")
            .await;
        assert_eq!(world.audited(word).0, "U0OLIVIA");
    }
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
    assert!(world.again(&card).can("approve"));
}

#[tokio::test(start_paused = true)]
async fn two_people_click_at_once_and_it_runs_once() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    tokio::join!(
        Olivia.presses(&world, &card, "approve"),
        Omar.presses(&world, &card, "approve"),
        Olivia.presses(&world, &card, "approve"),
    );
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
    assert_eq!(world.audit("decision.approved").len(), 1);
    assert_eq!(world.audit("click.refused").len(), 2);
    let told = format!("{}{}", Olivia.was_told(&world), Omar.was_told(&world));
    assert!(told.contains("This was already approved by"), "{told}");
    assert_eq!(world.says(&card, " approved “"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_click_after_the_decision_is_answered_with_who_decided() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    Omar.presses_as_seen(&world, &card, "approve").await;
    Omar.is_told(&world, "This was already approved by <@U0OLIVIA>")
        .await;
    world.card_says(&card, "Recovered").await;
    Ivan.presses_as_seen(&world, &card, "approve").await;
    Ivan.is_told(&world, "This was already approved by <@U0OLIVIA>")
        .await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_annotation_or_a_scaling_by_somebody_else_does_not_void_an_approval() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let generation = world.generation("checkout");
    world
        .annotates("checkout", "shop.example/reviewed-by", "ivan")
        .await;
    world.rolls_out("checkout", 3, CRASHES);
    assert_eq!(world.generation("checkout"), generation + 2);
    Olivia.presses(&world, &card, "approve").await;
    world.thread_says(&card, "Recovered").await;
    // The undo, and nothing else. (A try that met the scaling half-way was refused, and does not count.)
    assert_eq!(world.generation("checkout"), generation + 3);
    let now = world.kube.get("Deployment", NAMESPACE, "checkout").unwrap();
    assert_eq!(now["spec"]["replicas"], 3);
    assert_eq!(
        now["metadata"]["annotations"]["shop.example/reviewed-by"],
        "ivan"
    );
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_somebody_changed_since_is_left_alone_and_diagnosed_again() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.rolls_out("checkout", 2, "echo 'FATAL: DB_URL is not set' >&2; exit 1");
    Olivia.presses(&world, &card, "approve").await;
    let said = world.thread_says(&card, "Not done").await.words();
    assert!(
        said.contains("it was changed since the diagnosis"),
        "{said}"
    );
    assert_eq!(world.changes(), 0);
    let fresh = world.newer_offer(&card).await;
    Olivia.approves(&world, &fresh).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_has_healed_before_the_fix_runs_is_left_alone() {
    let world = World::start().await;
    let card = world.breaks_by_a_setting("checkout").await;
    world.sets("good");
    world.is_available("checkout").await;
    world.passes(30).await;
    Olivia.presses_as_seen(&world, &card, "approve").await;
    let said = world.thread_says(&card, "Not done").await.words();
    assert!(
        said.to_lowercase().contains("it is not broken any more"),
        "{said}"
    );
    world
        .card_says(&card, "It cleared without a change by Heal")
        .await;
    assert_eq!(world.changes(), 0);
    assert_eq!(world.learnt(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn while_actions_are_paused_nothing_can_be_approved_and_the_cards_say_so() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    let answer = Olivia.types(&world, "pause deploy freeze").await;
    assert!(answer.contains("Actions are paused"), "{answer}");
    assert!(answer.contains("deploy freeze"), "{answer}");
    let paused = world.card_offers(&card, false).await;
    assert!(
        paused
            .words()
            .contains("*Actions are paused* by <@U0OLIVIA>"),
        "{}",
        paused.words()
    );
    Omar.presses_as_seen(&world, &card, "approve").await;
    Omar.is_told(&world, "Actions are paused by <@U0OLIVIA>")
        .await;
    assert!(Omar.types(&world, "status").await.contains("deploy freeze"));
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
    Omar.types(&world, "resume").await;
    let resumed = world.card_offers(&card, true).await;
    assert!(!resumed.words().contains("paused"), "{}", resumed.words());
    Omar.approves(&world, &resumed).await;
    world.thread_says(&card, "Recovered").await;
    assert_eq!(world.audited("actions.paused").0, "U0OLIVIA");
    assert_eq!(world.audited("actions.resumed").0, "U0OMAR");
}

#[tokio::test(start_paused = true)]
async fn one_object_is_not_changed_twice_within_ten_minutes() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world.card_says(&card, "Recovered").await;
    let second = world.breaks_again("checkout").await;
    Olivia.presses(&world, &second, "approve").await;
    Olivia
        .is_told(
            &world,
            "Heal waits 10 min between two changes of one object",
        )
        .await;
    assert_eq!(world.changes(), 1);
    world.passes(600).await;
    let second = world.again(&second);
    Olivia.approves(&world, &second).await;
    world.thread_says(&second, "Recovered").await;
    assert_eq!(world.changes(), 2);
}

#[tokio::test(start_paused = true)]
async fn one_object_is_not_changed_more_than_three_times_a_day() {
    let waits = Waits {
        target_pause: SignedDuration::ZERO,
        ..Waits::default()
    };
    let world = World::with(Setup {
        waits,
        ..Setup::default()
    })
    .await;
    world.runs("checkout", 2, WORKS).await;
    for _ in 0..3 {
        let card = world.breaks_again("checkout").await;
        Olivia.approves(&world, &card).await;
        world.card_says(&card, "Recovered").await;
    }
    let fourth = world.breaks_again("checkout").await;
    Olivia.presses(&world, &fourth, "approve").await;
    Olivia
        .is_told(&world, "was changed 3 times in 24 h, which is the limit")
        .await;
    world.passes(60).await;
    assert_eq!(world.changes(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_button_of_an_offer_that_was_replaced_does_nothing() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.chooses(&world, &card, "check_again").await;
    world.newer_offer(&card).await;
    Olivia.presses_as_seen(&world, &card, "approve").await;
    Olivia
        .is_told(&world, "This offer was replaced by a newer one")
        .await;
    world.passes(60).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_heal_never_made_is_refused_and_on_record() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    for value in ["H1.1.guessed", "", "H99.1.0", "../etc"] {
        let mut payload = Olivia.payload(&card, "approve");
        payload["actions"][0]["value"] = value.into();
        world.slack.send(world.signed_click(&payload)).await;
    }
    Olivia.is_told(&world, "Heal does not know this card").await;
    assert_eq!(world.audit("click.refused").len(), 4);
    assert_eq!(world.changes(), 0);
}
