//! The story that the demo tells by itself: a bad rollout, a card, a decision, a recovery; then a leak, a forecast, a kill that does not
//! come, and the score. It only watches what a visitor could see: the messages in the workspace.
use crate::{
    sim::slack::{Author, Message, SlackSim},
    slack::render::card::{APPROVE, CHECK_AGAIN},
};
use serde_json::{Value, json};

/// The chapters, each with a title and what the visitor sees or should do. Four of the crash, four of the forecast.
const CHAPTERS: [(&str, &str); 8] = [
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
    (
        "A leak",
        "Search 1.1 takes a little more memory every second. An hour of real life is a minute here: in two or three, Heal is sure enough to tell.",
    ),
    (
        "A kill foreseen",
        "The new card tells in how long search will be killed and how sure that is, and draws it. Press “Roll back …” before the kill comes.",
    ),
    (
        "Averted",
        "Heal rolled back and looks on. The card turns green when memory stays level and no kill is in sight.",
    ),
    (
        "The score",
        "Write /heal forecast in the message box: what is rising, and how each forecast turned out.",
    ),
];
/// Takes the place of a decision's text when the offer is gone without an approval.
const DECLINED: [&str; 2] = [
    "No fix was made, so checkout stays broken. Press “Check again” on the card for a fresh offer.",
    "No fix was made, so search goes on leaking. Press “Check again” on the card for a fresh offer.",
];
/// Takes the place of the forecast's decision when nobody made it in time.
const KILLED: &str =
    "The kill came, as foreseen. The same card now tells of it, and still offers the fix.";
/// Stands in the last chapter once it is done.
const END: &str = "Foreseen, averted, counted. Cause some trouble of your own with the buttons.";

/// How far the story is, from what stands in the channel and what people were told.
pub fn progress(slack: &SlackSim, channel: &str, people: &[&str]) -> Value {
    let messages = slack.messages(channel);
    let [crash, leak] = ["checkout", "search"].map(|name| Part::of(name, &messages));
    let is_score = |told: &Message| told.text.contains("told: ");
    let scored = people
        .iter()
        .any(|person| slack.ephemerals(person).iter().any(is_score));
    let done = [
        crash.began,
        crash.offered,
        crash.decided,
        crash.proved,
        leak.offered,
        leak.decided,
        leak.proved,
        scored,
    ];
    let step = done.iter().position(|done| !done).unwrap_or(CHAPTERS.len());
    let steps: Vec<Value> = CHAPTERS
        .iter()
        .zip(done)
        .enumerate()
        .map(|(place, ((title, text), done))| {
            let text = match place {
                2 if crash.declined => DECLINED[0],
                5 if leak.killed => KILLED,
                5 if leak.declined => DECLINED[1],
                7 if done => END,
                _ => text,
            };
            json!({"title": title, "text": text, "done": done})
        })
        .collect();
    json!({"step": step, "steps": steps})
}

/// One half of the story: how far the card of its workload is.
#[derive(Default)]
struct Part {
    began: bool,
    offered: bool,
    declined: bool,
    killed: bool,
    decided: bool,
    proved: bool,
}

impl Part {
    /// The oldest card of a workload is the story's own.
    fn of(name: &str, messages: &[Message]) -> Self {
        let owner = format!("Deployment shop/{name}");
        let is_card = |message: &&Message| {
            message.author == Author::App
                && message.thread_ts.is_none()
                && message.text.contains(&owner)
        };
        let Some(card) = messages.iter().find(is_card) else {
            return Self::default();
        };
        let has = |action: &str| card.action_ids().iter().any(|id| id == action);
        let says = |words: &[&str]| words.iter().any(|words| card.text.contains(words));
        let proved = says(&["Recovered", "No kill in sight"]);
        let decided = proved || says(&["Running the fix", "Checking the fix"]);
        let declined = has(CHECK_AGAIN);
        Self {
            began: true,
            offered: has(APPROVE) || decided || declined,
            declined,
            killed: says(&["It was forecast at"]),
            decided,
            proved,
        }
    }
}
