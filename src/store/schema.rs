//! The schema and its migrations: `PRAGMA user_version` counts those that were applied.
use super::StoreError;
use rusqlite::Connection;

/// Applied in order, each in a transaction. Never edit one that was released: add another.
const MIGRATIONS: &[&str] = &["
    CREATE TABLE incidents (id INTEGER PRIMARY KEY, closed_at TEXT, owner_uid TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE INDEX incidents_open ON incidents (closed_at);
    CREATE TABLE effects (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE TABLE lost_effects (id INTEGER PRIMARY KEY, incident INTEGER NOT NULL, at TEXT NOT NULL, body TEXT NOT NULL, why TEXT NOT NULL) STRICT;
    CREATE TABLE cards (incident INTEGER PRIMARY KEY, channel TEXT NOT NULL, ts TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
    CREATE TABLE slots (incident INTEGER NOT NULL, slot TEXT NOT NULL, ts TEXT NOT NULL, PRIMARY KEY (incident, slot)) STRICT;
    CREATE TABLE verdicts (execution TEXT PRIMARY KEY, signature TEXT NOT NULL, action TEXT NOT NULL, workload TEXT NOT NULL,
                           success INTEGER NOT NULL, incident INTEGER NOT NULL, at TEXT NOT NULL) STRICT;
    CREATE TABLE executions (id TEXT PRIMARY KEY, target_uid TEXT NOT NULL, at TEXT NOT NULL) STRICT;
    CREATE TABLE healthy (uid TEXT NOT NULL, revision TEXT NOT NULL, at TEXT NOT NULL, PRIMARY KEY (uid, revision)) STRICT;
    CREATE TABLE silences (id INTEGER PRIMARY KEY, until TEXT NOT NULL, body TEXT NOT NULL) STRICT;
    CREATE TABLE suppressed (reason TEXT PRIMARY KEY, count INTEGER NOT NULL) STRICT;
    CREATE TABLE seen (key TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
    CREATE INDEX seen_at ON seen (at);
    CREATE TABLE replays (hash TEXT PRIMARY KEY, at TEXT NOT NULL) STRICT;
    CREATE TABLE facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
    CREATE TABLE audit (seq INTEGER PRIMARY KEY, at TEXT NOT NULL, incident INTEGER, actor TEXT NOT NULL, what TEXT NOT NULL,
                        detail TEXT NOT NULL, hash TEXT NOT NULL) STRICT;
    CREATE TRIGGER audit_is_append_only_update BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
    CREATE TRIGGER audit_is_append_only_delete BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'audit is append-only'); END;
", "
    CREATE TABLE series (owner TEXT NOT NULL, container TEXT NOT NULL, seen REAL NOT NULL, about TEXT NOT NULL, state BLOB NOT NULL,
                         PRIMARY KEY (owner, container)) STRICT, WITHOUT ROWID;
", "
    CREATE TABLE forecasts (id INTEGER PRIMARY KEY, owner_uid TEXT NOT NULL, ended_at TEXT, outcome TEXT, body TEXT NOT NULL) STRICT;
    CREATE INDEX forecasts_ended ON forecasts (ended_at);
", "
    CREATE TABLE habits (owner TEXT PRIMARY KEY, seen REAL NOT NULL, about TEXT NOT NULL, state BLOB NOT NULL) STRICT, WITHOUT ROWID;
"];

/// Brings a file to the newest schema.
pub(super) fn migrate(connection: &mut Connection) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    let found: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > known {
        return Err(StoreError::TooNew { found, known });
    }
    for (index, migration) in MIGRATIONS.iter().enumerate().skip(found.max(0) as usize) {
        let transaction = connection.transaction()?;
        transaction.execute_batch(migration)?;
        transaction.pragma_update(None, "user_version", index as i64 + 1)?;
        transaction.commit()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_a_newer_heal_is_refused_and_a_known_one_is_left_alone() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        migrate(&mut connection).unwrap();
        connection.pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(
            migrate(&mut connection),
            Err(StoreError::TooNew { found: 99, .. })
        ));
    }

    #[test]
    fn audit_rows_cannot_be_changed_or_deleted() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection).unwrap();
        connection
            .execute(
                "INSERT INTO audit VALUES (1, 'now', NULL, 'heal', 'x', '{}', 'h')",
                [],
            )
            .unwrap();
        assert!(
            connection
                .execute("UPDATE audit SET actor = 'me'", [])
                .is_err()
        );
        assert!(connection.execute("DELETE FROM audit", []).is_err());
    }
}
