//! `heal audit` as the binary, and the exit codes that need neither a cluster nor Slack.
use heal::{
    domain::incident::{AuditEntry, IncidentId},
    store::{Batch, Store},
};
use serde_json::{Value, json};
use std::{path::PathBuf, process::Command, sync::Arc};

/// A folder that is gone when the test is over.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("heal-audit-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn file(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A database with three rows about two incidents.
async fn database(folder: &Folder) -> String {
    let path = folder.file("heal.db");
    let store = Store::open(path.as_ref()).unwrap();
    let row = |incident: u64, actor: &str, what: &str, detail: Value| {
        let entry = AuditEntry {
            actor: actor.into(),
            what: what.into(),
            detail,
        };
        (Some(IncidentId(incident)), entry)
    };
    let audit = vec![
        row(
            17,
            "heal",
            "incident.opened",
            json!({"owner": "Deployment shop/checkout"}),
        ),
        row(
            18,
            "heal",
            "incident.opened",
            json!({"owner": "Job shop/import"}),
        ),
        row(
            17,
            "U0OLIVIA",
            "decision.approved",
            json!({"action": "RolloutUndo"}),
        ),
    ];
    let at = "2026-11-20T08:00:00Z".parse().unwrap();
    let batch = Batch {
        at,
        audit,
        ..Batch::default()
    };
    store.commit(Arc::new(batch)).await.unwrap();
    path
}

/// Exit code, standard output and standard error of the binary.
fn heal(arguments: &[&str]) -> (Option<i32>, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_heal"))
        .args(arguments)
        .env_remove("SLACK_BOT_TOKEN")
        .env_remove("SLACK_SIGNING_SECRET")
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code(),
        text(output.stdout),
        text(output.stderr),
    )
}

#[tokio::test]
async fn the_audit_log_is_listed_row_by_row_also_of_one_incident() {
    let folder = Folder::new("list");
    let db = database(&folder).await;
    let (code, all, _) = heal(&["audit", "--db", &db]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(all, @r#"
    1  2026-11-20T08:00:00Z  H17     heal          incident.opened           {"owner":"Deployment shop/checkout"}
    2  2026-11-20T08:00:00Z  H18     heal          incident.opened           {"owner":"Job shop/import"}
    3  2026-11-20T08:00:00Z  H17     U0OLIVIA      decision.approved         {"action":"RolloutUndo"}
    "#);
    let (code, one, _) = heal(&["audit", "--db", &db, "--incident", "H17"]);
    assert_eq!(code, Some(0));
    insta::assert_snapshot!(one, @r#"
    1  2026-11-20T08:00:00Z  H17     heal          incident.opened           {"owner":"Deployment shop/checkout"}
    3  2026-11-20T08:00:00Z  H17     U0OLIVIA      decision.approved         {"action":"RolloutUndo"}
    "#);
    let (_, none, _) = heal(&["audit", "--db", &db, "--incident", "H99"]);
    assert_eq!(none, "");
}

#[tokio::test]
async fn a_chain_that_holds_ends_with_0_and_a_broken_one_with_4() {
    let folder = Folder::new("verify");
    let db = database(&folder).await;
    let (code, text, _) = heal(&["audit", "--db", &db, "--verify"]);
    assert_eq!(code, Some(0));
    let (holds, hash) = text.split_once("The last hash is ").unwrap();
    assert_eq!(holds, "The chain holds: 3 rows.\n");
    let hash = hash.trim_end().trim_end_matches('.');
    assert!(
        hash.len() == 64 && hash.bytes().all(|c| c.is_ascii_hexdigit()),
        "{hash}"
    );
    let connection = rusqlite::Connection::open(&db).unwrap();
    connection
        .execute_batch(
            "DROP TRIGGER audit_is_append_only_update; UPDATE audit SET actor = 'U0OMAR' WHERE seq = 3",
        )
        .unwrap();
    drop(connection);
    let (code, text, _) = heal(&["audit", "--db", &db, "--verify"]);
    assert_eq!(code, Some(4));
    insta::assert_snapshot!(text, @"The chain is BROKEN at row 3: its text does not fit its hash.");
}

#[test]
fn what_fails_at_run_time_ends_with_1() {
    let folder = Folder::new("none");
    let (code, _, error) = heal(&["audit", "--db", &folder.file("none.db")]);
    assert_eq!(code, Some(1));
    insta::assert_snapshot!(error.replace(&folder.file(""), "…/"), @"heal: there is no database …/none.db; name it with --db or --config");
}

#[test]
fn a_wrong_command_line_and_a_wrong_configuration_end_with_2() {
    let (code, _, error) = heal(&["chek"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("unrecognized subcommand 'chek'"), "{error}");
    let folder = Folder::new("config");
    let file = folder.file("heal.toml");
    std::fs::write(&file, "cluster = 3\n").unwrap();
    let (code, _, error) = heal(&["run", "--config", &file]);
    assert_eq!(code, Some(2), "{error}");
    assert!(error.contains("cluster"), "{error}");
}

#[test]
fn a_configuration_with_problems_is_what_the_check_finds_and_ends_with_3() {
    let folder = Folder::new("check");
    let file = folder.file("heal.toml");
    std::fs::write(&file, "cluster = 3\n").unwrap();
    let (code, text, _) = heal(&["check", "--config", &file]);
    assert_eq!(code, Some(3), "{text}");
    assert!(text.lines().all(|line| !line.starts_with("ok")), "{text}");
}
