//! The audit log: append-only, each row's hash covers the row and the hash before it, so that a change or a gap shows.
use super::StoreError;
use crate::domain::incident::{AuditEntry, IncidentId};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};
use serde::Serialize;
use sha2::{Digest, Sha256};

/// What stands before the first row.
const GENESIS: &str = "heal audit v1";

/// One row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AuditRow {
    /// Counts from 1 without gaps.
    pub seq: i64,
    /// When.
    pub at: String,
    /// Which incident, if it is about one.
    pub incident: Option<IncidentId>,
    /// Slack user id, or `heal`.
    pub actor: String,
    /// What happened.
    pub what: String,
    /// Particulars.
    pub detail: serde_json::Value,
    /// Hash of this row and the hash before it.
    pub hash: String,
}

/// Where the chain does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokenChain {
    /// The first row that does not fit.
    pub seq: i64,
    /// What does not fit.
    pub why: String,
}

/// The end of the chain: whoever keeps it elsewhere sees when rows are cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditHead {
    /// The last row, which is also the number of rows.
    pub seq: i64,
    /// Its hash.
    pub hash: String,
}

/// The last row; none while there is no row.
pub fn head(connection: &Connection) -> Result<Option<AuditHead>, StoreError> {
    let last = connection.query_row(
        "SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1",
        [],
        |row| {
            Ok(AuditHead {
                seq: row.get(0)?,
                hash: row.get(1)?,
            })
        },
    );
    Ok(last.optional()?)
}

fn hash(
    before: &str,
    seq: i64,
    at: &str,
    incident: Option<i64>,
    actor: &str,
    what: &str,
    detail: &str,
) -> String {
    // JSON keeps the fields apart: no two different rows have the same text.
    let row = serde_json::json!([before, seq, at, incident, actor, what, detail]).to_string();
    hex::encode(Sha256::digest(row.as_bytes()))
}

/// Adds rows; gives the new end of the chain, if it moved.
pub(super) fn append(
    transaction: &Transaction<'_>,
    at: Timestamp,
    entries: &[(Option<IncidentId>, AuditEntry)],
) -> Result<Option<AuditHead>, StoreError> {
    if entries.is_empty() {
        return Ok(None);
    }
    let last = head(transaction)?.map(|last| (last.seq, last.hash));
    let (mut seq, mut before) = last.unwrap_or((0, GENESIS.to_owned()));
    let at = at.to_string();
    let mut put = transaction.prepare_cached(
        "INSERT INTO audit (seq, at, incident, actor, what, detail, hash) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?;
    for (incident, entry) in entries {
        seq += 1;
        let incident = incident.map(|id| id.0 as i64);
        let detail = entry.detail.to_string();
        before = hash(
            &before,
            seq,
            &at,
            incident,
            &entry.actor,
            &entry.what,
            &detail,
        );
        put.execute(params![
            seq,
            at,
            incident,
            entry.actor,
            entry.what,
            detail,
            before
        ])?;
    }
    Ok(Some(AuditHead { seq, hash: before }))
}

/// All rows, oldest first; of one incident if it is given.
pub fn list(
    connection: &Connection,
    only: Option<IncidentId>,
) -> Result<Vec<AuditRow>, StoreError> {
    let mut statement = connection.prepare(
        "SELECT seq, at, incident, actor, what, detail, hash FROM audit WHERE ?1 IS NULL OR incident = ?1 ORDER BY seq",
    )?;
    let mut rows = statement.query([only.map(|id| id.0 as i64)])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let detail: String = row.get(5)?;
        list.push(AuditRow {
            seq: row.get(0)?,
            at: row.get(1)?,
            incident: row
                .get::<_, Option<i64>>(2)?
                .map(|id| IncidentId(id as u64)),
            actor: row.get(3)?,
            what: row.get(4)?,
            detail: serde_json::from_str(&detail).unwrap_or(serde_json::Value::String(detail)),
            hash: row.get(6)?,
        });
    }
    Ok(list)
}

/// Recomputes the whole chain. Gives the number of rows, or where it breaks.
///
/// What it cannot see: rows cut off at the end. The log names the last row and its hash at the start and whenever rows are added
/// (`audit.head`), and `/metrics` has the number of rows (`heal_audit_rows`): whoever keeps one of them sees that, too.
pub fn verify(connection: &Connection) -> Result<Result<i64, BrokenChain>, StoreError> {
    let mut statement = connection
        .prepare("SELECT seq, at, incident, actor, what, detail, hash FROM audit ORDER BY seq")?;
    let mut rows = statement.query([])?;
    let (mut expected, mut before) = (0, GENESIS.to_owned());
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        expected += 1;
        if seq != expected {
            return Ok(Err(BrokenChain {
                seq,
                why: format!("row {expected} is missing"),
            }));
        }
        let (at, actor, what): (String, String, String) = (row.get(1)?, row.get(3)?, row.get(4)?);
        let (detail, stored): (String, String) = (row.get(5)?, row.get(6)?);
        before = hash(&before, seq, &at, row.get(2)?, &actor, &what, &detail);
        if before != stored {
            return Ok(Err(BrokenChain {
                seq,
                why: "its text does not fit its hash".to_owned(),
            }));
        }
    }
    Ok(Ok(expected))
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Store};
    use super::*;

    fn entry(what: &str) -> (Option<IncidentId>, AuditEntry) {
        let detail = serde_json::json!({"action": "kubectl …"});
        (
            Some(IncidentId(1)),
            AuditEntry {
                actor: "U1".into(),
                what: what.into(),
                detail,
            },
        )
    }

    #[tokio::test]
    async fn a_changed_or_missing_row_breaks_the_chain() {
        let store = Store::in_memory().unwrap();
        let audit = vec![entry("a"), entry("b"), entry("c")];
        store
            .commit(std::sync::Arc::new(Batch {
                audit,
                ..Batch::default()
            }))
            .await
            .unwrap();
        let check = || store.read(verify).unwrap();
        assert_eq!(check(), Ok(3));
        let sql = |text: &str| store.read(|c| Ok(c.execute_batch(text)?)).unwrap();
        sql("DROP TRIGGER audit_is_append_only_update; DROP TRIGGER audit_is_append_only_delete;");
        sql("UPDATE audit SET actor = 'U2' WHERE seq = 2");
        assert_eq!(check().unwrap_err().seq, 2);
        sql("UPDATE audit SET actor = 'U1' WHERE seq = 2; DELETE FROM audit WHERE seq = 1");
        assert_eq!(
            check().unwrap_err(),
            BrokenChain {
                seq: 2,
                why: "row 1 is missing".into()
            }
        );
    }
}
