//! Takes Slack credentials and bearer tokens out of any text, so that no log line, error or report can carry one.
use regex::Regex;
use std::{borrow::Cow, sync::LazyLock};

/// What stands in a secret's place.
pub const REDACTED: &str = "[redacted]";

/// Slack tokens (`xoxb-`, `xoxe.xoxp-`, `xapp-` …), incoming webhooks and response URLs (whoever has one can post), and
/// whatever follows `Bearer`.
static SECRETS: LazyLock<Regex> = LazyLock::new(|| {
    #[expect(
        clippy::expect_used,
        reason = "a constant; the tests below compile it"
    )]
    Regex::new(
        r"(?i)\bxox[a-z](?:\.xox[a-z])?-[a-z0-9%_-]+|\bxapp-[a-z0-9%_-]+|\bhooks\.slack(?:-gov)?\.com/[^\s\x22'<>|\\]+|\bbearer[ +:]+[a-z0-9._~+/=%-]+",
    )
    .expect("the expression is valid")
});

/// The text with [`REDACTED`] in place of every secret that can be recognised by its form.
pub fn redact(text: &str) -> Cow<'_, str> {
    SECRETS.replace_all(text, REDACTED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_webhooks_and_bearers_are_taken_out_wherever_they_stand() {
        for secret in [
            "xoxb-12345-67890-AbCdEf",
            "xoxp-1-2-3",
            "xoxe.xoxp-1-Mi0yLT",
            "xapp-1-A0123-456-abcdef",
            "https://hooks.slack.com/services/T000/B000/abcdefgh",
            "https://hooks.slack.com/actions/T000/1/abc?x=1",
            "Authorization: Bearer eyJhbGciOi.J9.x_y-z==",
            "authorization: bearer abc",
        ] {
            let line = format!("before {secret}, after");
            let clean = redact(&line);
            let rest = secret.rsplit(['-', '/', ' ']).next().unwrap_or_default();
            assert!(!clean.contains(rest), "{clean}");
            assert!(
                clean.starts_with("before ")
                    && clean.contains(REDACTED)
                    && clean.ends_with("after"),
                "{clean}"
            );
        }
    }

    #[test]
    fn ordinary_text_is_left_alone_and_what_follows_bearer_goes_even_there() {
        let text = "the bearer of this message; xox; hooks.slack.com; prefixoxb-1";
        assert!(matches!(
            redact("Deployment shop/checkout is crash-looping"),
            Cow::Borrowed(_)
        ));
        assert_eq!(
            redact(text),
            "the [redacted] this message; xox; hooks.slack.com; prefixoxb-1"
        );
    }
}
