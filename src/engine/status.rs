//! `/heal status`, from memory.
use super::Engine;
use crate::domain::{
    incident::{Incident, State as Stage},
    report::{Brief, Stage as Where, Status},
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
        let oldest = self
            .state
            .untold
            .values()
            .min()
            .map_or(SignedDuration::ZERO, |at| now.duration_since(*at));
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
            outbox: (self.state.untold.len(), oldest),
        }
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
            card: self
                .state
                .cards
                .get(&incident.id)
                .map(|card| (card.channel.clone(), card.ts.clone())),
        }
    }
}
