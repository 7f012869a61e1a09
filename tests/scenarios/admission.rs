//! Pods that the API server refuses to create.
use crate::support::{
    shop::{app, pods_with, quota},
    story::{says, says_nothing_of},
    world::{WORKS, World},
};
use serde_json::json;

#[tokio::test(start_paused = true)]
async fn a_quota_without_room_is_told_with_its_numbers_and_clears_when_it_is_raised() {
    let world = World::start().await;
    world.applies(quota("shop-pods", json!({"pods": "1"})));
    world.applies(app("checkout", 2, json!({})));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "may not create pods",
            "New pods are refused: quota shop-pods is used up (asked for pods=1, used pods=1 of pods=1).",
            "1 of 2 pods are there",
            "Raise the quota, or free what other workloads of the namespace hold.",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.applies(quota("shop-pods", json!({"pods": "5"})));
    world.clears_by_itself(&card).await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_with_a_service_account_that_does_not_exist_is_rolled_back() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.applies(pods_with(
        app("checkout", 2, json!({})),
        json!({"serviceAccountName": "checkout-bot"}),
    ));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "New pods are refused: its service account checkout-bot does not exist.",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_asks_for_limits_offers_nothing_that_would_lose_running_pods() {
    let world = World::start().await;
    world.runs("checkout", 2, WORKS).await;
    world.applies(quota("shop-memory", json!({"limits.memory": "4Gi"})));
    world.applies(app("checkout", 3, json!({})));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "quota shop-memory wants every pod to specify limits.memory",
            "Do not restart anything: running pods would not come back.",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
}
