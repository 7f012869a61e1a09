//! The one file that Heal keeps: SQLite in WAL mode with `synchronous=FULL`, so that what was committed survives a power cut.
//!
//! The engine is the only writer. It collects the consequences of several inputs in one [`Batch`] and commits it in one
//! transaction before anything leaves the process.
mod audit;
mod batch;
mod forecasts;
mod habits;
mod load;
mod schema;
mod series;

pub use audit::{
    AuditHead, AuditRow, BrokenChain, head as audit_head, list as list_audit,
    verify as verify_audit,
};
pub use batch::Batch;
pub use habits::HabitsRow;
pub use load::{Loaded, PendingEffect};
pub use series::{ROWS, SeriesRow};

use crate::domain::incident::{Incident, IncidentId};
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use thiserror::Error;

/// Why the store did not work.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file cannot be opened or made.
    #[error(
        "cannot open the database {path}: {source}. Check that the folder exists and is writable ([store] path)."
    )]
    Open {
        /// The path.
        path: String,
        /// SQLite's words.
        source: rusqlite::Error,
    },
    /// The file was made by a newer Heal.
    #[error(
        "the database has schema {found}, this Heal knows up to {known}: run the newer version again"
    )]
    TooNew {
        /// In the file.
        found: i64,
        /// Known here.
        known: i64,
    },
    /// A statement failed (disk full, file damaged).
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A stored value cannot be read.
    #[error("database: a stored value cannot be read: {0}")]
    Json(#[from] serde_json::Error),
    /// The thread that worked on it is gone.
    #[error("database: the worker was stopped")]
    Stopped,
}

/// Statements that stay prepared: more than there are. One transaction uses more than the 16 that rusqlite keeps by itself.
const STATEMENTS: usize = 64;

/// The store. A cheap handle; all handles share one connection.
#[derive(Clone, Debug)]
pub struct Store {
    connection: Arc<Mutex<Connection>>,
}

impl Store {
    /// Opens or makes the file, and brings its schema up to date.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let at = |source| StoreError::Open {
            path: path.display().to_string(),
            source,
        };
        let connection = Connection::open(path).map_err(at)?;
        Self::prepare(connection).map_err(|error| match error {
            StoreError::Sqlite(source) => at(source),
            other => other,
        })
    }

    /// A store in memory, for tests and measurements.
    pub fn in_memory() -> Result<Self, StoreError> {
        Self::prepare(Connection::open_in_memory()?)
    }

    fn prepare(mut connection: Connection) -> Result<Self, StoreError> {
        connection.execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA busy_timeout = 5000;",
        )?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS);
        schema::migrate(&mut connection)?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    /// Reads everything that the engine keeps in memory.
    pub fn load(&self) -> Result<Loaded, StoreError> {
        load::load(&self.lock())
    }

    /// Writes a batch in one transaction, on a thread of its own, and gives the new end of the audit log if it moved. After an
    /// error nothing of it is stored.
    pub async fn commit(&self, batch: Arc<Batch>) -> Result<Option<AuditHead>, StoreError> {
        self.apart(move |store| batch::commit(&mut store.lock(), &batch))
            .await
    }

    /// One incident, however old.
    pub async fn incident(&self, id: IncidentId) -> Result<Option<Incident>, StoreError> {
        self.apart(move |store| load::incident(&store.lock(), id))
            .await
    }

    /// Does some work on a thread that may wait for the disk.
    async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let store = self.clone();
        tokio::task::spawn_blocking(move || work(&store))
            .await
            .map_err(|_| StoreError::Stopped)?
    }

    /// Runs a read on the connection (listings of the command line).
    pub fn read<T>(
        &self,
        read: impl FnOnce(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        read(&self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic while the lock was held has rolled its transaction back: the connection is still good.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rusqlite::types::Value;

    #[test]
    fn the_database_is_set_up_so_that_what_is_committed_survives_a_power_cut() {
        let name = format!("heal-store-{}.db", std::process::id());
        let path = std::env::temp_dir().join(name);
        let store = Store::open(&path).unwrap();
        let said = |pragma: &str| -> Value {
            let sql = format!("PRAGMA {pragma}");
            store
                .read(|connection| Ok(connection.query_row(&sql, [], |row| row.get(0))?))
                .unwrap()
        };
        assert_eq!(said("journal_mode"), Value::Text("wal".into()));
        // 2 is FULL.
        assert_eq!(said("synchronous"), Value::Integer(2));
        drop(store);
        std::fs::remove_file(path).unwrap();
    }
}
