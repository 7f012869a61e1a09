//! Heal turns what goes wrong in Kubernetes clusters into one Slack message per incident, with the cause, the evidence and
//! one safe fix; runs that fix when an allowed person approves it; proves on the cluster that it worked; and remembers it.
//!
//! Modules in reading order: [`domain`] (pure rules), [`ports`] (the seams), [`engine`] and [`store`] (the one owner of
//! incidents and its file), [`forecaster`] (the one owner of all memory series), the adapters [`cluster`], [`slack`], [`usage`]
//! and [`http`], [`app`] (puts them together), and [`sim`].
pub mod app;
pub mod audit;
pub mod bench;
pub mod chart;
pub mod check;
pub mod cli;
pub mod cluster;
pub mod config;
pub mod demo;
pub mod domain;
pub mod engine;
pub mod forecaster;
pub mod http;
pub mod ports;
pub mod probe;
pub mod redact;
pub mod replay;
pub mod run;
pub mod sim;
pub mod slack;
pub mod store;
pub mod telemetry;
pub mod usage;
pub mod wire;
