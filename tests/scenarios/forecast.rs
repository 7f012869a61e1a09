//! Kills that are forecast: before they come, when they come, and when they do not.
use crate::support::{
    people::Person::Olivia,
    shop::{app, limited},
    stories::Can,
    story::{says, says_nothing_of},
    world::{NAMESPACE, WORKS, World},
};
use heal::domain::forecast::Tier;
use serde_json::json;

/// A healthy workload with a limit.
async fn checkout(world: &World, replicas: u32) {
    world
        .runs_well(app("checkout", replicas, limited(WORKS, "256Mi")))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_page_offers_more_room_and_an_approved_raise_prevents_the_kill() {
    let world = World::start().await;
    checkout(&world, 1).await;
    let outlook = world.outlook("checkout", 110);
    world.foresees(&outlook).await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "Memory of app grows towards its memory limit of 256Mi",
            "--limits=memory=384Mi",
            "At this growth 384Mi lasts 3 h 40 min longer than 256Mi",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    world.thread_says(&card, "no kill in sight").await;
    world.thread_says(&card, "the old estimate was").await;
    assert_eq!(world.changes(), 1);
    world.stays_one_card(1800).await;
}
