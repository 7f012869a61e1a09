//! One transaction's worth of writes.
use super::{
    StoreError,
    audit::{self, AuditHead},
    forecasts,
};
use crate::{
    domain::{
        forecast::Told,
        incident::{AuditEntry, Effect, Incident, IncidentId, Lesson, State},
        silence::Silence,
    },
    ports::Posted,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, Transaction, params};

/// What several inputs lead to, to be stored together.
#[derive(Debug, Default)]
pub struct Batch {
    /// The moment of all its writes.
    pub at: Timestamp,
    /// Incidents as they are now.
    pub incidents: Vec<Incident>,
    /// New effects, with their numbers.
    pub effects: Vec<(u64, IncidentId, Effect)>,
    /// Effects that are done.
    pub done: Vec<u64>,
    /// Effects that were given up, with why.
    pub lost: Vec<(u64, String)>,
    /// New audit lines, with the incident they are about.
    pub audit: Vec<(Option<IncidentId>, AuditEntry)>,
    /// What was learnt: incident, workload key, lesson.
    pub lessons: Vec<(IncidentId, String, Lesson)>,
    /// Executions that changed something: id, uid of the target, when.
    pub executions: Vec<(String, String, Timestamp)>,
    /// Cards that were posted or updated.
    pub cards: Vec<(IncidentId, Posted)>,
    /// Thread messages that later ones replace: slot, time stamp.
    pub slots: Vec<(IncidentId, String, String)>,
    /// Revisions seen healthy: workload uid, revision, when.
    pub healthy: Vec<(String, String, Timestamp)>,
    /// Silences set or changed.
    pub silences: Vec<Silence>,
    /// Silences lifted or run out.
    pub unsilenced: Vec<u32>,
    /// Suppressed signals: reason, how many more.
    pub suppressed: Vec<(String, u64)>,
    /// Signal keys seen.
    pub seen: Vec<String>,
    /// Hashes of signed requests seen.
    pub replays: Vec<String>,
    /// Forecasts as they are now: what was told, and how it turned out.
    pub forecasts: Vec<Told>,
    /// Single facts: key, value (`None` removes it).
    pub facts: Vec<(String, Option<String>)>,
    /// Also remove what is too old to matter.
    pub prune: bool,
}

/// Signal keys are kept this long: longer than Kubernetes keeps events (1 h) or a pod stays in back-off unchanged.
pub(super) const SEEN_FOR: SignedDuration = SignedDuration::from_hours(72);
/// Slack's requests are valid for 5 minutes either way; their hashes are kept for twice that span.
const REPLAYS_FOR: SignedDuration = SignedDuration::from_mins(20);

impl Batch {
    /// Nothing to write.
    pub fn is_empty(&self) -> bool {
        self.incidents.is_empty()
            && self.effects.is_empty()
            && self.done.is_empty()
            && self.lost.is_empty()
            && self.audit.is_empty()
            && self.lessons.is_empty()
            && self.executions.is_empty()
            && self.cards.is_empty()
            && self.slots.is_empty()
            && self.healthy.is_empty()
            && self.silences.is_empty()
            && self.unsilenced.is_empty()
            && self.suppressed.is_empty()
            && self.seen.is_empty()
            && self.replays.is_empty()
            && self.forecasts.is_empty()
            && self.facts.is_empty()
            && !self.prune
    }
}

/// Writes it; gives the new end of the audit log, if it moved.
pub(super) fn commit(
    connection: &mut Connection,
    batch: &Batch,
) -> Result<Option<AuditHead>, StoreError> {
    let transaction = connection.transaction()?;
    let at = batch.at.to_string();
    write_incidents(&transaction, batch, &at)?;
    write_messages(&transaction, batch)?;
    write_memory(&transaction, batch, &at)?;
    write_guards(&transaction, batch, &at)?;
    forecasts::write(&transaction, &batch.forecasts)?;
    let head = audit::append(&transaction, batch.at, &batch.audit)?;
    if batch.prune {
        prune(&transaction, batch.at)?;
    }
    transaction.commit()?;
    Ok(head)
}

fn write_incidents(
    transaction: &Transaction<'_>,
    batch: &Batch,
    at: &str,
) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO incidents (id, closed_at, owner_uid, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (id) DO UPDATE SET closed_at = ?2, body = ?4",
    )?;
    for incident in &batch.incidents {
        let closed = match &incident.state {
            State::Closed { at, .. } => Some(at.to_string()),
            _ => None,
        };
        put.execute(params![
            incident.id.0 as i64,
            closed,
            incident.owner.uid,
            serde_json::to_string(incident)?
        ])?;
    }
    let mut add = transaction
        .prepare_cached("INSERT INTO effects (id, incident, at, body) VALUES (?1, ?2, ?3, ?4)")?;
    for (id, incident, effect) in &batch.effects {
        add.execute(params![
            *id as i64,
            incident.0 as i64,
            at,
            serde_json::to_string(effect)?
        ])?;
    }
    if let Some(last) = batch.effects.iter().map(|(id, _, _)| *id).max() {
        let mut note = transaction.prepare_cached(
            "INSERT OR REPLACE INTO facts (key, value) VALUES ('last_effect', ?1)",
        )?;
        note.execute([last.to_string()])?;
    }
    let mut keep = transaction.prepare_cached(
        "INSERT OR REPLACE INTO lost_effects SELECT id, incident, at, body, ?2 FROM effects WHERE id = ?1",
    )?;
    let mut remove = transaction.prepare_cached("DELETE FROM effects WHERE id = ?1")?;
    for (id, why) in &batch.lost {
        keep.execute(params![*id as i64, why])?;
        remove.execute([*id as i64])?;
    }
    for id in &batch.done {
        remove.execute([*id as i64])?;
    }
    Ok(())
}

fn write_messages(transaction: &Transaction<'_>, batch: &Batch) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT OR REPLACE INTO cards (incident, channel, ts, hash) VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (incident, posted) in &batch.cards {
        put.execute(params![
            incident.0 as i64,
            posted.channel,
            posted.ts,
            posted.hash
        ])?;
    }
    let mut put = transaction
        .prepare_cached("INSERT OR REPLACE INTO slots (incident, slot, ts) VALUES (?1, ?2, ?3)")?;
    for (incident, slot, ts) in &batch.slots {
        put.execute(params![incident.0 as i64, slot, ts])?;
    }
    Ok(())
}

fn write_memory(transaction: &Transaction<'_>, batch: &Batch, at: &str) -> Result<(), StoreError> {
    // An execution teaches once: its id is the key.
    let mut put = transaction.prepare_cached(
        "INSERT OR IGNORE INTO verdicts (execution, signature, action, workload, success, incident, at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (incident, workload, lesson) in &batch.lessons {
        let kind = lesson.action.kind().as_str();
        let row = params![
            lesson.execution,
            lesson.signature,
            kind,
            workload,
            lesson.success,
            incident.0 as i64,
            at
        ];
        put.execute(row)?;
    }
    let mut put = transaction.prepare_cached(
        "INSERT OR IGNORE INTO executions (id, target_uid, at) VALUES (?1, ?2, ?3)",
    )?;
    for (id, uid, when) in &batch.executions {
        put.execute(params![id, uid, when.to_string()])?;
    }
    let mut put = transaction
        .prepare_cached("INSERT OR REPLACE INTO healthy (uid, revision, at) VALUES (?1, ?2, ?3)")?;
    for (uid, revision, when) in &batch.healthy {
        put.execute(params![uid, revision, when.to_string()])?;
    }
    Ok(())
}

fn write_guards(transaction: &Transaction<'_>, batch: &Batch, at: &str) -> Result<(), StoreError> {
    let mut put = transaction
        .prepare_cached("INSERT OR REPLACE INTO silences (id, until, body) VALUES (?1, ?2, ?3)")?;
    for silence in &batch.silences {
        put.execute(params![
            silence.id,
            silence.until.to_string(),
            serde_json::to_string(silence)?
        ])?;
    }
    let mut remove = transaction.prepare_cached("DELETE FROM silences WHERE id = ?1")?;
    for id in &batch.unsilenced {
        remove.execute([*id])?;
    }
    let mut add = transaction.prepare_cached(
        "INSERT INTO suppressed (reason, count) VALUES (?1, ?2) ON CONFLICT (reason) DO UPDATE SET count = count + ?2",
    )?;
    for (reason, count) in &batch.suppressed {
        add.execute(params![reason, *count as i64])?;
    }
    let mut put =
        transaction.prepare_cached("INSERT OR REPLACE INTO seen (key, at) VALUES (?1, ?2)")?;
    for key in &batch.seen {
        put.execute(params![key, at])?;
    }
    let mut put =
        transaction.prepare_cached("INSERT OR IGNORE INTO replays (hash, at) VALUES (?1, ?2)")?;
    for hash in &batch.replays {
        put.execute(params![hash, at])?;
    }
    let mut put =
        transaction.prepare_cached("INSERT OR REPLACE INTO facts (key, value) VALUES (?1, ?2)")?;
    let mut remove = transaction.prepare_cached("DELETE FROM facts WHERE key = ?1")?;
    for (key, value) in &batch.facts {
        match value {
            Some(value) => put.execute(params![key, value])?,
            None => remove.execute([key])?,
        };
    }
    Ok(())
}

fn prune(transaction: &Transaction<'_>, now: Timestamp) -> Result<(), StoreError> {
    let before = |span: SignedDuration| now.checked_sub(span).unwrap_or(Timestamp::MIN).to_string();
    transaction.execute("DELETE FROM seen WHERE at < ?1", [before(SEEN_FOR)])?;
    transaction.execute("DELETE FROM replays WHERE at < ?1", [before(REPLAYS_FOR)])?;
    transaction.execute(
        "DELETE FROM healthy WHERE at < ?1",
        [before(SignedDuration::from_hours(24 * 90))],
    )?;
    forecasts::prune(transaction, &before(SignedDuration::from_hours(24 * 90)))?;
    Ok(())
}
