//! Pods that fit on no node.
use crate::support::{
    shop::{app, pods_with},
    story::{says, says_nothing_of},
    world::{Setup, WORKS, World},
};
use serde_json::{Value, json};

fn asks_for(requests: Value) -> Value {
    json!({"resources": {"requests": requests}})
}

#[tokio::test(start_paused = true)]
async fn more_cpu_than_a_node_has_can_never_fit() {
    let world = World::start().await;
    world.applies(app("checkout", 1, asks_for(json!({"cpu": "6"}))));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "fits on no node: no node has enough CPU left for its request",
            "asks for 6000m CPU; at most 4000m are free on one node, and the largest has 4000m",
            "It can never fit: lower its request to what a node has, or add larger nodes.",
            "0/1 nodes are available: 1 Insufficient cpu",
        ],
    );
    world.stays_one_card(3600).await;
    assert_eq!(world.changes(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_a_little_too_large_is_told_by_how_much() {
    let world = World::start().await;
    world
        .runs_well(app("search", 1, asks_for(json!({"memory": "6Gi"}))))
        .await;
    world.applies(app("checkout", 1, asks_for(json!({"memory": "3Gi"}))));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "no node has enough memory left for its request",
            "Smallest change: 1Gi less memory requested, or freed on node node-1.",
        ],
    );
    // Somebody makes room.
    world.kube.delete("Deployment", "shop", "search");
    world.clears_by_itself(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_rollout_that_asks_for_too_much_is_rolled_back() {
    let world = World::start().await;
    world
        .runs_well(app("checkout", 2, asks_for(json!({"memory": "1Gi"}))))
        .await;
    world.applies(app("checkout", 2, asks_for(json!({"memory": "10Gi"}))));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "no node has enough memory left for its request",
            "asks for 10Gi of memory",
            "kubectl rollout undo deployment/checkout -n shop --to-revision=1",
        ],
    );
    world.is_healed_by(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_selector_that_no_node_has_names_the_label_and_both_ways_out() {
    let world = World::start().await;
    world.node_gets("node-1", |node| {
        node["metadata"]["labels"]["disk"] = json!("hdd")
    });
    world.applies(pods_with(
        app("checkout", 1, json!({})),
        json!({"nodeSelector": {"disk": "ssd"}}),
    ));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "no node has the labels that it asks for",
            "no node has disk=ssd",
            "Smallest change: label node node-1 with disk=ssd, or correct the selector",
            "Nodes have disk=hdd, the template asks for ssd.",
        ],
    );
    world.node_gets("node-1", |node| {
        node["metadata"]["labels"]["disk"] = json!("ssd")
    });
    world.clears_by_itself(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_taint_that_is_not_tolerated_is_named() {
    let world = World::start().await;
    world.node_gets("node-1", |node| {
        node["spec"]["taints"] =
            json!([{"key": "team", "value": "search", "effect": "NoSchedule"}]);
    });
    world.applies(app("checkout", 1, json!({})));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "the nodes have taints that it does not tolerate",
            "Smallest change: tolerate team=search:NoSchedule of node node-1",
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn of_several_obstacles_the_one_that_is_easiest_to_remove_is_named() {
    let two = |mut options: heal::sim::kube::Options| {
        options.nodes = 2;
        options
    };
    let world = World::with(Setup {
        options: two,
        ..Setup::default()
    })
    .await;
    world.node_gets("node-1", |node| node["spec"]["unschedulable"] = json!(true));
    world.node_gets("node-2", |node| {
        node["metadata"]["labels"]["zone"] = json!("b")
    });
    world.node_gets("node-1", |node| {
        node["metadata"]["labels"]["zone"] = json!("a")
    });
    world.applies(pods_with(
        app("checkout", 1, json!({})),
        json!({"nodeSelector": {"zone": "a"}}),
    ));
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &["Smallest change: kubectl uncordon node-1, when its maintenance is over."],
    );
}

#[tokio::test(start_paused = true)]
async fn a_cordon_is_a_persons_word_and_no_rollout_is_blamed_for_it() {
    let world = World::start().await;
    world.runs("checkout", 1, WORKS).await;
    world.node_gets("node-1", |node| node["spec"]["unschedulable"] = json!(true));
    world.kube.delete(
        "Pod",
        "shop",
        world.pod_of("checkout")["metadata"]["name"]
            .as_str()
            .unwrap(),
    );
    let card = world.card_without_offer("checkout").await;
    says(
        &card,
        &[
            "the nodes are cordoned",
            "1 of 1 nodes are cordoned",
            "Smallest change: kubectl uncordon node-1",
        ],
    );
    says_nothing_of(&card, &["rollout undo"]);
    world.node_gets("node-1", |node| {
        node["spec"]["unschedulable"] = json!(false)
    });
    world.clears_by_itself(&card).await;
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_waits_for_a_few_seconds_is_no_news() {
    let world = World::start().await;
    world.node_gets("node-1", |node| node["spec"]["unschedulable"] = json!(true));
    world.applies(app("checkout", 1, json!({})));
    world.passes(20).await;
    world.node_gets("node-1", |node| {
        node["spec"]["unschedulable"] = json!(false)
    });
    world.stays_quiet(600).await;
}
