//! Log tails of containers in trouble.
use super::{
    inspect::Gap,
    rest::{Fault, Rest, path},
    slim,
};
use crate::{
    domain::{
        evidence::LogTail,
        family::Family,
        object::Kind,
        text::clip,
        view::{ContainerState, ContainerView, PodView},
    },
    ports::Subject,
    redact::redact,
};

/// Containers whose logs are read, at most.
pub const CONTAINERS: usize = 3;
const TAIL: &str = "60";
const BYTES: &str = "16384";
const WIDTH: usize = 500;

/// The containers whose logs may tell something, worst first: at most [`CONTAINERS`], one pod per container name (pods of
/// one template fail alike), the wanted one first.
pub fn wanted<'a>(
    pods: &'a [PodView],
    pod: &str,
    container: Option<&str>,
) -> Vec<(&'a PodView, &'a ContainerView)> {
    let mut found: Vec<(&PodView, &ContainerView)> = Vec::new();
    let first = pods.iter().filter(|p| p.name == pod);
    let others = pods.iter().filter(|p| p.name != pod);
    for pod in first.chain(others) {
        let mut containers: Vec<&ContainerView> =
            pod.containers.iter().filter(|c| is_in_trouble(c)).collect();
        containers.sort_by_key(|c| container != Some(c.name.as_str()));
        for container in containers {
            if !found.iter().any(|(_, other)| other.name == container.name) {
                found.push((pod, container));
            }
        }
    }
    found.truncate(CONTAINERS);
    found
}

/// Whether a container has run and something is wrong with it.
fn is_in_trouble(container: &ContainerView) -> bool {
    match &container.state {
        ContainerState::Waiting { .. } => container.last.is_some(),
        ContainerState::Terminated(end) => end.exit_code != 0 || end.reason == "OOMKilled",
        ContainerState::Running { .. } => container.restarts > 0 || !container.ready,
        ContainerState::Unknown => false,
    }
}

/// A tail that was read before it was known to be wanted.
pub struct Early {
    pod: String,
    container: String,
    previous: bool,
    tail: Result<LogTail, Fault>,
}

/// The tail that a crash is nearly always told by: of the run that ended last, by what the signal said. It is read together
/// with everything else. When the server has given no answer it is asked again, if the tail is wanted.
pub async fn early(reader: &Rest, subject: &Subject) -> Option<Early> {
    let container = subject.container.as_deref()?;
    let crashed = matches!(subject.family, Family::Crash | Family::Oom);
    if !crashed || subject.object.kind != Kind::Pod {
        return None;
    }
    let (namespace, pod) = (&subject.object.namespace, &subject.object.name);
    // A container that waits to be started again has its last run behind it; one that has just ended is still that run.
    let previous = subject.reason == "CrashLoopBackOff";
    let tail = tail(reader, namespace, pod, container, previous).await;
    let answered = match &tail {
        Ok(_) => true,
        Err(fault) => is_over(fault),
    };
    answered.then(|| Early {
        pod: pod.clone(),
        container: container.to_owned(),
        previous,
        tail,
    })
}

/// 400: the run's log is gone with its container. That is the ordinary way for logs to end.
fn is_over(fault: &Fault) -> bool {
    matches!(fault.code(), Some(400 | 404))
}

/// The tails of the previous and of the present run. Runs without a log are left out; what could not be read is a gap.
pub async fn tails(
    reader: &Rest,
    pod: &PodView,
    container: &ContainerView,
    early: Option<&Early>,
) -> (Vec<LogTail>, Vec<Gap>) {
    let early = early.filter(|early| early.pod == pod.name && early.container == container.name);
    let one = |previous: bool| async move {
        // The run that ended last is the present one while it has not been followed by another.
        let runs = match container.state {
            ContainerState::Waiting { .. } => previous && container.last.is_some(),
            ContainerState::Terminated(_) => !previous,
            _ => !previous || container.last.is_some(),
        };
        if !runs {
            return None;
        }
        let tail = match early.filter(|early| early.previous == previous) {
            Some(early) => early.tail.clone(),
            None => tail(reader, &pod.namespace, &pod.name, &container.name, previous).await,
        };
        Some((previous, tail))
    };
    let (previous, present) = tokio::join!(one(true), one(false));
    let (mut logs, mut gaps) = (Vec::new(), Vec::new());
    for (previous, result) in previous.into_iter().chain(present) {
        match result {
            Ok(log) => logs.push(log),
            Err(fault) if is_over(&fault) => {}
            Err(fault) => {
                let run = if previous { "previous log" } else { "log" };
                let what = format!("{run} of {}/{}", pod.name, container.name);
                gaps.push(Gap::new(&what, &fault));
            }
        }
    }
    (logs, gaps)
}

async fn tail(
    reader: &Rest,
    namespace: &str,
    pod: &str,
    container: &str,
    previous: bool,
) -> Result<LogTail, Fault> {
    let path = format!("{}/log", path(&slim::PODS, namespace, pod));
    let mut query = vec![
        ("container", container),
        ("tailLines", TAIL),
        ("limitBytes", BYTES),
    ];
    if previous {
        query.push(("previous", "true"));
    }
    let text = reader.read(&path, &query).await?;
    Ok(LogTail {
        pod: pod.to_owned(),
        container: container.to_owned(),
        previous,
        lines: clean(&text),
    })
}

/// The lines of a log without time stamps, colours, control characters and secrets, each cut at 500 characters.
fn clean(log: &str) -> Vec<String> {
    let lines = log
        .lines()
        // The kubelet's own words, as if they were the log, when a log was cleaned up with its container.
        .filter(|line| !line.starts_with("unable to retrieve container logs for "))
        .map(plain);
    // Together: a private key has many lines. Before they are cut: a part of a secret is hard to know.
    let text = lines.collect::<Vec<_>>().join("\n");
    let lines = redact(&text);
    let lines = lines.lines().map(|line| clip(line.trim_end(), WIDTH));
    lines.filter(|line| !line.is_empty()).collect()
}

/// A line without time stamp, colours and control characters.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' => skip_escape(&mut rest),
            '\t' => text.push(' '),
            c if c.is_control() => {}
            // Invisible characters that turn text around or hide in it.
            '\u{200b}'..='\u{200f}'
            | '\u{202a}'..='\u{202e}'
            | '\u{2066}'..='\u{2069}'
            | '\u{feff}' => {}
            c => text.push(c),
        }
    }
    without_time(&text).trim_end().to_owned()
}

/// Skips what follows an escape character: `[…letter` (colours) or `]…BEL` (titles) or one character.
fn skip_escape(rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    match rest.next() {
        Some('[') => {
            let _ = rest.find(|c| ('@'..='~').contains(c));
        }
        Some(']') => {
            let _ = rest.find(|c| *c == '\u{7}' || *c == '\\');
        }
        _ => {}
    }
}

/// Cuts a leading RFC 3339 or `2026-11-01 10:00:00` time stamp: the same line should look the same every time.
fn without_time(line: &str) -> &str {
    let bytes = line.as_bytes();
    let digit = |at: usize| bytes.get(at).is_some_and(u8::is_ascii_digit);
    let is = |at: usize, any: &[u8]| bytes.get(at).is_some_and(|byte| any.contains(byte));
    let start = usize::from(is(0, b"["));
    let date = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
        .iter()
        .all(|at| digit(start + at))
        && [4, 7].iter().all(|at| is(start + at, b"-/"))
        && is(start + 10, b"T ")
        && [13, 16].iter().all(|at| is(start + at, b":"));
    if !date {
        return line;
    }
    let rest = line.get(start + 19..).unwrap_or_default();
    let end = rest
        .find(|c: char| !(c.is_ascii_digit() || ".,Z+:]".contains(c)))
        .unwrap_or(rest.len());
    rest.get(end..).unwrap_or_default().trim_start()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn log_lines_are_freed_from_times_colours_and_control_characters() {
        let lines = [
            "2026-11-01T10:00:00.123456789Z \u{1b}[31mERROR\u{1b}[0m no route",
            "2026-11-01 10:00:00,123 INFO ready",
            "[2026/11/01 10:00:00] warn",
            "plain\ttext\r",
            "evil\u{202e}txt\u{7}",
            "2026-11-01 is a day",
        ];
        insta::assert_snapshot!(clean(&lines.join("\n")).join("\n"), @r"
        ERROR no route
        INFO ready
        warn
        plain text
        eviltxt
        2026-11-01 is a day
        ");
        assert_eq!(clean(&"x".repeat(900))[0].chars().count(), 500);
    }

    #[test]
    fn secrets_are_taken_out_of_a_log_before_its_lines_are_cut_and_what_failed_stays() {
        let long = format!("{}xoxb-1-{}", "x ".repeat(248), "A".repeat(40));
        let log = [
            "2026-11-01T10:00:00Z connecting to postgres://shop:hunter2@db:5432/shop",
            "\u{1b}[33mpassword=\u{1b}[0mhunter2",
            "-----BEGIN PRIVATE KEY-----",
            "MIIEvQIBADANBgkqhkiG9w0B",
            "AQEFAASC",
            "-----END PRIVATE KEY-----",
            "FATAL: password authentication failed for user \"shop\"",
            &long,
        ];
        let lines = clean(&log.join("\n"));
        insta::assert_snapshot!(lines[..4].join("\n"), @r#"
        connecting to postgres://shop:[redacted]@db:5432/shop
        password=[redacted]
        [redacted]
        FATAL: password authentication failed for user "shop"
        "#);
        assert!(!lines[4].contains("xoxb"), "{}", lines[4]);
    }
}
