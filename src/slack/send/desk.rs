//! Everything that waits for Slack, and what is to be done next. No input or output: the sender asks for the next call, makes
//! it, and brings the answer.
use super::{
    call::{About, Ask, Call, DigestId},
    digest::{self, Digest, STORM_FROM},
    limits::Limits,
    line::{Home, Line, Tell, is_told_by_digest},
    picture::{self, Picture},
};
use crate::{
    domain::incident::{Incident, IncidentId, Note},
    ports::{CardState, Delivered, Posted},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// What is done is remembered this long, so that a late projection does not look like a new incident.
const REMEMBER: Duration = Duration::from_secs(600);

/// Slack's clock and ours may differ: a search for messages begins this much earlier.
const CLOCKS: SignedDuration = SignedDuration::from_secs(60);

/// A moment that is surely before this one on Slack's clock.
pub(super) fn before(moment: Timestamp) -> Timestamp {
    moment.checked_sub(CLOCKS).unwrap_or(moment)
}

/// The channel that an incident's card goes to.
pub type Route = Arc<dyn Fn(&Incident) -> String + Send + Sync>;

/// Where the work stands.
pub(super) struct Desk {
    pub(super) route: Route,
    pub(super) limits: Limits,
    pub(super) lines: BTreeMap<IncidentId, Line>,
    pub(super) digests: BTreeMap<DigestId, Digest>,
    last_digest: DigestId,
    /// Channels to which a message is on its way: one at a time keeps the order.
    pub(super) posting: HashSet<String>,
    /// Channels whose messages are being read.
    pub(super) searching: HashSet<String>,
    /// When a channel last got a card for a member of a digest.
    pub(super) promoted: HashMap<String, Instant>,
    /// Thread messages that came before their incident's projection did.
    early: HashMap<IncidentId, Vec<(u64, Note)>>,
    /// The slots that were known at the start.
    pub(super) slots: HashMap<IncidentId, HashMap<String, String>>,
    /// The token may read what was posted.
    pub(super) can_search: bool,
    /// Why forecasts get no picture, in words, if they get none.
    pub(super) no_pictures: Option<String>,
    /// Incidents opened before this may have been posted by an earlier run.
    pub(super) started: Timestamp,
    /// What the engine is to be told.
    pub(super) out: Vec<Delivered>,
    /// What is to be counted: name, label, how many.
    pub(super) counts: Vec<(&'static str, &'static str, u64)>,
}

/// What the desk wants.
pub(super) enum Next {
    Do(Box<Call>),
    /// Nothing before then; nothing at all when `None`.
    Wait(Option<Instant>),
}

impl Desk {
    pub(super) fn new(route: Route, can_search: bool, started: Timestamp) -> Self {
        Self {
            route,
            limits: Limits::default(),
            lines: BTreeMap::new(),
            digests: BTreeMap::new(),
            last_digest: 0,
            posting: HashSet::new(),
            searching: HashSet::new(),
            promoted: HashMap::new(),
            early: HashMap::new(),
            slots: HashMap::new(),
            can_search,
            no_pictures: None,
            started,
            out: Vec::new(),
            counts: Vec::new(),
        }
    }

    /// A projection came in.
    pub(super) fn project(&mut self, state: Arc<CardState>, now: Instant) {
        let id = state.incident.id;
        if let Some(line) = self.lines.get_mut(&id) {
            if let Home::Digest(digest) = line.home
                && let Some(digest) = self.digests.get_mut(&digest)
            {
                digest.dirty = true;
            }
            line.project(state, now);
            return;
        }
        let channel = match &state.posted {
            Some(posted) => posted.channel.clone(),
            None => (self.route)(&state.incident),
        };
        let mut line = Line::new(state.clone(), channel.clone(), now);
        line.slots = self.slots.remove(&id).unwrap_or_default();
        line.picture = Picture::stored(line.slots.remove(picture::SLOT).as_deref());
        let older = state.incident.opened < self.started;
        let opened = before(state.incident.opened);
        match &state.posted {
            Some(posted) if posted.hash == digest::HASH => {
                let digest = self.digest_at(&channel, &posted.ts, now);
                digest.members.insert(id);
                digest.told.insert(id);
                line.home = Home::Digest(digest.id);
            }
            Some(posted) => {
                line.home = Home::Own(posted.ts.clone());
                line.shown = Some(posted.hash.clone());
                if older {
                    line.thread_doubt = Some(opened);
                }
            }
            // An earlier run may have posted it and been killed before that was on disk. If not, it waits since then.
            None if older => {
                let age = self.started.duration_since(state.incident.opened);
                line.doubt = Some(opened);
                line.behind = now.checked_sub(age.try_into().unwrap_or_default());
            }
            None => {}
        }
        for (effect, note) in self.early.remove(&id).unwrap_or_default() {
            line.tell(effect, note, now);
        }
        self.lines.insert(id, line);
    }

    /// A message for a thread came in.
    pub(super) fn tell(&mut self, incident: IncidentId, effect: u64, note: Note, now: Instant) {
        match self.lines.get_mut(&incident) {
            Some(line) => line.tell(effect, note, now),
            None => self.early.entry(incident).or_default().push((effect, note)),
        }
    }

    /// Somebody wants to see this incident.
    pub(super) fn open(&mut self, incident: IncidentId) {
        if let Some(line) = self.lines.get_mut(&incident)
            && !matches!(line.home, Home::Own(_))
        {
            line.open = true;
        }
    }

    /// The digest with this time stamp: after a restart it is known from its members only.
    pub(super) fn digest_at(&mut self, channel: &str, ts: &str, now: Instant) -> &mut Digest {
        let known = self
            .digests
            .values()
            .find(|digest| digest.channel == channel && digest.ts.as_deref() == Some(ts))
            .map(|digest| digest.id);
        let id = known.unwrap_or(self.last_digest + 1);
        self.last_digest = self.last_digest.max(id);
        self.digests.entry(id).or_insert_with(|| {
            let mut digest = Digest::new(id, channel, now);
            digest.ts = Some(ts.to_owned());
            digest.inherited = true;
            // Its members come one by one: it is brought up to date when they are all here.
            digest.updated = Some(now);
            digest
        })
    }

    /// The next call, or how long to wait for one.
    pub(super) fn next(&mut self, now: Instant, wall: Timestamp) -> Next {
        self.settle(now);
        self.gather(now);
        self.mark(now);
        loop {
            let mut candidates = self.candidates(now);
            candidates.sort_by_key(|c| (c.at > now, c.rank, c.severity, c.since));
            let Some(best) = candidates.first().filter(|best| best.at <= now) else {
                return Next::Wait(candidates.iter().map(|candidate| candidate.at).min());
            };
            // Nothing to do after all (it shows that already): the candidate is gone now.
            if let Some(call) = self.build(best.about, now, wall) {
                self.begin(&call, now);
                return Next::Do(Box::new(call));
            }
        }
    }

    fn mark(&mut self, now: Instant) {
        self.lines.values_mut().for_each(|line| line.mark(now));
        self.digests
            .values_mut()
            .for_each(|digest| digest.mark(now));
    }

    /// How many cards and digests wait, and since when the oldest of them.
    pub(super) fn waiting(&mut self, now: Instant) -> (usize, Option<Instant>) {
        self.mark(now);
        let cards = self.lines.values().filter_map(|line| line.behind);
        let digests = self.digests.values().filter_map(|digest| digest.behind);
        let behind = cards.chain(digests);
        behind.fold((0, None), |(count, oldest), since| {
            (count + 1, Some(oldest.map_or(since, |old| since.min(old))))
        })
    }

    /// Confirms what needs no message, and forgets what is done.
    fn settle(&mut self, now: Instant) {
        for line in self.lines.values_mut() {
            if line.busy {
                continue;
            }
            let in_digest = matches!(line.home, Home::Digest(_));
            if line.refused.is_some() && !line.dirty && !matches!(line.home, Home::Own(_)) {
                let why = "Slack refuses the incident's card";
                self.out
                    .extend(line.tells.drain(..).flat_map(|tell| lost(&tell, why)));
            }
            if in_digest && line.tells.iter().any(|tell| !is_told_by_digest(&tell.note)) {
                line.open = true;
            }
            if line.is_quiet() || (in_digest && !line.open) {
                let reason = if in_digest { "in_digest" } else { "no_card" };
                for tell in line.tells.drain(..) {
                    self.counts
                        .push(("slack_notes_unsaid", reason, tell.effects.len() as u64));
                    let id = line.card.incident.id;
                    self.out.extend(told(id, &tell, None));
                }
                line.dirty = in_digest && line.dirty;
            }
        }
        let lines = &self.lines;
        self.digests.retain(|_, digest| {
            let open = |id| {
                lines
                    .get(id)
                    .is_some_and(|line: &Line| !line.incident().is_closed())
            };
            digest.dirty || digest.busy || digest.ts.is_none() || digest.members.iter().any(open)
        });
        let digests = &self.digests;
        self.lines.retain(|_, line| {
            let listed = matches!(line.home, Home::Digest(id) if digests.contains_key(&id));
            let done = line.incident().is_closed()
                && !line.busy
                && !listed
                && line.tells.is_empty()
                && (!line.dirty || line.is_quiet())
                && now.saturating_duration_since(line.touched) > REMEMBER;
            !done
        });
    }

    /// Puts new incidents into a digest when there are too many for cards.
    fn gather(&mut self, now: Instant) {
        let mut waiting: BTreeMap<String, Vec<IncidentId>> = BTreeMap::new();
        for (id, line) in &self.lines {
            // Something in doubt may have its card already.
            let in_doubt = self.can_search && line.doubt.is_some();
            if line.wants_card() && !line.busy && !line.open && !in_doubt {
                waiting.entry(line.channel.clone()).or_default().push(*id);
            }
        }
        for (channel, ids) in waiting {
            let current = self
                .digests
                .values()
                .filter(|digest| digest.channel == channel && digest.is_fresh(now))
                .map(|digest| (digest.id, digest.is_storm(now)))
                .next_back();
            let storm = current.is_some_and(|(_, storm)| storm);
            if !storm && ids.len() <= STORM_FROM {
                continue;
            }
            let id = match current {
                Some((id, _)) => id,
                None => {
                    self.last_digest += 1;
                    self.last_digest
                }
            };
            let digest = self
                .digests
                .entry(id)
                .or_insert_with(|| Digest::new(id, &channel, now));
            for incident in ids {
                digest.join(incident, now);
                if let Some(line) = self.lines.get_mut(&incident) {
                    line.home = Home::Digest(id);
                    // The digest stands for its card, and so it has waited as long.
                    digest.behind = digest.behind.into_iter().chain(line.behind).min();
                }
            }
        }
    }

    fn begin(&mut self, call: &Call, now: Instant) {
        match call.about {
            About::Card(id) | About::Note(id) | About::Thread(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.busy = true;
                    if matches!(call.ask, Ask::Update { .. }) {
                        line.updated = Some(now);
                    }
                }
            }
            About::Digest(id) => {
                if let Some(digest) = self.digests.get_mut(&id) {
                    digest.busy = true;
                    digest.updated = Some(now);
                }
            }
            About::Channel => {
                self.searching.insert(call.channel.clone());
            }
            About::Picture(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.picture.busy = true;
                }
            }
        }
        if matches!(call.ask, Ask::Post { .. }) {
            self.posting.insert(call.channel.clone());
            self.limits.posted(&call.channel, now);
        }
    }
}

/// The confirmations of a thread message.
pub(super) fn told(
    incident: IncidentId,
    tell: &Tell,
    ts: Option<&str>,
) -> impl Iterator<Item = Delivered> + use<> {
    let slot = tell.note.slot().zip(ts);
    let slot = slot.map(|(slot, ts)| (slot.to_owned(), ts.to_owned()));
    tell.effects
        .clone()
        .into_iter()
        .map(move |effect| Delivered::Note {
            effect,
            incident,
            slot: slot.clone(),
        })
}

/// A thread message that is given up.
pub(super) fn lost(tell: &Tell, why: &str) -> impl Iterator<Item = Delivered> + use<> {
    let why = why.to_owned();
    tell.effects
        .clone()
        .into_iter()
        .map(move |effect| Delivered::Lost {
            effect,
            why: why.clone(),
        })
}

/// The confirmation of a card.
pub(super) fn carded(incident: IncidentId, channel: &str, ts: &str, hash: &str) -> Delivered {
    Delivered::Card {
        incident,
        posted: Posted {
            channel: channel.to_owned(),
            ts: ts.to_owned(),
            hash: hash.to_owned(),
        },
    }
}
