//! Where memory figures come from: Prometheus and what speaks its language, and a second source for when that is away.
//! (`metrics.k8s.io` is the cluster's own API: its adapter is with the others of the cluster.)
mod fallback;
pub mod prometheus;

pub use fallback::Fallback;
