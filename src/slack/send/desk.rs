//! Everything that waits for Slack, and what is to be done next. No input or output: the sender asks for the next call, makes
//! it, and brings the answer.
use super::{
    call::{About, Ask, Call, DigestId, HISTORY, Marked, POST, REPLIES, UPDATE},
    digest::{self, Digest, STORM_FROM},
    limits::Limits,
    line::{Home, Line, Tell, is_told_by_digest},
};
use crate::{
    domain::incident::{Incident, IncidentId, Note},
    ports::{CardState, Delivered, Posted},
    slack::render::{card::card, digest::digest, note::note},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};
use tokio::time::Instant;

/// The same message is not changed more often than this.
const UPDATE_PAUSE: Duration = Duration::from_secs(3);
/// After a storm, cards follow at this pace.
const PROMOTION_PAUSE: Duration = Duration::from_secs(2);
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
    promoted: HashMap<String, Instant>,
    /// Thread messages that came before their incident's projection did.
    early: HashMap<IncidentId, Vec<(u64, Note)>>,
    /// The slots that were known at the start.
    pub(super) slots: HashMap<IncidentId, HashMap<String, String>>,
    /// The token may read what was posted.
    pub(super) can_search: bool,
    /// Incidents opened before this may have been posted by an earlier run.
    pub(super) started: Timestamp,
    /// What the engine is to be told.
    pub(super) out: Vec<Delivered>,
    /// What is to be counted: name, label, how many.
    pub(super) counts: Vec<(&'static str, &'static str, u64)>,
}

/// How soon a thing is wanted, most wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Search,
    NewDigest,
    Decision,
    DecisionNote,
    NewCard,
    DigestUpdate,
    Refresh,
    Promotion,
}

/// Something that could be done, and when.
struct Candidate {
    at: Instant,
    rank: Rank,
    severity: Reverse<Option<crate::domain::diagnosis::Severity>>,
    since: Instant,
    about: About,
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
            // An earlier run may have posted it and been killed before that was on disk.
            None if older => line.doubt = Some(opened),
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
                }
            }
        }
    }

    fn candidates(&self, now: Instant) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut surveys: BTreeSet<&str> = BTreeSet::new();
        let mut backlog: HashMap<&str, usize> = HashMap::new();
        for line in self.lines.values().filter(|line| line.wants_card()) {
            *backlog.entry(&line.channel).or_default() += 1;
        }
        for digest in self.digests.values() {
            if self.can_search && digest.doubt.is_some() && !digest.busy {
                surveys.insert(&digest.channel);
            } else {
                found.extend(self.digest_candidate(digest, now));
            }
        }
        for line in self.lines.values().filter(|line| !line.busy) {
            if self.can_search && line.doubt.is_some() && line.home == Home::Nowhere {
                if !line.is_quiet() {
                    surveys.insert(&line.channel);
                }
                continue;
            }
            let small = backlog.get(line.channel.as_str()).copied().unwrap_or(0) <= STORM_FROM;
            found.extend(self.line_candidates(line, small, now));
        }
        for channel in surveys {
            if !self.searching.contains(channel) {
                found.push(Candidate {
                    at: self.ready(HISTORY, channel, now),
                    rank: Rank::Search,
                    severity: Reverse(None),
                    since: now,
                    about: About::Channel,
                });
            }
        }
        found
    }

    fn digest_candidate(&self, digest: &Digest, now: Instant) -> Option<Candidate> {
        if digest.busy || !digest.dirty {
            return None;
        }
        let (rank, at) = match digest.ts {
            None => (Rank::NewDigest, self.post_ready(&digest.channel, now)?),
            Some(_) => {
                let paced = digest.updated.map_or(now, |at| at + UPDATE_PAUSE);
                let at = self.ready(UPDATE, &digest.channel, now).max(paced);
                (Rank::DigestUpdate, at)
            }
        };
        Some(Candidate {
            at,
            rank,
            severity: Reverse(None),
            since: digest.born,
            about: About::Digest(digest.id),
        })
    }

    fn line_candidates(&self, line: &Line, small_backlog: bool, now: Instant) -> Vec<Candidate> {
        let id = line.card.incident.id;
        let earliest = line.not_before.unwrap_or(now);
        let paced = line.updated.map_or(now, |at| at + UPDATE_PAUSE);
        let candidate = |rank, at: Instant, about| Candidate {
            at: at.max(earliest),
            rank,
            severity: Reverse(line.severity()),
            since: line.since,
            about,
        };
        let mut found = Vec::new();
        match &line.home {
            Home::Nowhere if line.wants_card() => {
                let rank = if line.open {
                    Rank::Decision
                } else {
                    Rank::NewCard
                };
                let at = self.post_ready(&line.channel, now);
                found.extend(at.map(|at| candidate(rank, at, About::Card(id))));
            }
            Home::Nowhere => {}
            Home::Digest(digest) => {
                let Some(digest) = self.digests.get(digest) else {
                    return found;
                };
                let incident = line.incident();
                let offers = incident.proposal().is_some() && incident.muted.is_none();
                let at = self.post_ready(&line.channel, now);
                if line.open {
                    found.extend(at.map(|at| candidate(Rank::Decision, at, About::Card(id))));
                } else if offers
                    && small_backlog
                    && digest.ts.is_some()
                    && (line.refused.is_none() || line.dirty)
                {
                    let paced = self.promoted.get(&line.channel);
                    let paced = paced.map_or(now, |last| *last + PROMOTION_PAUSE);
                    let paced = paced.max(digest.quiet_at());
                    found.extend(
                        at.map(|at| candidate(Rank::Promotion, at.max(paced), About::Card(id))),
                    );
                }
            }
            Home::Own(_) => {
                if line.dirty {
                    let at = self.ready(UPDATE, &line.channel, now).max(paced);
                    let urgent = line.is_urgent();
                    let rank = if urgent {
                        Rank::Decision
                    } else {
                        Rank::Refresh
                    };
                    found.push(candidate(rank, at, About::Card(id)));
                }
                if let Some(tell) = line.tells.front() {
                    found.extend(
                        self.tell_candidate(line, tell, now)
                            .map(|(rank, at, about)| candidate(rank, at, about)),
                    );
                }
            }
        }
        found
    }

    fn tell_candidate(
        &self,
        line: &Line,
        tell: &Tell,
        now: Instant,
    ) -> Option<(Rank, Instant, About)> {
        let id = line.card.incident.id;
        if self.can_search && line.thread_doubt.is_some() {
            let at = self.ready(REPLIES, &line.channel, now);
            return Some((Rank::Search, at, About::Thread(id)));
        }
        let Some(slot) = tell.note.slot() else {
            let at = self.post_ready(&line.channel, now)?;
            return Some((Rank::DecisionNote, at, About::Note(id)));
        };
        let at = if line.slots.contains_key(slot) {
            let paced = line.updated.map_or(now, |at| at + UPDATE_PAUSE);
            self.ready(UPDATE, &line.channel, now).max(paced)
        } else {
            self.post_ready(&line.channel, now)?
        };
        Some((Rank::Refresh, at, About::Note(id)))
    }

    fn ready(&self, method: &str, channel: &str, now: Instant) -> Instant {
        let channel = format!("channel:{channel}");
        self.limits.ready(&[method, &channel, "slack"], now)
    }

    /// When a message may be posted to the channel; not while another is on its way.
    fn post_ready(&self, channel: &str, now: Instant) -> Option<Instant> {
        (!self.posting.contains(channel)).then(|| {
            self.ready(POST, channel, now)
                .max(self.limits.post_ready(channel, now))
        })
    }

    /// The call for a candidate; `None` when it turns out that nothing is to be done.
    fn build(&mut self, about: About, now: Instant, wall: Timestamp) -> Option<Call> {
        match about {
            About::Card(id) => self.build_card(id, now, wall),
            About::Note(id) => self.build_note(id, wall),
            About::Digest(id) => self.build_digest(id, wall),
            About::Channel => self.build_survey(wall),
            About::Thread(id) => {
                let line = self.lines.get(&id)?;
                let Home::Own(thread) = &line.home else {
                    return None;
                };
                let ask = Ask::Find {
                    thread: Some(thread.clone()),
                    oldest: line.thread_doubt?,
                };
                Some(call(about, &line.channel, ask, wall))
            }
        }
    }

    fn build_survey(&self, wall: Timestamp) -> Option<Call> {
        let lines = self
            .lines
            .values()
            .filter(|line| !line.busy && line.home == Home::Nowhere);
        let lines = lines.filter_map(|line| Some((line.channel.as_str(), line.doubt?)));
        let digests = self.digests.values();
        let digests = digests.filter_map(|digest| Some((digest.channel.as_str(), digest.doubt?)));
        let mut oldest: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (channel, since) in lines.chain(digests) {
            if !self.searching.contains(channel) {
                let entry = oldest.entry(channel).or_insert(since);
                *entry = since.min(*entry);
            }
        }
        let (channel, oldest) = oldest.into_iter().next()?;
        let ask = Ask::Find {
            thread: None,
            oldest,
        };
        Some(call(About::Channel, channel, ask, wall))
    }

    fn build_card(&mut self, id: IncidentId, now: Instant, wall: Timestamp) -> Option<Call> {
        let line = self.lines.get_mut(&id)?;
        line.dirty = false;
        let drawn = card(line.incident(), line.card.paused.as_deref(), wall);
        let shows = drawn.fingerprint();
        let own = match &line.home {
            Home::Own(ts) => Some(ts.clone()),
            _ => None,
        };
        if line.refused.as_ref() == Some(&shows) {
            line.open = false;
            return None;
        }
        if own.is_some() && line.shown.as_ref() == Some(&shows) {
            line.shown_state = Some(std::mem::discriminant(&line.incident().state));
            return None;
        }
        let message = if line.text_only.as_ref() == Some(&shows) {
            digest::as_text(drawn)
        } else {
            drawn
        };
        if matches!(line.home, Home::Digest(_)) && !line.open {
            self.promoted.insert(line.channel.clone(), now);
        }
        let ask = match own {
            Some(ts) => Ask::Update { ts, message },
            None => Ask::Post {
                thread: None,
                broadcast: false,
                message,
                mark: Marked::Card(id).to_mark(None),
            },
        };
        let mut call = call(About::Card(id), &line.channel, ask, wall);
        call.shows = shows;
        Some(call)
    }

    fn build_note(&mut self, id: IncidentId, wall: Timestamp) -> Option<Call> {
        let line = self.lines.get(&id)?;
        let Home::Own(thread) = &line.home else {
            return None;
        };
        let tell = line.tells.front()?;
        let drawn = note(line.incident(), &tell.note);
        let shows = drawn.fingerprint();
        let message = if tell.text_only {
            digest::as_text(drawn)
        } else {
            drawn
        };
        let slot = tell.note.slot();
        let ask = match slot.and_then(|slot| line.slots.get(slot)) {
            Some(ts) => Ask::Update {
                ts: ts.clone(),
                message,
            },
            None => {
                let marked = Marked::Note {
                    effect: tell.effects.first().copied().unwrap_or_default(),
                    slot: slot.map(str::to_owned),
                };
                Ask::Post {
                    thread: Some(thread.clone()),
                    broadcast: tell.note.is_broadcast(),
                    message,
                    mark: marked.to_mark(Some(id)),
                }
            }
        };
        let mut call = call(About::Note(id), &line.channel, ask, wall);
        call.shows = shows;
        Some(call)
    }

    fn build_digest(&mut self, id: DigestId, wall: Timestamp) -> Option<Call> {
        let lines = &self.lines;
        let digest_ = self.digests.get_mut(&id)?;
        digest_.dirty = false;
        let members: Vec<IncidentId> = digest_.members.iter().copied().collect();
        let open: Vec<&Line> = members
            .iter()
            .filter_map(|id| lines.get(id))
            .filter(|line| !line.incident().is_closed())
            .collect();
        let shows: String = open.iter().map(|line| line.in_digest()).collect();
        if digest_.ts.is_none() && open.is_empty() {
            // Over before it was posted.
            self.digests.remove(&id);
            return None;
        }
        if digest_.shown.as_ref() == Some(&shows) {
            return None;
        }
        let incidents: Vec<&Incident> = open.iter().map(|line| line.incident()).collect();
        let drawn = if incidents.is_empty() {
            digest::over()
        } else {
            digest(&incidents, wall)
        };
        let message = if digest_.text_only {
            digest::as_text(drawn)
        } else {
            drawn
        };
        let ask = match &digest_.ts {
            Some(ts) => Ask::Update {
                ts: ts.clone(),
                message,
            },
            None => Ask::Post {
                thread: None,
                broadcast: false,
                message,
                mark: Marked::Digest(members.clone()).to_mark(None),
            },
        };
        let mut call = call(About::Digest(id), &digest_.channel, ask, wall);
        call.shows = shows;
        call.members = members;
        Some(call)
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
        }
        if matches!(call.ask, Ask::Post { .. }) {
            self.posting.insert(call.channel.clone());
            self.limits.posted(&call.channel, now);
        }
    }
}

fn call(about: About, channel: &str, ask: Ask, at: Timestamp) -> Call {
    Call {
        about,
        channel: channel.to_owned(),
        ask,
        shows: String::new(),
        members: Vec::new(),
        at,
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
