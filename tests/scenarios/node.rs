//! Nodes that are lost.
use crate::support::{
    shop::app,
    story::{says, says_nothing_of},
    world::{Setup, World},
};
use serde_json::json;

async fn two_nodes() -> World {
    let options = |mut options: heal::sim::kube::Options| {
        options.nodes = 2;
        options
    };
    World::with(Setup {
        options,
        ..Setup::default()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_lost_node_is_one_incident_and_none_for_its_pods() {
    let world = two_nodes().await;
    // Requests spread the pods over both nodes.
    let fields = json!({
        "readinessProbe": {"exec": {"command": ["true"]}}, "resources": {"requests": {"memory": "256Mi"}},
    });
    for name in ["checkout", "search", "mailer"] {
        world.runs_well(app(name, 2, fields.clone())).await;
    }
    world.kube.set_node_ready("node-1", false);
    let card = world.card_without_offer("node-1").await;
    says(
        &card,
        &[
            "Critical: node-1 is not ready",
            "Node node-1 is not ready: its kubelet stopped reporting.",
            "Kubelet stopped posting node status.",
            "3 pods on this node",
            "Look at the machine and its kubelet.",
        ],
    );
    says_nothing_of(&card, &["kubectl"]);
    world.stays_one_card(120).await;
    world.kube.set_node_ready("node-1", true);
    world.clears_by_itself(&card).await;
    world.stays_one_card(1800).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stays_away_while_its_pods_move_is_still_one_incident() {
    let world = two_nodes().await;
    for name in ["checkout", "search"] {
        world
            .runs_well(app(
                name,
                2,
                json!({"resources": {"requests": {"memory": "256Mi"}}}),
            ))
            .await;
    }
    world.kube.set_node_ready("node-1", false);
    let card = world.card_without_offer("node-1").await;
    world.stays_one_card(1800).await;
    world.is_available("checkout").await;
    world.kube.set_node_ready("node-1", true);
    world.clears_by_itself(&card).await;
    world.stays_one_card(600).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_misses_a_few_heartbeats_is_no_news() {
    let world = two_nodes().await;
    world.runs_well(app("checkout", 2, json!({}))).await;
    world.kube.set_node_ready("node-1", false);
    world.passes(10).await;
    world.kube.set_node_ready("node-1", true);
    world.stays_quiet(900).await;
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_removed_ends_its_incident() {
    let world = two_nodes().await;
    world.kube.set_node_ready("node-2", false);
    let card = world.card_without_offer("node-2").await;
    world.kube.delete("Node", "", "node-2");
    world.turns(&card, "no longer exists").await;
}

#[tokio::test(start_paused = true)]
async fn a_node_under_pressure_is_told_and_clears_by_itself() {
    let world = two_nodes().await;
    let pressure = |status: &'static str| {
        move |node: &mut serde_json::Value| {
            for condition in node["status"]["conditions"].as_array_mut().unwrap() {
                if condition["type"] == "DiskPressure" {
                    condition["status"] = json!(status);
                }
            }
        }
    };
    world.node_gets("node-2", pressure("True"));
    let card = world.card_without_offer("node-2").await;
    says(
        &card,
        &["Node node-2 has DiskPressure: it takes no new pods and evicts those that use most."],
    );
    world.node_gets("node-2", pressure("False"));
    world.clears_by_itself(&card).await;
}
