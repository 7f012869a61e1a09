//! What the engine keeps in memory: a mirror of the store, indexed for the questions that inputs ask.
use crate::{
    domain::{
        anomaly::Unusual,
        forecast::{Ledger, Outlook, SourceHealth},
        incident::{Effect, Incident, IncidentId, State as Stage},
        memory::Memory,
        report::{Pause, WatchHealth},
        silence::Silence,
    },
    ports::{Backlog, CardState, Noticed, Posted},
    store::{Loaded, PendingEffect},
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

/// Closed incidents stay at hand this long, for "third time in 24 h" and late clicks.
const REMEMBER: SignedDuration = SignedDuration::from_hours(24);
/// The kill switch's key among the stored facts.
pub(super) const PAUSE: &str = "pause";
/// Prefix of the keys under which Slack's wishes to wait are stored.
pub(super) const NOT_BEFORE: &str = "not_before:";
/// The key of the newest event time.
pub(super) const HIGH_WATER: &str = "high_water";
/// The key of where the list of notices is.
pub(super) const NOTICED: &str = "noticed";

#[derive(Default)]
pub(super) struct State {
    pub(super) incidents: BTreeMap<IncidentId, Incident>,
    /// Open incidents by uid of their owner.
    pub(super) by_owner: HashMap<String, Vec<IncidentId>>,
    wakes: BTreeSet<(Timestamp, IncidentId)>,
    pub(super) last_incident: u64,
    pub(super) last_effect: u64,
    pub(super) cards: HashMap<IncidentId, Posted>,
    pub(super) slots: HashMap<(IncidentId, String), String>,
    /// Thread messages that were not confirmed yet, since when.
    pub(super) untold: BTreeMap<u64, Timestamp>,
    pub(super) memory: Memory,
    pub(super) executions: HashMap<String, Vec<Timestamp>>,
    pub(super) healthy: HashMap<(String, String), Timestamp>,
    pub(super) silences: BTreeMap<u32, Silence>,
    pub(super) suppressed: BTreeMap<String, u64>,
    pub(super) seen: HashSet<String>,
    pub(super) replays: HashSet<String>,
    pub(super) pause: Option<Pause>,
    pub(super) watches: BTreeMap<String, WatchHealth>,
    pub(super) pending_at_start: Vec<PendingEffect>,
    pub(super) high_water: Option<Timestamp>,
    /// What is wrong with Slack.
    pub(super) slack_trouble: Option<String>,
    /// Cards and digests that wait for Slack, as the sender says.
    pub(super) cards_waiting: Backlog,
    /// First cards that wait for their diagnosis.
    pub(super) cards_held: HashSet<IncidentId>,
    pub(super) last_prune: Option<Timestamp>,
    pub(super) last_silence: u32,
    /// What is expected of containers' memory, as far as it is told, by owner's uid and container.
    pub(super) outlooks: BTreeMap<(String, String), Box<Outlook>>,
    /// What was told, and how it turned out.
    pub(super) ledger: Ledger,
    /// When the outcomes that time decides were last looked for.
    pub(super) last_due: Option<Timestamp>,
    /// Where memory figures come from.
    pub(super) source: Option<SourceHealth>,
    /// What is unusual, by uid of the workload. Not stored: it is told again soon after a start.
    pub(super) unusual: BTreeMap<String, Unusual>,
    facts: HashMap<String, String>,
}

impl State {
    pub(super) fn load(loaded: Loaded, pace: f64) -> Self {
        let mut state = Self {
            last_incident: loaded.last_incident,
            last_effect: loaded.last_effect,
            cards: loaded.cards,
            slots: loaded.slots,
            memory: loaded.memory,
            executions: loaded.executions,
            healthy: loaded.healthy,
            silences: loaded
                .silences
                .into_iter()
                .map(|silence| (silence.id, silence))
                .collect(),
            suppressed: loaded.suppressed,
            seen: loaded.seen,
            replays: loaded.replays,
            pause: loaded
                .facts
                .get(PAUSE)
                .and_then(|text| serde_json::from_str(text).ok()),
            high_water: loaded
                .facts
                .get(HIGH_WATER)
                .and_then(|text| text.parse().ok()),
            facts: loaded.facts,
            ledger: Ledger::load(loaded.forecasts)
                .numbered_from(loaded.last_forecast)
                .paced(pace),
            ..Self::default()
        };
        for pending in &loaded.effects {
            if matches!(pending.effect, Effect::Tell { .. }) {
                state.untold.insert(pending.id, pending.at);
            }
        }
        state.outlooks = state
            .ledger
            .standing()
            .filter(|told| told.cleared.is_none())
            .filter_map(|told| told.latest.clone())
            .map(|outlook| (outlook.key(), outlook))
            .collect();
        state.pending_at_start = loaded.effects;
        for incident in loaded.incidents {
            state.put(incident);
        }
        state
    }

    /// Replaces or adds an incident, and keeps the indexes true.
    pub(super) fn put(&mut self, incident: Incident) {
        let id = incident.id;
        if let Some(before) = self.incidents.get(&id).and_then(|before| before.wake) {
            self.wakes.remove(&(before, id));
        }
        if let Some(wake) = incident.wake {
            self.wakes.insert((wake, id));
        }
        let open = self.by_owner.entry(incident.owner.uid.clone()).or_default();
        open.retain(|other| *other != id);
        if !incident.is_closed() {
            open.push(id);
        } else if open.is_empty() {
            self.by_owner.remove(&incident.owner.uid);
        }
        self.incidents.insert(id, incident);
    }

    /// Open incidents, oldest first.
    pub(super) fn open(&self) -> impl Iterator<Item = &Incident> {
        self.incidents
            .values()
            .filter(|incident| !incident.is_closed())
    }

    /// Incidents whose time has come.
    pub(super) fn due(&self, now: Timestamp) -> Vec<IncidentId> {
        self.wakes
            .iter()
            .take_while(|(at, _)| *at <= now)
            .map(|(_, id)| *id)
            .collect()
    }

    /// When something is to be done next without an input.
    pub(super) fn next_alarm(&self) -> Option<Timestamp> {
        let wake = self.wakes.first().map(|(at, _)| *at);
        let silence = self.silences.values().map(|silence| silence.until).min();
        [wake, silence].into_iter().flatten().min()
    }

    /// The card of an incident as it should be.
    pub(super) fn card(&self, id: IncidentId) -> Option<Arc<CardState>> {
        let incident = self.incidents.get(&id)?.clone();
        let posted = self.cards.get(&id).cloned();
        let paused = self.pause.as_ref().map(|pause| pause.by.clone());
        Some(Arc::new(CardState {
            incident,
            posted,
            paused,
        }))
    }

    /// Everything that waits to be sent to Slack: cards, digests and thread messages.
    pub(super) fn waiting(&self) -> Backlog {
        let Backlog { count, oldest } = self.cards_waiting;
        Backlog {
            count: count + self.untold.len(),
            oldest: oldest
                .into_iter()
                .chain(self.untold.values().copied())
                .min(),
        }
    }

    /// Where the list of notices is.
    pub(super) fn noticed(&self) -> Option<Noticed> {
        serde_json::from_str(self.facts.get(NOTICED)?).ok()
    }

    pub(super) fn not_before(&self) -> Vec<(String, Timestamp)> {
        self.facts
            .iter()
            .filter_map(|(key, value)| {
                Some((
                    key.strip_prefix(NOT_BEFORE)?.to_owned(),
                    value.parse().ok()?,
                ))
            })
            .collect()
    }

    /// Drops closed incidents that are too old to matter here; the store keeps them.
    pub(super) fn forget_old(&mut self, now: Timestamp) {
        let old: Vec<IncidentId> = self
            .incidents
            .values()
            .filter(|incident| matches!(&incident.state, Stage::Closed { at, .. } if now.duration_since(*at) > REMEMBER))
            .map(|incident| incident.id)
            .take(64)
            .collect();
        for id in old {
            self.incidents.remove(&id);
        }
    }
}
