//! Forecasts: a page opens an incident or joins one, everything told is kept until it is known how it turned out.
use super::{Engine, turn::Turn};
use crate::domain::{
    family::Family,
    forecast::{Chart, Outlook, RunEnd, Tier},
    incident::{
        AuditEntry, DismissReason, Incident, IncidentId, Input, State as Stage, Step, came_true,
        forecast_signal,
    },
    signal::Signal,
};
use crate::ports::Notices;
use jiff::{SignedDuration, Timestamp};
use std::sync::Arc;

/// Outcomes that time decides are looked for this often.
const DUE_EVERY: SignedDuration = SignedDuration::from_secs(30);

impl Engine {
    /// What is to be expected of a container's memory now.
    pub(super) fn forecast(&mut self, outlook: Box<Outlook>, turn: &mut Turn) {
        self.state.ledger.heard(&outlook, turn.now);
        let key = outlook.key();
        if outlook.stands() {
            self.state.outlooks.insert(key, outlook.clone());
        } else {
            self.state.outlooks.remove(&key);
        }
        match self.home_of_forecast(&outlook) {
            Some(id) => drop(self.apply(id, Input::Forecast(outlook), turn)),
            None if outlook.tier == Tier::Page => {
                let signal = forecast_signal(&self.parts.cluster_name, &outlook);
                self.parts.metrics.signal(signal.family);
                self.open_incident(&signal, Some(outlook), turn);
            }
            None => {}
        }
    }

    /// A run of a container ended: the truth about what was forecast.
    pub(super) fn run_ended(&mut self, end: &RunEnd, turn: &mut Turn) {
        self.state.ledger.run_ended(end, turn.now);
        let open = self.state.by_owner.get(&end.owner.uid).cloned();
        for id in open.unwrap_or_default() {
            self.apply(id, Input::RunEnded(end.clone()), turn);
        }
    }

    /// Gives the outcomes that time alone decides.
    pub(super) fn outcomes_by_time(&mut self, now: Timestamp) {
        let due = |last: Timestamp| now.duration_since(last) >= DUE_EVERY;
        if self.state.last_due.is_none_or(due) {
            // How runs ended while Heal was stopped is told when the watches have their lists, and comes before what time decides.
            if self.state.last_due.replace(now).is_some() {
                self.state.ledger.due(now);
            }
            // Outcomes that are too old leave the score by time alone.
            self.measure_forecasts(now);
        }
    }

    /// Writes down who called a forecast a false alarm.
    pub(super) fn note_opinion(&mut self, result: &Step) {
        let dismissed = |entry: &&AuditEntry| {
            entry.what == "decision.dismissed"
                && entry.detail["reason"] == DismissReason::FalseAlarm.as_str()
        };
        if result.incident.family == Family::Forecast
            && let Some(entry) = result.audit.iter().find(dismissed)
        {
            self.state
                .ledger
                .called_false(&result.incident.owner.uid, &entry.actor);
        }
    }

    /// Tells the figures what the ledger says, and the forecaster what it teaches.
    pub(super) fn measure_forecasts(&self, now: Timestamp) {
        let score = self.state.ledger.score(now);
        self.parts.metrics.forecasts(&score);
        let told = self.state.outlooks.values();
        self.parts.metrics.told(told.map(|told| &**told), now);
        let new = score.calibration.correction;
        self.correction
            .send_if_modified(|correction| std::mem::replace(correction, new) != new);
    }

    /// What calls nobody goes on a list that calls nobody.
    pub(super) fn publish_notices(&self, now: Timestamp) {
        let mut rising: Vec<Outlook> = self
            .state
            .outlooks
            .values()
            .filter(|outlook| outlook.tier == Tier::Notice)
            .filter(|outlook| !self.is_silenced(&outlook.owner, Family::Forecast, now))
            .map(|outlook| Outlook {
                chart: Chart::default(),
                ..(**outlook).clone()
            })
            .collect();
        rising.sort_by(Outlook::by_urgency);
        let unusual = self.unusual(now).into_iter();
        let unusual = unusual.filter(|(_, muted)| !muted).map(|(one, _)| one);
        let new = Notices {
            rising,
            unusual: unusual.collect(),
        };
        self.notices.send_if_modified(|notices| {
            let changed = **notices != new;
            if changed {
                *notices = Arc::new(new);
            }
            changed
        });
    }

    /// The open incident that a forecast belongs to: one about that container's memory, forecast or killed already. One whose fix
    /// is followed hears of every forecast of its owner.
    fn home_of_forecast(&self, outlook: &Outlook) -> Option<IncidentId> {
        let open = self.state.by_owner.get(&outlook.owner.uid)?;
        let incidents = || open.iter().filter_map(|id| self.state.incidents.get(id));
        let same_container = |incident: &&Incident| {
            let container = incident.latest.container.as_deref();
            container.is_none_or(|name| name == outlook.container)
        };
        incidents()
            .find(|incident| incident.family == Family::Forecast)
            .or_else(|| {
                incidents()
                    .find(|incident| incident.family == Family::Oom && same_container(incident))
            })
            .or_else(|| {
                incidents().find(|incident| is_followed(incident) && incident.forecast.is_some())
            })
            .map(|incident| incident.id)
    }

    /// Whether this signal is what this incident forecast.
    pub(super) fn was_forecast(&self, id: IncidentId, signal: &Signal) -> bool {
        let incident = self.state.incidents.get(&id);
        incident.is_some_and(|incident| came_true(incident, signal))
    }

    /// Whether this signal is what came of the fix that this incident about a forecast follows.
    pub(super) fn came_of_its_fix(&self, id: IncidentId, signal: &Signal) -> bool {
        let incident = self.state.incidents.get(&id);
        incident.is_some_and(|incident| {
            incident.family == Family::Forecast
                && is_followed(incident)
                && signal.family != Family::Oom
        })
    }

    /// The forecast that stands for the container of a signal about its memory.
    pub(super) fn standing_forecast(&self, signal: &Signal) -> Option<Box<Outlook>> {
        if signal.family != Family::Oom {
            return None;
        }
        let container = signal.container.clone().unwrap_or_default();
        self.state
            .outlooks
            .get(&(signal.owner.uid.clone(), container))
            .cloned()
    }
}

fn is_followed(incident: &Incident) -> bool {
    matches!(
        incident.state,
        Stage::Executing { .. } | Stage::Verifying { .. }
    )
}
