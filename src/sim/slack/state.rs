//! Everything that the workspace remembers. Tests look at it through [`SlackSim`](super::SlackSim).

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;

use super::call::Call;
use super::directory::{Channel, User, Usergroup};
use super::faults::Faults;
use super::limits::Buckets;
use super::message::{Author, Message};
use super::permits::{ResponseUrl, Trigger};
use super::{Clock, SlackSimOptions};

/// The workspace, the app in it, and their secrets.
#[derive(Clone)]
pub(super) struct Identity {
    pub(super) team_id: String,
    pub(super) team_name: String,
    pub(super) team_domain: String,
    pub(super) app_id: String,
    pub(super) bot_id: String,
    pub(super) bot_user_id: String,
    pub(super) bot_token: String,
    pub(super) signing_secret: String,
    pub(super) verification_token: String,
    pub(super) scopes: Vec<String>,
    pub(super) base_url: String,
}

/// A modal on somebody's screen.
#[derive(Debug, Clone)]
pub struct View {
    /// `V…`
    pub id: String,
    /// Whose screen.
    pub user: String,
    /// The view as Slack describes it, with `state`, `hash` and the rest.
    pub view: Value,
    /// What the app said was wrong with the last submission: block id → text.
    pub errors: Option<Value>,
}

/// A file that the app uploaded.
#[derive(Debug, Clone)]
pub struct File {
    /// `F…`
    pub id: String,
    /// The file's name.
    pub name: String,
    /// The title given on completion.
    pub title: String,
    /// Length announced when the upload URL was asked for, in bytes.
    pub length: u64,
    /// What was uploaded, once it was.
    pub content: Option<Bytes>,
    /// When blocks can use it, once the upload was completed.
    pub(super) ready: Option<Instant>,
    /// Where it was shared, once the upload was completed: channel and, in a thread, the parent's ts.
    pub shared: Option<(String, Option<String>)>,
}

/// The workspace's memory. Times of day come from the clock in the options; lifetimes (triggers, response URLs, rate limits)
/// are measured on tokio's clock, so they also pass under a paused one.
pub struct State {
    pub(super) identity: Identity,
    pub(super) clock: Clock,
    pub(super) channels: Vec<Channel>,
    pub(super) users: Vec<User>,
    pub(super) usergroups: Vec<Usergroup>,
    pub(super) messages: Vec<Message>,
    pub(super) views: Vec<View>,
    pub(super) files: Vec<File>,
    pub(super) files_ready_after: Duration,
    pub(super) calls: VecDeque<Call>,
    pub(super) triggers: HashMap<String, Trigger>,
    pub(super) response_urls: HashMap<String, ResponseUrl>,
    pub(super) faults: Faults,
    pub(super) buckets: Buckets,
    pub(super) serial: u64,
    pub(super) last_ts: (i64, u32),
}

impl State {
    pub(super) fn new(options: SlackSimOptions) -> Self {
        Self {
            identity: Identity {
                team_domain: options.team_name.to_lowercase().replace(' ', "-"),
                bot_id: format!("B{}", options.app_id.trim_start_matches('A')),
                bot_user_id: format!("UBOT{}", options.app_id.trim_start_matches('A')),
                verification_token: "legacy-fixed-value".to_owned(),
                team_id: options.team_id,
                team_name: options.team_name,
                app_id: options.app_id,
                bot_token: options.bot_token,
                signing_secret: options.signing_secret,
                scopes: options.scopes,
                base_url: options.base_url,
            },
            clock: options.clock,
            channels: options.channels,
            users: options.users,
            usergroups: options.usergroups,
            messages: Vec::new(),
            views: Vec::new(),
            files: Vec::new(),
            files_ready_after: options.files_ready_after,
            calls: VecDeque::new(),
            triggers: HashMap::new(),
            response_urls: HashMap::new(),
            faults: Faults::default(),
            buckets: Buckets::new(options.rate_limits),
            serial: 0,
            last_ts: (0, 0),
        }
    }

    /// Every message of the channel that everyone sees, oldest first; replies too.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.messages
            .iter()
            .filter(|m| m.channel == channel && m.ephemeral_to.is_none())
            .cloned()
            .collect()
    }

    /// One message that everyone sees.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.visible(channel, ts).cloned()
    }

    /// The parent and its replies, oldest first.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        let mut thread = self.messages(channel);
        thread.retain(|m| m.ts == ts || m.thread_ts.as_deref() == Some(ts));
        thread
    }

    /// The messages that only this person sees, oldest first.
    pub fn ephemerals(&self, user: &str) -> Vec<Message> {
        self.messages
            .iter()
            .filter(|m| m.ephemeral_to.as_deref() == Some(user))
            .cloned()
            .collect()
    }

    /// The modals on this person's screen, the top one last.
    pub fn views(&self, user: &str) -> Vec<View> {
        self.views
            .iter()
            .filter(|v| v.user == user)
            .cloned()
            .collect()
    }

    /// The calls so far, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.calls.iter().cloned().collect()
    }

    /// The files so far, shared or not.
    pub fn files(&self) -> Vec<File> {
        self.files.clone()
    }

    /// Whether blocks can use this file now.
    pub(super) fn is_usable(&self, file: &str) -> bool {
        let file = self.files.iter().find(|f| f.id == file);
        file.is_some_and(|f| {
            f.content.is_some() && f.ready.is_some_and(|ready| ready <= Instant::now())
        })
    }

    pub(super) fn visible(&self, channel: &str, ts: &str) -> Option<&Message> {
        self.messages
            .iter()
            .find(|m| m.channel == channel && m.ts == ts && m.ephemeral_to.is_none())
    }

    pub(super) fn visible_mut(&mut self, channel: &str, ts: &str) -> Option<&mut Message> {
        self.messages
            .iter_mut()
            .find(|m| m.channel == channel && m.ts == ts && m.ephemeral_to.is_none())
    }

    pub(super) fn channel(&self, id: &str) -> Option<&Channel> {
        self.channels.iter().find(|c| c.id == id)
    }

    pub(super) fn user(&self, id: &str) -> Option<&User> {
        self.users.iter().find(|u| u.id == id)
    }

    pub(super) fn view(&self, id: &str) -> Option<&View> {
        self.views.iter().find(|v| v.id == id)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// A message time stamp that was never used: Slack's `seconds.micros`, always rising.
    pub(super) fn next_ts(&mut self) -> String {
        let (last, micros) = self.last_ts;
        let second = self.now().as_second();
        self.last_ts = if second > last {
            (second, 100)
        } else {
            (last, micros + 100)
        };
        format!("{}.{:06}", self.last_ts.0, self.last_ts.1)
    }

    pub(super) fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }

    /// The blocks as Slack keeps them: every block has an id, every text object says how it is read.
    pub(super) fn adopt_blocks(&mut self, blocks: &[Value]) -> Vec<Value> {
        let mut blocks = blocks.to_vec();
        for block in &mut blocks {
            fill_text_objects(block);
            if block
                .get("block_id")
                .and_then(Value::as_str)
                .is_none_or(str::is_empty)
            {
                block["block_id"] = Value::from(format!("b{:04}", self.next_serial()));
            }
        }
        blocks
    }

    /// Keeps a message and returns its ts.
    pub(super) fn add(&mut self, mut message: Message) -> String {
        message.ts = self.next_ts();
        let ts = message.ts.clone();
        self.messages.push(message);
        ts
    }

    /// A line that only `user` sees, as Slack itself writes it when an app does not answer.
    pub(super) fn add_notice(&mut self, channel: &str, user: &str, text: String) {
        self.add(Message {
            ephemeral_to: Some(user.to_owned()),
            text,
            ..Message::new(channel, Author::Slackbot)
        });
    }
}

/// Slack answers with the defaults filled in, so what comes back differs from what was sent.
fn fill_text_objects(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(fill_text_objects),
        Value::Object(fields) => {
            fields.values_mut().for_each(fill_text_objects);
            let default = match fields.get("type").and_then(Value::as_str) {
                Some("plain_text") => ("emoji", true),
                Some("mrkdwn") => ("verbatim", false),
                _ => return,
            };
            fields.entry(default.0).or_insert(Value::Bool(default.1));
        }
        _ => {}
    }
}
