//! Reading the store back at start.
use super::{StoreError, batch::SEEN_FOR, forecasts};
use crate::{
    domain::{
        action::ActionKind,
        forecast::Told,
        incident::{Effect, Incident, IncidentId},
        memory::Memory,
        silence::Silence,
    },
    ports::Posted,
};
use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, Row};
use std::collections::{BTreeMap, HashMap, HashSet};

/// An effect that was stored and is not done.
#[derive(Clone, Debug, PartialEq)]
pub struct PendingEffect {
    /// Its number.
    pub id: u64,
    /// Whose.
    pub incident: IncidentId,
    /// Since when it is pending.
    pub at: Timestamp,
    /// What.
    pub effect: Effect,
}

/// Everything that the engine keeps in memory.
#[derive(Debug, Default)]
pub struct Loaded {
    /// All open incidents, and those closed in the last day.
    pub incidents: Vec<Incident>,
    /// The highest incident number ever given.
    pub last_incident: u64,
    /// The highest effect number ever given. Messages in Slack carry it, so that it is never given again.
    pub last_effect: u64,
    /// Effects to be taken up again, oldest first.
    pub effects: Vec<PendingEffect>,
    /// Where the cards are.
    pub cards: HashMap<IncidentId, Posted>,
    /// Where replaceable thread messages are: (incident, slot) → ts.
    pub slots: HashMap<(IncidentId, String), String>,
    /// What worked.
    pub memory: Memory,
    /// Executions of the last day by uid of the target.
    pub executions: HashMap<String, Vec<Timestamp>>,
    /// Revisions seen healthy.
    pub healthy: HashMap<(String, String), Timestamp>,
    /// Silences in force.
    pub silences: Vec<Silence>,
    /// Counts of what was suppressed.
    pub suppressed: BTreeMap<String, u64>,
    /// Signal keys seen.
    pub seen: HashSet<String>,
    /// Hashes of signed requests seen.
    pub replays: HashSet<String>,
    /// Forecasts without an outcome, and those whose outcome is not older than the score.
    pub forecasts: Vec<Told>,
    /// The highest forecast number ever given.
    pub last_forecast: u64,
    /// Single facts.
    pub facts: HashMap<String, String>,
}

pub(super) fn load(connection: &Connection) -> Result<Loaded, StoreError> {
    let now_text: Option<String> = connection
        .query_row("SELECT max(at) FROM audit", [], |row| row.get(0))
        .optional()?
        .flatten();
    // The age of closed incidents counts from the last thing that was written: no clock is needed here.
    let newest: Timestamp = now_text
        .and_then(|text| text.parse().ok())
        .unwrap_or(Timestamp::MIN);
    let day_ago = newest
        .checked_sub(SignedDuration::from_hours(24))
        .unwrap_or(Timestamp::MIN)
        .to_string();
    let seen_since = newest
        .checked_sub(SEEN_FOR)
        .unwrap_or(Timestamp::MIN)
        .to_string();

    let mut loaded = Loaded::default();
    for body in strings(
        connection,
        "SELECT body FROM incidents WHERE closed_at IS NULL OR closed_at >= ?1 ORDER BY id",
        &day_ago,
    )? {
        loaded.incidents.push(serde_json::from_str(&body)?);
    }
    loaded.last_incident = number(connection, "SELECT coalesce(max(id), 0) FROM incidents")?;
    loaded.last_effect = number(
        connection,
        "SELECT max(coalesce((SELECT max(id) FROM effects), 0), coalesce((SELECT max(id) FROM lost_effects), 0),
                    coalesce((SELECT CAST(value AS INTEGER) FROM facts WHERE key = 'last_effect'), 0))",
    )?;
    each(
        connection,
        "SELECT id, incident, at, body FROM effects ORDER BY id",
        |row| {
            let (at, body): (String, String) = (row.get(2)?, row.get(3)?);
            loaded.effects.push(PendingEffect {
                id: row.get::<_, i64>(0)? as u64,
                incident: IncidentId(row.get::<_, i64>(1)? as u64),
                at: time(&at),
                effect: serde_json::from_str(&body)?,
            });
            Ok(())
        },
    )?;
    each(
        connection,
        "SELECT incident, channel, ts, hash FROM cards",
        |row| {
            let posted = Posted {
                channel: row.get(1)?,
                ts: row.get(2)?,
                hash: row.get(3)?,
            };
            loaded
                .cards
                .insert(IncidentId(row.get::<_, i64>(0)? as u64), posted);
            Ok(())
        },
    )?;
    each(connection, "SELECT incident, slot, ts FROM slots", |row| {
        loaded.slots.insert(
            (IncidentId(row.get::<_, i64>(0)? as u64), row.get(1)?),
            row.get(2)?,
        );
        Ok(())
    })?;
    each(
        connection,
        "SELECT signature, action, workload, success FROM verdicts ORDER BY at",
        |row| {
            let (signature, action, workload): (String, String, String) =
                (row.get(0)?, row.get(1)?, row.get(2)?);
            if let Some(kind) = ActionKind::parse(&action) {
                loaded
                    .memory
                    .learn(&signature, kind, &workload, row.get(3)?);
            }
            Ok(())
        },
    )?;
    each(connection, "SELECT target_uid, at FROM executions", |row| {
        let at: String = row.get(1)?;
        if at >= day_ago {
            loaded
                .executions
                .entry(row.get(0)?)
                .or_default()
                .push(time(&at));
        }
        Ok(())
    })?;
    each(connection, "SELECT uid, revision, at FROM healthy", |row| {
        let at: String = row.get(2)?;
        loaded.healthy.insert((row.get(0)?, row.get(1)?), time(&at));
        Ok(())
    })?;
    each(connection, "SELECT body FROM silences ORDER BY id", |row| {
        let body: String = row.get(0)?;
        loaded.silences.push(serde_json::from_str(&body)?);
        Ok(())
    })?;
    each(connection, "SELECT reason, count FROM suppressed", |row| {
        loaded
            .suppressed
            .insert(row.get(0)?, row.get::<_, i64>(1)? as u64);
        Ok(())
    })?;
    loaded.seen = strings(
        connection,
        "SELECT key FROM seen WHERE at >= ?1",
        &seen_since,
    )?
    .into_iter()
    .collect();
    each(connection, "SELECT hash FROM replays", |row| {
        loaded.replays.insert(row.get(0)?);
        Ok(())
    })?;
    loaded.forecasts = forecasts::load(connection, newest)?;
    loaded.last_forecast = number(connection, "SELECT coalesce(max(id), 0) FROM forecasts")?;
    each(connection, "SELECT key, value FROM facts", |row| {
        loaded.facts.insert(row.get(0)?, row.get(1)?);
        Ok(())
    })?;
    Ok(loaded)
}

pub(super) fn incident(
    connection: &Connection,
    id: IncidentId,
) -> Result<Option<Incident>, StoreError> {
    let body: Option<String> = connection
        .query_row(
            "SELECT body FROM incidents WHERE id = ?1",
            [id.0 as i64],
            |row| row.get(0),
        )
        .optional()?;
    Ok(body.map(|body| serde_json::from_str(&body)).transpose()?)
}

/// Stored times were written by this program; one that cannot be read is as old as can be.
fn time(text: &str) -> Timestamp {
    text.parse().unwrap_or(Timestamp::MIN)
}

fn number(connection: &Connection, sql: &str) -> Result<u64, StoreError> {
    Ok(connection.query_row(sql, [], |row| row.get::<_, i64>(0))? as u64)
}

fn strings(connection: &Connection, sql: &str, parameter: &str) -> Result<Vec<String>, StoreError> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([parameter], |row| row.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&Row<'_>) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        take(row)?;
    }
    Ok(())
}
