//! A local Slack workspace: Web API, signed interactivity and commands, and the data of a web page.
//!
//! It is a strict peer: it refuses what Slack refuses, with Slack's words, and sends what Slack sends. Bodies of requests are
//! signed and have the shape of recorded payloads.
//!
//! ```text
//! Heal ── /api/METHOD, /response/…, /upload/… ──► SlackSim ◄── /sim/… ── a web page
//! Heal ◄─ /slack/interactivity, /slack/commands ─ SlackSim ◄── click(), command(), … ── a test
//! ```

mod api;
mod call;
mod deliver;
mod directory;
mod faults;
mod form;
mod limits;
mod message;
mod page;
mod payload;
mod people;
mod permits;
mod response;
mod screen;
mod sign;
mod state;
mod validate;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::routing::{any, post};
use jiff::Timestamp;
use tokio::sync::watch;

pub use call::Call;
pub use deliver::{Answer, COMMANDS, Deliver, INTERACTIVITY, SignedRequest, over_http, through};
pub use directory::{Channel, User, Usergroup};
pub use faults::Fault;
pub use message::{Author, Message};
pub use people::{CannotDo, Press};
pub use sign::{SIGNATURE_HEADER, TIMESTAMP_HEADER, sign};
pub use state::{File, State, View};

/// What time it is in the workspace.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the workspace starts.
pub struct SlackSimOptions {
    /// `T…`
    pub team_id: String,
    /// The workspace's name.
    pub team_name: String,
    /// `A…`, the app's id.
    pub app_id: String,
    /// The token that the Web API accepts.
    pub bot_token: String,
    /// The secret with which requests to the app are signed.
    pub signing_secret: String,
    /// The scopes that the token has.
    pub scopes: Vec<String>,
    /// Its channels.
    pub channels: Vec<Channel>,
    /// Its people.
    pub users: Vec<User>,
    /// Its user groups.
    pub usergroups: Vec<Usergroup>,
    /// The time of day: time stamps of messages and signatures.
    pub clock: Clock,
    /// The way to the app; may be set later.
    pub deliver: Option<Deliver>,
    /// Where [`SlackSim::router`] is served, without a slash at the end: the start of response and upload URLs.
    pub base_url: String,
    /// Whether Slack's rate limits hold.
    pub rate_limits: bool,
    /// How long after an upload a file cannot be used in a block yet: Slack looks at it first.
    pub files_ready_after: Duration,
    /// After this long without an answer of the app, the person sees an error. Slack's is 3 s.
    pub patience: Duration,
}

impl Default for SlackSimOptions {
    /// A workspace with one channel, one person, every scope that the methods ask for, and no rate limits.
    fn default() -> Self {
        const SCOPES: [&str; 7] = [
            "chat:write",
            "commands",
            "usergroups:read",
            "users:read",
            "files:write",
            "channels:read",
            "channels:history",
        ];
        Self {
            team_id: "T0HEAL".to_owned(),
            team_name: "Heal".to_owned(),
            app_id: "A0HEAL".to_owned(),
            bot_token: "xoxb-simulated".to_owned(),
            signing_secret: "simulated-signing-secret".to_owned(),
            scopes: SCOPES.map(str::to_owned).to_vec(),
            channels: vec![Channel::new("C0OPS", "ops")],
            users: vec![User::new("U0ALICE", "alice")],
            usergroups: Vec::new(),
            clock: Arc::new(Timestamp::now),
            deliver: None,
            base_url: "http://127.0.0.1".to_owned(),
            rate_limits: false,
            files_ready_after: Duration::ZERO,
            patience: Duration::from_secs(3),
        }
    }
}

struct Inner {
    state: Mutex<State>,
    /// Counts changes; waiting on it needs no polling.
    changes: watch::Sender<u64>,
    deliver: Mutex<Option<Deliver>>,
    last_request: Mutex<Option<SignedRequest>>,
    patience: Duration,
}

/// The workspace; clones are handles of the same one.
#[derive(Clone)]
pub struct SlackSim(Arc<Inner>);

impl SlackSim {
    /// An empty workspace.
    pub fn new(options: SlackSimOptions) -> Self {
        let deliver = Mutex::new(options.deliver.clone());
        let patience = options.patience;
        let state = Mutex::new(State::new(options));
        Self(Arc::new(Inner {
            state,
            changes: watch::Sender::new(0),
            deliver,
            last_request: Mutex::new(None),
            patience,
        }))
    }

    /// Everything that is served: `/api`, `/response`, `/upload`, `/files` and `/sim`.
    pub fn router(&self) -> Router {
        Router::new()
            .route("/api/{method}", any(api::serve))
            .route("/response/{id}", post(response::serve))
            .route("/upload/{key}", post(api::upload))
            .merge(page::router())
            .with_state(self.clone())
    }

    /// Sets the way to the app.
    pub fn set_deliver(&self, deliver: Deliver) {
        *self
            .0
            .deliver
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(deliver);
    }

    /// Sets where the router is served, when the port is known only after binding.
    pub fn set_base_url(&self, url: &str) {
        self.change(|state| state.identity.base_url = url.trim_end_matches('/').to_owned());
    }

    /// Plans `fault` for the next `times` calls of `method`, or of any method. `response_url` and `upload` are methods here.
    pub fn fail(&self, method: Option<&str>, fault: Fault, times: u32) {
        self.change(|state| state.faults.plan(method, fault, times));
    }

    /// While it is down, the workspace answers every call with 503; people can still click.
    pub fn set_down(&self, down: bool) {
        self.change(|state| state.faults.down = down);
    }

    /// Every message of the channel that everyone sees, oldest first; replies too.
    pub fn messages(&self, channel: &str) -> Vec<Message> {
        self.look(|state| state.messages(channel))
    }

    /// One message that everyone sees.
    pub fn message(&self, channel: &str, ts: &str) -> Option<Message> {
        self.look(|state| state.message(channel, ts))
    }

    /// The parent and its replies, oldest first.
    pub fn thread(&self, channel: &str, ts: &str) -> Vec<Message> {
        self.look(|state| state.thread(channel, ts))
    }

    /// The messages that only this person sees, oldest first.
    pub fn ephemerals(&self, user: &str) -> Vec<Message> {
        self.look(|state| state.ephemerals(user))
    }

    /// The modals on this person's screen, the top one last.
    pub fn views(&self, user: &str) -> Vec<View> {
        self.look(|state| state.views(user))
    }

    /// The files that were announced or uploaded.
    pub fn files(&self) -> Vec<File> {
        self.look(State::files)
    }

    /// The last ten thousand calls, oldest first.
    pub fn calls(&self) -> Vec<Call> {
        self.look(State::calls)
    }

    /// Waits until `find` finds something. Nothing is polled: it looks after every change, so a paused clock can move on. It
    /// waits for ever; put `tokio::time::timeout` around it where that matters.
    pub async fn until<T>(&self, find: impl Fn(&State) -> Option<T>) -> T {
        let mut changes = self.0.changes.subscribe();
        loop {
            changes.mark_unchanged();
            if let Some(found) = self.look(&find) {
                return found;
            }
            // The sender lives as long as this handle, so the only outcome is a change.
            let _ = changes.changed().await;
        }
    }

    fn look<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.0.changes.send_modify(|count| *count += 1);
        result
    }
}

#[cfg(test)]
mod tests;
