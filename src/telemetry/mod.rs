//! What Heal tells about its own work: [`log`] lines and [`metrics`].
mod decided;
mod forecasts;
mod labels;
pub mod log;
mod meter;
pub mod metrics;
mod register;
mod told;
mod unusual;
mod values;

pub use decided::Decided;
pub use metrics::Metrics;
