//! What can go wrong with a call of the Web API, as decisions for the caller.
use crate::wire::Broken;
use slack_morphism::errors::SlackClientError;
use std::time::Duration;
use thiserror::Error;

/// Why a call did not do what was asked: each case is another decision.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SlackError {
    /// Too often: wait this long before the next call of the same method.
    #[error("Slack asks to wait {} s", .0.as_secs())]
    RateLimited(Duration),
    /// It did not get out. Repeating it is safe.
    #[error("Slack cannot be reached: {0}")]
    Unsent(String),
    /// It may have taken effect: no answer, a broken one, or an error of Slack's own.
    #[error("it is unknown whether Slack did it: {0}")]
    Ambiguous(String),
    /// What it is about is gone: the message, the thread, the user.
    #[error("not found: {0}")]
    NotFound(String),
    /// Slack says no. Repeating the same call does not help.
    #[error("Slack refused: {code}{}", said(.messages))]
    Refused {
        /// Slack's word, e.g. `invalid_blocks`.
        code: String,
        /// What Slack says beside it.
        messages: Vec<String>,
    },
}

fn said(messages: &[String]) -> String {
    if messages.is_empty() {
        String::new()
    } else {
        format!(" ({})", messages.join("; "))
    }
}

impl SlackError {
    /// Slack's word, if it refused with one.
    pub fn code(&self) -> Option<&str> {
        match self {
            SlackError::Refused { code, .. } => Some(code),
            _ => None,
        }
    }
}

impl From<Broken> for SlackError {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::Unsent(why) => SlackError::Unsent(why),
            Broken::UnknownAuthority => SlackError::Unsent(broken.to_string()),
            Broken::Unanswered(why) => SlackError::Ambiguous(why),
            Broken::TooLarge(_) => SlackError::Ambiguous("the answer is too large".to_owned()),
        }
    }
}

impl From<SlackClientError> for SlackError {
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::RateLimitError(limit) => {
                SlackError::RateLimited(limit.retry_after.unwrap_or(Duration::from_secs(5)))
            }
            SlackClientError::HttpError(http) if http.status_code.is_server_error() => {
                SlackError::Ambiguous(format!("status {}", http.status_code.as_u16()))
            }
            SlackClientError::HttpError(http) => SlackError::Refused {
                code: format!("http_{}", http.status_code.as_u16()),
                messages: Vec::new(),
            },
            SlackClientError::ApiError(refused) => match refused.code.as_str() {
                "message_not_found" | "thread_not_found" | "user_not_found" | "no_such_subteam" => {
                    SlackError::NotFound(refused.code)
                }
                // Slack's documentation: parts of the operation may have succeeded.
                "fatal_error" | "internal_error" | "service_unavailable" | "request_timeout" => {
                    SlackError::Ambiguous(refused.code)
                }
                _ => SlackError::Refused {
                    code: refused.code,
                    messages: refused.errors.unwrap_or_default(),
                },
            },
            SlackClientError::HttpProtocolError(protocol) => {
                match protocol
                    .cause
                    .and_then(|cause| cause.downcast::<Broken>().ok())
                {
                    Some(broken) => (*broken).into(),
                    None => SlackError::Unsent("not a request".to_owned()),
                }
            }
            // A 200 whose body makes no sense: a proxy's page, or an answer that was cut off.
            SlackClientError::ProtocolError(_) => {
                SlackError::Ambiguous("the answer is not Slack's".to_owned())
            }
            SlackClientError::SystemError(_)
            | SlackClientError::EndOfStream(_)
            | SlackClientError::SocketModeProtocolError(_) => {
                SlackError::Ambiguous("the client failed".to_owned())
            }
        }
    }
}
