//! Takes secrets out of any text, so that no card, row, log line, error or report can carry one.
//!
//! Some secrets are known by their form (`forms`: tokens, keys, passwords in URLs), the others by the name that stands before
//! them (`named`: `password=…`). Whatever the cluster says passes here before anything else of Heal sees it. Two things must both
//! hold: a secret goes, and a sentence *about* a secret stays, because causes are read from such sentences.
mod forms;
mod named;
#[cfg(test)]
mod tests;
mod value;

pub use named::{names_secret, redact_words};

use std::borrow::Cow;

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// The text with [`REDACTED`] in place of every secret that can be recognised, in time proportional to its length.
pub fn redact(text: &str) -> Cow<'_, str> {
    let formed = forms::redact(text);
    match named::redact(&formed) {
        Some(clean) => Cow::Owned(clean),
        None => formed,
    }
}
