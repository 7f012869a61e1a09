//! The local Slack workspace of a measurement, and the clock that everything is measured with.
use crate::sim::slack::{Author, Call, Channel, Clock, Message, SlackSim, SlackSimOptions, User};
use jiff::{SignedDuration, Timestamp};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Where the cards go.
pub const CHANNEL: &str = "C0OPS";
/// May approve.
pub const OLIVIA: &str = "U0OLIVIA";
/// May not.
pub const IVAN: &str = "U0IVAN";

/// A workspace on loopback.
pub struct Workspace {
    /// The workspace.
    pub slack: SlackSim,
    /// Where it listens.
    pub url: String,
    clock: Clock,
}

impl Workspace {
    /// Opens one, with Slack's rate limits.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn open() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}", listener.local_addr()?);
        let clock = steady();
        let slack = SlackSim::new(SlackSimOptions {
            users: vec![User::new(OLIVIA, "olivia"), User::new(IVAN, "ivan")],
            channels: vec![Channel::new(CHANNEL, "ops")],
            clock: clock.clone(),
            base_url: url.clone(),
            rate_limits: true,
            ..SlackSimOptions::default()
        });
        let router = slack.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { slack, url, clock })
    }

    /// Now, on the clock that also dates the calls.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Calls that posted or changed messages since then, oldest first.
    pub fn chat_calls(&self, since: Timestamp) -> Vec<Call> {
        let mut calls = self.slack.calls();
        calls.retain(|call| {
            call.method.starts_with("chat.")
                && call.method != "chat.getPermalink"
                && call.at >= since
        });
        calls
    }

    /// Heal's messages in the channel, threads included.
    pub fn messages(&self) -> Vec<Message> {
        let mut messages = self.slack.messages(CHANNEL);
        messages.retain(|message| message.author == Author::App);
        messages
    }

    /// The cards that can be approved, oldest first.
    pub fn offers(&self) -> Vec<Message> {
        let mut messages = self.messages();
        messages.retain(|message| message.action_ids().iter().any(|id| id == "approve"));
        messages
    }
}

/// The time between two moments of the workspace's clock.
pub fn between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::try_from(to.duration_since(from)).unwrap_or_default()
}

/// A wall clock that is read once and then follows `Instant`: nobody can set it while something is measured.
fn steady() -> Clock {
    let (origin, start) = (Instant::now(), Timestamp::now());
    Arc::new(move || {
        let elapsed = SignedDuration::try_from(origin.elapsed()).unwrap_or(SignedDuration::ZERO);
        start.saturating_add(elapsed).unwrap_or(start)
    })
}
