//! `/heal status`, from memory.
use super::Engine;
use crate::domain::{
    anomaly::Unusual,
    family::Family,
    forecast::{Chart, Outlook},
    incident::{Incident, IncidentId, State as Stage},
    object::ObjectRef,
    report::{Brief, Foresight, Rising, Stage as Where, Status},
    silence::Scope,
};
use jiff::{SignedDuration, Timestamp};

impl Engine {
    pub(super) fn status(&self, now: Timestamp) -> Status {
        let (muted, mut open): (Vec<Brief>, Vec<Brief>) = {
            let (muted, open): (Vec<&Incident>, Vec<&Incident>) = self
                .state
                .open()
                .partition(|incident| incident.muted.is_some());
            (
                muted.into_iter().map(|i| self.brief(i)).collect(),
                open.into_iter().map(|i| self.brief(i)).collect(),
            )
        };
        open.sort_by_key(|brief| (brief.stage, brief.opened));
        let entries = self.state.memory.entries();
        let (successes, failures) = entries.iter().fold((0, 0), |(s, f), entry| {
            (s + entry.tally.successes, f + entry.tally.failures)
        });
        let waiting = self.state.waiting();
        let oldest = waiting
            .oldest
            .map_or(SignedDuration::ZERO, |at| now.duration_since(at));
        Status {
            cluster: self.parts.cluster_name.clone(),
            now,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            open,
            muted,
            memory: (entries.len(), successes, failures),
            suppressed: self
                .state
                .suppressed
                .iter()
                .map(|(reason, count)| (reason.clone(), *count))
                .collect(),
            silences: self.state.silences.values().cloned().collect(),
            watches: self.state.watches.values().cloned().collect(),
            slack: self.state.slack_trouble.clone(),
            paused: self.state.pause.clone(),
            outbox: (waiting.count, oldest),
            source: self.state.source.clone(),
        }
    }

    /// `/heal forecast`.
    pub(super) fn foresight(&self, scope: Option<Scope>, now: Timestamp) -> Foresight {
        let asked = |owner: &ObjectRef| {
            let scope = scope.as_ref();
            scope.is_none_or(|scope| scope.covers(owner, Family::Forecast))
        };
        let mut rising: Vec<Rising> = self
            .state
            .outlooks
            .values()
            .filter(|outlook| asked(&outlook.owner))
            .map(|outlook| self.rising(outlook, now))
            .collect();
        rising.sort_by(|a, b| a.outlook.by_urgency(&b.outlook));
        let mut unusual = self.unusual(now);
        unusual.retain(|(one, _)| asked(&one.owner));
        Foresight {
            cluster: self.parts.cluster_name.clone(),
            now,
            scope,
            rising,
            unusual,
            score: self.state.ledger.score(now),
            source: self.state.source.clone(),
        }
    }

    /// What is unusual now, the newest first.
    pub(super) fn unusual(&self, now: Timestamp) -> Vec<(Unusual, bool)> {
        let mut all: Vec<(Unusual, bool)> = self
            .state
            .unusual
            .values()
            .map(|one| {
                let muted = self.is_silenced(&one.owner, Family::Forecast, now);
                (one.clone(), muted)
            })
            .collect();
        let since = |one: &Unusual| {
            let newest = one.anomalies.iter().map(|anomaly| anomaly.since);
            newest.fold(0.0, f64::max)
        };
        all.sort_by(|(a, _), (b, _)| {
            let order = since(b).total_cmp(&since(a));
            order.then_with(|| a.owner.uid.cmp(&b.owner.uid))
        });
        all
    }

    fn rising(&self, outlook: &Outlook, now: Timestamp) -> Rising {
        let open = self.state.by_owner.get(&outlook.owner.uid);
        let incident = open
            .into_iter()
            .flatten()
            .filter_map(|id| self.state.incidents.get(id))
            .find(|incident| {
                let told = incident.forecast.as_deref();
                told.is_some_and(|told| told.container == outlook.container)
            });
        let mut outlook = Box::new(outlook.clone());
        outlook.chart = Chart::default();
        Rising {
            incident: incident.map(|incident| (incident.id, self.place_of_card(incident.id))),
            muted: self.is_silenced(&outlook.owner, Family::Forecast, now),
            outlook,
        }
    }

    fn place_of_card(&self, id: IncidentId) -> Option<(String, String)> {
        let card = self.state.cards.get(&id)?;
        Some((card.channel.clone(), card.ts.clone()))
    }

    /// Whether a silence covers this trouble of this owner.
    pub(super) fn is_silenced(&self, owner: &ObjectRef, family: Family, now: Timestamp) -> bool {
        self.state
            .silences
            .values()
            .any(|silence| silence.until > now && silence.scope.covers(owner, family))
    }

    fn brief(&self, incident: &Incident) -> Brief {
        let stage = match &incident.state {
            Stage::Proposed { .. } => Where::Decision,
            Stage::Executing { .. } => Where::Executing,
            Stage::Verifying { .. } => Where::Verifying,
            Stage::Inspecting { .. } | Stage::Preparing { .. } => Where::Diagnosing,
            Stage::Waiting { .. } | Stage::Closed { .. } => Where::Person,
        };
        Brief {
            id: incident.id,
            owner: incident.owner.clone(),
            family: incident.family,
            headline: incident.wrong().to_owned(),
            opened: incident.opened,
            stage,
            card: self.place_of_card(incident.id),
        }
    }
}
