//! The runtime cannot start the process. The reason is in the runtime's text, or, for formats and interpreters, only in the log.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    look::{Spot, last_match},
    pattern,
};
use crate::domain::family::Family;
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// What a runtime says, and what it means.
struct Rule {
    signature: &'static str,
    prior: f64,
    pattern: LazyLock<Regex>,
    cause: fn(&Captures<'_>) -> String,
    advice: &'static str,
    /// Parts of the template whose change can cause it.
    parts: &'static [&'static str],
}

const COMMAND: &[&str] = &["image", "command", "args", "volume"];

/// In this order: the general words come last.
static RULES: [Rule; 9] = [
    Rule {
        signature: "start.exec_format",
        prior: 0.93,
        pattern: LazyLock::new(|| pattern(r"exec (\S+): exec format error|exec format error")),
        cause: |_| {
            "Its program is built for another CPU architecture, or is a script without a #! line."
                .into()
        },
        advice: "Build the image for the architecture of the node, or add the #! line.",
        parts: COMMAND,
    },
    Rule {
        signature: "start.exec_not_found",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(
                r#"exec: "([^"]+)": (?:executable file not found in|stat [^:]+: no such file or directory)|executable file .?([^ `]*).? not found in \$PATH"#,
            )
        }),
        cause: |found| format!("The image has no command {}.", named(found)),
        advice: "Correct the command, or the image that should contain it.",
        parts: COMMAND,
    },
    Rule {
        signature: "start.mount_type_mismatch",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r#"error mounting "[^"]*" to rootfs at "([^"]+)".*not a directory|mkdir (\S+): not a directory|Are you trying to mount a directory onto a file"#,
            )
        }),
        cause: |found| {
            format!(
                "A file is mounted over a directory, or a directory over a file: {}.",
                named(found)
            )
        },
        advice: "Check mountPath and subPath: the subPath of a missing key becomes a directory.",
        parts: &["volume", "mount", "image", "workingdir"],
    },
    Rule {
        signature: "start.user_missing",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r"no users found|unable to find user (\S+?):? no matching entries|unable to find user",
            )
        }),
        cause: |_| "The image does not know the user that it should run as.".into(),
        advice: "Use a numeric user id, or an image that has the user.",
        parts: &["image", "securitycontext", "runasuser"],
    },
    Rule {
        signature: "start.device_or_cdi",
        prior: 0.85,
        pattern: LazyLock::new(|| {
            pattern(
                r"CDI device injection failed|failed to inject CDI|nvidia-container-cli|no such device",
            )
        }),
        cause: |_| "A device that it asks for cannot be given to it.".into(),
        advice: "Check the device plugin and driver of the node.",
        parts: &["resources", "image"],
    },
    Rule {
        signature: "start.hook_poststart",
        prior: 0.9,
        pattern: LazyLock::new(|| pattern(r"PostStartHookError|PostStart handler|PostStartHook")),
        cause: |_| "Its postStart hook fails, and Kubernetes ends the container for it.".into(),
        advice: "Run the hook's command by hand in the image.",
        parts: &["lifecycle", "image", "command"],
    },
    Rule {
        signature: "start.exec_permission",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r#"exec: "([^"]+)": permission denied"#)),
        cause: |found| {
            format!(
                "Its command {} may not be executed, or is a directory.",
                named(found)
            )
        },
        advice: "Make the file executable (chmod +x; for mounted scripts defaultMode: 0755).",
        parts: COMMAND,
    },
    Rule {
        signature: "start.name_conflict",
        prior: 0.8,
        pattern: LazyLock::new(|| {
            pattern(r#"(?:container|sandbox) name "[^"]+" is (?:already in use|reserved)"#)
        }),
        cause: |_| "The runtime still holds a container of this name.".into(),
        advice: "It usually passes; otherwise look at the container runtime of the node.",
        parts: &[],
    },
    Rule {
        signature: "start.runtime",
        prior: 0.6,
        pattern: LazyLock::new(|| pattern(r"(?s).")),
        cause: |_| "The container runtime could not start it.".into(),
        advice: "The runtime's own words tell what it missed.",
        parts: &[],
    },
];

/// Told by the log only: the process is started, cannot be executed, and exits with 1 (127 behind a shell).
static FORMAT_IN_LOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(r"exec (\S+): exec format error|cannot execute binary file|Exec format error")
});
static INTERPRETER_IN_LOG: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"^exec (\S+): no such file or directory|bad interpreter|/bin/(?:ba)?sh\^M|\\r: not found",
    )
});

/// What was matched by name, in quotes; a general word when the text names nothing.
fn named(found: &Captures<'_>) -> String {
    found
        .iter()
        .skip(1)
        .flatten()
        .map(|name| name.as_str())
        .find(|name| !name.is_empty())
        .map_or("it is told to run".to_owned(), |name| {
            format!("“{}”", quote(name))
        })
}

/// A container that the runtime cannot start.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    case.spots()
        .find_map(|spot| by_runtime(case, spot).or_else(|| by_log(case, spot)))
}

/// The runtime's text: while waiting, or in the end of the failed start.
fn runtime_text<'a>(case: &Case<'_>, spot: Spot<'a>) -> Option<&'a str> {
    let waiting = spot.waiting().and_then(|(reason, message)| {
        matches!(
            reason,
            "RunContainerError"
                | "CreateContainerError"
                | "PreCreateHookError"
                | "PreStartHookError"
                | "PostStartHookError"
        )
        .then_some(if message.is_empty() { reason } else { message })
    });
    waiting.or_else(|| {
        spot.fresh_end(case)
            .filter(|end| matches!(end.reason.as_str(), "StartError" | "ContainerCannotRun"))
            .map(|end| end.message.as_str())
            .filter(|_| !spot.runs())
    })
}

fn by_runtime(case: &Case<'_>, spot: Spot<'_>) -> Option<Diagnosis> {
    let text = runtime_text(case, spot)?;
    RULES.iter().find_map(|rule| {
        let found = rule.pattern.captures(text)?;
        let finding = Finding::new(
            case,
            Family::Start,
            rule.signature,
            rule.prior,
            format!("{} cannot start. {}", spot.name(), (rule.cause)(&found)),
        )
        .end(spot)
        .fact(format!("image {}", quote(&spot.container.image)))
        .lines("the runtime says", vec![quote(text)])
        .advise(rule.advice);
        Some(finding.offer_undo(rule.parts).done())
    })
}

fn by_log(case: &Case<'_>, spot: Spot<'_>) -> Option<Diagnosis> {
    let end = spot.fresh_end(case)?;
    if !matches!(end.exit_code, 1 | 126 | 127 | 255) || spot.runs() && end.reason != "Error" {
        return None;
    }
    let log = case.log(spot);
    // The kernel's refusal is the last thing such a process can say: an older line of that kind is something else.
    let recent = log.len().saturating_sub(3);
    let hit = |pattern: &Regex| last_match(log, pattern).filter(|index| *index >= recent);
    let (signature, prior, cause, advice, line) = if let Some(line) = hit(&FORMAT_IN_LOG) {
        (
            "start.exec_format",
            0.93,
            "Its program is built for another CPU architecture, or is a script without a #! line.",
            "Build the image for the architecture of the node, or add the #! line.",
            line,
        )
    } else {
        (
            "start.bad_interpreter",
            0.85,
            "The interpreter of its script is missing in the image, or the script has Windows line ends.",
            "Convert the script to LF line ends, or install the shell that its #! line names.",
            hit(&INTERPRETER_IN_LOG)?,
        )
    };
    Some(
        Finding::new(
            case,
            Family::Start,
            signature,
            prior,
            format!("{} cannot start. {cause}", spot.name()),
        )
        .end(spot)
        .fact(format!("image {}", quote(&spot.container.image)))
        .log(spot, Some(line))
        .advise(advice)
        .offer_undo(COMMAND)
        .done(),
    )
}
