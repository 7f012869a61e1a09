//! Slack: what people read there, and what they write.
pub mod commands;
pub mod render;
