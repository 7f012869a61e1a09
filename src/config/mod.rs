//! Heal's configuration: one TOML file, and the secrets from the environment or from files of their own.
//!
//! [`Config::parse`] is pure: the text, the environment and a way to read files come in, and either a configuration that
//! can be run with comes out or **all** problems at once, each with what to write. `docs/CONFIGURATION.md` lists every key;
//! a test holds it to what is read here.
mod approvers;
mod findings;
mod forecast;
mod problem;
mod reader;
mod secrets;
mod sections;
pub mod span;
#[cfg(test)]
mod tests;
mod value;

pub use forecast::{ForecastConfig, PrometheusConfig};
pub use problem::{Problem, Problems, Warning};

use crate::domain::{
    action::ActionKind, policy::Policy, silence::matches, symptom::Grace, waits::Waits,
};
use findings::Findings;
use reader::Section;
use secrecy::SecretString;
use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
};
use toml::de::DeTable;
use url::Url;
use value::line_of;

/// Everything that Heal has to be told. `Debug` never shows a secret.
#[derive(Clone, Debug)]
pub struct Config {
    /// The cluster's name: on every card, and the first part of every key. It must stay the same for good.
    pub cluster: String,
    /// Slack.
    pub slack: SlackConfig,
    /// Where requests are accepted. Port 0 takes a free one, which `heal run` prints.
    pub listen: SocketAddr,
    /// The SQLite file.
    pub store: PathBuf,
    /// Which cluster, and what of it.
    pub kubernetes: KubernetesConfig,
    /// Waiting times and limits of the incident engine.
    pub waits: Waits,
    /// How long symptoms may last before they count.
    pub grace: Grace,
    /// Actions that may be proposed; the others are left to people.
    pub actions: Vec<ActionKind>,
    /// Who may decide what. The workspace is pinned to [`SlackConfig::team_id`].
    pub policy: Policy,
    /// Forecasts of memory.
    pub forecast: ForecastConfig,
    /// What the log looks like.
    pub log: LogConfig,
    /// What is allowed and probably not meant, to be logged at the start and shown by `heal check`.
    pub warnings: Vec<Warning>,
}

/// How Slack is reached, and which workspace and app it has to be.
#[derive(Clone, Debug)]
pub struct SlackConfig {
    /// Channel id of the cards (`C…`).
    pub channel: String,
    /// The only workspace that requests are accepted from (`T…`).
    pub team_id: String,
    /// The only app that requests are accepted from (`A…`).
    pub app_id: String,
    /// Base of the Web API, without a slash at its end.
    pub api_url: Url,
    /// Bot token (`xoxb-…`).
    pub bot_token: SecretString,
    /// Secrets that a request may be signed with: the current one, then the previous one while it is being rotated.
    pub signing_secrets: Vec<SecretString>,
}

/// Where the cluster's credentials come from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// The pod's own account when Heal runs in a cluster, otherwise the usual kubeconfig.
    #[default]
    Guess,
    /// The pod's own account.
    InCluster,
    /// A kubeconfig.
    Kubeconfig {
        /// The file; `None`: `KUBECONFIG` or `~/.kube/config`.
        path: Option<PathBuf>,
        /// The context; `None`: the current one.
        context: Option<String>,
    },
}

/// Which cluster, and which of its namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KubernetesConfig {
    /// How to get in.
    pub credentials: Credentials,
    /// Namespaces to look at, each may end in `*`; empty means all.
    pub namespaces: Vec<String>,
    /// Namespaces to leave out, each may end in `*`. Stronger than `namespaces`.
    pub exclude_namespaces: Vec<String>,
}

impl KubernetesConfig {
    /// Whether a namespace is looked at.
    pub fn includes(&self, namespace: &str) -> bool {
        let named =
            |patterns: &[String]| patterns.iter().any(|pattern| matches(pattern, namespace));
        (self.namespaces.is_empty() || named(&self.namespaces)) && !named(&self.exclude_namespaces)
    }
}

/// What the log looks like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfig {
    /// Form of a line.
    pub format: LogFormat,
    /// What is logged, in the words of `tracing`'s filter: `info`, `heal=debug,info`.
    pub filter: String,
}

/// Form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object per line.
    Json,
}

/// Reads a file. Injected, so that tests need no disk.
pub type ReadFile<'a> = &'a dyn Fn(&Path) -> io::Result<String>;
/// Reads an environment variable. Injected, so that tests need not change the process.
pub type ReadEnv<'a> = &'a dyn Fn(&str) -> Option<String>;

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    /// All problems at once. A file that is no TOML has only its syntax errors: what else is wrong cannot be told.
    pub fn parse(text: &str, env: ReadEnv<'_>, read_file: ReadFile<'_>) -> Result<Self, Problems> {
        let mut findings = Findings::default();
        let root = parse_toml(text)?;
        let config = read(&mut findings, text, &root, env, read_file);
        finish(findings.problems, config)
    }

    /// Reads a configuration from a file, with the environment of the process.
    ///
    /// # Errors
    /// Like [`Config::parse`], and when the file cannot be read.
    pub fn load(path: &Path) -> Result<Self, Problems> {
        Self::parse(
            &read_text(path)?,
            &|name| std::env::var(name).ok(),
            &|path| std::fs::read_to_string(path),
        )
    }
}

/// Path of the store that a configuration file names. For commands that need nothing else: no secret has to be at hand.
///
/// # Errors
/// When the file cannot be read or is no TOML, or when `store.path` is wrong.
pub fn store_path(path: &Path) -> Result<PathBuf, Problems> {
    let text = read_text(path)?;
    let root = parse_toml(&text)?;
    let mut findings = Findings::default();
    let table = Section::new(&mut findings, &text, "", Some(&root)).table("store");
    let path = sections::store(Section::new(&mut findings, &text, "store", table));
    finish(findings.problems, path)
}

fn read_text(path: &Path) -> Result<String, Problems> {
    std::fs::read_to_string(path).map_err(|error| {
        Problems(vec![Problem {
            key: path.display().to_string(),
            line: None,
            wrong: format!("cannot be read: {error}"),
            write: "name the configuration file with --config FILE".to_owned(),
        }])
    })
}

fn parse_toml(text: &str) -> Result<DeTable<'_>, Problems> {
    let (root, errors) = DeTable::parse_recoverable(text);
    let problems = errors
        .iter()
        .map(|error| Problem {
            key: String::new(),
            line: error.span().map(|span| line_of(text, span.start)),
            wrong: format!("is no valid TOML: {}", error.message()),
            write: "key = \"text\", key = 3, key = [\"a\", \"b\"], or [section]".to_owned(),
        })
        .collect();
    finish(problems, root.into_inner())
}

/// The value if nothing is wrong, otherwise the problems in the order of the file; those without a line come last.
fn finish<T>(mut problems: Vec<Problem>, value: T) -> Result<T, Problems> {
    if problems.is_empty() {
        return Ok(value);
    }
    problems.sort_by_key(|problem| problem.line.unwrap_or(usize::MAX));
    Err(Problems(problems))
}

/// Reads everything. Where something is wrong, it is recorded and the value is a placeholder.
fn read(
    findings: &mut Findings,
    text: &str,
    root: &DeTable<'_>,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> Config {
    let mut top = Section::new(findings, text, "", Some(root));
    let cluster = top.required_text(
        "cluster",
        "the name on every card, at most 63 characters: cluster = \"prod-eu\"",
        |name| {
            !name.trim().is_empty()
                && name.chars().count() <= 63
                && !name.contains(char::is_control)
        },
    );
    let [
        slack,
        http,
        store,
        kubernetes,
        waits,
        grace,
        actions,
        forecast,
        log,
    ] = [
        "slack",
        "http",
        "store",
        "kubernetes",
        "waits",
        "grace",
        "actions",
        "forecast",
        "log",
    ]
    .map(|name| top.table(name));
    let rules = top.tables("approvers");
    top.close();

    let slack = sections::slack(Section::new(findings, text, "slack", slack), env, read_file);
    let listen = sections::http(Section::new(findings, text, "http", http));
    let store = sections::store(Section::new(findings, text, "store", store));
    let kubernetes = sections::kubernetes(Section::new(findings, text, "kubernetes", kubernetes));
    let waits = sections::waits(Section::new(findings, text, "waits", waits));
    let grace = sections::grace(Section::new(findings, text, "grace", grace));
    let (actions, target_per_day) =
        sections::actions(Section::new(findings, text, "actions", actions));
    let forecast = forecast::read(findings, text, forecast, env, read_file);
    let log = sections::log(Section::new(findings, text, "log", log));
    let policy = Policy {
        rules: approvers::rules(findings, text, rules),
        team: slack.team_id.clone(),
    };
    approvers::warn(findings, &policy, &actions);
    Config {
        cluster,
        slack,
        listen,
        store,
        kubernetes,
        waits: Waits {
            target_per_day,
            ..waits
        },
        grace,
        actions,
        policy,
        forecast,
        log,
        warnings: std::mem::take(&mut findings.warnings),
    }
}
