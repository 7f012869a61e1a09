//! Heal turns what goes wrong in Kubernetes clusters into one Slack message per incident, with the cause, the evidence and
//! one safe fix; runs that fix when an allowed person approves it; proves on the cluster that it worked; and remembers it.
//!
//! Modules in reading order: [`domain`] (pure rules), [`ports`] (the seams), then the adapters and [`sim`].
pub mod check;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod domain;
pub mod engine;
pub mod ports;
pub mod redact;
pub mod sim;
pub mod slack;
pub mod store;
pub mod telemetry;
