//! The sender against a local Slack workspace, under a paused clock.
pub(crate) mod bench;
mod cards;
mod pictures;
mod storms;
mod threads;
mod trouble;
