//! One call to Slack: what it is about, what is asked, what came back.
use super::super::{
    api::{Mark, Place, SlackApi, SlackError},
    files::Upload,
    render::{Message, forecast},
};
use crate::{
    chart,
    domain::{forecast::Outlook, incident::IncidentId},
};
use jiff::Timestamp;
use serde_json::{Value, json};

/// `event_type` of a card's metadata.
const CARD: &str = "heal_incident";
/// `event_type` of a thread message's metadata.
const NOTE: &str = "heal_note";
/// `event_type` of a digest's metadata.
const DIGEST: &str = "heal_digest";

/// Number of a digest within one run of the sender.
pub(super) type DigestId = u64;

/// What a call is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum About {
    /// The card of an incident.
    Card(IncidentId),
    /// The first message in the queue for an incident's thread.
    Note(IncidentId),
    /// A digest.
    Digest(DigestId),
    /// Which of our messages a channel has.
    Channel,
    /// Which of our messages the thread of an incident has.
    Thread(IncidentId),
    /// The picture of an incident's forecast.
    Picture(IncidentId),
}

/// What is asked.
#[derive(Clone, Debug)]
pub(super) enum Ask {
    Post {
        thread: Option<String>,
        broadcast: bool,
        message: Message,
        mark: Mark,
    },
    Update {
        ts: String,
        message: Message,
    },
    Find {
        thread: Option<String>,
        oldest: Timestamp,
    },
    Upload {
        thread: String,
        outlook: Box<Outlook>,
    },
}

/// A call.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) about: About,
    pub(super) channel: String,
    pub(super) ask: Ask,
    /// What the message will show then: a fingerprint.
    pub(super) shows: String,
    /// The picture on it, by its file.
    pub(super) picture: Option<String>,
    /// Whom a digest names.
    pub(super) members: Vec<IncidentId>,
    /// When the call was made.
    pub(super) at: Timestamp,
}

/// What came back.
#[derive(Debug)]
pub(super) enum Answer {
    Posted(String),
    Updated,
    Found(Vec<(String, Mark)>),
    Uploaded(String),
}

impl Call {
    /// Around everything that is said of it in the log: which incident it is about. A digest is about many.
    pub(super) fn span(&self) -> tracing::Span {
        match self.about {
            About::Card(id) | About::Note(id) | About::Thread(id) | About::Picture(id) => {
                tracing::error_span!("send", incident = %id)
            }
            About::Digest(_) | About::Channel => tracing::error_span!("send"),
        }
    }

    /// The Web API method.
    pub(super) fn method(&self) -> &'static str {
        match &self.ask {
            Ask::Post { .. } => POST,
            Ask::Update { .. } => UPDATE,
            Ask::Find { thread: None, .. } => HISTORY,
            Ask::Find { .. } => REPLIES,
            Ask::Upload { .. } => UPLOAD,
        }
    }
}

pub(super) const POST: &str = "chat.postMessage";
pub(super) const UPDATE: &str = "chat.update";
pub(super) const HISTORY: &str = "conversations.history";
pub(super) const REPLIES: &str = "conversations.replies";
/// The first of the three steps stands for all.
pub(super) const UPLOAD: &str = "files.getUploadURLExternal";

/// Makes the call.
pub(super) async fn perform(api: &SlackApi, call: &Call) -> Result<Answer, SlackError> {
    match &call.ask {
        Ask::Post {
            thread,
            broadcast,
            message,
            mark,
        } => {
            let place = Place {
                channel: &call.channel,
                thread: thread.as_deref(),
                broadcast: *broadcast,
            };
            api.post(place, message, mark).await.map(Answer::Posted)
        }
        Ask::Update { ts, message } => {
            let updated = api.update(&call.channel, ts, message).await;
            updated.map(|()| Answer::Updated)
        }
        Ask::Find { thread, oldest } => {
            let marks = api.marks(&call.channel, thread.as_deref(), *oldest).await;
            marks.map(Answer::Found)
        }
        Ask::Upload { thread, outlook } => {
            let uploaded = upload(api, &call.channel, thread, outlook).await;
            uploaded.map(Answer::Uploaded)
        }
    }
}

/// Draws the picture and uploads it.
async fn upload(
    api: &SlackApi,
    channel: &str,
    thread: &str,
    outlook: &Outlook,
) -> Result<String, SlackError> {
    let (title, alt) = (forecast::picture_title(outlook), forecast::alt(outlook));
    let outlook = outlook.clone();
    // Some milliseconds of computing: not on a thread that serves clicks.
    let drawn = tokio::task::spawn_blocking(move || chart::png(&outlook, outlook.at)).await;
    let Ok(Some(content)) = drawn else {
        return Err(SlackError::Unsent(
            "the picture could not be drawn".to_owned(),
        ));
    };
    let upload = Upload {
        channel,
        thread,
        name: "memory-forecast.png",
        title: &title,
        alt: &alt,
        content: content.into(),
    };
    api.upload(upload).await
}

/// What is said about a message in its metadata, which everybody in the workspace can read: ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Marked {
    Card(IncidentId),
    Note { effect: u64, slot: Option<String> },
    Digest(Vec<IncidentId>),
}

impl Marked {
    pub(super) fn to_mark(&self, incident: Option<IncidentId>) -> Mark {
        let (event_type, event_payload) = match self {
            Marked::Card(id) => (CARD, json!({"incident": id.to_string()})),
            Marked::Note { effect, slot } => {
                let mut payload = json!({"note": effect.to_string()});
                if let Some(id) = incident {
                    payload["incident"] = json!(id.to_string());
                }
                if let Some(slot) = slot {
                    payload["slot"] = json!(slot);
                }
                (NOTE, payload)
            }
            Marked::Digest(members) => {
                let ids: Vec<String> = members.iter().map(IncidentId::to_string).collect();
                (DIGEST, json!({"incidents": ids.join(" ")}))
            }
        };
        Mark {
            event_type: event_type.to_owned(),
            event_payload,
        }
    }

    pub(super) fn of(mark: &Mark) -> Option<Self> {
        let field = |name: &str| mark.event_payload.get(name).and_then(Value::as_str);
        match mark.event_type.as_str() {
            CARD => field("incident")?.parse().ok().map(Marked::Card),
            NOTE => Some(Marked::Note {
                effect: field("note")?.parse().ok()?,
                slot: field("slot").map(str::to_owned),
            }),
            DIGEST => {
                let ids = field("incidents")?.split(' ');
                Some(Marked::Digest(
                    ids.filter_map(|id| id.parse().ok()).collect(),
                ))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_says_what_a_message_was_and_nothing_else() {
        let all = [
            Marked::Card(IncidentId(17)),
            Marked::Note {
                effect: 5,
                slot: Some("e1".into()),
            },
            Marked::Digest(vec![IncidentId(1), IncidentId(2)]),
        ];
        for marked in &all {
            assert_eq!(Marked::of(&marked.to_mark(None)).as_ref(), Some(marked));
        }
        insta::assert_json_snapshot!(all[1].to_mark(Some(IncidentId(17))).event_payload, @r#"
        {
          "incident": "H17",
          "note": "5",
          "slot": "e1"
        }
        "#);
    }
}
