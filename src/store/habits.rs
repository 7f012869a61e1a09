//! What is usual for workloads: one row each, written now and then beside the engine's transactions, like the histories of memory.
use super::{Store, StoreError};
use rusqlite::params;

/// Rows that were not heard of for so long are taken out, in seconds.
const FORGOTTEN: f64 = 8.0 * 86_400.0;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct HabitsRow {
    /// Uid of the workload.
    pub owner: String,
    /// When it was last heard of, in Unix seconds.
    pub seen: f64,
    /// Which workload that is, as JSON.
    pub about: String,
    /// The state.
    pub state: Vec<u8>,
}

impl Store {
    /// Writes rows on a thread of its own, and takes out what is older than a week. `now` in Unix seconds.
    ///
    /// # Errors
    /// When the database cannot be written.
    pub async fn put_habits(&self, rows: Vec<HabitsRow>, now: f64) -> Result<(), StoreError> {
        const PUT: &str =
            "INSERT OR REPLACE INTO habits (owner, seen, about, state) VALUES (?1, ?2, ?3, ?4)";
        self.apart(move |store| {
            store.for_each(PUT, &rows, |put, row| {
                put.execute(params![row.owner, row.seen, row.about, row.state])
            })?;
            let old = [now - FORGOTTEN];
            store
                .lock()
                .execute("DELETE FROM habits WHERE seen < ?1", old)?;
            Ok(())
        })
        .await
    }

    /// Reads all rows, one after the other.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn each_habit(&self, mut each: impl FnMut(HabitsRow)) -> Result<(), StoreError> {
        let connection = self.lock();
        let mut statement = connection.prepare("SELECT owner, seen, about, state FROM habits")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(HabitsRow {
                owner: row.get(0)?,
                seen: row.get(1)?,
                about: row.get(2)?,
                state: row.get(3)?,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn rows_are_replaced_and_leave_after_a_week() {
        let store = Store::in_memory().unwrap();
        let row = |owner: &str, seen: f64| HabitsRow {
            owner: owner.to_owned(),
            seen,
            about: "{}".to_owned(),
            state: vec![1, 0, 255],
        };
        let day = 86_400.0;
        store
            .put_habits(vec![row("a", 0.0), row("b", 0.0)], 0.0)
            .await
            .unwrap();
        store
            .put_habits(vec![row("b", 9.0 * day)], 9.0 * day)
            .await
            .unwrap();
        let mut found = Vec::new();
        store.each_habit(|row| found.push(row)).unwrap();
        assert_eq!(found, [row("b", 9.0 * day)]);
    }
}
