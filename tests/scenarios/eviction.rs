//! Pods that the kubelet evicts.
use crate::support::{
    shop::app,
    story::{says, says_nothing_of},
    world::World,
};
use serde_json::json;

const LOW_MEMORY: &str = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 61Mi. Container app was \
                          using 1800Mi, request is 256Mi, has larger consumption of memory. ";

#[tokio::test(start_paused = true)]
async fn an_evicted_pod_is_told_with_what_its_node_was_short_of_and_only_tidied_up() {
    let world = World::start().await;
    world.runs_well(app("checkout", 2, json!({}))).await;
    let pod = world.is_evicted("checkout", LOW_MEMORY);
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "was evicted",
            "The kubelet evicted a pod: its node was short of memory.",
            "container app used 1800Mi, its request is 256Mi",
            "1 pod evicted and left behind",
            &format!("kubectl delete pod {pod} -n shop"),
            "the evicted pod is only a record",
        ],
    );
    // The workload is marked with the execution, then the pod is deleted.
    world.is_healed_by_requests(&card, 2).await;
    assert!(world.kube.get("Pod", "shop", &pod).is_none());
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_disk_that_a_pod_filled_itself_is_no_matter_of_the_node() {
    let world = World::start().await;
    world.runs_well(app("checkout", 2, json!({}))).await;
    world.is_evicted(
        "checkout",
        "Usage of EmptyDir volume \"cache\" exceeds the limit \"1Gi\". ",
    );
    let card = world.offer("checkout").await;
    says(
        &card,
        &["emptyDir volume cache grew beyond its limit of 1Gi"],
    );
    says_nothing_of(&card, &["its node was short"]);
}
