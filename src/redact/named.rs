//! Secrets that are known by the name before them: `password=…`, `"token": "…"`, `--api-key …`.
use super::{REDACTED, value::Lead};
use regex::{Captures, Regex};
use std::sync::LazyLock;

/// Ends of names that hold secrets.
const NAMES: &str = r"password|passwd|passphrase|pwd|[_-]pass|secret|token|api[_-]?key|access[_-]?key(?:[_-]?id)?|secret[_-]?key(?:[_-]?base)?|private[_-]?key|signing[_-]?key|encryption[_-]?key|account[_-]?key|auth[_-]?key|master[_-]?key|credentials?|authorization|signature|[?&]sig|requirepass|masterauth";

/// A name, and what leads from it to its value.
static NAMED: LazyLock<Regex> = LazyLock::new(|| {
    compiled(&format!(
        r#"(?i)(?:{NAMES})[0-9]?(?:(?:\\*["'`]\]?)?(?P<set>[ \t]*(?::=|=>)[ \t]*|=|[ \t]+=[ \t]+)|(?P<quote>\\*["'`]\]?)?(?P<colon>[ \t]?:[ \t]*)|(?P<comma>\\*["'][ \t]*,[ \t]*)|(?P<blank>[ \t]+))"#
    ))
});
static NAME: LazyLock<Regex> = LazyLock::new(|| compiled(&format!("(?i)(?:{NAMES})[0-9]?$")));

fn compiled(pattern: &str) -> Regex {
    #[expect(clippy::expect_used, reason = "constants; the tests compile them")]
    Regex::new(pattern).expect("the expression is valid")
}

/// Whether a name (of a variable, a field, an annotation) is one that holds secrets.
pub fn names_secret(name: &str) -> bool {
    NAME.is_match(name)
}

/// The words of a command line, each without secrets; also the word after a flag such as `--password`.
pub fn redact_words<'w>(words: impl IntoIterator<Item = &'w String>) -> Vec<String> {
    let mut after_flag = false;
    let clean = |word: &String| {
        let is_flag = word.starts_with('-');
        let is_value = std::mem::replace(&mut after_flag, is_flag && names_secret(word));
        if is_value && !is_flag && !super::value::stands_in(word) {
            REDACTED.to_owned()
        } else {
            super::redact(word).into_owned()
        }
    };
    words.into_iter().map(clean).collect()
}

/// The text without named secrets; `None` when there are none.
pub(super) fn redact(text: &str) -> Option<String> {
    let mut clean: Option<String> = None;
    let (mut from, mut done) = (0, 0);
    while let Some(found) = NAMED.captures_at(text, from) {
        let Some(whole) = found.get(0) else { break };
        from = whole.end();
        let Some(lead) = lead(text, whole.start(), &found) else {
            continue;
        };
        // What stays is read on from: a secret may stand inside.
        let Some(secret) = super::value::find(text, whole.range(), lead) else {
            continue;
        };
        let out = clean.get_or_insert_with(String::new);
        out.push_str(&text[done..secret.start]);
        out.push_str(REDACTED);
        (done, from) = (secret.end, secret.end);
    }
    clean.map(|out| out + &text[done..])
}

/// How the value is led to; `None` for a name that has none.
fn lead(text: &str, at: usize, found: &Captures<'_>) -> Option<Lead> {
    if found.name("set").is_some() {
        return Some(Lead::Set);
    }
    if let Some(colon) = found.name("colon") {
        let spaced = colon.as_str().ends_with([' ', '\t']);
        return Some(match found.name("quote") {
            Some(_) => Lead::Field,
            None if spaced => Lead::Sentence,
            None => Lead::Colon,
        });
    }
    let word = word_before(text, at);
    let is_flag = word.starts_with('-') || word.is_empty() && text[at..].starts_with('-');
    is_flag.then_some(if found.name("comma").is_some() {
        Lead::Set
    } else {
        Lead::Flag
    })
}

/// The word that ends here, as far as it matters.
pub(super) fn word_before(text: &str, at: usize) -> &str {
    let begin = text[..at]
        .char_indices()
        .rev()
        .take(64)
        .take_while(|(_, c)| c.is_alphanumeric() || "-_./".contains(*c))
        .last()
        .map_or(at, |(index, _)| index);
    &text[begin..at]
}
