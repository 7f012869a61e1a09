//! The value after a name that holds secrets, and whether it is one.
//!
//! After `=`, in quotes and in lists of arguments a value is a value. After a colon or a blank it may as well be the next word of a
//! sentence (`token: signature is invalid`), so there it is judged: words that a sentence goes on from, words that say how
//! something is, paths and addresses stay. A password of nothing but letters in the middle of a sentence stays with them.
use super::{REDACTED, named::word_before};
use std::ops::Range;

/// How a value is led to.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Lead {
    /// An equals sign, or a comma after a flag in a list.
    Set,
    /// A colon, and the value at once.
    Colon,
    /// A colon and a blank, as in YAML and in sentences.
    Sentence,
    /// A name in quotes and a colon, as in JSON.
    Field,
    /// A flag and a blank.
    Flag,
}

/// Words that stand where a value would, and say how it is.
#[rustfmt::skip]
const STATES: [&str; 66] = [
    "absent", "and", "bad", "cannot", "changed", "denied", "disabled", "empty", "enabled", "eof", "error", "expired", "failed",
    "failure", "false", "flag", "forbidden", "found", "hidden", "incorrect", "instead", "invalid", "is", "latest", "malformed",
    "masked", "mismatch", "missing", "must", "nil", "no", "none", "not", "null", "ok", "option", "or", "outdated", "present",
    "redacted", "refused", "rejected", "required", "revoked", "rotated", "string", "text", "timeout", "true", "unauthenticated",
    "unauthorized", "unavailable", "undefined", "unexpected", "unknown", "unset", "unsupported", "updated", "used", "valid",
    "value", "was", "wrong", "yes", "ro", "rw",
];

/// Ways to authenticate, which stand between `Authorization:` and the secret.
#[rustfmt::skip]
const SCHEMES: [&str; 8] = [
    "basic", "bearer", "token", "digest", "negotiate", "ntlm", "apikey", "aws4-hmac-sha256",
];

/// Longer values are no words.
const WORD: usize = 64;

/// Where the secret after a name stands; `None` when what stands there is none. `name` covers the name and what leads on.
pub(super) fn find(text: &str, name: Range<usize>, lead: Lead) -> Option<Range<usize>> {
    let named = &text[name.clone()];
    let mut at = name.end;
    let is_authorization = named.to_ascii_lowercase().contains("authorization");
    // A list of values, as Go and Java print headers and forms.
    let may_be_list = is_authorization || matches!(lead, Lead::Set | Lead::Colon | Lead::Field);
    if may_be_list && text[at..].starts_with('[') && !text[at..].starts_with(REDACTED) {
        at += 1;
    }
    let mut quote = opening(&text[at..]);
    at += quote.map_or(0, str::len);
    if is_authorization {
        at += scheme(&text[at..]);
        if quote.is_none() {
            quote = opening(&text[at..]);
            at += quote.map_or(0, str::len);
        }
    }
    let rest = &text[at..];
    let is_quoted = quote.is_some();
    if begins_harmless(rest, is_quoted, lead) {
        return None;
    }
    let end = match quote {
        Some(quote) => quoted(rest, quote),
        None => bare(rest),
    };
    let (value, after) = rest.split_at(end);
    let before = &text[..name.start];
    let is_word = value.len() <= WORD && is_word(before, named, value, after, is_quoted, lead);
    (end > 0 && !is_word).then_some(at..at + end)
}

/// The quote that opens a value, with the backslashes of the text it is quoted in and the letter that Python puts first.
fn opening(rest: &str) -> Option<&str> {
    let letter = usize::from(rest.starts_with(['b', 'u', 'r']));
    let slashes = rest[letter..].bytes().take_while(|b| *b == b'\\').count();
    let at = letter + slashes;
    let is_quote = rest.as_bytes().get(at).is_some_and(|b| b"\"'`".contains(b));
    is_quote.then(|| &rest[..=at])
}

/// Length of the name of a way to authenticate, with the blank after it.
fn scheme(rest: &str) -> usize {
    SCHEMES
        .iter()
        .filter(|scheme| starts_with(rest, scheme))
        .find(|scheme| rest[scheme.len()..].starts_with([' ', '\t']))
        .map_or(0, |scheme| scheme.len() + 1)
}

/// Length of a value in quotes: up to the same quote behind no more backslashes than the first one has, or the line's end.
fn quoted(rest: &str, quote: &str) -> usize {
    let (sign, slashes) = (quote.as_bytes().last(), quote.matches('\\').count());
    let mut run = 0;
    for (index, byte) in rest.bytes().enumerate() {
        match byte {
            b'\\' => run += 1,
            b'\n' => return index,
            // Inside plain quotes a pair of backslashes is a backslash, and escapes nothing.
            byte if Some(&byte) == sign && (run <= slashes || slashes == 0 && run % 2 == 0) => {
                return index - run.min(slashes);
            }
            _ => run = 0,
        }
    }
    rest.len()
}

/// Length of a value without quotes: up to a blank, a quote or the next parameter, without what ends a clause.
fn bare(rest: &str) -> usize {
    let mut end = rest.len();
    let mut slashes = 0;
    for (index, c) in rest.char_indices() {
        match c {
            '\\' => slashes += 1,
            '"' | '\'' => {
                end = index - slashes;
                break;
            }
            c if c.is_whitespace() || c == '&' => {
                end = index;
                break;
            }
            _ => slashes = 0,
        }
    }
    rest[..end]
        .trim_end_matches(|c| ",.;:)]}>".contains(c))
        .len()
}

/// Told by its first characters.
fn begins_harmless(rest: &str, is_quoted: bool, lead: Lead) -> bool {
    if rest.starts_with(REDACTED) || ["$(", "${", "{{", "%("].iter().any(|s| rest.starts_with(s)) {
        return true;
    }
    let scheme = || {
        let letters = rest.bytes().take_while(u8::is_ascii_alphabetic).count();
        letters > 0 && rest[letters..].starts_with("://")
    };
    match lead {
        _ if is_quoted => false,
        Lead::Set => false,
        Lead::Colon => [":", "//", "{", "map["]
            .iter()
            .any(|start| rest.starts_with(start)),
        Lead::Sentence => rest.starts_with(['/', '{', '[', '(', '<']) || scheme(),
        Lead::Field => rest.starts_with('{'),
        Lead::Flag => rest.starts_with(['-', '(', '[', '<']),
    }
}

/// Whether a value is rather a word of the text around it.
fn is_word(
    before: &str,
    named: &str,
    value: &str,
    after: &str,
    is_quoted: bool,
    lead: Lead,
) -> bool {
    if stands_in(value) {
        return true;
    }
    let word = word_before(before, before.len());
    // `signature: crypto/rsa: verification error` goes on, too.
    let next = after.strip_prefix(':').unwrap_or(after);
    let goes_on = next.starts_with([' ', '\t'])
        && next
            .trim_start_matches([' ', '\t'])
            .starts_with(|c: char| c.is_alphanumeric() || "\"'“`(".contains(c));
    let lettered = value
        .chars()
        .all(|c| c.is_alphabetic() || "-'._/".contains(c));
    let digits = value.bytes().take_while(u8::is_ascii_digit).count();
    let is_number = digits == value.len();
    match lead {
        // The folder that a shell is in.
        Lead::Set => {
            let name = named.trim_end_matches('=');
            name.eq_ignore_ascii_case("pwd") && value.starts_with('/')
        }
        _ if is_quoted => false,
        Lead::Colon => {
            let is_port = (2..=5).contains(&digits)
                && (value[digits..].starts_with('/') || is_number && after.starts_with(':'));
            // Hosts and images are called `token` or `secret`: `registry/token:v3`, `token:1.2.3`, `token:8080/v1`.
            let is_password = ["pass", "pwd", "_pass", "-pass"]
                .iter()
                .any(|start| starts_with(named, start));
            !is_password && (word.contains('/') || is_port || is_version(value))
        }
        Lead::Sentence => {
            // `Unexpected token: …` is what parsers say; a status of HTTP is followed by its name.
            ends_with_unexpected(before)
                || lettered && (goes_on || is_code(value))
                || word.contains('/') && (lettered || is_number)
                || is_number && digits == 3 && goes_on
                || ["Error", "Exception"]
                    .iter()
                    .any(|end| lettered && value.ends_with(end))
        }
        Lead::Field => lettered || is_number && goes_on,
        // `--token TOKEN` is a manual.
        Lead::Flag => lettered && (goes_on || super::names_secret(value)),
    }
}

fn ends_with_unexpected(before: &str) -> bool {
    const UNEXPECTED: &str = "unexpected ";
    let from = before.len().checked_sub(UNEXPECTED.len());
    let end = from.and_then(|from| before.get(from..));
    end.is_some_and(|end| end.eq_ignore_ascii_case(UNEXPECTED))
}

fn starts_with(text: &str, start: &str) -> bool {
    text.get(..start.len())
        .is_some_and(|text| text.eq_ignore_ascii_case(start))
}

fn is_state(word: &str) -> bool {
    STATES.iter().any(|state| state.eq_ignore_ascii_case(word))
}

/// What OAuth answers: `invalid_grant`, `access_denied`.
fn is_code(value: &str) -> bool {
    value
        .split_once('_')
        .is_some_and(|(first, last)| is_state(first) || is_state(last))
}

fn is_version(value: &str) -> bool {
    let number = value.strip_prefix('v').unwrap_or(value);
    let (numbers, _) = number.split_once('-').unwrap_or((number, ""));
    numbers.contains('.')
        && numbers
            .split('.')
            .all(|part| (1..=4).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether this only stands where a secret would: nothing, a word that says so, a variable, asterisks.
pub(super) fn stands_in(value: &str) -> bool {
    let is_variable =
        |name: &str| !name.is_empty() && name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_');
    let first = value.chars().next();
    value.starts_with(REDACTED)
        || !value.chars().any(char::is_alphanumeric)
        || ["$(", "${", "{{", "%("].iter().any(|s| value.starts_with(s))
        || value.strip_prefix('$').is_some_and(is_variable)
        || value.len() > 2 && value.chars().all(|c| Some(c) == first && "xX".contains(c))
        || value.starts_with('<') && value.ends_with('>')
        || is_state(value)
        // Names of errors in C: `EACCES`.
        || value.len() > 3 && value.starts_with('E') && value.bytes().all(|b| b.is_ascii_uppercase())
}
