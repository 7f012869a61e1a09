//! Lines of logs that tell why a process ends.
use crate::domain::diagnosis::{finding::quote, pattern};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Only the end of a log is about the end of the process.
const RECENT: usize = 30;
/// Parts of the template that hold an application's settings.
const SETTINGS: &[&str] = &["env", "command", "args", "configmap", "secret", "image"];

/// A kind of line, and what it means.
pub(in crate::domain::diagnosis) struct Rule {
    pub signature: &'static str,
    pub prior: f64,
    pub pattern: LazyLock<Regex>,
    /// The cause as a sentence that stands behind a colon.
    pub cause: fn(&Captures<'_>) -> String,
    pub advice: &'static str,
    /// Parts of the template whose change can cause it (empty: any); nothing when an undo never helps.
    pub parts: Option<&'static [&'static str]>,
}

/// A line that tells.
pub(in crate::domain::diagnosis) struct Hit<'l> {
    pub rule: &'static Rule,
    /// Index of the line in the log.
    pub line: usize,
    pub cause: String,
    pub text: &'l str,
}

/// Defects of the program itself: when one follows, an earlier complaint about a dependency was not what ended it.
static DEFECT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"panic: runtime error|NullPointerException|IndexOutOfBounds|TypeError|ReferenceError|AttributeError|NameError|AssertionError|SIGSEGV|(?i:segmentation fault)|index out of (?:range|bounds)|nil pointer dereference",
    )
});

/// The specific ones first: a stack trace usually quotes one of them.
static RULES: [Rule; 12] = [
    Rule {
        signature: "crash.port_in_use",
        prior: 0.92,
        pattern: LazyLock::new(|| {
            pattern(
                r"(?i)(?:(?:listen|bind)\S*.{0,60}?:(\d{2,5})\b.{0,40})?(?:address already in use|EADDRINUSE)(?:.{0,20}?:(\d{2,5})\b)?|port (\d{2,5}) (?:is|was) already in use",
            )
        }),
        cause: |found| match first(found) {
            Some(port) => format!("port {port} is already in use in the pod."),
            None => "its port is already in use in the pod.".into(),
        },
        advice: "Two containers of the pod (or two pods with hostNetwork) want the same port: change one.",
        parts: Some(&[]),
    },
    Rule {
        signature: "crash.disk_full",
        prior: 0.9,
        pattern: LazyLock::new(|| {
            pattern(r"(?i)no space left on device|ENOSPC|disk quota exceeded")
        }),
        cause: |_| "the disk that it writes to is full.".into(),
        advice: "Enlarge the claim or clean its data; /dev/shm holds 64Mi unless a memory volume is mounted there.",
        parts: None,
    },
    Rule {
        signature: "crash.rbac",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(
                r#"(?i)is forbidden: User "(system:serviceaccount:[^"]+)" cannot (\w+) resource "([^"]+)""#,
            )
        }),
        cause: |found| {
            format!(
                "the API server does not let {} {} {}.",
                quote(&found[1]),
                &found[2],
                quote(&found[3])
            )
        },
        advice: "Grant the missing verb in a Role, if it is meant to have it. Heal never changes permissions.",
        parts: Some(&["serviceaccount"]),
    },
    Rule {
        signature: "crash.missing_env",
        prior: 0.85,
        pattern: LazyLock::new(|| {
            pattern(
                r#"(?i:environment variable|env var|setting|config(?:uration)? key) ?['"`]?([A-Za-z0-9_.]{0,60}).{0,40}?(?i:not set|undefined|missing|required|not found)|KeyError: ?['"]([A-Z0-9_]+)['"]|(?i:missing required (?:env(?:ironment)?|config)\S*(?: variable)?)[: ]*['"`]?([A-Za-z0-9_.]*)|([A-Z][A-Z0-9_]{2,}) (?:is|must be|environment variable is) (?:not set|required|set|undefined)"#,
            )
        }),
        cause: |found| match first(found) {
            Some(name) => format!("setting {} is missing.", quote(name)),
            None => "a required setting is missing.".into(),
        },
        advice: "Set it, or take the version back that needs it.",
        parts: Some(SETTINGS),
    },
    Rule {
        signature: "crash.db_auth",
        prior: 0.85,
        pattern: LazyLock::new(|| {
            pattern(
                r"(?i)access denied for user|password authentication failed|WRONGPASS|NOAUTH|authentication failed|ORA-01017|login failed for user",
            )
        }),
        cause: |_| "a database refuses its credentials.".into(),
        advice: "Compare the Secret with the database's account. A restart helps only pods that started before the Secret was changed.",
        parts: Some(&["env", "secret"]),
    },
    Rule {
        signature: "crash.tls_cert",
        prior: 0.8,
        pattern: LazyLock::new(|| {
            pattern(
                r"(?i)certificate (?:has expired|is not yet valid)|x509: certificate|CERTIFICATE_VERIFY_FAILED|PKIX path|unable to get local issuer",
            )
        }),
        cause: |_| "a TLS certificate is expired or not trusted.".into(),
        advice: "Renew the certificate or install its CA. A restart helps only pods that started before the Secret was renewed.",
        parts: Some(&["env", "secret", "volume", "image"]),
    },
    Rule {
        signature: "crash.dependency_dns",
        prior: 0.8,
        pattern: LazyLock::new(|| {
            pattern(
                r#"lookup ([A-Za-z0-9_.-]+)(?: on \S+)?: |getaddrinfo (?:ENOTFOUND|EAI_AGAIN) ([A-Za-z0-9_.-]+)|UnknownHostException: ([A-Za-z0-9_.-]+)|could not translate host name "([^"]+)"|(?i:no such host|UnknownHostException|Name or service not known|nodename nor servname|Temporary failure in name resolution|bad address '([^']+)')"#,
            )
        }),
        cause: |found| match first(found) {
            Some(host) => format!("host name {} does not resolve.", quote(host)),
            None => "a host name that it needs does not resolve.".into(),
        },
        advice: "Correct the name, or restore the Service behind it; if other names fail as well, look at the cluster's DNS.",
        parts: Some(SETTINGS),
    },
    Rule {
        signature: "crash.dependency_refused",
        prior: 0.75,
        pattern: LazyLock::new(|| {
            pattern(
                r#"(?i)(?:(?:dial tcp |connect(?:ion|ing)? to |ECONNREFUSED |connect ECONNREFUSED |host |server at ")['"]?([a-z0-9][a-z0-9_.-]*(?::|"?,? port )\d{2,5})\b.{0,60}?)?(?:connection refused|ECONNREFUSED|no route to host|i/o timeout|connection timed out|could not connect to server|Communications link failure)(?:.{0,12}?([a-z0-9][a-z0-9_.-]*:\d{2,5})\b)?"#,
            )
        }),
        cause: |found| match first(found) {
            Some(address) => format!("it cannot reach {}.", quote(address)),
            None => "it cannot reach a service that it depends on.".into(),
        },
        advice: "Look at that service first: this container recovers when it answers again.",
        parts: Some(&["env", "command", "args", "configmap", "secret"]),
    },
    Rule {
        signature: "crash.config_parse",
        prior: 0.8,
        pattern: LazyLock::new(|| {
            pattern(
                r"nginx: \[emerg\] (.{0,120})|(?i:(?:yaml|json|toml|config)\S{0,40}.{0,40}(?:parse|parsing|syntax|unmarshal|decode|invalid character)|could not parse config|error parsing .{0,40}config)",
            )
        }),
        cause: |_| "its configuration cannot be read.".into(),
        advice: "Correct the configuration. If it is in a ConfigMap, an undo of the rollout does not bring its old content back.",
        parts: Some(&["configmap", "image", "command", "args"]),
    },
    Rule {
        signature: "crash.permission_denied_fs",
        prior: 0.75,
        pattern: LazyLock::new(|| {
            pattern(
                r"(?i)permission denied|EACCES|operation not permitted|read-only file system|EROFS",
            )
        }),
        cause: |_| "it may not read or write one of its files.".into(),
        advice: "Compare the path in the log with its mounts: fsGroup, runAsUser and readOnlyRootFilesystem are the usual reasons.",
        parts: Some(&[
            "securitycontext",
            "runas",
            "fsgroup",
            "readonly",
            "volume",
            "mount",
            "image",
        ]),
    },
    Rule {
        signature: "crash.heap",
        prior: 0.85,
        pattern: LazyLock::new(|| {
            pattern(r"JavaScript heap out of memory|java\.lang\.OutOfMemoryError|MemoryError$")
        }),
        cause: |_| "its heap is full; the limit of the container is not.".into(),
        advice: "Raise the heap (-Xmx, --max-old-space-size) together with the memory limit, or find the leak.",
        parts: Some(&["memory", "env", "args", "command", "image"]),
    },
    Rule {
        signature: "crash.app_exception",
        prior: 0.6,
        pattern: LazyLock::new(|| {
            pattern(
                r"^(?:\S+ ){0,3}panic(?:ked at|: (.{1,160}))|Traceback \(most recent call last\)|Exception in thread|(?i:unhandled ?(?:promise ?rejection|exception|error))|(?i:uncaught (?:exception|error|TypeError|ReferenceError))|(?i:fatal(?: error)?: ?(.{1,160}))|\bFATAL\b[:\] ]*(.{0,160})|\bCRITICAL\b|thread '[^']*' panicked at",
            )
        }),
        cause: |found| match first(found).map(str::trim).filter(|text| !text.is_empty()) {
            Some(text) => format!("“{}”.", quote(text)),
            None => "the program fails with an exception.".into(),
        },
        advice: "The trace in its log names the place.",
        parts: Some(&[]),
    },
];

/// The first group that matched something.
fn first<'t>(found: &Captures<'t>) -> Option<&'t str> {
    found
        .iter()
        .skip(1)
        .flatten()
        .map(|part| part.as_str())
        .find(|part| !part.is_empty())
}

/// The line that tells why a process ended, if one does.
pub(in crate::domain::diagnosis) fn find(log: &[String]) -> Option<Hit<'_>> {
    let from = log.len().saturating_sub(RECENT);
    let defect = log[from..].iter().rposition(|line| DEFECT.is_match(line));
    let hits = RULES.iter().filter_map(|rule| {
        let at = log[from..]
            .iter()
            .rposition(|line| rule.pattern.is_match(line))?;
        Some((rule, at))
    });
    // A defect later in the log than the complaint is what ended the process.
    let mut found = hits.filter(|(rule, at)| {
        rule.signature == "crash.app_exception" || defect.is_none_or(|defect| defect <= *at)
    });
    let (rule, at) = found.next()?;
    // A trace is shown from its head, where the message is.
    let line = from + at;
    let text = log.get(line)?;
    let cause = if text.starts_with("Traceback") {
        // Python says what went wrong after the trace, in the first line that is not indented.
        let message = log[line + 1..]
            .iter()
            .find(|line| !line.starts_with(char::is_whitespace));
        message.map(|message| format!("“{}”.", quote(message)))
    } else {
        None
    };
    let cause = match cause {
        Some(cause) => cause,
        None => (rule.cause)(&rule.pattern.captures(text)?),
    };
    Some(Hit {
        rule,
        line,
        cause,
        text,
    })
}
