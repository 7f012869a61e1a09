//! What is forecast and calls nobody: one message in the channel that lists it and is edited as it changes.
//!
//! It must not annoy at night: an edit makes no sound, and a new message is posted once a day at most. When nothing is listed any
//! more it says so; without notices there is no message. A post whose answer was lost may be there twice, once.
use super::{
    api::{Mark, Place, SlackApi},
    error::SlackError,
    render::{self, Message},
};
use crate::ports::{Clock, Delivered, Noticed, Notices};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// A message this young is edited; an older one has scrolled away, and what is new is posted again.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// Between two edits: levels move all the time.
const PACE: Duration = Duration::from_secs(300);
/// Something new on the list waits this long for more.
const GATHER: Duration = Duration::from_secs(10);

/// What it needs.
pub struct BoardParts {
    /// Slack.
    pub api: SlackApi,
    /// The channel.
    pub channel: String,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What is to be listed.
    pub notices: watch::Receiver<Arc<Notices>>,
    /// Where the message is, from an earlier run.
    pub noticed: Option<Noticed>,
    /// What became of it.
    pub delivered: mpsc::UnboundedSender<Delivered>,
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wish {
    Nothing,
    Post,
    Edit,
}

fn wish(empty: bool, shown: bool, noticed: Option<&Noticed>, now: Timestamp) -> Wish {
    let fresh = noticed.is_some_and(|noticed| now.duration_since(noticed.at) < FRESH);
    match (empty, fresh) {
        // After a restart it is not known what the message shows: it is brought up to date.
        (_, true) if shown => Wish::Nothing,
        (_, true) => Wish::Edit,
        (true, false) => Wish::Nothing,
        (false, false) => Wish::Post,
    }
}

/// Keeps the message up to date until the engine is gone.
pub async fn run(mut parts: BoardParts) {
    let mut shown: Option<String> = None;
    loop {
        let notices = parts.notices.borrow_and_update().clone();
        let message = render::foresight::notices(&notices);
        let wish = wish(
            notices.is_empty(),
            shown.as_ref() == Some(&message.fingerprint()),
            parts.noticed.as_ref(),
            parts.clock.now(),
        );
        let pause = match wish {
            Wish::Nothing => None,
            _ => match send(&mut parts, wish, &message).await {
                Ok(()) => {
                    shown = Some(message.fingerprint());
                    Some(PACE)
                }
                Err(SlackError::RateLimited(wait)) => Some(wait.max(GATHER)),
                Err(SlackError::NotFound(_)) => {
                    // Somebody deleted it: what is listed is posted anew.
                    parts.noticed = None;
                    Some(GATHER)
                }
                Err(error) => {
                    tracing::warn!(%error, "the list of notices could not be sent");
                    Some(PACE)
                }
            },
        };
        match pause {
            Some(pause) => tokio::time::sleep(pause).await,
            None => {
                if parts.notices.changed().await.is_err() {
                    return;
                }
                tokio::time::sleep(GATHER).await;
            }
        }
        if parts.notices.has_changed().is_err() {
            return;
        }
    }
}

async fn send(parts: &mut BoardParts, wish: Wish, message: &Message) -> Result<(), SlackError> {
    if let (Wish::Edit, Some(noticed)) = (wish, &parts.noticed) {
        return parts
            .api
            .update(&noticed.channel, &noticed.ts, message)
            .await;
    }
    let mark = Mark {
        event_type: "heal_notices".to_owned(),
        event_payload: json!({}),
    };
    let place = Place {
        channel: &parts.channel,
        ..Place::default()
    };
    let ts = parts.api.post(place, message, &mark).await?;
    let noticed = Noticed {
        channel: parts.channel.clone(),
        ts,
        at: parts.clock.now(),
    };
    parts.noticed = Some(noticed.clone());
    // Without an engine there is nobody to tell.
    let _ = parts.delivered.send(Delivered::Noticed(noticed));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_posted_once_a_day_and_only_when_there_is_something_to_list() {
        let at = |hours: i64| Timestamp::from_second(1_790_000_000 + hours * 3600).unwrap();
        let noticed = Noticed {
            channel: "C1".into(),
            ts: "1.0".into(),
            at: at(0),
        };
        assert_eq!(wish(true, false, None, at(0)), Wish::Nothing);
        assert_eq!(wish(false, false, None, at(0)), Wish::Post);
        assert_eq!(wish(false, false, Some(&noticed), at(23)), Wish::Edit);
        assert_eq!(wish(true, false, Some(&noticed), at(23)), Wish::Edit);
        assert_eq!(wish(false, true, Some(&noticed), at(23)), Wish::Nothing);
        assert_eq!(wish(true, false, Some(&noticed), at(25)), Wish::Nothing);
        assert_eq!(wish(false, true, Some(&noticed), at(25)), Wish::Post);
    }
}
