//! Stories of the real binary. Each runs on the simulation, and on a real cluster when there is one; those of `forecasts` only on
//! a real one with Prometheus, that of `demo` only on a real one.
mod audit;
mod check;
mod crashes;
mod demo;
mod forecasts;
mod prometheus;
mod replays;
mod secrets;
mod stories;

use crate::support::{
    installation::Installation,
    place::{real, simulated},
};

/// Runs one story in both places.
macro_rules! story {
    ($name:ident) => {
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_the_simulation() {
                super::$name($crate::binary::on_the_simulation(stringify!($name)).await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn on_a_real_cluster() {
                if let Some(installation) =
                    $crate::binary::on_a_real_cluster(stringify!($name)).await
                {
                    super::$name(installation).await;
                }
            }
        }
    };
}
pub(crate) use story;

/// A namespace name from a story's: at most 30 characters.
fn short(name: &str) -> String {
    name.replace('_', "-")
        .chars()
        .take(30)
        .collect::<String>()
        .trim_matches('-')
        .to_owned()
}

pub async fn on_the_simulation(name: &str) -> Installation {
    Installation::new(simulated().await, &short(name)).await
}

pub async fn on_a_real_cluster(name: &str) -> Option<Installation> {
    Some(Installation::new(real()?, &short(name)).await)
}
