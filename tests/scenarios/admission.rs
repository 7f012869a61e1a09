//! Pods that the API server refuses to create.
use crate::support::{
    shop::{app, limited, pods_with, quota, script},
    story::{says, says_nothing_of},
    world::{NAMESPACE, WORKS, World},
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

#[tokio::test(start_paused = true)]
async fn more_than_a_limit_range_allows_is_told_with_its_numbers_and_rolled_back() {
    let world = World::start().await;
    world
        .runs_well(app("checkout", 2, limited(WORKS, "128Mi")))
        .await;
    world.applies(json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "shop-range", "namespace": NAMESPACE},
        "spec": {"limits": [{"type": "Container", "max": {"memory": "512Mi"}}]},
    }));
    world.applies(app("checkout", 2, limited(WORKS, "2Gi")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "its resources are outside of the LimitRange: maximum memory usage per Container is 512Mi, but limit is 2Gi.",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
            "2Gi → 128Mi",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

/// A rollout of `checkout`, none of whose pods is let in: the API server says this.
async fn not_let_in(world: &World, message: &str) {
    world.runs("checkout", 2, WORKS).await;
    world.kube.refuse_pods(Some(message));
    let second = script("echo two; sleep infinity");
    world.applies(app("checkout", 2, second));
}

#[tokio::test(start_paused = true)]
async fn what_pod_security_forbids_is_told_and_nothing_is_offered_that_would_lose_running_pods() {
    let world = World::start().await;
    let said = "pods \"{pod}\" is forbidden: violates PodSecurity \"restricted:latest\": allowPrivilegeEscalation != false \
                (container \"app\" must set securityContext.allowPrivilegeEscalation=false)";
    not_let_in(&world, said).await;
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "Pod Security level restricted:latest of the namespace forbids: allowPrivilegeEscalation != false",
            "Do not restart anything: running pods would not come back.",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.kube.refuse_pods(None);
    world.clears_by_itself(&card).await;
}

#[tokio::test(start_paused = true)]
async fn the_word_of_a_policy_webhook_is_told_and_the_rollout_that_it_refuses_is_rolled_back() {
    let world = World::start().await;
    let said = "admission webhook \"policy.example.com\" denied the request: images must come from registry.example.com";
    not_let_in(&world, said).await;
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "policy webhook policy.example.com says no: images must come from registry.example.com.",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    // The pods of the revision before are there still: going back needs no new one.
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_does_not_answer_is_no_rollouts_fault() {
    let world = World::start().await;
    let said = "Internal error occurred: failed calling webhook \"inject.example.com\": failed to call webhook: Post \
                \"https://injector.mesh.svc:443/inject?timeout=10s\": dial tcp 10.96.7.7:443: connect: connection refused";
    not_let_in(&world, said).await;
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "admission webhook inject.example.com does not answer, and nothing is created without it",
            "Restore the service behind the webhook",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.kube.refuse_pods(None);
    world.clears_by_itself(&card).await;
}
