//! One incident on its way to Slack: the projection that its card should show, where the card is, what waits for its thread.
use super::{call::DigestId, picture::Picture};
use crate::{
    domain::{
        diagnosis::Severity,
        incident::{Incident, Note, State},
        recovery::Verdict,
    },
    ports::CardState,
};
use jiff::Timestamp;
use std::{
    collections::{HashMap, VecDeque},
    mem::Discriminant,
    sync::Arc,
};
use tokio::time::Instant;

/// Where the incident is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Home {
    /// Nowhere yet.
    Nowhere,
    /// On a card of its own, with this time stamp.
    Own(String),
    /// In a digest.
    Digest(DigestId),
}

/// A message for the thread. Several effects are one message when later ones replace earlier ones that nobody saw yet.
#[derive(Clone, Debug)]
pub(super) struct Tell {
    pub(super) effects: Vec<u64>,
    pub(super) note: Note,
    /// Slack refused its layout: say it as text.
    pub(super) text_only: bool,
}

/// One incident.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) card: Arc<CardState>,
    pub(super) channel: String,
    pub(super) home: Home,
    /// Fingerprint of what its own card shows, and the state that it shows.
    pub(super) shown: Option<String>,
    pub(super) shown_state: Option<Discriminant<State>>,
    /// The projection may differ from what is shown.
    pub(super) dirty: bool,
    /// Since when it waits.
    pub(super) since: Instant,
    /// Since when its card is not what it should be, attempts included.
    pub(super) behind: Option<Instant>,
    pub(super) updated: Option<Instant>,
    /// Somebody wants a card of its own.
    pub(super) open: bool,
    /// Fingerprint of a card whose layout Slack refused: show it as text.
    pub(super) text_only: Option<String>,
    /// Fingerprint of a card that Slack refuses altogether.
    pub(super) refused: Option<String>,
    /// A card may have been posted since then without our knowing.
    pub(super) doubt: Option<Timestamp>,
    /// A thread message may have been posted since then without our knowing.
    pub(super) thread_doubt: Option<Timestamp>,
    pub(super) tells: VecDeque<Tell>,
    pub(super) slots: HashMap<String, String>,
    /// The picture of its forecast.
    pub(super) picture: Picture,
    pub(super) busy: bool,
    pub(super) failures: u32,
    pub(super) not_before: Option<Instant>,
    /// How often the card was posted again because it was gone.
    pub(super) reposts: u32,
    /// The last time that anything happened.
    pub(super) touched: Instant,
}

impl Line {
    pub(super) fn new(card: Arc<CardState>, channel: String, now: Instant) -> Self {
        Self {
            card,
            channel,
            home: Home::Nowhere,
            shown: None,
            shown_state: None,
            dirty: true,
            since: now,
            behind: None,
            updated: None,
            open: false,
            text_only: None,
            refused: None,
            doubt: None,
            thread_doubt: None,
            tells: VecDeque::new(),
            slots: HashMap::new(),
            picture: Picture::default(),
            busy: false,
            failures: 0,
            not_before: None,
            reposts: 0,
            touched: now,
        }
    }

    pub(super) fn incident(&self) -> &Incident {
        &self.card.incident
    }

    /// A projection came in; only the latest counts.
    pub(super) fn project(&mut self, card: Arc<CardState>, now: Instant) {
        self.card = card;
        self.touched = now;
        if !self.dirty {
            self.dirty = true;
            self.since = now;
        }
    }

    /// A message for the thread came in. It replaces the last one that waits if both are for the same slot.
    pub(super) fn tell(&mut self, effect: u64, note: Note, now: Instant) {
        self.touched = now;
        if self.tells.iter().any(|tell| tell.effects.contains(&effect)) {
            return;
        }
        let in_flight = usize::from(self.busy);
        if let Some(last) = self.tells.iter_mut().skip(in_flight).last()
            && note.slot().is_some()
            && last.note.slot() == note.slot()
        {
            last.effects.push(effect);
            last.note = note;
            return;
        }
        self.tells.push_back(Tell {
            effects: vec![effect],
            note,
            text_only: false,
        });
    }

    /// It has no card and should get one.
    pub(super) fn wants_card(&self) -> bool {
        self.home == Home::Nowhere && self.dirty && !self.is_quiet()
    }

    /// Notes whether its card waits for Slack. While a call is under way, what was true before it stays.
    pub(super) fn mark(&mut self, now: Instant) {
        if !self.busy {
            let own = matches!(self.home, Home::Own(_));
            let listed = matches!(self.home, Home::Digest(_));
            let behind = self.wants_card() || (own && self.dirty) || (listed && self.open);
            self.behind = behind.then(|| self.behind.unwrap_or(now));
        }
    }

    /// Nobody needs to hear of it: silenced, or over by itself before anybody did.
    pub(super) fn is_quiet(&self) -> bool {
        let over = matches!(
            self.incident().state,
            State::Closed {
                verdict: Verdict::RecoveredByItself | Verdict::TargetGone,
                ..
            }
        );
        self.home == Home::Nowhere && (over || self.incident().muted.is_some()) && !self.busy
    }

    /// Its state is another one than the card shows: people wait for that more than for details.
    pub(super) fn is_urgent(&self) -> bool {
        self.shown_state != Some(std::mem::discriminant(&self.incident().state))
    }

    pub(super) fn severity(&self) -> Option<Severity> {
        self.incident()
            .diagnosis
            .as_ref()
            .map(|diagnosis| diagnosis.severity)
    }

    /// What a digest shows of it.
    pub(super) fn in_digest(&self) -> String {
        let incident = self.incident();
        format!("{}{:?}{}", incident.id, self.severity(), incident.family)
    }
}

/// Whether a digest, which lists what is open, says this as well as a thread would: nobody acted on the incident.
pub(super) fn is_told_by_digest(note: &Note) -> bool {
    match note {
        Note::Verdict { action, .. } => action.is_none(),
        Note::NewCause { .. } | Note::Progress { .. } | Note::Expired { .. } => true,
        Note::FirstApproval { .. }
        | Note::Approved { .. }
        | Note::Applied { .. }
        | Note::NotDone { .. }
        | Note::Unclear { .. }
        | Note::Dismissed { .. }
        | Note::KillCame { .. } => false,
    }
}
