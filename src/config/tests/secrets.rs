//! Secrets: where they come from, and that nothing shows them.
use super::*;

fn load(lines: &str, vars: &[(&str, &str)], files: &[(&str, &str)]) -> Result<Config, Problems> {
    let text = MINIMAL.replace("channel =", &format!("{lines}\nchannel ="));
    let env = |name: &str| {
        vars.iter()
            .find(|(var, _)| *var == name)
            .map(|(_, value)| (*value).to_owned())
    };
    let read = |path: &Path| {
        files
            .iter()
            .find(|(file, _)| Path::new(file) == path)
            .map(|(_, text)| (*text).to_owned())
            .ok_or_else(|| io::ErrorKind::NotFound.into())
    };
    Config::parse(&text, &env, &read)
}

#[test]
fn they_come_from_files_with_the_line_break_taken_off() {
    let config = load(
        "bot_token_file = \"/s/token\"\nsigning_secret_file = \"/s/sign\"\nsigning_secret_previous_file = \"/s/old\"",
        &[],
        &[("/s/token", "xoxb-1\n"), ("/s/sign", "  8f742231b10e8888abcd99aabbcc85a5\r\n"), ("/s/old", "old")],
    )
    .unwrap();
    assert_eq!(config.slack.bot_token.expose_secret(), "xoxb-1");
    let signing: Vec<&str> = config
        .slack
        .signing_secrets
        .iter()
        .map(ExposeSecret::expose_secret)
        .collect();
    assert_eq!(signing, [HEX_SECRET, "old"]);
}

#[test]
fn a_secret_that_cannot_be_one_is_refused_without_being_repeated() {
    let refuse = |vars: &[(&str, &str)]| load("", vars, &[]).unwrap_err().to_string();
    insta::assert_snapshot!(refuse(&[]), @r#"
    SLACK_BOT_TOKEN is not set, and slack.bot_token_file names no file
      → set it to the Bot User OAuth Token (xoxb-…) from OAuth & Permissions
    SLACK_SIGNING_SECRET is not set, and slack.signing_secret_file names no file
      → set it to the Signing Secret from Basic Information › App Credentials
    "#);
    insta::assert_snapshot!(refuse(&[("SLACK_BOT_TOKEN", "xoxp-user-token"), ("SLACK_SIGNING_SECRET", " \n")]), @r#"
    SLACK_SIGNING_SECRET is empty
      → the secret as it was given, and nothing else
    SLACK_BOT_TOKEN is no bot token: those begin with xoxb-
      → the Bot User OAuth Token from OAuth & Permissions; neither a user's nor an app-level token
    "#);
    insta::assert_snapshot!(refuse(&[("SLACK_BOT_TOKEN", "xoxb-replace-me"), ("SLACK_SIGNING_SECRET", "two words"), ("SLACK_SIGNING_SECRET_PREVIOUS", "")]), @r#"
    SLACK_BOT_TOKEN is still the placeholder of the example
      → the secret as it was given, and nothing else
    SLACK_SIGNING_SECRET has spaces or line breaks inside
      → the secret as it was given, and nothing else
    SLACK_SIGNING_SECRET_PREVIOUS is empty
      → the secret as it was given, and nothing else
    "#);
}

#[test]
fn a_secret_that_is_given_twice_is_refused() {
    let text = load(
        "bot_token_file = \"/s/token\"",
        &[
            ("SLACK_BOT_TOKEN", "xoxb-1"),
            ("SLACK_SIGNING_SECRET", HEX_SECRET),
        ],
        &[("/s/token", "xoxb-2")],
    )
    .unwrap_err()
    .to_string();
    insta::assert_snapshot!(text, @r#"
    line 4: slack.bot_token_file is given, and SLACK_BOT_TOKEN is set too
      → only one of them, so that nobody has to guess which one counts
    "#);
}

#[test]
fn a_file_that_cannot_be_read_is_named_once() {
    let text = load(
        "bot_token_file = \"/s/gone\"",
        &[("SLACK_SIGNING_SECRET", HEX_SECRET)],
        &[],
    )
    .unwrap_err()
    .to_string();
    insta::assert_snapshot!(text, @r#"
    line 4: slack.bot_token_file names a file that cannot be read: entity not found
      → a file that Heal's user may read
    "#);
}

#[test]
fn a_signing_secret_of_another_form_is_only_a_warning() {
    let config = load(
        "",
        &[("SLACK_BOT_TOKEN", TOKEN), ("SLACK_SIGNING_SECRET", SECRET)],
        &[],
    )
    .unwrap();
    assert_eq!(config.warnings.len(), 1);
    assert!(!config.warnings[0].to_string().contains(SECRET));
}

#[test]
fn debug_shows_none() {
    let config = parse(MINIMAL).unwrap();
    let shown = format!("{config:?} {config:#?}");
    assert!(shown.contains("prod-eu"));
    for secret in [TOKEN, HEX_SECRET, "xoxb", "8f74"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}
