//! A message as the workspace keeps it and as Slack describes it.

use serde_json::{Value, json};

use super::state::{Identity, State};

/// What Slack shows where a message has blocks but no text.
const NO_TEXT: &str = "This content can't be displayed.";

/// Who wrote a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Author {
    /// The app (Heal).
    App,
    /// A person, by user id.
    Person(String),
    /// Slack itself, telling a person that an app did not answer.
    Slackbot,
}

/// A message in a channel or thread, or one that only one person sees.
#[derive(Debug, Clone)]
pub struct Message {
    /// Channel id.
    pub channel: String,
    /// Slack's id of the message, unique in its channel.
    pub ts: String,
    /// The ts of the parent, for replies.
    pub thread_ts: Option<String>,
    /// Who wrote it.
    pub author: Author,
    /// The top-level text: what notifications and screen readers use.
    pub text: String,
    /// Block Kit, as Slack keeps it.
    pub blocks: Vec<Value>,
    /// Ids of the files that were shared with it.
    pub files: Vec<String>,
    /// Message metadata.
    pub metadata: Option<Value>,
    /// Whether people see the mark "edited".
    pub edited: bool,
    /// How often the app changed it.
    pub updates: u32,
    /// Whether a reply is also shown in the channel.
    pub broadcast: bool,
    /// The one person who sees it; `None` means everyone.
    pub ephemeral_to: Option<String>,
}

impl Message {
    pub(super) fn new(channel: &str, author: Author) -> Self {
        Self {
            channel: channel.to_owned(),
            ts: String::new(),
            thread_ts: None,
            author,
            text: String::new(),
            blocks: Vec::new(),
            files: Vec::new(),
            metadata: None,
            edited: false,
            updates: 0,
            broadcast: false,
            ephemeral_to: None,
        }
    }

    /// Every string in text and blocks, one per line: what a person can read, for assertions.
    pub fn words(&self) -> String {
        fn walk(value: &Value, into: &mut Vec<String>) {
            match value {
                Value::Array(items) => items.iter().for_each(|v| walk(v, into)),
                Value::Object(fields) => {
                    for (name, v) in fields {
                        match v {
                            Value::String(text)
                                if name == "text" || name == "alt_text" || name == "title" =>
                            {
                                into.push(text.clone());
                            }
                            _ => walk(v, into),
                        }
                    }
                }
                _ => {}
            }
        }
        let mut words = vec![self.text.clone()];
        self.blocks.iter().for_each(|b| walk(b, &mut words));
        words.join("\n")
    }

    /// The action ids of everything that can be pressed, in order.
    pub fn action_ids(&self) -> Vec<String> {
        elements(&self.blocks)
            .into_iter()
            .filter_map(|(_, e)| Some(e["action_id"].as_str()?.to_owned()))
            .collect()
    }
}

/// Everything in these blocks that has an `action_id`, with the id of its block.
pub(super) fn elements(blocks: &[Value]) -> Vec<(String, Value)> {
    fn walk(block_id: &str, value: &Value, found: &mut Vec<(String, Value)>) {
        match value {
            Value::Array(items) => items.iter().for_each(|v| walk(block_id, v, found)),
            Value::Object(fields) => {
                if fields.contains_key("action_id") {
                    found.push((block_id.to_owned(), value.clone()));
                }
                fields.values().for_each(|v| walk(block_id, v, found));
            }
            _ => {}
        }
    }
    let mut found = Vec::new();
    for block in blocks {
        walk(
            block["block_id"].as_str().unwrap_or_default(),
            block,
            &mut found,
        );
    }
    found
}

impl State {
    /// The message as the Web API and payloads show it.
    pub(super) fn describe(&self, message: &Message) -> Value {
        let about = &self.identity;
        let text = if message.text.is_empty() && !message.blocks.is_empty() {
            NO_TEXT
        } else {
            &message.text
        };
        let mut json =
            json!({"type": "message", "ts": message.ts, "text": text, "team": about.team_id});
        match &message.author {
            Author::App => {
                json["user"] = json!(about.bot_user_id);
                json["bot_id"] = json!(about.bot_id);
                json["app_id"] = json!(about.app_id);
                json["bot_profile"] = bot_profile(about);
            }
            Author::Person(id) => json["user"] = json!(id),
            Author::Slackbot => json["user"] = json!("USLACKBOT"),
        }
        if !message.blocks.is_empty() {
            json["blocks"] = json!(message.blocks);
        }
        if !message.files.is_empty() {
            let files: Vec<Value> = message.files.iter().map(|id| json!({"id": id})).collect();
            json["files"] = json!(files);
        }
        if message.edited {
            json["edited"] = json!({"user": about.bot_user_id, "ts": message.ts});
        }
        match &message.thread_ts {
            Some(parent) => {
                json["thread_ts"] = json!(parent);
                json["parent_user_id"] = json!(
                    self.visible(&message.channel, parent)
                        .map(|p| self.author_id(p))
                );
                if message.broadcast {
                    json["subtype"] = json!("thread_broadcast");
                }
            }
            None => self.describe_replies(message, &mut json),
        }
        json
    }

    fn describe_replies(&self, message: &Message, json: &mut Value) {
        let is_reply = |m: &&Message| {
            let here = m.channel == message.channel && m.ephemeral_to.is_none();
            here && m.thread_ts.as_deref() == Some(&message.ts)
        };
        let replies: Vec<&Message> = self.messages.iter().filter(is_reply).collect();
        let Some(latest) = replies.last() else { return };
        let mut people: Vec<String> = replies.iter().map(|m| self.author_id(m)).collect();
        people.sort();
        people.dedup();
        json["thread_ts"] = json!(message.ts);
        json["reply_count"] = json!(replies.len());
        json["reply_users_count"] = json!(people.len());
        json["reply_users"] = json!(people);
        json["latest_reply"] = json!(latest.ts);
        json["subscribed"] = json!(false);
    }

    /// The user id of the author, as payloads name it.
    pub(super) fn author_id(&self, message: &Message) -> String {
        match &message.author {
            Author::App => self.identity.bot_user_id.clone(),
            Author::Person(id) => id.clone(),
            Author::Slackbot => "USLACKBOT".to_owned(),
        }
    }
}

fn bot_profile(about: &Identity) -> Value {
    json!({
        "id": about.bot_id, "app_id": about.app_id, "user_id": about.bot_user_id, "name": "heal", "icons": {}, "deleted": false,
        "updated": 1_700_000_000, "team_id": about.team_id,
    })
}
