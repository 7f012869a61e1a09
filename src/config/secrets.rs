//! Secrets come from environment variables or from files, never from the configuration file: that one is shown, copied and
//! committed.
use super::{ReadEnv, ReadFile, reader::Section};
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;

/// The bot token.
pub const BOT_TOKEN: &str = "SLACK_BOT_TOKEN";
/// The signing secret.
pub const SIGNING_SECRET: &str = "SLACK_SIGNING_SECRET";
/// The signing secret of before a rotation: still accepted, for as long as it is given.
pub const SIGNING_SECRET_PREVIOUS: &str = "SLACK_SIGNING_SECRET_PREVIOUS";

/// What Slack gives to an app.
pub(super) struct Secrets {
    pub bot_token: SecretString,
    pub signing: Vec<SecretString>,
}

/// Reads the secrets; what is missing or wrong is recorded, without a value.
pub(super) fn read(
    section: &mut Section<'_, '_>,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> Secrets {
    let mut one = |variable, key| secret(section, variable, key, env, read_file);
    let bot_token = one(BOT_TOKEN, "bot_token_file");
    let signing = one(SIGNING_SECRET, "signing_secret_file");
    let previous = one(SIGNING_SECRET_PREVIOUS, "signing_secret_previous_file");

    match &bot_token {
        Found::Missing => section.findings().wrong(
            BOT_TOKEN,
            "is not set, and slack.bot_token_file names no file",
            "set it to the Bot User OAuth Token (xoxb-…) from OAuth & Permissions",
        ),
        Found::Secret(token) if !token.expose_secret().starts_with("xoxb-") => {
            section.findings().wrong(
                BOT_TOKEN,
                "is no bot token: those begin with xoxb-",
                "the Bot User OAuth Token from OAuth & Permissions; neither a user's nor an app-level token",
            );
        }
        Found::Secret(_) | Found::Wrong => {}
    }
    if let Found::Missing = signing {
        section.findings().wrong(
            SIGNING_SECRET,
            "is not set, and slack.signing_secret_file names no file",
            "set it to the Signing Secret from Basic Information › App Credentials",
        );
    }
    if let Found::Secret(secret) = &signing {
        let text = secret.expose_secret();
        if text.len() != 32 || !text.chars().all(|c| c.is_ascii_hexdigit()) {
            section.findings().warn(
                SIGNING_SECRET,
                "does not look like one of Slack's (32 hexadecimal digits): every request may be refused",
                "the Signing Secret from Basic Information, not the Client Secret or Verification Token",
            );
        }
    }
    Secrets {
        bot_token: bot_token.into_secret().unwrap_or_default(),
        signing: [signing, previous]
            .into_iter()
            .filter_map(Found::into_secret)
            .collect(),
    }
}

pub(super) enum Found {
    /// The secret.
    Secret(SecretString),
    /// Given nowhere.
    Missing,
    /// Already recorded.
    Wrong,
}

impl Found {
    fn into_secret(self) -> Option<SecretString> {
        match self {
            Found::Secret(secret) => Some(secret),
            Found::Missing | Found::Wrong => None,
        }
    }
}

/// One secret: from the environment or from the file that a key names.
pub(super) fn secret(
    section: &mut Section<'_, '_>,
    variable: &'static str,
    key: &'static str,
    env: ReadEnv<'_>,
    read_file: ReadFile<'_>,
) -> Found {
    let file = section.text(
        key,
        "",
        "a file that holds nothing but the secret",
        |path| !path.trim().is_empty(),
    );
    let (name, text) = match (env(variable), file) {
        (Some(_), Some(_)) => {
            section.wrong(
                key,
                &format!("is given, and {variable} is set too"),
                "only one of them, so that nobody has to guess which one counts",
            );
            return Found::Wrong;
        }
        (Some(text), None) => (variable.to_owned(), text),
        (None, Some(path)) => match read_file(Path::new(&path)) {
            Ok(text) => (section.path(key), text),
            Err(error) => {
                section.wrong(
                    key,
                    &format!("names a file that cannot be read: {error}"),
                    "a file that Heal's user may read",
                );
                return Found::Wrong;
            }
        },
        (None, None) if section.has(key) => return Found::Wrong,
        (None, None) => return Found::Missing,
    };
    // Files end in a line break, and so does what was pasted into a Secret.
    let text = text.trim();
    let wrong = if text.is_empty() {
        "is empty"
    } else if text.contains(|c: char| c.is_whitespace() || c.is_control()) {
        "has spaces or line breaks inside"
    } else if text.contains("replace-me") {
        "is still the placeholder of the example"
    } else {
        return Found::Secret(SecretString::from(text));
    };
    section
        .findings()
        .wrong(&name, wrong, "the secret as it was given, and nothing else");
    Found::Wrong
}
