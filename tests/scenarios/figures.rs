//! Forecasts from end to end: memory that the simulated Prometheus scrapes, to a card in Slack.
use crate::support::{
    people::Person::Olivia,
    shop::{app, limited, script, with_sidecar},
    story::says,
    world::{NAMESPACE, Setup, WORKS, World},
};
use heal::{
    domain::forecast::{Outcome, Tuning},
    forecaster::Options,
};
use serde_json::json;

/// A world in which forecasts are four times as quick to judge as in production.
async fn quick() -> World {
    quick_with(|options| options).await
}

/// The same in a cluster that is made in another way.
async fn quick_with(options: fn(heal::sim::kube::Options) -> heal::sim::kube::Options) -> World {
    let forecast = Options {
        backfill: 0.0,
        tuning: Tuning {
            min_age: 600.0,
            pace: 0.25,
            ..Tuning::default()
        },
        ..Options::default()
    };
    World::with(Setup {
        forecast: Some(forecast),
        options,
        ..Setup::default()
    })
    .await
}

#[tokio::test(start_paused = true)]
async fn a_leak_gets_a_card_before_the_kill_and_a_full_cache_none() {
    let world = quick().await;
    world.applies(app("files", 1, limited("leak 0.5 1 48", "64Mi")));
    world.applies(app("checkout", 1, limited("leak 0.05 10", "256Mi")));
    let card = world.card("checkout", "will be OOM-killed").await;
    says(&card, &["checkout", "256 MiB"]);
    let restarts =
        world.pod_of("checkout")["status"]["containerStatuses"][0]["restartCount"].clone();
    assert_eq!(restarts, 0, "nothing was killed yet");
    assert!(world.cards("files").is_empty());
}

#[tokio::test(start_paused = true)]
async fn replicas_that_leak_in_step_are_one_card_and_all_their_kills_were_foreseen() {
    let world = quick().await;
    world.applies(app("checkout", 3, limited("leak 0.05 10", "256Mi")));
    let card = world.card("checkout", "will be OOM-killed").await;
    let killed = || {
        let pods = world.kube.list("Pod", Some(NAMESPACE));
        let restarts = |pod: &serde_json::Value| {
            pod["status"]["containerStatuses"][0]["restartCount"].as_u64()
        };
        let killed = pods.iter().filter(|pod| restarts(pod) > Some(0));
        (killed.count() == 3).then_some(())
    };
    world.until("all to be killed", killed).await;
    world.passes(120).await;
    let rows = world.store.load().unwrap().forecasts;
    let ended: Vec<Outcome> = rows
        .iter()
        .filter_map(|told| Some(told.ended.as_ref()?.outcome))
        .collect();
    assert_eq!(ended, [Outcome::Hit; 3], "{rows:#?}");
    let said = Olivia.types(&world, "forecast").await;
    for part in [
        "1 forecast told: 1 right, 0 wrong, 0 withdrawn",
        "3 kills, 3 foreseen, 0 missed.",
    ] {
        assert!(said.contains(part), "{said}");
    }
    assert_eq!(world.cards("checkout").len(), 1);
    world.again(&card);
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_that_leaks_is_named_and_the_raise_is_its() {
    let world = quick().await;
    let mut checkout = app("checkout", 1, limited(WORKS, "64Mi"));
    // Nobody restarts all pods at once.
    checkout["spec"]["strategy"] = json!({"type": "Recreate"});
    world.applies(with_sidecar(checkout, limited("leak 0.05 10", "256Mi")));
    let card = world.offer("checkout").await;
    says(
        &card,
        &[
            "now 194 MiB, 76 % of the limit of 256 MiB.",
            "Memory of proxy grows towards its memory limit of 256Mi, and nothing shows why.",
            "kubectl set resources deployment/checkout -n shop -c proxy --limits=memory=512Mi",
        ],
    );
    Olivia.approves(&world, &card).await;
    world.thread_says(&card, "Done:").await;
    let deployment = world.kube.get("Deployment", NAMESPACE, "checkout").unwrap();
    let spec = &deployment["spec"]["template"]["spec"];
    assert_eq!(
        (
            &spec["initContainers"][0]["resources"]["limits"]["memory"],
            &spec["containers"][0]["resources"]["limits"]["memory"]
        ),
        (&json!("512Mi"), &json!("64Mi"))
    );
    world.thread_says(&card, "Recovered in").await;
    assert_eq!(world.changes(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_foreseen_to_evict_is_one_story_and_a_forecast_that_was_right() {
    let world = quick_with(|options| heal::sim::kube::Options {
        node_memory_mib: 512,
        ..options
    })
    .await;
    world.applies(app("loader", 1, script("leak 0.1 10")));
    let card = world.card("node-1", "will run out of memory").await;
    world.passes(600).await;
    let memory_pressure = |status: &'static str| {
        move |node: &mut serde_json::Value| {
            let conditions = node["status"]["conditions"].as_array_mut().unwrap();
            let pressure = conditions.iter_mut();
            let mut pressure = pressure.filter(|one| one["type"] == "MemoryPressure");
            pressure.next().unwrap()["status"] = json!(status);
        }
    };
    world.node_gets("node-1", memory_pressure("True"));
    world
        .thread_says(&card, "The shortage of memory that was forecast at")
        .await;
    world
        .card_says(&card, "Node node-1 has MemoryPressure")
        .await;
    world.kube.delete("Deployment", NAMESPACE, "loader");
    world.passes(60).await;
    world.node_gets("node-1", memory_pressure("False"));
    world.clears_by_itself(&card).await;
    let rows = world.store.load().unwrap().forecasts;
    let ended: Vec<(Outcome, &str)> = rows
        .iter()
        .filter_map(|told| told.ended.as_ref())
        .map(|ended| (ended.outcome, ended.why.as_str()))
        .collect();
    assert_eq!(ended, [(Outcome::Hit, "told 26 min before")]);
    let said = Olivia.types(&world, "forecast").await;
    assert!(
        said.contains("1 forecast told: 1 right, 0 wrong, 0 withdrawn"),
        "{said}"
    );
    world.passes(1800).await;
    assert_eq!(world.cards("node-1").len(), 1);
}
