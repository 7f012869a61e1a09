//! What Heal says about its own work: only what it has seen on the cluster, and only that is learnt.
use crate::support::{
    people::Person::Olivia,
    stories::{Can, by_mode},
    world::{NAMESPACE, Setup, World},
};
use heal::{
    domain::{
        action::Action,
        incident::{IncidentId, Lesson},
        memory::Memory,
        object::ObjectRef,
        waits::Waits,
    },
    sim::slack::Message,
    store::Batch,
};
use jiff::SignedDuration;
use std::sync::Arc;

/// A world in which one object may be changed again at once.
async fn hasty() -> World {
    let waits = Waits {
        target_pause: SignedDuration::ZERO,
        ..Waits::default()
    };
    World::with(Setup {
        waits,
        ..Setup::default()
    })
    .await
}

/// A workload of two versions: the first works while the setting is good, the second always runs out of memory.
async fn runs_out_of_memory(world: &World, first_otherwise: &str) -> Message {
    world.sets("good");
    world.applies(by_mode("cache", first_otherwise));
    world.is_available("cache").await;
    world.passes(15).await;
    let mut second = by_mode("cache", "true");
    second["spec"]["template"]["spec"]["containers"][0]["command"][2] = "leak 8 40".into();
    world.applies(second);
    world.offer("cache").await
}

#[tokio::test(start_paused = true)]
async fn recovered_is_said_only_after_the_signal_stayed_clear_for_the_soak() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world
        .thread_says(&card, "Now it has to stay clear for 2 min")
        .await;
    world.is_available("checkout").await;
    let healthy = world.now();
    assert!(!world.everything_said().contains("Recovered"));
    world.thread_says(&card, "Recovered in").await;
    assert!(world.now().duration_since(healthy) >= SignedDuration::from_secs(115));
    assert_eq!(world.learnt(), (1, 0));
    assert_eq!(world.audited("execution.verdict").1["verdict"], "recovered");
}

#[tokio::test(start_paused = true)]
async fn a_fix_that_does_not_help_counts_as_a_failure_and_another_one_is_offered() {
    let world = hasty().await;
    let card = runs_out_of_memory(&world, "true").await;
    assert!(card.words().contains("128Mi"), "{}", card.words());
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "The fix did not help").await;
    assert_eq!(world.learnt(), (0, 1));
    let second = world.card_offers(&card, true).await;
    assert!(
        second.words().contains("Roll back to revision 1"),
        "{}",
        second.words()
    );
    Olivia.approves(&world, &second).await;
    let closed = world.card_says(&card, "Recovered").await;
    assert!(closed.words().contains("Before that"), "{}", closed.words());
    assert_eq!(world.learnt(), (1, 1));
    assert_eq!(world.changes(), 2);
}

#[tokio::test(start_paused = true)]
async fn of_two_fixes_the_one_that_failed_here_before_is_not_offered_first() {
    let mut world = hasty().await;
    world.stop().await;
    let target = ObjectRef::new("Deployment", NAMESPACE, "cache", "of-last-year");
    let failed = |number: u8| {
        let lesson = Lesson {
            signature: "oom.container".into(),
            action: Action::SetMemoryLimit {
                target: target.clone(),
                container: "app".into(),
                from: 64 << 20,
                to: 128 << 20,
                request: None,
            },
            success: false,
            execution: format!("earlier-{number}"),
        };
        (IncidentId(0), Memory::workload("test", &target), lesson)
    };
    let batch = Batch {
        lessons: (1..=3).map(failed).collect(),
        ..Batch::default()
    };
    world.store.commit(Arc::new(batch)).await.unwrap();
    world.boot().await;
    assert_eq!(world.learnt(), (0, 3));
    // Without that, the raise comes first: see the story above.
    let card = runs_out_of_memory(&world, "true").await;
    let words = card.words();
    assert!(words.contains("Roll back to revision 1"), "{words}");
    assert!(!words.contains("128Mi"), "{words}");
}

#[tokio::test(start_paused = true)]
async fn after_two_fixes_that_did_not_help_a_person_is_asked() {
    let world = hasty().await;
    let card = runs_out_of_memory(&world, "leak 8 40").await;
    world.sets("bad");
    Olivia.approves(&world, &card).await;
    let second = world.newer_offer(&card).await;
    world.is_down("cache").await;
    Olivia.approves(&world, &second).await;
    let last = world.card_says(&card, "This needs a person").await;
    assert!(
        last.words().contains("Two fixes did not help"),
        "{}",
        last.words()
    );
    assert!(!last.can("approve"));
    world.passes(1800).await;
    assert!(!world.again(&card).can("approve"));
    assert_eq!(world.changes(), 2);
    assert_eq!(world.learnt(), (0, 2));
}

#[tokio::test(start_paused = true)]
async fn what_rbac_does_not_allow_is_not_done_and_the_card_says_why() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.kube.deny("patch", "deployments");
    Olivia.approves(&world, &card).await;
    let said = world.thread_says(&card, "Not done").await.words();
    assert!(said.contains("cannot patch"), "{said}");
    assert!(said.contains("Nothing was changed"), "{said}");
    let card = world.card_says(&card, "cannot patch").await;
    assert!(
        card.words()
            .contains("“Roll back to revision 1” was approved"),
        "{}",
        card.words()
    );
    assert!(
        !card.words().to_lowercase().contains("rolled back"),
        "{}",
        card.words()
    );
    assert_eq!(world.audited("execution.verdict").1["verdict"], "failed");
    assert_eq!(world.learnt(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_fix_that_makes_it_worse_is_offered_to_be_undone() {
    let world = hasty().await;
    world.sets("good");
    world.applies(by_mode("cache", "leak 100 40"));
    world.is_available("cache").await;
    world.passes(15).await;
    world.sets("bad");
    let pods = world.kube.list("Pod", Some(NAMESPACE));
    world.kube.delete(
        "Pod",
        NAMESPACE,
        pods[0]["metadata"]["name"].as_str().unwrap(),
    );
    let card = world.offer("cache").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Worse after the fix").await;
    assert_eq!(world.learnt(), (0, 1));
    let undo = world.card_offers(&card, true).await;
    assert!(
        undo.words()
            .contains("The last change made it worse: this takes it back"),
        "{}",
        undo.words()
    );
    world.sets("good");
    Olivia.approves(&world, &undo).await;
    world.card_says(&card, "Recovered").await;
    assert_eq!(world.changes(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_change_that_something_takes_back_is_called_reverted_and_teaches_nothing() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Done:").await;
    world.rolls_out("checkout", 2, crate::support::stories::CRASHES);
    world.thread_says(&card, "The fix was taken back").await;
    let card = world.card_says(&card, "The change was taken back").await;
    assert!(
        card.words().contains("This needs a person"),
        "{}",
        card.words()
    );
    assert_eq!(world.audited("execution.verdict").1["verdict"], "reverted");
    assert_eq!(world.learnt(), (0, 0));
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_clears_without_a_change_is_said_to_have_cleared_by_itself() {
    let world = World::start().await;
    let card = world.breaks_by_a_setting("checkout").await;
    world.sets("good");
    let closed = world
        .card_says(&card, "It cleared without a change by Heal")
        .await;
    assert!(!closed.can("approve"));
    world.thread_says(&card, "Cleared by itself").await;
    assert_eq!(world.learnt(), (0, 0));
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_is_deleted_needs_no_fix_any_more() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.kube.delete("Deployment", NAMESPACE, "checkout");
    let closed = world.card_says(&card, "no longer exists").await;
    assert!(!closed.can("approve"));
    let other = world.breaks("billing").await;
    Olivia.approves(&world, &other).await;
    world.thread_says(&other, "Done:").await;
    world.kube.delete("Deployment", NAMESPACE, "billing");
    world
        .card_says(&other, "nobody can tell whether it helped")
        .await;
    assert_eq!(world.learnt(), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn while_the_cluster_cannot_be_watched_nothing_is_said_about_the_fix() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Done:").await;
    world.kube.set_down(true);
    let said = world
        .thread_says(&card, "could not be watched long enough")
        .await
        .words();
    assert!(!said.contains("Recovered"), "{said}");
    let blind = world.card_says(&card, "Heal cannot see enough").await;
    assert!(!blind.can("approve"));
    assert_eq!(world.learnt(), (0, 0));
    world.kube.set_down(false);
    world.thread_says(&card, "Cleared by itself").await;
    assert_eq!(world.learnt(), (0, 0));
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_approval_outlasts_a_short_absence_of_the_cluster() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.kube.set_down(true);
    Olivia.approves(&world, &card).await;
    world.passes(30).await;
    assert_eq!(world.says(&card, "Done:"), 0);
    world.kube.set_down(false);
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.generation("checkout"), 3);
    assert_eq!(world.learnt(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn when_the_cluster_stays_away_heal_says_that_it_does_not_know_and_looks_again() {
    let world = World::start().await;
    let card = world.breaks("checkout").await;
    world.kube.set_down(true);
    Olivia.approves(&world, &card).await;
    let said = world
        .thread_says(&card, "it is not known whether the change was made")
        .await
        .words();
    assert!(!said.contains("Nothing was changed"), "{said}");
    let blind = world.card_says(&card, "Heal cannot see enough").await;
    assert!(
        blind.words().contains("cannot tell whether it helped"),
        "{}",
        blind.words()
    );
    world.kube.set_down(false);
    Olivia.presses(&world, &blind, "check_again").await;
    let fresh = world.newer_offer(&card).await;
    Olivia.approves(&world, &fresh).await;
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.generation("checkout"), 3);
    assert_eq!(world.learnt(), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_runs_for_a_moment_between_two_crashes_is_never_called_recovered() {
    let world = World::start().await;
    world.sets("good");
    world.applies(by_mode(
        "checkout",
        "{ sleep 45; echo 'FATAL: lost the database' >&2; exit 1; }",
    ));
    world.is_available("checkout").await;
    world.passes(15).await;
    world.sets("bad");
    let mut second = by_mode("checkout", "true");
    second["spec"]["template"]["spec"]["containers"][0]["command"][2] =
        crate::support::stories::CRASHES.into();
    world.applies(second);
    let card = world.offer("checkout").await;
    Olivia.approves(&world, &card).await;
    world.is_available("checkout").await;
    world.thread_says(&card, "The fix did not help").await;
    world.passes(1800).await;
    assert!(
        !world.everything_said().contains("Recovered"),
        "{}",
        world.everything_said()
    );
    assert_eq!(world.learnt(), (0, 1));
}
