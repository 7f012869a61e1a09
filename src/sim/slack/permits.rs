//! What a click or command permits the app to do: open one modal soon, and answer a few times for a while.

use std::time::Duration;

use tokio::time::Instant;

use super::sign;
use super::state::State;

/// Permits older than this are forgotten; all of them expired long before.
const FORGOTTEN: Duration = Duration::from_secs(60 * 60);

/// Permission to open a modal: three seconds, once.
#[derive(Debug)]
pub(super) struct Trigger {
    pub(super) user: String,
    pub(super) issued: Instant,
    pub(super) used: bool,
}

/// Permission to answer a click or command.
#[derive(Debug, Clone)]
pub(super) struct ResponseUrl {
    pub(super) user: String,
    pub(super) channel: String,
    /// The message that was clicked; a command has none.
    pub(super) message_ts: Option<String>,
    pub(super) thread_ts: Option<String>,
    pub(super) issued: Instant,
    pub(super) uses: u32,
}

impl State {
    pub(super) fn issue_trigger(&mut self, user: &str) -> String {
        let number = self.next_serial();
        let secret = sign::unguessable(&self.identity.signing_secret, "trigger", number);
        let id = format!(
            "{number}.{}.{secret}",
            self.identity.team_id.trim_start_matches('T')
        );
        self.triggers.insert(
            id.clone(),
            Trigger {
                user: user.to_owned(),
                issued: Instant::now(),
                used: false,
            },
        );
        id
    }

    pub(super) fn issue_response_url(
        &mut self,
        user: &str,
        channel: &str,
        message_ts: Option<&str>,
        thread_ts: Option<&str>,
    ) -> String {
        let number = self.next_serial();
        let id = sign::unguessable(&self.identity.signing_secret, "response", number);
        let url = format!("{}/response/{id}", self.identity.base_url);
        let response = ResponseUrl {
            user: user.to_owned(),
            channel: channel.to_owned(),
            message_ts: message_ts.map(str::to_owned),
            thread_ts: thread_ts.map(str::to_owned),
            issued: Instant::now(),
            uses: 0,
        };
        self.response_urls
            .retain(|_, old| old.issued.elapsed() < FORGOTTEN);
        self.response_urls.insert(id, response);
        url
    }
}
