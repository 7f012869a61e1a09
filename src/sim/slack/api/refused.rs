//! A call that Slack refuses: its words for it.

use serde_json::{Value, json};

use crate::sim::slack::validate;

/// The answer to a refused call.
#[derive(Debug)]
pub(in crate::sim::slack) struct Refused {
    pub(super) body: Value,
    /// The HTTP status: 200 for the Web API, which says what is wrong in the body.
    pub(super) status: u16,
    /// The call came too often; try again after this many seconds.
    pub(super) retry_after: Option<u64>,
}

impl Refused {
    /// Slack's word for what is wrong.
    pub(in crate::sim::slack) fn error(word: &str) -> Self {
        Self::with(json!({"ok": false, "error": word}))
    }

    /// A body with more than a word.
    pub(super) fn with(body: Value) -> Self {
        Self {
            body,
            status: 200,
            retry_after: None,
        }
    }

    /// An argument that Slack insists on.
    pub(super) fn missing(argument: &str) -> Self {
        Self::listing(
            "invalid_arguments",
            vec![format!("missing required field: {argument}")],
        )
    }

    /// A word and what is wrong in detail.
    pub(super) fn listing(word: &str, problems: Vec<String>) -> Self {
        let messages: Vec<String> = problems.iter().map(|p| format!("[ERROR] {p}")).collect();
        Self::with(json!({
            "ok": false, "error": word, "errors": problems, "response_metadata": {"messages": messages},
        }))
    }

    /// 429.
    pub(super) fn too_often(retry_after: u64) -> Self {
        let body = json!({"ok": false, "error": "ratelimited"});
        Self {
            body,
            status: 429,
            retry_after: Some(retry_after),
        }
    }

    /// The same, with another HTTP status.
    pub(in crate::sim::slack) fn with_status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// What is said.
    pub(in crate::sim::slack) fn into_body(self) -> Value {
        self.body
    }
}

impl From<validate::Refusal> for Refused {
    fn from(refusal: validate::Refusal) -> Self {
        match refusal {
            validate::Refusal::Invalid(problems) => Self::listing("invalid_blocks", problems),
            validate::Refusal::TooLong => Self::error("msg_blocks_too_long"),
        }
    }
}
