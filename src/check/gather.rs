//! Asks for what [`super::Report`] shows. The questions go through [`Probe`], so that tests need neither a cluster nor Slack.
use super::{Figures, Finding, Report, figures};
use crate::{
    config::{Config, Problems},
    domain::text::duration,
    ports::Clock,
};
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use std::{fs::OpenOptions, io, path::Path};

/// The clock may differ from Slack's by this much before it is mentioned. At five minutes every click is refused.
pub const SKEW: SignedDuration = SignedDuration::from_secs(60);

/// One thing that Heal has to be allowed to do in the cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `list`
    pub verb: String,
    /// `pods`, `deployments.apps/scale`
    pub resource: String,
    /// What it is needed for, after "to": "see what goes wrong".
    pub why: String,
    /// The API server says yes.
    pub allowed: bool,
}

impl Permission {
    /// It changes something, so that it is needed for acting only.
    fn is_write(&self) -> bool {
        !matches!(self.verb.as_str(), "get" | "list" | "watch")
    }
}

/// Who the bot token belongs to, as `auth.test` tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The workspace's id.
    pub team_id: String,
    /// Its name.
    pub team: String,
    /// The bot's user id.
    pub user_id: String,
    /// The app's id, if Slack told.
    pub app_id: Option<String>,
    /// The token's scopes (header `x-oauth-scopes`), if Slack told.
    pub scopes: Option<Vec<String>>,
    /// Slack's time (header `date`), if it told.
    pub date: Option<Timestamp>,
}

impl Identity {
    /// The token is known to lack this scope.
    fn lacks(&self, scope: &str) -> bool {
        let granted = self.scopes.as_ref();
        granted.is_some_and(|granted| granted.iter().all(|granted| granted != scope))
    }
}

/// Whether the bot can post to the channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Membership {
    /// It is in the channel.
    Member,
    /// It is not.
    Outside,
    /// There is no such channel, or it is private and the bot is not in it.
    NoChannel,
    /// The token lacks the optional scope that tells.
    NoScope,
    /// It cannot be told, for this reason.
    Unknown(String),
}

/// What can be asked. Errors are in words, without secrets.
pub trait Probe: Send + Sync {
    /// The API server's version, `v1.33.1`.
    fn cluster_version(&self) -> BoxFuture<'_, Result<String, String>>;
    /// What Heal needs in the cluster and whether it may.
    fn permissions(&self) -> BoxFuture<'_, Result<Vec<Permission>, String>>;
    /// What the sources of memory figures answer.
    fn figures(&self) -> BoxFuture<'_, Figures>;
    /// Who the bot token belongs to.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, String>>;
    /// Whether the bot is in the channel of the cards.
    fn membership<'a>(&'a self, channel: &'a str) -> BoxFuture<'a, Membership>;
}

/// What there is to say about the configuration alone. Without one nothing else can be checked.
pub fn configuration(config: &Result<Config, Problems>) -> Vec<Finding> {
    const WHAT: &str = "configuration";
    match config {
        Err(Problems(problems)) => problems
            .iter()
            .map(|problem| {
                let line = problem
                    .line
                    .map_or(String::new(), |line| format!("line {line}: "));
                let text = format!("{line}{} {}", problem.key, problem.wrong);
                Finding::problem(WHAT, text.trim(), &problem.write)
            })
            .collect(),
        Ok(config) => {
            let seen = format!("cluster {}", config.cluster);
            let warnings = config.warnings.iter().map(|warning| {
                let text = format!("{}: {}", warning.key, warning.consequence);
                Finding::warning(WHAT, text, &warning.write)
            });
            std::iter::once(Finding::good(WHAT, seen))
                .chain(warnings)
                .collect()
        }
    }
}

/// Checks everything, in the order in which Heal needs it. What hangs on something that failed is left out.
pub async fn gather(
    config: &Result<Config, Problems>,
    probe: &dyn Probe,
    clock: &dyn Clock,
) -> Report {
    let mut findings = configuration(config);
    if let Ok(config) = config {
        findings.push(database(&config.store));
        let cluster = cluster(config, probe).await;
        let reached = cluster.first().is_some_and(|finding| finding.ok);
        findings.extend(cluster);
        if reached {
            findings.extend(figures::findings(config, &probe.figures().await));
        }
        findings.extend(slack(config, probe, clock).await);
    }
    Report { findings }
}

/// Whether the database can be written, without making one: where there is none, a file beside its place is tried.
fn database(path: &Path) -> Finding {
    let what = format!("database {}", path.display());
    let tried = if path.exists() {
        OpenOptions::new().append(true).open(path).map(drop)
    } else {
        let beside = path.with_extension(format!("check-{}", std::process::id()));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&beside)
            .map(drop)
            .and_then(|()| std::fs::remove_file(&beside))
    };
    match tried {
        Ok(()) if path.exists() => Finding::good(what, "can be written"),
        Ok(()) => Finding::good(what, "can be created"),
        Err(error) => {
            let remedy = match error.kind() {
                io::ErrorKind::NotFound => "create its directory, or correct store.path".to_owned(),
                _ => {
                    "let Heal's user write there (in the manifests: fsGroup), or correct store.path"
                        .to_owned()
                }
            };
            Finding::problem(what, format!("cannot be written: {error}"), remedy)
        }
    }
}

async fn cluster(config: &Config, probe: &dyn Probe) -> Vec<Finding> {
    let mut findings = Vec::new();
    match probe.cluster_version().await {
        Ok(version) => findings.push(Finding::good("cluster", format!("Kubernetes {version}"))),
        Err(error) => {
            findings.push(Finding::problem(
                "cluster",
                error,
                "kubectl version with the same kubeconfig; then the keys under [kubernetes]",
            ));
            return findings;
        }
    }
    let permissions = match probe.permissions().await {
        Ok(permissions) => permissions,
        Err(error) => {
            findings.push(Finding::problem(
                "permissions",
                format!("the API server does not tell them: {error}"),
                "allow create on selfsubjectaccessreviews (role system:basic-user)",
            ));
            return findings;
        }
    };
    for permission in permissions {
        // Without actions Heal changes nothing, and asks for no more than it uses.
        if permission.is_write() && config.actions.is_empty() {
            continue;
        }
        let what = format!("permission to {} {}", permission.verb, permission.resource);
        findings.push(if permission.allowed {
            Finding::good(what, "")
        } else {
            let remedy = if permission.is_write() {
                "kubectl apply -f manifests/rbac-act.yaml, or actions.enabled without what needs it"
            } else {
                "kubectl apply -f manifests/rbac-observe.yaml"
            };
            Finding::problem(
                what,
                format!("denied; needed to {}", permission.why),
                remedy,
            )
        });
    }
    findings
}

async fn slack(config: &Config, probe: &dyn Probe, clock: &dyn Clock) -> Vec<Finding> {
    let identity = match probe.identity().await {
        Ok(identity) => identity,
        Err(error) => {
            return vec![Finding::problem(
                "Slack token",
                error,
                "the Bot User OAuth Token of the installed app, from OAuth & Permissions; a way to slack.com:443",
            )];
        }
    };
    let now = clock.now();
    let mut findings = vec![
        Finding::good(
            "Slack token",
            format!("bot {} of {}", identity.user_id, identity.team),
        ),
        workspace(config, &identity),
        app(config, &identity),
    ];
    findings.extend(scopes(config, &identity));
    findings.push(match probe.membership(&config.slack.channel).await {
        Membership::Member => Finding::good(channel(config), "the bot is in it"),
        Membership::Outside => Finding::problem(
            channel(config),
            "the bot is not in it",
            "in the channel: /invite @heal",
        ),
        // A private channel is as good as none for a token that may not read those.
        Membership::NoChannel if identity.lacks("groups:read") => Finding::warning(
            channel(config),
            "there is none with this id, or it is private: the token lacks the scope groups:read, so it cannot be told whether the bot is in it",
            "the id from the bottom of the channel's details; in a private channel: /invite @heal, or add the scope groups:read and reinstall the app",
        ),
        Membership::NoChannel => Finding::problem(
            channel(config),
            "there is none with this id, or it is private and the bot is not in it",
            "the id from the bottom of the channel's details; in a private channel: /invite @heal",
        ),
        Membership::NoScope => Finding::warning(
            channel(config),
            "it cannot be told whether the bot is in it: the token lacks the optional scope channels:read (private channels: groups:read)",
            "in the channel: /invite @heal (it says so if the bot is in it); or add the scope and reinstall the app",
        ),
        Membership::Unknown(why) => Finding::warning(
            channel(config),
            format!("it cannot be told whether the bot is in it: {why}"),
            "in the channel: /invite @heal (it says so if the bot is in it)",
        ),
    });
    findings.push(clocks(now, identity.date));
    findings
}

fn channel(config: &Config) -> String {
    format!("Slack channel {}", config.slack.channel)
}

fn workspace(config: &Config, identity: &Identity) -> Finding {
    let what = "Slack workspace";
    let pinned = &config.slack.team_id;
    if identity.team_id == *pinned {
        Finding::good(what, pinned)
    } else {
        Finding::problem(
            what,
            format!(
                "the token belongs to {}, and slack.team_id pins {pinned}: every click would be refused",
                identity.team_id
            ),
            "the token of the pinned workspace, or its id in slack.team_id",
        )
    }
}

fn app(config: &Config, identity: &Identity) -> Finding {
    let what = "Slack app";
    let pinned = &config.slack.app_id;
    match &identity.app_id {
        Some(app) if app == pinned => Finding::good(what, pinned),
        Some(app) => Finding::problem(
            what,
            format!(
                "the token belongs to {app}, and slack.app_id pins {pinned}: every click would be refused"
            ),
            "the token of the pinned app, or its id in slack.app_id",
        ),
        None => Finding::warning(
            what,
            "Slack does not tell which app the token belongs to",
            format!("see that Basic Information › App ID says {pinned}"),
        ),
    }
}

/// What to do about a scope that is missing.
const ADD_SCOPE: &str = "add it under OAuth & Permissions › Bot Token Scopes and reinstall the app";

fn scopes(config: &Config, identity: &Identity) -> Vec<Finding> {
    if identity.scopes.is_none() {
        return vec![Finding::warning(
            "Slack scopes",
            "Slack does not tell them",
            "see that OAuth & Permissions lists those of slack-app-manifest.yaml",
        )];
    }
    let groups = config.policy.groups().next().is_some();
    let has = |scope: &str| !identity.lacks(scope);
    let mut findings: Vec<Finding> = [
        ("chat:write", "post and update cards", true),
        ("commands", "answer /heal", true),
        (
            "users:read",
            "know who clicked; without it nobody can approve",
            true,
        ),
        (
            "usergroups:read",
            "know the members of the groups under [[approvers]]",
            groups,
        ),
    ]
    .into_iter()
    .filter(|(.., needed)| *needed)
    .map(|(scope, why, _)| {
        let what = format!("Slack scope {scope}");
        if has(scope) {
            Finding::good(what, "")
        } else {
            Finding::problem(what, format!("missing; needed to {why}"), ADD_SCOPE)
        }
    })
    .collect();
    let pictures = "Slack scope files:write";
    findings.push(if has("files:write") {
        Finding::good(pictures, "")
    } else {
        Finding::warning(
            pictures,
            "missing; forecasts come in words only, without a picture",
            ADD_SCOPE,
        )
    });
    findings
}

fn clocks(now: Timestamp, slack: Option<Timestamp>) -> Finding {
    let what = "clock";
    let Some(slack) = slack else {
        return Finding::warning(
            what,
            "Slack does not tell its time",
            "see that NTP is in step",
        );
    };
    let ahead = now.duration_since(slack);
    if ahead.abs() <= SKEW {
        return Finding::good(what, "in step with Slack's");
    }
    let direction = if ahead.is_positive() {
        "ahead of"
    } else {
        "behind"
    };
    Finding::problem(
        what,
        format!(
            "{} {direction} Slack's: requests that look older than 5 min are refused",
            duration(ahead.abs())
        ),
        "set the clock (NTP) of the machine or node",
    )
}
