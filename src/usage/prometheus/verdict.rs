//! What is wrong with an answer, in words that help.
use super::answer::Answer;
use crate::{domain::text::clip, ports::UsageError, redact::redact};
use http::{HeaderMap, StatusCode, header};

/// What is wrong with an answer, if anything is.
pub(super) fn verdict(status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Option<UsageError> {
    let kind = headers.get(header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    if status.is_success() && kind.contains("html") {
        return Some(UsageError::Wrong(
            "a web page came instead of figures: is this Prometheus' own address, with its path?"
                .to_owned(),
        ));
    }
    if status.is_success() {
        return None;
    }
    let said = said(body);
    let with = |text: &str| {
        if said.is_empty() {
            text.to_owned()
        } else {
            format!("{text}: {said}")
        }
    };
    Some(match status.as_u16() {
        401 => UsageError::Refused(with("it wants other credentials (401)")),
        403 => UsageError::Refused(with("these credentials may not query it (403)")),
        404 => UsageError::Wrong(with("there is no query API at this address (404)")),
        300..400 => UsageError::Wrong(format!(
            "it redirects ({}), probably to a login page: is this its own address?",
            status.as_u16()
        )),
        413 => UsageError::TooMuch(with("the answer would be too large (413)")),
        400 | 422 if is_too_much(&said) => UsageError::TooMuch(said),
        400 | 422 => UsageError::Wrong(with("it does not take the query")),
        code => UsageError::Away(with(&format!("it failed ({code})"))),
    })
}

/// Prometheus and its relatives refuse what is too large in words of their own.
fn is_too_much(said: &str) -> bool {
    let said = said.to_lowercase();
    ["too many", "limit", "exceed", "maximum"]
        .iter()
        .any(|word| said.contains(word))
}

/// The service's own words, in one short line.
fn said(body: &[u8]) -> String {
    let text = match Answer::read(body, |_: serde::de::IgnoredAny| {}) {
        Ok(answer) => answer.error.unwrap_or_default(),
        Err(_) => String::from_utf8_lossy(&body[..body.len().min(2000)]).into_owned(),
    };
    if text.trim_start().starts_with('<') {
        return String::new();
    }
    let words: Vec<&str> = text.split_whitespace().collect();
    clip(&redact(&words.join(" ")), 200)
}

/// The series of an answer.
pub(super) fn series<'a, T: serde::Deserialize<'a>>(body: &'a [u8]) -> Result<Vec<T>, UsageError> {
    let mut all = Vec::new();
    each_series(body, |series| all.push(series))?;
    Ok(all)
}

/// The series of an answer, one after the other; after an error those that came do not count.
pub(super) fn each_series<'a, T: serde::Deserialize<'a>>(
    body: &'a [u8],
    each: impl FnMut(T),
) -> Result<(), UsageError> {
    let answer = Answer::read(body, each).map_err(|error| {
        UsageError::Wrong(format!("its answer is not that of the query API: {error}"))
    })?;
    if answer.status != "success" {
        let words = answer.error.unwrap_or_default();
        let text = format!(
            "it answered {}: {}",
            answer.error_type.unwrap_or_default(),
            clip(&redact(&words), 200)
        );
        return Err(if is_too_much(&words) {
            UsageError::TooMuch(text)
        } else {
            UsageError::Away(text)
        });
    }
    Ok(())
}
