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

mod forecasts {
    use super::*;
    use crate::{domain::forecast::Tier, usage::prometheus::Auth};

    #[test]
    fn are_on_by_default_and_every_key_reaches_its_field() {
        let config = parse(MINIMAL).unwrap().forecast;
        assert!(config.enabled && config.prometheus.is_none());
        assert_eq!(config.tuning, crate::domain::forecast::Tuning::default());
        let text = format!(
            "{MINIMAL}{}",
            r#"
[forecast]
enabled = true
interval = "10s"
horizon = "2h"
min_age = "1m"
backfill = "0s"
pace = 0.05
cards = "notice"
[forecast.prometheus]
url = "https://thanos.example/prefix"
token_file = "/run/token"
headers = { "X-Scope-OrgID" = "shop" }
namespace_label = "kubernetes_namespace"
run_label = "id"
matcher = 'cluster="eu"'
"#
        );
        let config = Config::parse(&text, &env, &|_| Ok(String::new()))
            .unwrap()
            .forecast;
        assert_eq!(config.interval, SignedDuration::from_secs(10));
        assert_eq!(
            (
                config.tuning.horizon,
                config.tuning.min_age,
                config.tuning.pace
            ),
            (7200.0, 60.0, 0.05)
        );
        assert_eq!(
            (config.backfill, config.cards),
            (SignedDuration::ZERO, Some(Tier::Notice))
        );
        let place = config.prometheus.unwrap().place;
        assert_eq!(place.url.as_str(), "https://thanos.example/prefix");
        assert!(matches!(place.auth, Auth::BearerFile(path) if path == Path::new("/run/token")));
        assert_eq!(place.headers[0].0, "x-scope-orgid");
        assert_eq!(place.labels.namespace, "kubernetes_namespace");
        assert_eq!(
            (place.labels.pod.as_str(), place.labels.run.as_str()),
            ("pod", "id")
        );
        assert_eq!(place.labels.matcher, "cluster=\"eu\"");
    }

    #[test]
    fn say_everything_that_is_wrong_at_once() {
        let said = problems(with(
            r#"
[forecast]
pace = 7
cards = "loud"
[forecast.prometheus]
url = "prometheus:9090"
username = "ann"
password = "x"
pod_label = "a-b"
headers = { "a b" = "c" }
matcher = "{cluster}"
ca_file = "/ca"
"#,
        ));
        insta::assert_snapshot!(said, @r#"
        line 13: forecast.pace is 7: out of range
          → a number from 0.01 to 1.0; 1.0 in production
        line 14: forecast.cards is none of "page", "notice", "never"
          → cards = "page", "notice" (louder: both tiers) or "never"
        line 16: forecast.prometheus.url is "prometheus:9090"
          → its address, with the path below which /api/v1 lies: url = "http://prometheus-operated.monitoring:9090"
        line 17: forecast.prometheus.username has no password
          → PROMETHEUS_PASSWORD in the environment, or password_file
        line 18: forecast.prometheus.password does not belong here
          → take it out of the file; set PROMETHEUS_PASSWORD or name a file in password_file
        line 19: forecast.prometheus.pod_label is "a-b"
          → the name of a label
        line 20: forecast.prometheus.headers has "a b", which is no name of a header
          → names and values: headers = { "X-Scope-OrgID" = "shop" }
        line 21: forecast.prometheus.matcher is "{cluster}"
          → matchers as PromQL writes them, without braces: matcher = 'cluster="prod-eu"'
        line 22: forecast.prometheus.ca_file names a file that cannot be read: entity not found
          → a file that Heal's user may read
        "#);
    }

    #[test]
    fn secrets_never_show() {
        let text = format!(
            "{MINIMAL}[forecast.prometheus]\nurl = \"http://p:9090\"\nusername = \"ann\"\n"
        );
        let with_password = |name: &str| match name {
            "PROMETHEUS_PASSWORD" => Some("hunter2hunter2".to_owned()),
            name => env(name),
        };
        let config = Config::parse(&text, &with_password, &no_file).unwrap();
        assert!(
            matches!(&config.forecast.prometheus.as_ref().unwrap().place.auth, Auth::Basic { user, .. } if user == "ann")
        );
        assert!(!format!("{config:?}").contains("hunter2"));
    }
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

mod secrets {
    use super::*;

    fn load(
        lines: &str,
        vars: &[(&str, &str)],
        files: &[(&str, &str)],
    ) -> Result<Config, Problems> {
        let text = MINIMAL.replace("channel =", &format!("{lines}\nchannel ="));
        let env = |name: &str| {
            vars.iter()
                .find(|(var, _)| *var == name)
                .map(|(_, value)| (*value).to_owned())
        };
        let read = |path: &Path| {
            files
                .iter()
                .find(|(file, _)| Path::new(file) == path)
                .map(|(_, text)| (*text).to_owned())
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        };
        Config::parse(&text, &env, &read)
    }

    #[test]
    fn they_come_from_files_with_the_line_break_taken_off() {
        let config = load(
            "bot_token_file = \"/s/token\"\nsigning_secret_file = \"/s/sign\"\nsigning_secret_previous_file = \"/s/old\"",
            &[],
            &[("/s/token", "xoxb-1\n"), ("/s/sign", "  8f742231b10e8888abcd99aabbcc85a5\r\n"), ("/s/old", "old")],
        )
        .unwrap();
        assert_eq!(config.slack.bot_token.expose_secret(), "xoxb-1");
        let signing: Vec<&str> = config
            .slack
            .signing_secrets
            .iter()
            .map(ExposeSecret::expose_secret)
            .collect();
        assert_eq!(signing, [HEX_SECRET, "old"]);
    }

    #[test]
    fn a_secret_that_cannot_be_one_is_refused_without_being_repeated() {
        let refuse = |vars: &[(&str, &str)]| load("", vars, &[]).unwrap_err().to_string();
        insta::assert_snapshot!(refuse(&[]), @r#"
        SLACK_BOT_TOKEN is not set, and slack.bot_token_file names no file
          → set it to the Bot User OAuth Token (xoxb-…) from OAuth & Permissions
        SLACK_SIGNING_SECRET is not set, and slack.signing_secret_file names no file
          → set it to the Signing Secret from Basic Information › App Credentials
        "#);
        insta::assert_snapshot!(refuse(&[("SLACK_BOT_TOKEN", "xoxp-user-token"), ("SLACK_SIGNING_SECRET", " \n")]), @r#"
        SLACK_SIGNING_SECRET is empty
          → the secret as it was given, and nothing else
        SLACK_BOT_TOKEN is no bot token: those begin with xoxb-
          → the Bot User OAuth Token from OAuth & Permissions; neither a user's nor an app-level token
        "#);
        insta::assert_snapshot!(refuse(&[("SLACK_BOT_TOKEN", "xoxb-replace-me"), ("SLACK_SIGNING_SECRET", "two words"), ("SLACK_SIGNING_SECRET_PREVIOUS", "")]), @r#"
        SLACK_BOT_TOKEN is still the placeholder of the example
          → the secret as it was given, and nothing else
        SLACK_SIGNING_SECRET has spaces or line breaks inside
          → the secret as it was given, and nothing else
        SLACK_SIGNING_SECRET_PREVIOUS is empty
          → the secret as it was given, and nothing else
        "#);
    }

    #[test]
    fn a_secret_that_is_given_twice_is_refused() {
        let text = load(
            "bot_token_file = \"/s/token\"",
            &[
                ("SLACK_BOT_TOKEN", "xoxb-1"),
                ("SLACK_SIGNING_SECRET", HEX_SECRET),
            ],
            &[("/s/token", "xoxb-2")],
        )
        .unwrap_err()
        .to_string();
        insta::assert_snapshot!(text, @r#"
        line 4: slack.bot_token_file is given, and SLACK_BOT_TOKEN is set too
          → only one of them, so that nobody has to guess which one counts
        "#);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_named_once() {
        let text = load(
            "bot_token_file = \"/s/gone\"",
            &[("SLACK_SIGNING_SECRET", HEX_SECRET)],
            &[],
        )
        .unwrap_err()
        .to_string();
        insta::assert_snapshot!(text, @r#"
        line 4: slack.bot_token_file names a file that cannot be read: entity not found
          → a file that Heal's user may read
        "#);
    }

    #[test]
    fn a_signing_secret_of_another_form_is_only_a_warning() {
        let config = load(
            "",
            &[("SLACK_BOT_TOKEN", TOKEN), ("SLACK_SIGNING_SECRET", SECRET)],
            &[],
        )
        .unwrap();
        assert_eq!(config.warnings.len(), 1);
        assert!(!config.warnings[0].to_string().contains(SECRET));
    }

    #[test]
    fn debug_shows_none() {
        let config = parse(MINIMAL).unwrap();
        let shown = format!("{config:?} {config:#?}");
        assert!(shown.contains("prod-eu"));
        for secret in [TOKEN, HEX_SECRET, "xoxb", "8f74"] {
            assert!(!shown.contains(secret), "{shown}");
        }
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

mod documentation {
    use super::*;

    const PAGE: &str = include_str!("../../docs/CONFIGURATION.md");

    /// What the code reads: key and default. The path of a rule is `approvers.…`.
    fn known() -> Vec<(String, String)> {
        let mut findings = Findings::default();
        let root = parse_toml(MINIMAL).unwrap();
        read(&mut findings, MINIMAL, &root, &env, &no_file);
        findings.known
    }

    /// What the page's tables say: the first two columns.
    fn documented() -> Vec<(String, String)> {
        PAGE.lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .filter_map(|row| {
                let (key, rest) = row.split_once("` | ")?;
                let default = rest.split(" | ").next()?.trim_matches('`');
                Some((
                    key.to_owned(),
                    if default == "–" || default == "required" {
                        String::new()
                    } else {
                        default.to_owned()
                    },
                ))
            })
            .filter(|(key, _)| !key.starts_with(char::is_uppercase))
            .collect()
    }

    #[test]
    fn every_key_is_on_the_page_with_its_default_and_no_other() {
        let (mut code, mut page) = (known(), documented());
        code.sort();
        code.dedup();
        page.sort();
        assert_eq!(page, code);
    }

    #[test]
    fn every_variable_is_on_the_page() {
        for name in [
            super::super::secrets::BOT_TOKEN,
            super::super::secrets::SIGNING_SECRET,
            super::super::secrets::SIGNING_SECRET_PREVIOUS,
            super::super::forecast::TOKEN,
            super::super::forecast::PASSWORD,
        ] {
            assert!(PAGE.contains(&format!("| `{name}` |")), "{name}");
        }
    }

    #[test]
    fn the_complete_example_sets_every_key_and_loads() {
        let example = PAGE
            .split("```toml\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next())
            .unwrap();
        let config = Config::parse(example, &|_| None, &|path| {
            Ok(if path.ends_with("bot-token") {
                TOKEN
            } else {
                HEX_SECRET
            }
            .to_owned())
        })
        .unwrap();
        assert_eq!(config.warnings, []);
        for (key, _) in known() {
            let name = key.rsplit('.').next().unwrap();
            assert!(
                example.lines().any(|line| line
                    .trim_start_matches("# ")
                    .starts_with(&format!("{name} = "))),
                "{key}"
            );
        }
    }
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
