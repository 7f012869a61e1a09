//! The record of what was called and what was answered.

use jiff::Timestamp;
use serde_json::Value;

use super::state::State;

/// Calls kept for [`SlackSim::calls`](super::SlackSim::calls); older ones are forgotten, so that a long demo does not grow.
const CALLS_KEPT: usize = 10_000;

/// One call of the Web API, a response URL (`response_url`) or an upload URL (`upload`).
#[derive(Debug, Clone)]
pub struct Call {
    /// Counts all calls from 1.
    pub number: u64,
    /// For example `chat.postMessage`.
    pub method: String,
    /// The arguments as JSON; those that came as text of a form are parsed where Slack parses them.
    pub arguments: Value,
    /// When it arrived, on the workspace's clock.
    pub at: Timestamp,
    /// HTTP status and body; `None` while it is being answered, and for ever if the answer was withheld.
    pub answer: Option<(u16, Value)>,
}

impl Call {
    /// Whether Slack said `"ok": true`.
    pub fn is_ok(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|(_, body)| body["ok"] == true)
    }

    /// Slack's error word, if it answered with one.
    pub fn error(&self) -> Option<&str> {
        self.answer.as_ref()?.1["error"].as_str()
    }
}

impl State {
    pub(super) fn note_call(&mut self, method: &str, arguments: Value) -> u64 {
        let number = self.calls.back().map_or(1, |c| c.number + 1);
        let call = Call {
            number,
            method: method.to_owned(),
            arguments,
            at: self.now(),
            answer: None,
        };
        self.calls.push_back(call);
        if self.calls.len() > CALLS_KEPT {
            self.calls.pop_front();
        }
        number
    }

    pub(super) fn note_answer(&mut self, number: u64, status: u16, body: Value) {
        if let Some(call) = self.calls.iter_mut().rev().find(|c| c.number == number) {
            call.answer = Some((status, body));
        }
    }
}
