//! One function per section of the file: its keys, defaults and ranges.
use super::{
    Credentials, KubernetesConfig, LogConfig, LogFormat, ReadEnv, ReadFile, SlackConfig,
    reader::Section, secrets,
};
use crate::domain::{action::ActionKind, symptom::Grace, waits::Waits};
use jiff::SignedDuration;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};
use toml::de::DeValue;
use tracing_subscriber::EnvFilter;
use url::{Host, Url};

const API_URL: &str = "https://slack.com/api";

pub(super) fn slack(
    mut section: Section<'_, '_>,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> SlackConfig {
    let channel = section.required_text(
        "channel",
        "the channel's id, from the bottom of its details in Slack: channel = \"C0123456789\"",
        |id| is_id(id, &['C', 'G']),
    );
    let team_id = section.required_text(
        "team_id",
        "the workspace's id, as in app.slack.com/client/T…: team_id = \"T0123456789\"",
        |id| is_id(id, &['T']),
    );
    let app_id = section.required_text(
        "app_id",
        "the app's id, from Basic Information: app_id = \"A0123456789\"",
        |id| is_id(id, &['A']),
    );
    let api_url = section
        .text(
            "api_url",
            API_URL,
            "an https address (http only on this machine), as a rule nothing at all",
            |url| parse_api_url(url).is_some(),
        )
        .and_then(|url| parse_api_url(&url))
        .unwrap_or_else(default_api_url);
    let secrets = secrets::read(&mut section, env, read_file);
    section.close();
    SlackConfig {
        channel,
        team_id,
        app_id,
        api_url,
        bot_token: secrets.bot_token,
        signing_secrets: secrets.signing,
    }
}

pub(super) fn http(mut section: Section<'_, '_>) -> SocketAddr {
    let default = SocketAddr::from((Ipv4Addr::LOCALHOST, 8080));
    let listen = section.text(
        "listen",
        &default.to_string(),
        "an address and a port: listen = \"0.0.0.0:8080\" (all interfaces) or \"127.0.0.1:8080\" (this machine)",
        |text| text.parse::<SocketAddr>().is_ok(),
    );
    section.close();
    listen.and_then(|text| text.parse().ok()).unwrap_or(default)
}

pub(super) fn store(mut section: Section<'_, '_>) -> PathBuf {
    let path = section.text(
        "path",
        "heal.db",
        "a file on a local disk: path = \"/var/lib/heal/heal.db\"",
        // A database in memory would forget decisions at every restart.
        |path| !path.trim().is_empty() && !path.starts_with(":memory:") && !path.ends_with('/'),
    );
    section.close();
    path.map_or_else(|| PathBuf::from("heal.db"), PathBuf::from)
}

pub(super) fn kubernetes(mut section: Section<'_, '_>) -> KubernetesConfig {
    let filled = |text: &str| !text.trim().is_empty();
    let path = section.text(
        "kubeconfig",
        "",
        "a file: kubeconfig = \"/etc/heal/kubeconfig\"",
        filled,
    );
    let context = section.text(
        "context",
        "",
        "a context of the kubeconfig: context = \"prod\"",
        filled,
    );
    let in_cluster = section.flag(
        "in_cluster",
        "in_cluster = true (the pod's own account) or false (a kubeconfig); without it Heal finds out",
    );
    if in_cluster == Some(true) && (path.is_some() || context.is_some()) {
        section.wrong(
            "in_cluster",
            "is true, and a kubeconfig or context is given too",
            "only one of them: inside a cluster the pod's own account is used",
        );
    }
    let want = "namespaces, each may end in *: [\"shop\", \"team-*\"]";
    let namespaces = section.texts("namespaces", "[]", want, is_namespace_pattern);
    let exclude = section.texts("exclude_namespaces", "[]", want, is_namespace_pattern);
    let config = KubernetesConfig {
        credentials: match (in_cluster, path, context) {
            (None, None, None) => Credentials::Guess,
            (Some(true), ..) => Credentials::InCluster,
            (_, path, context) => Credentials::Kubeconfig {
                path: path.map(PathBuf::from),
                context,
            },
        },
        namespaces: namespaces.unwrap_or_default(),
        exclude_namespaces: exclude.unwrap_or_default(),
    };
    for namespace in &config.namespaces {
        if !config.includes(namespace) {
            section.findings().warn(
                "kubernetes.exclude_namespaces",
                format!("{namespace} is both included and excluded, so it is not looked at"),
                "take it out of one of the two lists",
            );
        }
    }
    section.close();
    config
}

pub(super) fn waits(mut section: Section<'_, '_>) -> Waits {
    let default = Waits::default();
    let second = SignedDuration::from_secs(1);
    let minute = SignedDuration::from_mins(1);
    let hour = SignedDuration::from_hours(1);
    let day = SignedDuration::from_hours(24);
    let waits = Waits {
        approval: section.duration("approval_expiry", default.approval, minute..=day * 7),
        soak: section.duration("soak", default.soak, second..=day),
        soak_max: section.duration("soak_max", default.soak_max, second..=day),
        recovery: section.duration("recovery", default.recovery, second * 10..=day),
        look: section.duration("look", default.look, second..=minute * 5),
        idle_look: section.duration("idle_look", default.idle_look, second..=hour),
        inspect: section.duration("inspect", default.inspect, second..=minute * 5),
        target_pause: section.duration(
            "target_pause",
            default.target_pause,
            SignedDuration::ZERO..=day,
        ),
        retry: section.duration("retry", default.retry, second..=hour),
        // Stands under [actions], with the other limits of what may be done.
        target_per_day: default.target_per_day,
    };
    if waits.soak > waits.soak_max {
        let key = if section.has("soak") {
            "soak"
        } else {
            "soak_max"
        };
        section.wrong(
            key,
            "makes the shortest soak longer than the longest",
            "soak at most as long as soak_max (15m unless set)",
        );
    }
    section.close();
    waits
}

pub(super) fn grace(mut section: Section<'_, '_>) -> Grace {
    let default = Grace::default();
    let range = || SignedDuration::ZERO..=SignedDuration::from_hours(1);
    let grace = Grace {
        unschedulable: section.duration("unschedulable", default.unschedulable, range()),
        not_ready: section.duration("not_ready", default.not_ready, range()),
        config: section.duration("config", default.config, range()),
        node: section.duration("node", default.node, range()),
        admission: section.duration("admission", default.admission, range()),
    };
    section.close();
    grace
}

/// The enabled actions, and how often one target may be changed in a day.
pub(super) fn actions(mut section: Section<'_, '_>) -> (Vec<ActionKind>, u32) {
    let all = format!("{:?}", ActionKind::ALL.map(ActionKind::as_str));
    let enabled = section.texts(
        "enabled",
        &all,
        &format!("some of {all}; [] to act never"),
        |name| ActionKind::parse(name).is_some(),
    );
    let per_day = section.number(
        "max_per_target_per_day",
        Waits::default().target_per_day,
        1..=100,
    );
    section.close();
    let enabled = enabled.map_or_else(
        || ActionKind::ALL.to_vec(),
        |names| {
            names
                .iter()
                .filter_map(|name| ActionKind::parse(name))
                .collect()
        },
    );
    (enabled, per_day)
}

pub(super) fn log(mut section: Section<'_, '_>) -> LogConfig {
    let format = section.read(
        "format",
        "\"text\"",
        "format = \"text\" or \"json\"",
        |value| match value {
            DeValue::String(text) if text == "text" => Ok(LogFormat::Text),
            DeValue::String(text) if text == "json" => Ok(LogFormat::Json),
            _ => Err("is neither \"text\" nor \"json\"".to_owned()),
        },
    );
    let filter = section.text(
        "filter",
        "info",
        "a level (error, warn, info, debug, trace) or several: filter = \"info,heal=debug\"",
        |text| !text.trim().is_empty() && EnvFilter::builder().parse(text).is_ok(),
    );
    section.close();
    LogConfig {
        format: format.unwrap_or_default(),
        filter: filter.unwrap_or_else(|| "info".to_owned()),
    }
}

/// Slack's ids: a letter that tells what it is, then capital letters and digits. Names (`#incidents`, `@ann`) are none.
pub(super) fn is_id(text: &str, kinds: &[char]) -> bool {
    text.starts_with(kinds)
        && (3..=32).contains(&text.len())
        && text
            .chars()
            .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit())
}

/// A namespace's name, or the beginning of one followed by `*`.
pub(super) fn is_namespace_pattern(text: &str) -> bool {
    let name = text.strip_suffix('*').unwrap_or(text);
    !text.is_empty()
        && name.len() <= 63
        && name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
}

/// Without encryption the token would be readable on the way, so `http` is taken for this machine only.
fn parse_api_url(text: &str) -> Option<Url> {
    let url = Url::parse(text.trim_end_matches('/')).ok()?;
    let here = match url.host()? {
        Host::Domain(name) => name == "localhost",
        Host::Ipv4(ip) => ip.is_loopback(),
        Host::Ipv6(ip) => ip.is_loopback(),
    };
    let plain = url.username().is_empty() && url.query().is_none() && url.fragment().is_none();
    let safe = url.scheme() == "https" || (url.scheme() == "http" && here);
    (plain && safe).then_some(url)
}

#[expect(clippy::expect_used, reason = "a constant; every test loads it")]
fn default_api_url() -> Url {
    Url::parse(API_URL).expect("the address is valid")
}
