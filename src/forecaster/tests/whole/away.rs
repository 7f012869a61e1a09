//! What happened while Heal was stopped.
use super::*;

/// A leak was told of; then Heal is stopped for so many minutes, and started again.
async fn away_for(minutes: u64) -> World {
    let mut world = World::new();
    world.runs("checkout", "leak 0.016 10", Some("256Mi"));
    world.start();
    world.minutes(230).await;
    let told = world.outlooks().last().expect("a forecast").tier;
    assert_ne!(told, Tier::Clear);
    world.stop().await;
    tokio::time::sleep(Duration::from_secs(60 * minutes)).await;
    world.start();
    world.minutes(5).await;
    world
}

/// How forecasts came out that were told like this, one turn each.
fn outcomes(told: &[Sighting]) -> Vec<String> {
    let mut ledger = forecast::Ledger::default();
    for sighting in told {
        match sighting {
            Sighting::Forecast(outlook) => ledger.heard(outlook, outlook.at),
            Sighting::RunEnded(end) => ledger.run_ended(end, end.at),
            _ => {}
        }
    }
    let ended = |told: forecast::Told| {
        let ended = told.ended?;
        Some(format!("{:?}", ended.outcome))
    };
    ledger
        .take_changed()
        .into_iter()
        .filter_map(ended)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_kill_while_heal_is_stopped_is_the_truth_about_the_forecast_that_stood() {
    let world = away_for(40).await;
    let ends: Vec<(u32, bool, bool)> = world.ends().collect();
    assert_eq!(ends, [(0, true, false)]);
    assert_eq!(outcomes(&world.told), ["Hit"]);
}

#[tokio::test(start_paused = true)]
async fn of_two_kills_while_heal_is_stopped_the_forecast_that_stood_says_nothing() {
    // It is killed, runs for four hours, and is killed again.
    let world = away_for(6 * 60).await;
    let ends: Vec<(u32, bool, bool)> = world.ends().collect();
    assert_eq!(ends, [(0, false, true)]);
    assert_eq!(outcomes(&world.told), ["Withdrawn"]);
}
