//! The story that the demo tells by itself: a bad rollout, a card, a decision, a recovery. It only watches what a visitor could see:
//! the messages in the workspace.
use crate::{
    sim::slack::{Author, Message, SlackSim},
    slack::render::card::{APPROVE, CHECK_AGAIN},
};
use serde_json::{Value, json};

/// The chapters, each with a title and what the visitor sees or should do.
const CHAPTERS: [(&str, &str); 4] = [
    (
        "All is well",
        "Four workloads run. In a moment somebody rolls out a broken version of checkout.",
    ),
    (
        "A card appears",
        "Heal finds the crash loop, reads the log of the crashed container, and proposes one fix.",
    ),
    (
        "Your decision",
        "You are Olivia, who is on call: press “Roll back …” on the card. (As Ivan, you are refused.)",
    ),
    (
        "Proof",
        "Heal rolled back once and now watches. Only when the crash stays away for a while does the card turn green.",
    ),
];
/// Takes the place of the third chapter's text when the offer is gone without an approval.
const DECLINED: &str =
    "No fix was made, so checkout stays broken. Press “Check again” on the card for a fresh offer.";
/// Stands in the last chapter once it is done.
const END: &str = "Recovered, and remembered for the next time. Search leaks meanwhile: wait for its forecast, or cause some trouble of your own.";

/// How far the story is, from what stands in the channel.
pub fn progress(slack: &SlackSim, channel: &str) -> Value {
    let card = slack.messages(channel).into_iter().find(is_the_card);
    let (done, declined) = card.map_or(([false; 4], false), |card| {
        let has = |action: &str| card.action_ids().iter().any(|id| id == action);
        let recovered = card.text.contains("Recovered");
        let decided = recovered
            || ["Running the fix", "Checking the fix"]
                .iter()
                .any(|state| card.text.contains(state));
        let declined = has(CHECK_AGAIN);
        let offered = has(APPROVE) || decided || declined;
        ([true, offered, decided, recovered], declined)
    });
    let step = done.iter().position(|done| !done).unwrap_or(CHAPTERS.len());
    let steps: Vec<Value> = CHAPTERS
        .iter()
        .zip(done)
        .enumerate()
        .map(|(place, ((title, text), done))| {
            let text = match place {
                2 if declined => DECLINED,
                3 if done => END,
                _ => text,
            };
            json!({"title": title, "text": text, "done": done})
        })
        .collect();
    json!({"step": step, "steps": steps})
}

/// The card of the story's workload: the oldest one is the story's own.
fn is_the_card(message: &Message) -> bool {
    message.author == Author::App
        && message.thread_ts.is_none()
        && message.words().contains("checkout")
}
