use super::*;
use crate::{
    config::{Config, Problems},
    ports::Clock,
};
use futures::future::{BoxFuture, FutureExt};
use jiff::{SignedDuration, Timestamp};
use std::path::Path;

const TOML: &str = r#"
cluster = "prod-eu"
[slack]
channel = "C0123456789"
team_id = "T0123456789"
app_id = "A0123456789"
[[approvers]]
actions = ["*"]
users = ["U0123456789"]
"#;

fn config(text: &str) -> Result<Config, Problems> {
    let env = |name: &str| match name {
        "SLACK_BOT_TOKEN" => Some("xoxb-1-SECRET".to_owned()),
        "SLACK_SIGNING_SECRET" => Some("8f742231b10e8888abcd99aabbcc85a5".to_owned()),
        _ => None,
    };
    Config::parse(text, &env, &|_| Err(std::io::ErrorKind::NotFound.into()))
}

struct Noon;

fn noon() -> Timestamp {
    Timestamp::from_second(1_790_000_000).unwrap()
}

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        noon()
    }
}

/// A world in which everything is as it should be, until a test changes it.
#[derive(Clone)]
struct World {
    version: Result<String, String>,
    permissions: Result<Vec<Permission>, String>,
    identity: Result<Identity, String>,
    membership: Membership,
    figures: Figures,
}

impl Default for World {
    fn default() -> Self {
        let permission = |verb: &str, resource: &str, why: &str| Permission {
            verb: verb.into(),
            resource: resource.into(),
            why: why.into(),
            allowed: true,
        };
        Self {
            version: Ok("v1.33.1".into()),
            permissions: Ok(vec![
                permission("list", "pods", "see what goes wrong"),
                permission("patch", "deployments.apps", "roll back"),
            ]),
            identity: Ok(Identity {
                team_id: "T0123456789".into(),
                team: "Example".into(),
                user_id: "U0B".into(),
                app_id: Some("A0123456789".into()),
                scopes: Some(
                    ["chat:write", "commands", "users:read", "files:write"]
                        .map(String::from)
                        .to_vec(),
                ),
                date: Some(noon()),
            }),
            membership: Membership::Member,
            figures: Figures {
                prometheus: None,
                metrics_api: Ok(Seen {
                    measure: "working set".into(),
                    known: 41,
                    running: 42,
                }),
            },
        }
    }
}

impl Probe for World {
    fn cluster_version(&self) -> BoxFuture<'_, Result<String, String>> {
        std::future::ready(self.version.clone()).boxed()
    }
    fn permissions(&self) -> BoxFuture<'_, Result<Vec<Permission>, String>> {
        std::future::ready(self.permissions.clone()).boxed()
    }
    fn figures(&self) -> BoxFuture<'_, Figures> {
        std::future::ready(self.figures.clone()).boxed()
    }
    fn identity(&self) -> BoxFuture<'_, Result<Identity, String>> {
        std::future::ready(self.identity.clone()).boxed()
    }
    fn membership<'a>(&'a self, _channel: &'a str) -> BoxFuture<'a, Membership> {
        std::future::ready(self.membership.clone()).boxed()
    }
}

/// The report, without the finding about this machine's disk.
fn report(text: &str, world: &World) -> Report {
    let config = config(text);
    let mut report = futures::executor::block_on(gather(&config, world, &Noon));
    report
        .findings
        .retain(|finding| !finding.what.starts_with("database"));
    report
}

#[test]
fn when_all_is_well_every_line_says_so() {
    let report = report(TOML, &World::default());
    assert_eq!(report.exit(), Exit::Ok);
    insta::assert_snapshot!(report.text(), @r#"
    ok       configuration: cluster prod-eu
    ok       cluster: Kubernetes v1.33.1
    ok       permission to list pods
    ok       permission to patch deployments.apps
    ok       memory figures of metrics.k8s.io: working set; 41 of 42 running containers
    ok       Slack token: bot U0B of Example
    ok       Slack workspace: T0123456789
    ok       Slack app: A0123456789
    ok       Slack scope chat:write
    ok       Slack scope commands
    ok       Slack scope users:read
    ok       Slack scope files:write
    ok       Slack channel C0123456789: the bot is in it
    ok       clock: in step with Slack's

    0 problems, 0 warnings, 14 things checked.
    "#);
}

#[test]
fn each_problem_comes_with_what_to_do() {
    let mut world = World {
        membership: Membership::Outside,
        ..World::default()
    };
    for permission in world.permissions.as_mut().unwrap() {
        permission.allowed = false;
    }
    let identity = world.identity.as_mut().unwrap();
    identity.team_id = "T9".into();
    identity.app_id = Some("A9".into());
    identity.scopes = Some(vec!["chat:write".into()]);
    identity.date = Some(noon() + SignedDuration::from_secs(95));
    let toml = TOML.replace("users =", "groups = [\"S0123456789\"]\nusers =");
    let report = report(&toml, &world);
    assert_eq!(report.exit(), Exit::Problems);
    insta::assert_snapshot!(report.text(), @r#"
    ok       configuration: cluster prod-eu
    ok       cluster: Kubernetes v1.33.1
    PROBLEM  permission to list pods: denied; needed to see what goes wrong
             → kubectl apply -f manifests/rbac-observe.yaml
    PROBLEM  permission to patch deployments.apps: denied; needed to roll back
             → kubectl apply -f manifests/rbac-act.yaml, or actions.enabled without what needs it
    ok       memory figures of metrics.k8s.io: working set; 41 of 42 running containers
    ok       Slack token: bot U0B of Example
    PROBLEM  Slack workspace: the token belongs to T9, and slack.team_id pins T0123456789: every click would be refused
             → the token of the pinned workspace, or its id in slack.team_id
    PROBLEM  Slack app: the token belongs to A9, and slack.app_id pins A0123456789: every click would be refused
             → the token of the pinned app, or its id in slack.app_id
    ok       Slack scope chat:write
    PROBLEM  Slack scope commands: missing; needed to answer /heal
             → add it under OAuth & Permissions › Bot Token Scopes and reinstall the app
    PROBLEM  Slack scope users:read: missing; needed to know who clicked; without it nobody can approve
             → add it under OAuth & Permissions › Bot Token Scopes and reinstall the app
    PROBLEM  Slack scope usergroups:read: missing; needed to know the members of the groups under [[approvers]]
             → add it under OAuth & Permissions › Bot Token Scopes and reinstall the app
    warning  Slack scope files:write: missing; forecasts come in words only, without a picture
             → add it under OAuth & Permissions › Bot Token Scopes and reinstall the app
    PROBLEM  Slack channel C0123456789: the bot is not in it
             → in the channel: /invite @heal
    PROBLEM  clock: 1 min 35 s behind Slack's: requests that look older than 5 min are refused
             → set the clock (NTP) of the machine or node

    9 problems, 1 warning, 15 things checked.
    "#);
}

#[test]
fn what_cannot_be_found_out_is_a_warning_and_no_problem() {
    let mut world = World {
        membership: Membership::NoScope,
        ..World::default()
    };
    let identity = world.identity.as_mut().unwrap();
    (identity.app_id, identity.scopes, identity.date) = (None, None, None);
    let report = report(TOML.split("[[approvers]]").next().unwrap(), &world);
    assert_eq!(report.exit(), Exit::Ok);
    insta::assert_snapshot!(report.text(), @r#"
    ok       configuration: cluster prod-eu
    warning  configuration: approvers: nobody can approve anything: Heal diagnoses and proposes, and nothing is ever run
             → an [[approvers]] entry with actions, namespaces and users or groups
    ok       cluster: Kubernetes v1.33.1
    ok       permission to list pods
    ok       permission to patch deployments.apps
    ok       memory figures of metrics.k8s.io: working set; 41 of 42 running containers
    ok       Slack token: bot U0B of Example
    ok       Slack workspace: T0123456789
    warning  Slack app: Slack does not tell which app the token belongs to
             → see that Basic Information › App ID says A0123456789
    warning  Slack scopes: Slack does not tell them
             → see that OAuth & Permissions lists those of slack-app-manifest.yaml
    warning  Slack channel C0123456789: it cannot be told whether the bot is in it: the token lacks the optional scope channels:read (private channels: groups:read)
             → in the channel: /invite @heal (it says so if the bot is in it); or add the scope and reinstall the app
    warning  clock: Slack does not tell its time
             → see that NTP is in step

    0 problems, 5 warnings, 12 things checked.
    "#);
}

#[test]
fn what_hangs_on_a_failure_is_left_out() {
    let world = World {
        version: Err("connection refused".into()),
        identity: Err("Slack refused: invalid_auth (xoxb-1-SECRET)".into()),
        ..World::default()
    };
    let report = report(TOML, &world);
    insta::assert_snapshot!(report.text(), @r#"
    ok       configuration: cluster prod-eu
    PROBLEM  cluster: connection refused
             → kubectl version with the same kubeconfig; then the keys under [kubernetes]
    PROBLEM  Slack token: Slack refused: invalid_auth ([redacted])
             → the Bot User OAuth Token of the installed app, from OAuth & Permissions; a way to slack.com:443

    2 problems, 0 warnings, 3 things checked.
    "#);
    assert!(!report.json().contains("SECRET"));
}

#[test]
fn a_broken_configuration_is_all_that_is_reported() {
    let report = report("cluster = 3\n", &World::default());
    assert!(
        report
            .findings
            .iter()
            .all(|finding| finding.what == "configuration" && !finding.ok)
    );
    assert_eq!(report.findings.len(), 4);
}

#[test]
fn rights_to_change_are_not_asked_for_when_no_action_is_enabled() {
    let mut world = World::default();
    world.permissions.as_mut().unwrap()[1].allowed = false;
    let toml = format!("{TOML}\n[actions]\nenabled = []\n");
    assert_eq!(report(&toml, &world).exit(), Exit::Ok);
    assert_eq!(report(TOML, &world).exit(), Exit::Problems);
}

#[test]
fn the_clock_may_differ_by_a_minute_in_either_direction() {
    for (seconds, exit) in [
        (60, Exit::Ok),
        (-60, Exit::Ok),
        (61, Exit::Problems),
        (-61, Exit::Problems),
    ] {
        let mut world = World::default();
        world.identity.as_mut().unwrap().date = Some(noon() + SignedDuration::from_secs(seconds));
        assert_eq!(report(TOML, &world).exit(), exit, "{seconds}");
    }
}

#[test]
fn a_channel_that_cannot_be_seen_is_a_problem_only_for_a_token_that_sees_private_ones() {
    let mut world = World {
        membership: Membership::NoChannel,
        ..World::default()
    };
    assert_eq!(report(TOML, &world).exit(), Exit::Ok);
    let scopes = world.identity.as_mut().unwrap().scopes.as_mut();
    scopes.unwrap().push("groups:read".into());
    assert_eq!(report(TOML, &world).exit(), Exit::Problems);
}

#[test]
fn json_has_the_same_findings() {
    let mut world = World {
        permissions: Ok(vec![]),
        membership: Membership::NoChannel,
        ..World::default()
    };
    world.identity.as_mut().unwrap().scopes = None;
    let json: serde_json::Value = serde_json::from_str(&report(TOML, &world).json()).unwrap();
    assert_eq!(json["ok"], false);
    let last = json["findings"]
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .nth(1)
        .unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(last).unwrap(), @r#"
    {
      "ok": false,
      "problem": "there is none with this id, or it is private and the bot is not in it",
      "remedy": "the id from the bottom of the channel's details; in a private channel: /invite @heal",
      "seen": null,
      "what": "Slack channel C0123456789"
    }
    "#);
}

#[test]
fn the_database_is_tried_without_making_one() {
    let directory = std::env::temp_dir().join(format!("heal-check-{}", std::process::id()));
    std::fs::create_dir_all(&directory).unwrap();
    let check = |path: &Path| {
        let toml = format!("{TOML}\n[store]\npath = {:?}\n", path.display().to_string());
        let report = futures::executor::block_on(gather(&config(&toml), &World::default(), &Noon));
        report
            .findings
            .into_iter()
            .find(|finding| finding.what.starts_with("database"))
            .unwrap()
    };
    let path = directory.join("heal.db");
    assert_eq!(check(&path).seen.as_deref(), Some("can be created"));
    assert_eq!(std::fs::read_dir(&directory).unwrap().count(), 0);
    std::fs::write(&path, "kept").unwrap();
    assert_eq!(check(&path).seen.as_deref(), Some("can be written"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "kept");
    let nowhere = check(&directory.join("missing/heal.db"));
    assert!(!nowhere.ok && nowhere.remedy.unwrap().starts_with("create its directory"));
    std::fs::remove_dir_all(&directory).unwrap();
}

#[test]
fn what_forecasts_have_to_go_by_is_told() {
    let lines = |text: &str, figures: Figures| {
        let world = World {
            figures,
            ..World::default()
        };
        let report = report(&format!("{TOML}{text}"), &world);
        let about = |finding: &&Finding| {
            finding.what.starts_with("memory") || finding.what.starts_with("forecasts")
        };
        let line = |finding: &Finding| {
            let said = finding.problem.as_ref().or(finding.seen.as_ref());
            format!("{} {}: {}", finding.ok, finding.what, said.unwrap())
        };
        let lines: Vec<String> = report.findings.iter().filter(about).map(line).collect();
        lines.join("\n")
    };
    let seen = |known| {
        Ok(Seen {
            measure: "working set without active page cache".into(),
            known,
            running: 42,
        })
    };
    let figures = |prometheus, metrics_api| Figures {
        prometheus,
        metrics_api,
    };
    let none = || Err::<Seen, String>("the cluster has no metrics.k8s.io".into());
    let all = [
        lines("", figures(Some(seen(41)), none())),
        lines("", figures(Some(seen(3)), seen(42))),
        lines("", figures(Some(Err("no answer in time".into())), seen(42))),
        lines("", figures(None, none())),
        lines("[forecast]\nenabled = false\n", figures(None, none())),
    ];
    insta::assert_snapshot!(all.join("\n"), @r"
    true memory figures of Prometheus: working set without active page cache; 41 of 42 running containers
    true memory figures of metrics.k8s.io: the cluster has no metrics.k8s.io; without them nothing steps in while Prometheus is away
    true memory figures of Prometheus: working set without active page cache; 3 of 42 running containers
    true memory figures of metrics.k8s.io: working set without active page cache; 42 of 42 running containers
    false memory figures of Prometheus: no answer in time
    true memory figures of metrics.k8s.io: working set without active page cache; 42 of 42 running containers
    true memory figures of metrics.k8s.io: the cluster has no metrics.k8s.io; without any figures there are no forecasts
    true forecasts: switched off
    ");
}
