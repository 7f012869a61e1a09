//! Secrets that are known by their form, whatever stands before them.
use regex::{Captures, Regex, RegexSet};
use std::{borrow::Cow, sync::LazyLock};

/// Each form, and what is left of it: `$1` and `$2` are the harmless text around the secret.
const FORMS: [(&str, &str); 9] = [
    // A private key in PEM, over several lines or with `\n` written out; also when its end is cut off
    // or another line stands before it.
    (
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----(?:(?:\s|\\+[nr])*[A-Za-z0-9+/=]{16,})*(?:(?:\s|\\+[nr])*[A-Za-z0-9+/=]{0,76}(?:\s|\\+[nr])*-----END [A-Z0-9 ]*PRIVATE KEY-----|\s+[A-Za-z0-9+/=]{1,15}(?m:$))?",
        "[redacted]",
    ),
    // The rest of one, when its beginning is cut off or something else of the log came in between: a short last line counts only
    // as a line, so that it is not the last word of a sentence.
    (
        r"(?:[A-Za-z0-9+/=]{16,}(?:\s|\\+[nr])+)+(?:[A-Za-z0-9+/=]{1,15}(?:\s|\\+[nr])+)?-----END [A-Z0-9 ]*PRIVATE KEY-----|(?m:^)[A-Za-z0-9+/=]{1,15}\s+-----END [A-Z0-9 ]*PRIVATE KEY-----",
        "[redacted]",
    ),
    // Slack: tokens, and addresses with which whoever has one can post.
    (
        r"(?i)\bxox[a-z](?:\.xox[a-z])?-[a-z0-9%_-]+|\bxapp-[a-z0-9%_-]+|\bhooks\.slack(?:-gov)?\.com/[^\s\x22'<>|\\]+",
        "[redacted]",
    ),
    // A bearer token; not the words that follow `bearer` in a sentence.
    (
        r"(?i)\bbearer[ +:]+(?:[a-z]*(?:[0-9]|[._~+/=%-][a-z0-9])[a-z0-9._~+/=%-]*|[a-z]{20,})",
        "[redacted]",
    ),
    // AWS, Google, GitHub, GitLab, Stripe and their like, npm, Sendgrid.
    (
        r"\b(?:AKIA|ASIA|ABIA|ACCA)[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{30,}|\bgh[opsur]_[A-Za-z0-9]{16,}|\bgithub_pat_[A-Za-z0-9_]{16,}|\bglpat-[A-Za-z0-9_-]{16,}|\b[prs]k_(?:live|test)_[A-Za-z0-9]{8,}|\bsk-[A-Za-z0-9_-]{20,}|\bnpm_[A-Za-z0-9]{30,}|\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}",
        "[redacted]",
    ),
    // A JSON Web Token: two objects in base64 begin it.
    (
        r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?",
        "[redacted]",
    ),
    // What MySQL's drivers take for an address: `user:password@tcp(host)`.
    (r"(\w:)[^\s\x22']+(@(?:tcp|udp|unix)\()", "$1[redacted]$2"),
    // A token alone before the host of a URL.
    (r"(://)[^\s:/?#@\x22'<>]{20,}@", "$1[redacted]@"),
    // Go repeats the password of a URL that it cannot parse.
    (
        r#"(invalid port \\*":)[^\s"\\]*[^\s"\\0-9][^\s"\\]*"#,
        "$1[redacted]",
    ),
];

/// User and password of a URL. Passwords may hold what they should not: everything up to the last `@` counts.
const URL: &str = r#"(://[^\s:/?#@"'<>]*:)([^\s"'<>]+)@"#;

#[expect(
    clippy::expect_used,
    reason = "constants; the tests below this folder compile them"
)]
fn compiled(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the expression is valid")
}

static EACH: LazyLock<Vec<Regex>> =
    LazyLock::new(|| FORMS.iter().map(|(form, _)| compiled(form)).collect());
static LOGIN: LazyLock<Regex> = LazyLock::new(|| compiled(URL));

/// What both ends of a private key have, and what a line of it is: other lines of a log may have come in between.
const KEY_END: &str = "PRIVATE KEY-----";
static KEY_LINE: LazyLock<Regex> =
    LazyLock::new(|| compiled(r"(?m)^[ \t]*[A-Za-z0-9+/]{16,}={0,2}[ \t]*\r?$"));

/// All of them in one pass: most texts hold none.
static ANY: LazyLock<RegexSet> = LazyLock::new(|| {
    #[expect(clippy::expect_used, reason = "the same constants")]
    RegexSet::new(FORMS.iter().map(|(form, _)| *form).chain([URL])).expect("they are valid")
});

/// The text without the secrets that show themselves.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let mut clean = Cow::Borrowed(text);
    for index in &ANY.matches(text) {
        let done = match (EACH.get(index), FORMS.get(index)) {
            (Some(form), Some((_, rest))) => form.replace_all(&clean, *rest),
            _ => LOGIN.replace_all(&clean, login),
        };
        if let Cow::Owned(done) = done {
            clean = Cow::Owned(done);
        }
    }
    if text.contains(KEY_END)
        && let Cow::Owned(done) = KEY_LINE.replace_all(&clean, super::REDACTED)
    {
        clean = Cow::Owned(done);
    }
    clean
}

fn login(found: &Captures<'_>) -> String {
    let (before, password) = (&found[1], &found[2]);
    // `host:8080/path?mail=a@b` has a port and no password.
    let digits = password.bytes().take_while(u8::is_ascii_digit).count();
    let is_port = (1..=5).contains(&digits) && password[digits..].starts_with(['/', '?', '#']);
    if is_port {
        found[0].to_owned()
    } else {
        format!("{before}{}@", super::REDACTED)
    }
}
