//! One message that names many incidents, when cards would flood the channel.
use super::{super::render::Message, call::DigestId};
use crate::domain::incident::IncidentId;
use serde_json::json;
use std::{collections::BTreeSet, time::Duration};
use tokio::time::Instant;

/// With more new cards than this waiting in a channel, they become a digest.
pub(super) const STORM_FROM: usize = 6;
/// A storm is over when nothing was added for this long; then cards follow.
const QUIET: Duration = Duration::from_secs(10);
/// After this long a new storm gets a new message: an old one that changes notifies nobody.
const FRESH: Duration = Duration::from_secs(600);
/// The hash under which a place in a digest is stored.
pub(super) const HASH: &str = "digest";

/// A digest.
#[derive(Debug)]
pub(super) struct Digest {
    pub(super) id: DigestId,
    pub(super) channel: String,
    pub(super) ts: Option<String>,
    /// Those that have no card of their own.
    pub(super) members: BTreeSet<IncidentId>,
    /// Those of whom it was reported that they are in here.
    pub(super) told: BTreeSet<IncidentId>,
    /// What it shows.
    pub(super) shown: Option<String>,
    /// Members may have changed.
    pub(super) dirty: bool,
    pub(super) updated: Option<Instant>,
    pub(super) born: Instant,
    pub(super) last_join: Instant,
    pub(super) text_only: bool,
    /// It may have been posted since then without our knowing.
    pub(super) doubt: Option<jiff::Timestamp>,
    pub(super) busy: bool,
    /// Since when it is not what it should be, attempts included.
    pub(super) behind: Option<Instant>,
    /// It was posted by an earlier run: not for new storms.
    pub(super) inherited: bool,
}

impl Digest {
    pub(super) fn new(id: DigestId, channel: &str, now: Instant) -> Self {
        Self {
            id,
            channel: channel.to_owned(),
            ts: None,
            members: BTreeSet::new(),
            told: BTreeSet::new(),
            shown: None,
            dirty: true,
            updated: None,
            born: now,
            last_join: now,
            text_only: false,
            doubt: None,
            busy: false,
            behind: None,
            inherited: false,
        }
    }

    /// New incidents go straight in here.
    pub(super) fn is_storm(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.last_join) < QUIET && self.is_fresh(now)
    }

    /// A storm may still use this message.
    pub(super) fn is_fresh(&self, now: Instant) -> bool {
        !self.inherited && now.saturating_duration_since(self.born) < FRESH
    }

    /// Notes whether it waits for Slack. While a call is under way, what was true before it stays.
    pub(super) fn mark(&mut self, now: Instant) {
        if !self.busy {
            self.behind = self.dirty.then(|| self.behind.unwrap_or(now));
        }
    }

    /// When its members may get cards of their own.
    pub(super) fn quiet_at(&self) -> Instant {
        self.last_join + QUIET
    }

    pub(super) fn join(&mut self, incident: IncidentId, now: Instant) {
        self.members.insert(incident);
        self.last_join = now;
        self.dirty = true;
    }
}

/// The digest when nothing is left to list.
pub(super) fn over() -> Message {
    let text = "✅ Everything that this message listed is over or has a card of its own.";
    Message {
        text: text.to_owned(),
        blocks: json!([{"type": "section", "text": {"type": "mrkdwn", "text": text}}]),
    }
}

/// The same message without its layout.
pub(super) fn as_text(message: Message) -> Message {
    Message {
        text: format!(
            "{}\n(shown as text: Slack refused the layout)",
            crate::domain::text::clip(&message.text, 3_800)
        ),
        blocks: json!([]),
    }
}
