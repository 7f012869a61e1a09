//! Forecasts from end to end: memory that the simulated Prometheus scrapes, to a card in Slack.
use crate::support::{
    people::Person::Olivia,
    shop::{app, limited},
    story::says,
    world::{NAMESPACE, Setup, World},
};
use heal::{
    domain::forecast::{Outcome, Tuning},
    forecaster::Options,
};

/// A world in which forecasts are four times as quick to judge as in production.
async fn quick() -> World {
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
