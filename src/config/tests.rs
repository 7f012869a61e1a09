mod documentation;
mod forecasts;
mod secrets;

use super::*;
use crate::domain::policy::{Person, Rule};
use jiff::SignedDuration;
use proptest::prelude::*;
use secrecy::ExposeSecret;

const MINIMAL: &str = r#"
cluster = "prod-eu"
[slack]
channel = "C0123456789"
team_id = "T0123456789"
app_id = "A0123456789"
[[approvers]]
actions = ["*"]
users = ["U0123456789"]
"#;
const TOKEN: &str = "xoxb-1234-5678-AbCdEfGh";
const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
const HEX_SECRET: &str = "8f742231b10e8888abcd99aabbcc85a5";

fn env(name: &str) -> Option<String> {
    match name {
        "SLACK_BOT_TOKEN" => Some(TOKEN.into()),
        "SLACK_SIGNING_SECRET" => Some(HEX_SECRET.into()),
        _ => None,
    }
}

fn no_file(_: &Path) -> io::Result<String> {
    Err(io::ErrorKind::NotFound.into())
}

fn parse(text: &str) -> Result<Config, Problems> {
    Config::parse(text, &env, &no_file)
}

/// The minimal file with one more line in or below a section that it does not have yet.
fn with(lines: &str) -> Result<Config, Problems> {
    parse(&format!("{MINIMAL}\n{lines}\n"))
}

fn problems(result: Result<Config, Problems>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn the_shipped_config_map_loads_without_a_warning() {
    let map = include_str!("../../manifests/configmap.yaml");
    let (_, block) = map.split_once("heal.toml: |\n").unwrap();
    let file: String = block
        .lines()
        .map(|line| format!("{}\n", line.strip_prefix("    ").unwrap_or(line)))
        .collect();
    let config = parse(&file).unwrap();
    assert_eq!(config.warnings, []);
    assert_eq!(config.listen.to_string(), "0.0.0.0:8080");
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.store, Path::new("/var/lib/heal/heal.db"));
    assert_eq!(config.waits.approval, SignedDuration::from_hours(1));
    assert_eq!(config.policy.team, "T0123456789");
    let person = Person {
        id: "U0123456789".into(),
        team: "T0123456789".into(),
        ..Person::default()
    };
    let may = |action| config.policy.may_approve(&person, action, "shop-pay");
    assert_eq!(may(ActionKind::RolloutUndo), Ok(1));
    assert!(may(ActionKind::Scale).is_err());
    assert_eq!(
        config
            .policy
            .approvals_needed(ActionKind::Scale, "shop-pay"),
        2
    );
}

#[test]
fn a_minimal_file_takes_the_defaults_of_the_domain() {
    let config = parse(MINIMAL).unwrap();
    assert_eq!(config.waits, Waits::default());
    assert_eq!(config.grace, Grace::default());
    assert_eq!(config.actions, ActionKind::ALL);
    assert_eq!(config.kubernetes, KubernetesConfig::default());
    assert_eq!(config.listen.to_string(), "127.0.0.1:8080");
    assert_eq!(config.slack.api_url.as_str(), "https://slack.com/api");
    assert_eq!(
        config.policy.rules,
        [Rule {
            actions: ActionKind::ALL.to_vec(),
            namespaces: vec!["*".into()],
            users: vec!["U0123456789".into()],
            groups: vec![],
            approvals: 1,
        }]
    );
    assert_eq!(config.warnings, []);
}

#[test]
fn every_key_reaches_its_field() {
    let config = with(
        r#"
[http]
listen = "[::1]:0"
[kubernetes]
kubeconfig = "/k"
context = "prod"
namespaces = ["shop", "team-*"]
exclude_namespaces = ["team-x*"]
[waits]
approval_expiry = "90m"
soak = "10s"
soak_max = "20s"
recovery = "1h30m"
look = "2s"
idle_look = "3s"
inspect = "4s"
target_pause = "0s"
retry = "6s"
[grace]
unschedulable = "1s"
not_ready = "2s"
config = "3s"
node = "4s"
admission = "5s"
[actions]
enabled = ["RolloutUndo", "RolloutRestart", "SetMemoryLimit", "DeletePod", "Scale"]
max_per_target_per_day = 7
[log]
format = "json"
filter = "info,heal=debug"
"#,
    )
    .unwrap();
    let s = SignedDuration::from_secs;
    assert_eq!(
        config.waits,
        Waits {
            approval: s(5400),
            soak: s(10),
            soak_max: s(20),
            recovery: s(5400),
            look: s(2),
            idle_look: s(3),
            inspect: s(4),
            target_pause: s(0),
            target_per_day: 7,
            retry: s(6),
        }
    );
    assert_eq!(
        config.grace,
        Grace {
            unschedulable: s(1),
            not_ready: s(2),
            config: s(3),
            node: s(4),
            admission: s(5),
        }
    );
    assert_eq!(
        config.kubernetes.credentials,
        Credentials::Kubeconfig {
            path: Some("/k".into()),
            context: Some("prod".into())
        }
    );
    let seen = ["shop", "shop-a", "team-a", "team-x1"].map(|name| config.kubernetes.includes(name));
    assert_eq!(seen, [true, false, true, false]);
    assert_eq!(config.log.format, LogFormat::Json);
    assert_eq!(config.log.filter, "info,heal=debug");
    assert_eq!(config.listen.port(), 0);
}

#[test]
fn all_problems_are_reported_at_once_with_line_and_remedy() {
    let text = r##"
clustr = "prod-eu"
[slack]
channel = "#incidents"
team_id = 7
bot_token = "xoxb-secret-in-the-file"
[http]
listen = "8080"
[waits]
soak = "2"
soak_max = "90d"
approval = "1h"
[kuberntes]
[actions]
enabled = ["RolloutUndo", "Reboot", 3]
max_per_target_per_day = 0
[[approvers]]
actions = ["Restart"]
users = ["@ann", "U0123456789"]
approvals = 3
[log]
format = "xml"
filter = "heal=loud"
"##;
    let problems = Config::parse(text, &|_| None, &no_file)
        .unwrap_err()
        .to_string();
    assert!(!problems.contains("secret-in-the-file"));
    insta::assert_snapshot!(problems, @r##"
    line 2: clustr is unknown
      → did you mean cluster?
    line 4: slack.channel is "#incidents"
      → the channel's id, from the bottom of its details in Slack: channel = "C0123456789"
    line 5: slack.team_id is a number, not a text in quotes
      → the workspace's id, as in app.slack.com/client/T…: team_id = "T0123456789"
    line 6: slack.bot_token does not belong here
      → take it out of the file; set SLACK_BOT_TOKEN or name a file in slack.bot_token_file
    line 8: http.listen is "8080"
      → an address and a port: listen = "0.0.0.0:8080" (all interfaces) or "127.0.0.1:8080" (this machine)
    line 10: waits.soak is "2": no duration
      → a duration from 1s to 1d, for example soak = "2m"
    line 11: waits.soak_max is "90d": out of range
      → a duration from 1s to 1d, for example soak_max = "15m"
    line 12: waits.approval does not belong here
      → approval_expiry = "1h"
    line 13: kuberntes is unknown
      → did you mean kubernetes?
    line 15: actions.enabled has entries that do not fit: is "Reboot"; is a number, not a text in quotes
      → some of ["RolloutUndo", "RolloutRestart", "SetMemoryLimit", "DeletePod", "Scale"]; [] to act never
    line 16: actions.max_per_target_per_day is 0: out of range
      → a whole number from 1 to 100, for example max_per_target_per_day = 3
    line 18: approvers[1].actions names "Restart": no action
      → ["*"] or some of ["RolloutUndo", "RolloutRestart", "SetMemoryLimit", "DeletePod", "Scale"]
    line 19: approvers[1].users has entries that do not fit: is "@ann"
      → ids of people, from their profile: users = ["U0123456789"]
    line 20: approvers[1].approvals is 3: out of range
      → a whole number from 1 to 2, for example approvals = 1
    line 22: log.format is neither "text" nor "json"
      → format = "text" or "json"
    line 23: log.filter is "heal=loud"
      → a level (error, warn, info, debug, trace) or several: filter = "info,heal=debug"
    cluster is missing
      → the name on every card, at most 63 characters: cluster = "prod-eu"
    slack.app_id is missing
      → the app's id, from Basic Information: app_id = "A0123456789"
    SLACK_BOT_TOKEN is not set, and slack.bot_token_file names no file
      → set it to the Bot User OAuth Token (xoxb-…) from OAuth & Permissions
    SLACK_SIGNING_SECRET is not set, and slack.signing_secret_file names no file
      → set it to the Signing Secret from Basic Information › App Credentials
    "##);
}

#[test]
fn broken_toml_is_reported_with_its_lines() {
    let problems = problems(parse("cluster = \n[slack\nchannel = C1\n"));
    assert!(problems.contains("line 1: is no valid TOML"), "{problems}");
    assert!(problems.contains("line 2: is no valid TOML"), "{problems}");
    assert!(!problems.contains("is missing"), "{problems}");
}

#[test]
fn a_soak_longer_than_its_maximum_is_refused() {
    insta::assert_snapshot!(problems(with("[waits]\nsoak = \"20m\"")), @r#"
    line 12: waits.soak makes the shortest soak longer than the longest
      → soak at most as long as soak_max (15m unless set)
    "#);
}

#[test]
fn credentials_of_a_pod_and_a_kubeconfig_exclude_each_other() {
    assert!(
        problems(with("[kubernetes]\nin_cluster = true\ncontext = \"x\""))
            .contains("kubernetes.in_cluster is true")
    );
    let of = |lines| with(lines).unwrap().kubernetes.credentials;
    assert_eq!(
        of("[kubernetes]\nin_cluster = true"),
        Credentials::InCluster
    );
    assert_eq!(
        of("[kubernetes]\nin_cluster = false"),
        Credentials::Kubeconfig {
            path: None,
            context: None
        }
    );
}

#[test]
fn the_token_is_never_sent_unencrypted_to_another_machine() {
    let load =
        |url: &str| parse(&MINIMAL.replace("channel =", &format!("api_url = {url:?}\nchannel =")));
    for good in [
        "http://127.0.0.1:4000/api",
        "http://localhost:1/api/",
        "http://[::1]:9",
        "https://slack-gov.com/api",
    ] {
        assert!(load(good).is_ok(), "{good}");
    }
    for bad in [
        "http://slack.com/api",
        "ftp://127.0.0.1",
        "slack.com",
        "https://user:pw@slack.com/api",
        "http://127.0.0.1.evil.example/",
    ] {
        assert!(problems(load(bad)).contains("slack.api_url"), "{bad}");
    }
}

#[test]
fn rules_that_cannot_be_meant_are_warned_about() {
    let warnings = |rules: &str| {
        let head = MINIMAL.split("[[approvers]]").next().unwrap();
        let config = parse(&format!("{head}\n{rules}")).unwrap();
        config
            .warnings
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(warnings(""), @r#"
    approvers: nobody can approve anything: Heal diagnoses and proposes, and nothing is ever run
      → an [[approvers]] entry with actions, namespaces and users or groups
    "#);
    insta::assert_snapshot!(warnings("[[approvers]]\nactions = [\"*\"]"), @r#"
    approvers: nobody can approve anything: Heal diagnoses and proposes, and nothing is ever run
      → an [[approvers]] entry with actions, namespaces and users or groups
    "#);
    insta::assert_snapshot!(warnings(r#"
[actions]
enabled = ["RolloutUndo", "Scale", "DeletePod"]
[[approvers]]
actions = ["RolloutUndo", "SetMemoryLimit"]
users = ["U0123456789"]
approvals = 2
[[approvers]]
actions = ["Scale"]
namespaces = []
groups = ["S0123456789"]
[[approvers]]
actions = ["Scale"]
approvals = 2
"#), @r#"
    approvers[2].namespaces: is empty, so the rule fits nowhere
      → namespaces = ["*"] for all
    approvers[1]: is about SetMemoryLimit, which actions.enabled leaves out
      → add it there or take it out here
    approvers[3]: names nobody: it lets nobody approve and can only raise the number of approvals
      → users = ["U…"] or groups = ["S…"]
    approvers: RolloutUndo needs two people and only one is named, so it can never be run
      → a second person or a group, or approvals = 1
    approvers: nobody can approve DeletePod, though it is proposed
      → name it in an [[approvers]] entry, or leave it out of actions.enabled
    "#);
}

#[test]
fn a_namespace_that_is_included_and_excluded_is_warned_about() {
    let config =
        with("[kubernetes]\nnamespaces = [\"shop\"]\nexclude_namespaces = [\"sh*\"]").unwrap();
    assert_eq!(config.warnings.len(), 1);
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic_and_no_answer_is_empty(text in ".{0,200}") {
        if let Err(problems) = parse(&text) {
            prop_assert!(!problems.0.is_empty());
        }
    }

    #[test]
    fn any_value_at_any_key_is_answered(key in "[a-z_]{1,12}", value in r#"("[^"\\]{0,30}"|[0-9]{1,4}|true|\[\]|\[1, "x"\])"#) {
        for section in ["slack", "http", "store", "kubernetes", "waits", "grace", "actions", "forecast", "forecast.prometheus", "log"] {
            let _ = parse(&format!("[{section}]\n{key} = {value}\n[[approvers]]\n{key} = {value}\n"));
        }
    }
}
