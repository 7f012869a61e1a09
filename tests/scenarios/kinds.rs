//! The same troubles in workloads of other kinds: StatefulSets and DaemonSets.
use crate::support::{
    people::Person::Olivia,
    shop::{app, as_kind, quota, script},
    story::says,
    world::{NAMESPACE, WORKS, World},
};
use serde_json::json;

const CRASHES: &str = "echo 'FATAL: PAYMENT_URL is not set' >&2; sleep 1; exit 1";

/// Applies a StatefulSet or DaemonSet, and waits until so many of its pods are ready and Heal has seen them.
async fn runs(world: &World, kind: &str, object: serde_json::Value, ready: i64) {
    let name = object["metadata"]["name"].as_str().unwrap().to_owned();
    world.applies(object);
    world
        .until(&format!("{kind} {name} to be ready"), || {
            let status = world.kube.get(kind, NAMESPACE, &name)?["status"].clone();
            let count = status["availableReplicas"]
                .as_i64()
                .or(status["numberAvailable"].as_i64());
            (count == Some(ready)).then_some(())
        })
        .await;
    world.passes(30).await;
}

#[tokio::test(start_paused = true)]
async fn a_broken_member_of_a_stateful_set_needs_the_undo_and_then_a_new_pod() {
    let world = World::start().await;
    let ledger = |image: &str| as_kind(app("ledger", 2, json!({"image": image})), "StatefulSet");
    runs(&world, "StatefulSet", ledger("busybox:1.36"), 2).await;
    world.applies(ledger("busybox:1.63"));
    let card = world.offer("ledger").await;
    says(
        &card,
        &[
            "StatefulSet",
            "the registry has no such tag or repository",
            "kubectl rollout undo statefulset/ledger -n shop --to-revision=1",
            "it has to be deleted afterwards",
        ],
    );
    Olivia.approves(&world, &card).await;
    let card = world.offer("ledger").await;
    says(
        &card,
        &[
            "Pod ledger-1 still has an older, broken template",
            "kubectl delete pod ledger-1 -n shop",
            "check the quorum first",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Recovered").await;
    let memory = Olivia.types(&world, "memory").await;
    assert!(
        memory.contains("DeletePod for sts.stuck_ordinal"),
        "{memory}"
    );
    assert!(
        !memory.contains("0 of 1"),
        "the undo was half of the fix, and no failure: {memory}"
    );
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn with_two_members_down_the_quorum_is_for_people_to_think_of() {
    let world = World::start().await;
    let ledger = |text: &str| as_kind(app("ledger", 2, script(text)), "StatefulSet");
    runs(&world, "StatefulSet", ledger(WORKS), 2).await;
    // Ready for a moment before it crashes: the second member is replaced, too.
    world.applies(ledger(CRASHES));
    let card = world.offer("ledger").await;
    Olivia.approves(&world, &card).await;
    let card = world.card_without_offer("ledger").await;
    says(
        &card,
        &[
            "still have an older, broken template",
            "Think of the quorum of the application first",
        ],
    );
    for name in ["ledger-1", "ledger-0"] {
        world.kube.delete("Pod", NAMESPACE, name);
    }
    world.turns(&card, "Cleared by itself").await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_with_a_bad_image_is_rolled_back() {
    let world = World::start().await;
    runs(
        &world,
        "DaemonSet",
        as_kind(app("agent", 1, json!({})), "DaemonSet"),
        1,
    )
    .await;
    let bad = app("agent", 1, json!({"image": "busybox:1.63"}));
    world.applies(as_kind(bad, "DaemonSet"));
    let card = world.offer("agent").await;
    says(
        &card,
        &[
            "the registry has no such tag or repository",
            "kubectl rollout undo daemonset/agent -n shop --to-revision=1",
        ],
    );
    world.is_healed_by(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_without_room_in_the_quota_is_told_by_events_alone_and_clears() {
    let world = World::start().await;
    world.applies(quota("shop-pods", json!({"pods": "1"})));
    world.applies(as_kind(app("ledger", 2, json!({})), "StatefulSet"));
    let card = world.card_without_offer("ledger").await;
    says(&card, &["New pods are refused: quota shop-pods is used up"]);
    world.stays_one_card(1800).await;
    world.applies(quota("shop-pods", json!({"pods": "5"})));
    world.clears_by_itself(&card).await;
}
