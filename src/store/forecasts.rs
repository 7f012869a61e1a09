//! Forecasts that were told, and how they turned out: one row each.
use super::StoreError;
use crate::domain::forecast::{SCORED, Told};
use jiff::Timestamp;
use rusqlite::{Connection, Transaction, params};

pub(super) fn write(transaction: &Transaction<'_>, rows: &[Told]) -> Result<(), StoreError> {
    let mut put = transaction.prepare_cached(
        "INSERT INTO forecasts (id, owner_uid, ended_at, outcome, body) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (id) DO UPDATE SET ended_at = ?3, outcome = ?4, body = ?5",
    )?;
    for told in rows {
        let ended = told.ended.as_ref();
        put.execute(params![
            told.id as i64,
            told.owner.uid,
            ended.map(|ended| ended.at.to_string()),
            ended.map(|ended| ended.outcome.as_str()),
            serde_json::to_string(told)?
        ])?;
    }
    Ok(())
}

/// Rows without an outcome, and those whose outcome still counts in the score at this time.
pub(super) fn load(connection: &Connection, now: Timestamp) -> Result<Vec<Told>, StoreError> {
    let since = now
        .checked_sub(SCORED)
        .unwrap_or(Timestamp::MIN)
        .to_string();
    let mut statement = connection.prepare(
        "SELECT body FROM forecasts WHERE ended_at IS NULL OR ended_at >= ?1 ORDER BY id",
    )?;
    let mut rows = statement.query([since])?;
    let mut list = Vec::new();
    while let Some(row) = rows.next()? {
        let body: String = row.get(0)?;
        list.push(serde_json::from_str(&body)?);
    }
    Ok(list)
}

pub(super) fn prune(transaction: &Transaction<'_>, before: &str) -> Result<(), StoreError> {
    transaction.execute("DELETE FROM forecasts WHERE ended_at < ?1", [before])?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::{Batch, Store};
    use crate::domain::forecast::{
        Ledger, RunEnd,
        testkit::{after, now, outlook},
    };
    use std::sync::Arc;

    #[tokio::test]
    async fn a_forecast_is_one_row_from_the_telling_to_its_outcome() {
        let store = Store::in_memory().unwrap();
        let mut ledger = Ledger::default();
        let told = outlook("app", 7200);
        ledger.heard(&told, now());
        let keep = async |ledger: &mut Ledger| {
            let forecasts = ledger.take_changed();
            let at = after(7200);
            let batch = Batch {
                at,
                forecasts,
                ..Batch::default()
            };
            store.commit(Arc::new(batch)).await.unwrap();
            let loaded = store.load().unwrap();
            Ledger::load(loaded.forecasts).numbered_from(loaded.last_forecast)
        };
        assert_eq!(keep(&mut ledger).await, ledger);
        ledger.run_ended(
            &RunEnd {
                owner: told.owner.clone(),
                container: told.container.clone(),
                pod: told.pod.clone(),
                run: told.run,
                began: None,
                at: after(7200),
                oom: true,
                unseen: false,
                limit: None,
            },
            after(7200),
        );
        let again = keep(&mut ledger).await;
        assert_eq!(again, ledger);
        assert_eq!(again.score(after(7200)).hits, 1);
        let (rows, outcome): (i64, String) = store
            .read(|connection| {
                Ok(connection.query_row(
                    "SELECT count(*), max(outcome) FROM forecasts",
                    [],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )?)
            })
            .unwrap();
        assert_eq!((rows, outcome.as_str()), (1, "hit"));
    }
}
