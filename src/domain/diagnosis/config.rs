//! A ConfigMap, a Secret or a key that a container needs is not there. The kubelet retries by itself: as soon as the object
//! exists, the container starts. An undo helps only when the reference is new.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    look::nearest,
    pattern,
};
use crate::domain::family::Family;
use regex::Regex;
use std::sync::LazyLock;

static MISSING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r#"(?i)(configmap|secret)s? "([^"]+)" not found"#));
static MISSING_KEY: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"couldn't find key (\S+) in (ConfigMap|Secret) (?:[^/\s]+/)?(\S+)"));
static MOUNTED_KEY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"(configmap|secret) references non-existent (?:config|secret) key: (\S+)")
});
static WARM_UP: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"failed to sync (?:configmap|secret) cache|not registered|services have not yet been read",
    )
});
static NON_ROOT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"container has runAsNonRoot and image (?:will run as root|has non-numeric user)|runAsUser breaks non-root policy",
    )
});
static SUB_PATH: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"failed to (?:prepare|create) subPath|unable to provision SubPath"));

/// Parts of a template that can introduce a reference.
const REFERENCE: &[&str] = &["configmap", "secret", "env", "volume"];

/// A container whose configuration is not complete.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let waiting = case.spots().find_map(|spot| {
        let (reason, message) = spot.waiting()?;
        (reason == "CreateContainerConfigError").then_some((spot.name(), message))
    });
    if let Some((who, message)) = waiting {
        return Some(judge(case, &who, message));
    }
    // A missing volume source shows itself in an event only: the container waits with no word about it.
    let creating = case.spots().any(|spot| {
        matches!(
            spot.waiting(),
            Some(("ContainerCreating" | "PodInitializing", _))
        )
    });
    let event = case.evidence.events.iter().rev().find(|event| {
        event.reason == "FailedMount"
            && (MISSING.is_match(&event.note) || MOUNTED_KEY.is_match(&event.note))
    })?;
    (creating || case.family == Family::Config && case.evidence.pods.is_empty())
        .then(|| judge(case, &format!("Pod {}", event.about.name), &event.note))
}

fn judge(case: &Case<'_>, who: &str, text: &str) -> Diagnosis {
    let finding = |signature: &str, prior: f64, cause: String| {
        Finding::new(case, Family::Config, signature, prior, cause)
            .lines("the kubelet says", vec![quote(text)])
    };
    if let Some(found) = MISSING_KEY.captures(text) {
        let (key, kind, name) = (&found[1], &found[2], &found[3]);
        return key_missing(case, finding, who, key, kind, Some(name));
    }
    if let Some(found) = MOUNTED_KEY.captures(text) {
        let kind = if &found[1] == "secret" {
            "Secret"
        } else {
            "ConfigMap"
        };
        return key_missing(case, finding, who, &found[2], kind, None);
    }
    if let Some(found) = MISSING.captures(text) {
        let name = &found[2];
        let secret = found[1].eq_ignore_ascii_case("secret");
        let (kind, signature) = if secret {
            ("Secret", "config.missing_secret")
        } else {
            ("ConfigMap", "config.missing_configmap")
        };
        let mut done = finding(
            signature,
            0.98,
            format!(
                "{who} needs {kind} {}, which does not exist in namespace {}.",
                quote(name),
                case.owner.namespace
            ),
        )
        .advise(format!(
            "Create {kind} {}: the kubelet retries by itself and the container starts.",
            quote(name)
        ));
        let there = case
            .evidence
            .references
            .iter()
            .filter(|reference| reference.exists)
            .map(|reference| reference.name.as_str());
        if let Some(near) = nearest(name, there).filter(|_| !secret) {
            done = done.fact(quote(&format!("ConfigMap {near} exists: is that the one?")));
        }
        return done.offer_undo(REFERENCE).done();
    }
    if WARM_UP.is_match(text) {
        return finding(
            "config.cache_transient",
            0.8,
            format!("{who} waits for a kubelet that does not know its ConfigMaps and Secrets yet."),
        )
        .advise("It passes in seconds; if it stays, look at the kubelet's connection to the API server.")
        .done();
    }
    if NON_ROOT.is_match(text) {
        return finding(
            "config.run_as_non_root",
            0.98,
            format!("{who} must not run as root, but its image does."),
        )
        .advise("Set runAsUser to a numeric id other than 0, or change the image's user.")
        .offer_undo(&["image", "securitycontext", "runas"])
        .done();
    }
    if SUB_PATH.is_match(text) {
        return finding(
            "config.subpath",
            0.75,
            format!("{who} cannot get one of its subPath mounts."),
        )
        .advise("Check subPath: a changed ConfigMap behind it needs a new pod.")
        .offer_undo(&["volume", "mount"])
        .done();
    }
    finding(
        "config.other",
        0.6,
        format!("{who} cannot be created from its configuration."),
    )
    .advise("The kubelet's own words tell what it missed.")
    .offer_undo(REFERENCE)
    .done()
}

fn key_missing<'c, 'a: 'c>(
    case: &'c Case<'a>,
    finding: impl Fn(&str, f64, String) -> Finding<'c, 'a>,
    who: &str,
    key: &str,
    kind: &str,
    name: Option<&str>,
) -> Diagnosis {
    let key = key.trim_end_matches(['.', ',']);
    let object = name.map_or(format!("a {kind} that it mounts"), |name| {
        format!("{kind} {}", quote(name))
    });
    let mut done = finding(
        "config.missing_key",
        0.98,
        format!(
            "{who} needs key {} of {object}, which does not have it.",
            quote(key)
        ),
    )
    .advise(format!(
        "Add the key to {object}, or correct the reference: the kubelet retries by itself."
    ));
    let reference = case
        .evidence
        .references
        .iter()
        .find(|reference| kind == "ConfigMap" && Some(reference.name.as_str()) == name);
    if let Some(reference) = reference {
        let keys: Vec<&str> = reference.keys.iter().map(String::as_str).collect();
        done = done.fact(quote(&format!("keys there: {}", keys.join(", "))));
        if let Some(near) = nearest(key, keys.iter().copied()) {
            done = done.fact(format!("key {} exists: is that the one?", quote(near)));
        }
    }
    done.offer_undo(REFERENCE).done()
}
