//! What Heal tells about its own work: [`log`] lines and [`metrics`].
mod forecasts;
pub mod log;
mod meter;
pub mod metrics;
mod unusual;

pub use metrics::{Decided, Metrics};
