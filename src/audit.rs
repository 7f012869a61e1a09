//! `heal audit`: lists the audit log, or proves that its chain of hashes holds. Only reads.
use crate::{
    cli::{AuditArgs, Exit},
    config,
    store::{AuditRow, Store, audit_head, list_audit, verify_audit},
};
use std::path::PathBuf;

/// Runs it.
///
/// # Errors
/// When the database or the configuration cannot be read.
pub fn run(args: &AuditArgs) -> anyhow::Result<Exit> {
    let path = path(args)?;
    anyhow::ensure!(
        path.exists(),
        "there is no database {}; name it with --db or --config",
        path.display()
    );
    let store = Store::open(&path)?;
    if args.verify {
        return Ok(match store.read(verify_audit)? {
            Ok(rows) => {
                println!("The chain holds: {rows} rows.");
                // Rows that were cut off at the end leave a good chain: the log tells how it ended.
                if let Some(head) = store.read(audit_head)? {
                    println!("The last hash is {}.", head.hash);
                }
                Exit::Ok
            }
            Err(broken) => {
                println!("The chain is BROKEN at row {}: {}.", broken.seq, broken.why);
                Exit::AuditBroken
            }
        });
    }
    for row in store.read(|connection| list_audit(connection, args.incident))? {
        println!(
            "{}",
            if args.json {
                serde_json::to_string(&row)?
            } else {
                line(&row)
            }
        );
    }
    Ok(Exit::Ok)
}

/// The file that is named, or the one of the configuration. Secrets are not needed for it.
fn path(args: &AuditArgs) -> anyhow::Result<PathBuf> {
    match &args.db {
        Some(path) => Ok(path.clone()),
        None => Ok(config::store_path(&args.config.config)?),
    }
}

/// One row for people.
fn line(row: &AuditRow) -> String {
    let incident = row
        .incident
        .map_or_else(|| "-".to_owned(), |id| id.to_string());
    format!(
        "{:>6}  {}  {:<6}  {:<12}  {:<24}  {}",
        row.seq, row.at, incident, row.actor, row.what, row.detail
    )
}
