//! What an exit code alone tells.
use crate::domain::{
    diagnosis::{Case, Diagnosis, finding::Finding, look::Spot},
    family::Family,
    view::Terminated,
};

/// The diagnosis of a crash whose log tells nothing.
pub(super) fn diagnose(case: &Case<'_>, spot: Spot<'_>, end: &Terminated) -> Diagnosis {
    let (signature, prior, cause, advice) = meaning(spot, end);
    let nothing = case.log(spot).is_empty();
    let mut finding = Finding::new(
        case,
        Family::Crash,
        signature,
        prior,
        format!("{} {cause}", spot.name()),
    )
    .end(spot)
    .log(spot, None)
    .advise(advice);
    if nothing {
        finding = finding.fact("its log is empty");
    }
    if spot.container.init {
        finding = finding.headline("cannot start: an init container fails");
    }
    // What the node did to it does not come from the template.
    match signature {
        "crash.exit_137_unknown" | "crash.exit_143_term" => finding,
        _ => finding.offer_undo(&[]),
    }
    .done()
}

fn meaning(spot: Spot<'_>, end: &Terminated) -> (&'static str, f64, String, &'static str) {
    let code = end.exit_code;
    match (code, end.reason.as_str()) {
        (137, "ContainerStatusUnknown" | "RestartingAllContainers") => (
            "crash.exit_137_unknown",
            0.95,
            format!("was lost by its node ({}); this is not a lack of memory.", end.reason),
            "Look at the node: it was restarted, or lost its containers.",
        ),
        (0, _) if !spot.container.init => (
            "crash.exit_0",
            0.9,
            "ends by itself with success, again and again: its command does not stay in the foreground.".into(),
            "Run the server in the foreground; for work that ends, use a Job.",
        ),
        (126, _) => (
            "crash.exit_126",
            0.9,
            "ends with exit code 126: the shell found its command and may not execute it.".into(),
            "Make the file executable (chmod +x).",
        ),
        (127, _) => (
            "crash.exit_127",
            0.92,
            "ends with exit code 127: the shell does not find a command.".into(),
            "Correct the command's name, or install it in the image; Windows line ends look like this, too.",
        ),
        (134, _) => (
            "crash.exit_134_abort",
            0.7,
            "aborts itself (SIGABRT, exit code 134).".into(),
            "Look for an assertion or an exhausted heap in the log.",
        ),
        (135, _) => (
            "crash.exit_135_bus",
            0.6,
            "dies of a bus error (SIGBUS, exit code 135).".into(),
            "A full /dev/shm or a truncated mapped file are the usual reasons.",
        ),
        (139, _) => (
            "crash.exit_139_segv",
            0.7,
            "dies of a segmentation fault (SIGSEGV, exit code 139).".into(),
            "Get a core dump; a library for another libc or CPU does this at the first call.",
        ),
        (137, _) => (
            "crash.exit_137_error",
            0.6,
            "was killed (SIGKILL, exit code 137), and not for its memory limit: no probe and no OOM kill is on record.".into(),
            "Look at the node for a system-wide lack of memory, and for somebody who killed the process.",
        ),
        (143, _) => (
            "crash.exit_143_term",
            0.7,
            "was asked to end (SIGTERM, exit code 143), and did.".into(),
            "Find out who asks: a probe, a drain, or the program itself.",
        ),
        _ if spot.container.init => (
            "init.failed",
            0.9,
            format!("fails with exit code {code}, so the pod never starts."),
            "Fix the init container: the pod waits for it.",
        ),
        _ => (
            "crash.backoff_generic",
            0.4,
            format!("ends with exit code {code} again and again; its log does not say why."),
            "Read the log in full, and what changed last.",
        ),
    }
}
