//! What Heal relies on in the Kubernetes API, as one suite that runs on the simulation and on a real cluster.
//!
//! Each contract is one async fn over a [`Bed`](bed::Bed): a namespace of its own, a caller that may do everything (to set the
//! scene) and a caller with Heal's permissions (to do what Heal does). The simulation runs in this process under a paused clock;
//! the real cluster is the one that `HEAL_TEST_KUBECONFIG` names, and where that is missing its half is skipped.
//!
//! A contract that holds in one place only is a bug of the simulation: scenario tests would then prove things about a cluster
//! that nobody has.
#![allow(clippy::unwrap_used, clippy::expect_used)] // helpers of tests, which clippy does not take for tests

mod access;
mod bed;
mod call;
mod config_errors;
mod crashes;
mod figures;
mod images;
mod logs;
mod manifests;
mod objects;
mod patches;
mod refusals;
mod removal;
mod revisions;
mod rollouts;
mod watches;
mod workloads;

/// Runs contracts in both places.
macro_rules! contracts {
    ($($name:ident),* $(,)?) => {
        $(mod $name {
            #[tokio::test(start_paused = true)]
            async fn on_the_simulation() {
                $crate::contract::bed::on_the_simulation(stringify!($name), super::$name).await;
            }

            #[tokio::test]
            async fn on_a_real_cluster() {
                $crate::contract::bed::on_a_real_cluster(stringify!($name), super::$name).await;
            }
        })*
    };
}
pub(crate) use contracts;
