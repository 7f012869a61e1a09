//! The channel of the tests, and what Heal says in it.
use heal::sim::slack::{Author, Message, SlackSim};

/// Where the cards go.
pub const CHANNEL: &str = "C0OPS";

/// All messages of Heal in the channel itself: the cards, and what everybody is told. Oldest first.
pub fn top_level(slack: &SlackSim) -> Vec<Message> {
    let mut messages = slack.messages(CHANNEL);
    messages.retain(|message| {
        message.author == Author::App
            && message.thread_ts.is_none()
            && message.ephemeral_to.is_none()
    });
    messages
}
