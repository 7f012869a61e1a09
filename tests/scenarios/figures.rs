//! Forecasts from end to end: memory that the simulated Prometheus scrapes, to a card in Slack.
use crate::support::{
    shop::{app, limited},
    story::says,
    world::{Setup, World},
};
use heal::{domain::forecast::Tuning, forecaster::Options};

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
