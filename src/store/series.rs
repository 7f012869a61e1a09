//! What forecasts know: one row for each container of each workload. It is written now and then and can be lost without harm,
//! so it has transactions of its own beside the engine's.
use super::{Store, StoreError};
use rusqlite::{CachedStatement, params};

/// Rows of one transaction: the engine waits no longer than these take.
pub const ROWS: usize = 500;

/// One row.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesRow {
    /// Uid of the workload, CronJob or node.
    pub owner: String,
    /// The container; empty for a node.
    pub container: String,
    /// When it was last heard of, in Unix seconds.
    pub seen: f64,
    /// What it is about, as JSON.
    pub about: String,
    /// The state of the series.
    pub state: Vec<u8>,
}

impl Store {
    /// Writes rows, and takes others out, on a thread of its own.
    pub async fn put_series(
        &self,
        rows: Vec<SeriesRow>,
        forgotten: Vec<(String, String)>,
    ) -> Result<(), StoreError> {
        const PUT: &str = "INSERT OR REPLACE INTO series (owner, container, seen, about, state) VALUES (?1, ?2, ?3, ?4, ?5)";
        const TAKE: &str = "DELETE FROM series WHERE owner = ?1 AND container = ?2";
        self.apart(move |store| {
            store.for_each(PUT, &rows, |put, row| {
                put.execute(params![
                    row.owner,
                    row.container,
                    row.seen,
                    row.about,
                    row.state
                ])
            })?;
            store.for_each(TAKE, &forgotten, |take, (owner, container)| {
                take.execute([owner, container])
            })
        })
        .await
    }

    /// Runs a statement for each row, in transactions of [`ROWS`] of them.
    pub(super) fn for_each<T>(
        &self,
        sql: &str,
        rows: &[T],
        run: impl Fn(&mut CachedStatement<'_>, &T) -> rusqlite::Result<usize>,
    ) -> Result<(), StoreError> {
        for portion in rows.chunks(ROWS) {
            let mut connection = self.lock();
            let transaction = connection.transaction()?;
            let mut statement = transaction.prepare_cached(sql)?;
            for row in portion {
                run(&mut statement, row)?;
            }
            drop(statement);
            transaction.commit()?;
        }
        Ok(())
    }

    /// Reads all rows, one after the other.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn each_series(&self, mut each: impl FnMut(SeriesRow)) -> Result<(), StoreError> {
        let connection = self.lock();
        let mut statement =
            connection.prepare("SELECT owner, container, seen, about, state FROM series")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(SeriesRow {
                owner: row.get(0)?,
                container: row.get(1)?,
                seen: row.get(2)?,
                about: row.get(3)?,
                state: row.get(4)?,
            });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(number: usize) -> SeriesRow {
        SeriesRow {
            owner: format!("u{number}"),
            container: "app".to_owned(),
            seen: number as f64,
            about: "{}".to_owned(),
            state: vec![0, 255, 7],
        }
    }

    #[tokio::test]
    async fn rows_are_replaced_by_key_read_back_and_taken_out() {
        let store = Store::in_memory().unwrap();
        let rows: Vec<SeriesRow> = (0..ROWS + 3).map(row).collect();
        store.put_series(rows, Vec::new()).await.unwrap();
        let newer = SeriesRow {
            seen: 99.0,
            ..row(1)
        };
        let gone = vec![("u0".to_owned(), "app".to_owned())];
        store.put_series(vec![newer.clone()], gone).await.unwrap();
        let mut found = Vec::new();
        store.each_series(|row| found.push(row)).unwrap();
        assert_eq!(found.len(), ROWS + 2);
        assert!(found.contains(&newer));
        assert!(found.contains(&row(ROWS)));
    }
}
