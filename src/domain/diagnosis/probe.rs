//! A liveness, readiness or startup probe fails. The text of the newest `Unhealthy` event tells how; the template tells what the
//! probe asks for, and whether it can ever succeed.
mod refused;

use super::{
    Case, Diagnosis, crash,
    finding::{Finding, quote},
    look::Spot,
    pattern,
};
use crate::domain::{
    family::Family,
    view::{ContainerSpec, ProbeSpec},
};
use regex::Regex;
use std::sync::LazyLock;

static BINARY_MISSING: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"(?:probe errored|OCI runtime exec failed|failed to exec).*(?:exec: "([^"]+)")?.*(?:executable file not found|no such file or directory)|OCI runtime exec failed"#,
    )
});
static EXEC_NAME: LazyLock<Regex> = LazyLock::new(|| pattern(r#"exec: "([^"]+)""#));
static PROTOCOL: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"malformed HTTP (?:response|status)|HTTP/1\.x transport connection broken|does not implement the grpc health protocol|server gave HTTP response to HTTPS client|error reading server preface|tls: first record does not look",
    )
});
static STATUS: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"HTTP probe failed with statuscode: (\d{3})"));
static REFUSED: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"connection refused|failed to connect service|no route to host"));
static TIMEOUT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"context deadline exceeded|Client\.Timeout exceeded|health rpc did not complete|command timed out|timed out after|i/o timeout",
    )
});

/// Parts of a template whose change can break a probe.
const PARTS: &[&str] = &[
    "probe",
    "port",
    "image",
    "command",
    "args",
    "env",
    "configmap",
];

/// One failing probe.
struct Failing<'a> {
    spot: Spot<'a>,
    /// "liveness", "readiness" or "startup".
    which: &'static str,
    /// The kubelet's words.
    text: &'a str,
    spec: Option<&'a ContainerSpec>,
    probe: Option<&'a ProbeSpec>,
    /// The kubelet ended the container for it.
    kills: bool,
}

/// A container that its probe keeps from serving, or ends.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    if let Some(diagnosis) = crash::stale_secret(case) {
        return Some(diagnosis);
    }
    case.spots()
        .find_map(|spot| failing(case, spot))
        .map(|failing| judge(case, &failing))
}

fn failing<'a>(case: &Case<'a>, spot: Spot<'a>) -> Option<Failing<'a>> {
    let killing = case.killed_by_probe(spot);
    let waits_for_probe = spot.runs() && !spot.container.ready && spot.container.probed;
    // What crashes by itself is refused by every probe in between: the crash is the cause.
    let crashes = killing.is_none()
        && spot.container.restarts > 0
        && spot.fresh_end(case).is_some_and(|end| end.exit_code != 0);
    if crashes || !(waits_for_probe || killing.is_some()) {
        return None;
    }
    let unhealthy = case.unhealthy(spot, killing.is_some());
    let message = (case.container == Some(spot.container.name.as_str())
        && case.message.contains(" probe "))
    .then_some(case.message);
    let text = unhealthy
        .map(|event| event.note.as_str())
        .or(message)
        .unwrap_or_default();
    let which = if text.starts_with("Startup")
        || killing.is_some_and(|event| event.note.contains("startup probe"))
    {
        "startup"
    } else if killing.is_some() || text.starts_with("Liveness") {
        "liveness"
    } else {
        "readiness"
    };
    let spec = case.spec(&spot.container.name);
    let probe = spec.and_then(|spec| match which {
        "startup" => spec.startup.as_ref(),
        "liveness" => spec.liveness.as_ref(),
        _ => spec.readiness.as_ref(),
    });
    Some(Failing {
        spot,
        which,
        text,
        spec,
        probe,
        kills: killing.is_some(),
    })
}

fn judge(case: &Case<'_>, failing: &Failing<'_>) -> Diagnosis {
    let Failing {
        spot,
        which,
        text,
        probe,
        ..
    } = failing;
    let who = format!("the {which} probe of container {}", spot.container.name);
    let finding = |signature: &str, prior: f64, cause: String| {
        let consequence = if failing.kills {
            " Kubernetes ends the container for it, again and again."
        } else {
            " It runs and gets no traffic."
        };
        let mut finding = Finding::new(
            case,
            Family::Probe,
            signature,
            prior,
            format!("{cause}{consequence}"),
        );
        if failing.kills {
            finding = finding.headline("is restarted by its probe").end(*spot);
        }
        if !text.is_empty() {
            finding = finding.lines("the kubelet says", vec![quote(text)]);
        }
        if let Some(probe) = probe {
            finding = finding.fact(describe(which, probe));
        }
        finding
    };
    if BINARY_MISSING.is_match(text) {
        let command = EXEC_NAME
            .captures(text)
            .map_or("its command".to_owned(), |found| {
                format!("“{}”", quote(&found[1]))
            });
        return finding(
            "probe.exec_binary_missing",
            0.95,
            format!("Of {who}, the image does not contain {command}."),
        )
        .advise("Install the tool in the image, or ask over HTTP, TCP or gRPC instead.")
        .offer_undo(&["probe", "image"])
        .done();
    }
    if PROTOCOL.is_match(text) {
        return finding(
            "probe.protocol_mismatch",
            0.96,
            format!(
                "{} speaks another protocol than the port it asks.",
                upper(&who)
            ),
        )
        .advise("Use the probe type that fits: http, https, tcp or grpc.")
        .offer_undo(PARTS)
        .done();
    }
    if let Some(found) = STATUS.captures(text) {
        return status(case, failing, finding, &who, &found[1]);
    }
    if REFUSED.is_match(text) {
        return refused::judge(case, failing, finding, &who);
    }
    if TIMEOUT.is_match(text) {
        let mut done = finding(
            "probe.timeout",
            0.65,
            format!("{} gets no answer in time.", upper(&who)),
        )
        .advise("The container hangs or lacks CPU, or timeoutSeconds is too short.");
        let slow = case
            .spots()
            .filter(|other| other.pod.node == spot.pod.node && !other.container.ready)
            .count();
        if slow > 1 && spot.pod.node.is_some() {
            done = done.detail(format!(
                "{slow} containers on node {} are not ready: it may be the node.",
                spot.pod.node.as_deref().unwrap_or_default()
            ));
        }
        return done.offer_undo(PARTS).done();
    }
    if text.is_empty() {
        return finding(
            "probe.not_ready",
            0.5,
            format!(
                "{} does not succeed; the kubelet's words about it are gone.",
                upper(&who)
            ),
        )
        .unsure()
        .log(*spot, None)
        .advise("Ask the probe's address from inside the container.")
        .offer_undo(PARTS)
        .done();
    }
    finding(
        "probe.exec_failed",
        0.5,
        format!("The command of {who} reports failure."),
    )
    .log(*spot, None)
    .advise("Run the probe's command by hand in the container.")
    .offer_undo(PARTS)
    .done()
}

/// An HTTP status: 4xx is a wrong address, 5xx the application's own word.
fn status<'c, 'a: 'c>(
    case: &'c Case<'a>,
    failing: &Failing<'a>,
    finding: impl Fn(&str, f64, String) -> Finding<'c, 'a>,
    who: &str,
    code: &str,
) -> Diagnosis {
    let path = failing
        .probe
        .and_then(|probe| probe.path.as_deref())
        .map_or(String::new(), |path| format!(" for {}", quote(path)));
    let cause = format!("{} is answered with HTTP {code}{path}.", upper(who));
    let own_word = code.starts_with('5');
    let mut done = finding("probe.http_status", 0.85, cause).advise(match code {
        "404" => "The path does not exist: correct it in the probe.",
        "401" | "403" => "The path needs a login: use one that does not.",
        _ if own_word => {
            "The application itself says that it is not well: look at its log and at what it depends on."
        }
        _ => "Ask the path by hand and see.",
    });
    if own_word {
        let log = case.log(failing.spot);
        let hit = crash::log_rules::find(log);
        if let Some(hit) = &hit {
            done = done.fact(format!("its log says: {}", quote(hit.text)));
        }
        done = done.log(failing.spot, hit.map(|hit| hit.line));
    }
    done.offer_undo(PARTS).done()
}

/// "readiness probe: http GET /healthz on port 8080, every 10 s, 3 failures".
fn describe(which: &str, probe: &ProbeSpec) -> String {
    let mut text = format!("{which} probe: {}", quote(&probe.kind));
    if let Some(path) = &probe.path {
        text += &format!(" {}", quote(path));
    }
    if let Some(port) = &probe.port {
        text += &format!(" on port {}", quote(port));
    }
    if !probe.command.is_empty() {
        text += &format!(" {}", quote(&probe.command.join(" ")));
    }
    text += &format!(
        ", every {} s, timeout {} s, {} failures",
        probe.period, probe.timeout, probe.failures
    );
    text
}

/// With a capital first letter.
fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map(|first| first.to_uppercase().chain(letters).collect())
        .unwrap_or_default()
}
