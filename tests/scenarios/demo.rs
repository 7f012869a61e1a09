//! The demo's story, in virtual time.
use crate::support::{
    people::Person::Olivia,
    world::{NAMESPACE, Setup, World},
};
use heal::demo::{PROLOGUE, shop, simulation, waits};

#[tokio::test(start_paused = true)]
async fn the_story_is_a_card_a_decision_and_a_recovery_within_two_minutes() {
    let world = World::with(Setup {
        waits: waits(1.0),
        options: |options| simulation(options, 1.0),
        rate_limits: true,
        ..Setup::default()
    })
    .await;
    assert_eq!(shop::NAMESPACE, NAMESPACE);
    shop::open(&world.kube).unwrap();
    let began = world.now();
    world.passes(PROLOGUE.as_secs()).await;
    let trouble = shop::TROUBLES.iter().find(|of| of.id == "bad_rollout");
    trouble.unwrap().cause(&world.kube).unwrap();
    let card = world.offer("checkout").await;
    // Time to read it.
    world.passes(20).await;
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered in").await;
    let took = world.now().duration_since(began);
    assert!(took.as_secs() < 120, "{took}");
}
