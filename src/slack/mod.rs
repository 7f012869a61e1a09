//! Slack: what people read there, and what they write.
//!
//! In: [`verify`] (is it Slack?), [`inbound`] (what does it say?), [`people`] (who is it?), [`commands`] (what was typed?),
//! [`reception`] (what to do). Out: [`render`] (what people read), [`send`] (cards, threads, digests) over [`api`] (the Web
//! API) over [`connector`].
pub mod api;
pub mod commands;
pub mod connector;
pub mod error;
pub mod files;
pub mod inbound;
pub mod notices;
pub mod people;
pub mod reception;
pub mod render;
pub mod send;
pub mod verify;
pub mod whisper;
