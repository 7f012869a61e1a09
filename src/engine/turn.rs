//! One turn: inputs are applied, their consequences are collected.
use super::{
    Engine,
    handle::Message,
    state::{HIGH_WATER, NOT_BEFORE, NOTICED, State},
};
use crate::{
    domain::{
        family::Family,
        forecast::Outlook,
        incident::{
            ClickReply, Context, Effect, IncidentId, Input, Opening, Outcome, State as Stage, Step,
            open, step,
        },
        memory::Memory,
        signal::Signal,
    },
    ports::{Delivered, Sighting},
    store::Batch,
};
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeSet, hash_map::Entry};

/// An effect, with the number of its row if it has one, and whose it is.
pub(super) type Work = (Option<u64>, IncidentId, Effect);

/// What a turn leads to.
pub(super) struct Turn {
    pub(super) now: Timestamp,
    pub(super) batch: Batch,
    pub(super) work: Vec<Work>,
    pub(super) touched: BTreeSet<IncidentId>,
    pub(super) answers: Vec<Box<dyn FnOnce() + Send>>,
    /// Something is unusual now, or not any more.
    pub(super) unusual: bool,
}

impl Turn {
    pub(super) fn new(now: Timestamp) -> Self {
        let batch = Batch {
            at: now,
            ..Batch::default()
        };
        Self {
            now,
            batch,
            work: Vec::new(),
            touched: BTreeSet::new(),
            answers: Vec::new(),
            unusual: false,
        }
    }

    /// Puts the touched incidents, as they are at the end of the turn, into the batch.
    pub(super) fn collect(&mut self, state: &mut State) {
        self.batch.forecasts = state.ledger.take_changed();
        self.batch.incidents = self
            .touched
            .iter()
            .filter_map(|id| state.incidents.get(id).cloned())
            .collect();
    }
}

/// Old rows are removed this often.
const PRUNE_EVERY: SignedDuration = SignedDuration::from_hours(1);

impl Engine {
    /// Applies one message.
    pub(super) fn take(&mut self, message: Message, turn: &mut Turn) {
        match message {
            Message::Sighting(sighting) => self.sighting(sighting, turn),
            Message::Answer {
                incident,
                effect,
                input,
            } => {
                turn.batch.done.extend(effect);
                self.remember_execution(incident, &input, turn);
                self.apply(incident, input, turn);
            }
            Message::Delivered(delivered) => self.delivered(delivered, turn),
            Message::SlackTrouble(trouble) => self.state.slack_trouble = trouble,
            Message::Waiting(backlog) => self.state.cards_waiting = backlog,
            Message::Show(id) => {
                self.state.cards_held.remove(&id);
                self.send_card(id, turn.now);
            }
            Message::Person(ask) => self.person(*ask, turn),
        }
    }

    /// Wakes the incidents and silences whose time has come.
    pub(super) fn alarms(&mut self, turn: &mut Turn) {
        for id in self.state.due(turn.now) {
            self.apply(id, Input::Wake, turn);
        }
        self.end_silences(turn);
        self.outcomes_by_time(turn.now);
        if self
            .state
            .last_prune
            .is_none_or(|last| turn.now.duration_since(last) > PRUNE_EVERY)
        {
            self.state.last_prune = Some(turn.now);
            turn.batch.prune = true;
        }
    }

    fn sighting(&mut self, sighting: Sighting, turn: &mut Turn) {
        match sighting {
            Sighting::Signal(signal) => self.signal(signal, turn),
            Sighting::LooksClear(owner) => {
                for id in self
                    .state
                    .by_owner
                    .get(&owner.uid)
                    .cloned()
                    .unwrap_or_default()
                {
                    self.apply(id, Input::LooksClear, turn);
                }
            }
            Sighting::RevisionHealthy {
                owner,
                revision,
                at,
            } => {
                // The first sighting counts: it says how long the proof has been there.
                if let Entry::Vacant(place) = self.state.healthy.entry((owner.uid, revision)) {
                    let (uid, revision) = place.key().clone();
                    turn.batch.healthy.push((uid, revision, at));
                    place.insert(at);
                }
            }
            Sighting::Watch(health) => {
                self.parts
                    .metrics
                    .watch(&health.kind, health.synced, health.last);
                self.state.watches.insert(health.kind.clone(), health);
            }
            Sighting::Suppressed { reason, count } => self.suppress(reason, count, turn),
            Sighting::Forecast(outlook) => self.forecast(outlook, turn),
            Sighting::RunEnded(end) => self.run_ended(&end, turn),
            Sighting::ForecastSource(health) => self.state.source = Some(health),
            Sighting::Unusual(unusual) => {
                turn.unusual = true;
                let uid = unusual.owner.uid.clone();
                if unusual.anomalies.is_empty() {
                    self.state.unusual.remove(&uid);
                } else {
                    self.state.unusual.insert(uid, unusual);
                }
            }
        }
    }

    /// Counts something that was not shown: no limiter is silent.
    pub(super) fn suppress(&mut self, reason: String, count: u64, turn: &mut Turn) {
        self.parts.metrics.suppressed(&reason, count);
        *self.state.suppressed.entry(reason.clone()).or_default() += count;
        turn.batch.suppressed.push((reason, count));
    }

    fn signal(&mut self, signal: Signal, turn: &mut Turn) {
        if !self.state.seen.insert(signal.key.clone()) {
            return self.suppress(
                "repeats of a fact that is already recorded".to_owned(),
                1,
                turn,
            );
        }
        self.parts.metrics.signal(signal.family);
        turn.batch.seen.push(signal.key.clone());
        if self.state.high_water.is_none_or(|mark| signal.at > mark) {
            self.state.high_water = Some(signal.at);
            turn.batch
                .facts
                .push((HIGH_WATER.to_owned(), Some(signal.at.to_string())));
        }
        match self.home_of(&signal) {
            Some(id) => drop(self.apply(id, Input::Signal(signal), turn)),
            None => {
                let forecast = self.standing_forecast(&signal);
                self.open_incident(&signal, forecast, turn);
            }
        }
    }

    /// The open incident that a signal belongs to: of its own family first, otherwise of one that is the same problem.
    fn home_of(&self, signal: &Signal) -> Option<IncidentId> {
        let open = self.state.by_owner.get(&signal.owner.uid)?;
        let family =
            |id: &&IncidentId| self.state.incidents.get(id).map(|incident| incident.family);
        let foreseen = |id: &&IncidentId| self.was_forecast(**id, signal);
        open.iter()
            .find(foreseen)
            .or_else(|| open.iter().find(|id| family(id) == Some(signal.family)))
            .or_else(|| open.iter().find(|id| self.came_of_its_fix(**id, signal)))
            .or_else(|| {
                open.iter().rev().find(|id| {
                    family(id).is_some_and(|open| {
                        open != Family::Forecast && Family::joins(signal.family, open)
                    })
                })
            })
            // Runs that fail one after the other are one problem, whatever they fail of.
            .or_else(|| {
                open.iter()
                    .rev()
                    .filter(|_| signal.run.is_some())
                    .find(|id| family(id) != Some(Family::Forecast))
            })
            .copied()
    }

    pub(super) fn open_incident(
        &mut self,
        signal: &Signal,
        forecast: Option<Box<Outlook>>,
        turn: &mut Turn,
    ) {
        self.state.last_incident += 1;
        let muted = self.state.silences.values_mut().find(|silence| {
            silence.until > turn.now && silence.scope.covers(&signal.owner, signal.family)
        });
        let muted = muted.map(|silence| {
            silence.muted += 1;
            turn.batch.silences.push(silence.clone());
            silence.id
        });
        if muted.is_some() {
            self.suppress("incidents kept quiet by a silence".to_owned(), 1, turn);
        }
        let same_key = |id: &&IncidentId| {
            self.state.incidents.get(id).is_some_and(|old| {
                old.is_closed()
                    && old.owner.uid == signal.owner.uid
                    && Family::joins(signal.family, old.family)
            })
        };
        let before: Vec<IncidentId> = self
            .state
            .incidents
            .keys()
            .rev()
            .filter(same_key)
            .copied()
            .take(5)
            .collect();
        let opening = Opening {
            id: IncidentId(self.state.last_incident),
            seed: (self.parts.seed)(),
            muted,
            before,
            forecast,
        };
        self.parts.metrics.incident(signal.family);
        let opened = open(opening, signal, turn.now, &self.context());
        self.absorb(opened, turn);
    }

    /// Steps one incident.
    pub(super) fn apply(
        &mut self,
        id: IncidentId,
        input: Input,
        turn: &mut Turn,
    ) -> Option<ClickReply> {
        let incident = self.state.incidents.get(&id)?.clone();
        let result = step(incident, input, turn.now, &self.context());
        self.absorb(result, turn)
    }

    fn context(&self) -> Context<'_> {
        Context {
            waits: &self.parts.waits,
            pace: self.parts.pace,
            policy: &self.parts.policy,
            memory: &self.state.memory,
            paused: self.state.pause.as_ref(),
            executions: &self.state.executions,
            allowed: &self.parts.actions,
            healthy: &self.state.healthy,
        }
    }

    /// Takes the result of a step in.
    fn absorb(&mut self, result: Step, turn: &mut Turn) -> Option<ClickReply> {
        let id = result.incident.id;
        for entry in &result.audit {
            self.measure(&result, &entry.what, &entry.detail);
        }
        self.note_opinion(&result);
        if let Some(lesson) = result.lesson {
            let workload = Memory::workload(&result.incident.cluster, &result.incident.owner);
            self.state.memory.learn(
                &lesson.signature,
                lesson.action.kind(),
                &workload,
                lesson.success,
            );
            turn.batch.lessons.push((id, workload, lesson));
        }
        turn.batch
            .audit
            .extend(result.audit.into_iter().map(|entry| (Some(id), entry)));
        self.state.put(result.incident);
        turn.touched.insert(id);
        for effect in result.effects {
            // A look that is lost in a crash is asked for again by the incident's alarm: it needs no row.
            if matches!(effect, Effect::Observe { .. }) {
                turn.work.push((None, id, effect));
                continue;
            }
            self.state.last_effect += 1;
            let number = self.state.last_effect;
            if matches!(effect, Effect::Tell { .. }) {
                self.state.untold.insert(number, turn.now);
            }
            turn.batch.effects.push((number, id, effect.clone()));
            turn.work.push((Some(number), id, effect));
        }
        result.reply
    }

    fn remember_execution(&mut self, id: IncidentId, input: &Input, turn: &mut Turn) {
        let Input::Executed {
            execution,
            outcome: Outcome::Applied { at, .. },
        } = input
        else {
            return;
        };
        let Some(incident) = self.state.incidents.get(&id) else {
            return;
        };
        let Stage::Executing { execution: running } = &incident.state else {
            return;
        };
        if running.id != *execution {
            return;
        }
        let uid = running.proposal.action.target().uid.clone();
        self.state
            .executions
            .entry(uid.clone())
            .or_default()
            .push(*at);
        self.state.ledger.acted(&uid, execution, *at);
        turn.batch.executions.push((execution.clone(), uid, *at));
    }

    fn delivered(&mut self, delivered: Delivered, turn: &mut Turn) {
        match delivered {
            Delivered::Card { incident, posted } => {
                if let (None, Some(shown)) = (
                    self.state.cards.get(&incident),
                    self.state.incidents.get(&incident),
                ) {
                    let took = turn.now.duration_since(shown.opened);
                    self.parts
                        .metrics
                        .signal_reached_slack(took.try_into().unwrap_or_default());
                }
                turn.batch.cards.push((incident, posted.clone()));
                self.state.cards.insert(incident, posted);
            }
            Delivered::Note {
                effect,
                incident,
                slot,
            } => {
                turn.batch.done.push(effect);
                self.state.untold.remove(&effect);
                if let Some((slot, ts)) = slot {
                    turn.batch.slots.push((incident, slot.clone(), ts.clone()));
                    self.state.slots.insert((incident, slot), ts);
                }
            }
            Delivered::Kept {
                incident,
                slot,
                value,
            } => {
                let kept = (incident, slot.clone(), value.clone());
                turn.batch.slots.push(kept);
                self.state.slots.insert((incident, slot), value);
            }
            Delivered::Lost { effect, why } => {
                self.state.untold.remove(&effect);
                turn.batch.lost.push((effect, why));
                self.suppress("thread messages that Slack refused".to_owned(), 1, turn);
            }
            Delivered::Noticed(noticed) => {
                // Plain data: it always serialises.
                let value = serde_json::to_string(&noticed).ok();
                turn.batch.facts.push((NOTICED.to_owned(), value));
            }
            Delivered::NotBefore { key, until } => {
                turn.batch
                    .facts
                    .push((format!("{NOT_BEFORE}{key}"), Some(until.to_string())));
            }
        }
    }
}
