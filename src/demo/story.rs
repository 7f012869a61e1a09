//! The story that the demo tells by itself: a bad rollout, a card, a decision, a recovery. It only watches what a visitor could see:
//! the messages in the workspace.
use crate::sim::slack::{Author, SlackSim};
use serde_json::{Value, json};

/// The chapters, each with a title and what the visitor sees or should do.
const CHAPTERS: [(&str, &str); 4] = [
    ("All is well", "Three workloads run. In a moment somebody rolls out a broken version of checkout."),
    ("A card appears", "Heal finds the crash loop, reads the log of the crashed container, and proposes one fix."),
    ("Your decision", "You are Olivia, who is on call. Press “Roll back …” on the card. (Switch to Ivan, and Heal refuses.)"),
    ("Proof", "Heal rolled back once and now watches. Only when the crash stays away for a while does the card turn green."),
];

/// How far the story is, from what stands in the channel.
pub fn progress(slack: &SlackSim, channel: &str) -> Value {
    let cards: Vec<String> = slack
        .messages(channel)
        .into_iter()
        .filter(|message| message.author == Author::App && message.thread_ts.is_none() && message.ephemeral_to.is_none())
        .filter(|message| message.words().contains("checkout"))
        .map(|message| format!("{} {}", message.text, message.action_ids().join(" ")))
        .collect();
    let card = cards.first().map_or("", String::as_str);
    let appeared = !card.is_empty();
    let offered = card.contains("approve");
    let recovered = card.contains("Recovered");
    let decided = appeared && !offered && (recovered || card.contains("pproved"));
    let done = [appeared, offered || decided, decided, recovered];
    let step = done.iter().position(|done| !done).unwrap_or(CHAPTERS.len());
    let steps: Vec<Value> = CHAPTERS
        .iter()
        .zip(done)
        .map(|((title, text), done)| json!({"title": title, "text": text, "done": done}))
        .collect();
    json!({"step": step, "steps": steps})
}
