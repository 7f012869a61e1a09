//! Everything that a person reads in Slack. Pure functions from domain data to messages: the same data gives the same message,
//! and no message is larger than Slack takes.
//!
//! Reading order: [`clean`] and [`mrkdwn`] (foreign text made harmless), [`block`] (the few blocks that are used, within
//! Slack's limits), [`words`] (phrases that several messages share), then one file per message: [`card`] (with [`forecast`] in it),
//! [`note`], [`reply`], [`status`], [`modal`], [`digest`].
pub mod block;
pub mod card;
pub mod clean;
mod closed;
pub mod digest;
pub mod forecast;
pub mod foresight;
#[cfg(test)]
mod limits;
mod listing;
pub mod modal;
pub mod mrkdwn;
pub mod note;
mod offer;
mod parts;
pub mod reply;
#[cfg(test)]
pub(crate) mod sample;
#[cfg(test)]
mod seen;
pub mod status;
#[cfg(test)]
mod tests;
mod waiting;
pub mod words;

use block::Blocks;
use mrkdwn::Markup;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// The top-level text may have this many units: `chat.update` refuses more than 4,000.
pub const TEXT_LIMIT: usize = 3_900;

/// A message, ready for `chat.postMessage` and `chat.update`.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// What screen readers and notifications say: complete in itself.
    pub text: String,
    /// What is shown: an array of blocks.
    pub blocks: Value,
}

impl Message {
    fn new(text: Markup, blocks: Blocks) -> Self {
        Self {
            text: text.spoken().clip(TEXT_LIMIT).into_string(),
            blocks: blocks.finish(),
        }
    }

    /// A message of one paragraph, which is also its text.
    fn paragraph(markup: Markup) -> Self {
        let mut blocks = Blocks::default();
        blocks.section(markup.clone());
        Self::new(markup, blocks)
    }

    /// A short hash of what it shows: equal hashes need no update.
    pub fn fingerprint(&self) -> String {
        short_hash(&format!("{}\n{}", self.text, self.blocks))
    }
}

fn short_hash(text: &str) -> String {
    hex::encode(&Sha256::digest(text.as_bytes())[..6])
}
