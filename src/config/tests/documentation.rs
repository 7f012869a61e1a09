//! docs/CONFIGURATION.md says what the code reads.
use super::*;

const PAGE: &str = include_str!("../../../docs/CONFIGURATION.md");

/// What the code reads: key and default. The path of a rule is `approvers.…`.
fn known() -> Vec<(String, String)> {
    let mut findings = Findings::default();
    let root = parse_toml(MINIMAL).unwrap();
    read(&mut findings, MINIMAL, &root, &env, &no_file);
    findings.known
}

/// What the page's tables say: the first two columns.
fn documented() -> Vec<(String, String)> {
    PAGE.lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|row| {
            let (key, rest) = row.split_once("` | ")?;
            let default = rest.split(" | ").next()?.trim_matches('`');
            Some((
                key.to_owned(),
                if default == "–" || default == "required" {
                    String::new()
                } else {
                    default.to_owned()
                },
            ))
        })
        .filter(|(key, _)| !key.starts_with(char::is_uppercase))
        .collect()
}

#[test]
fn every_key_is_on_the_page_with_its_default_and_no_other() {
    let (mut code, mut page) = (known(), documented());
    code.sort();
    code.dedup();
    page.sort();
    assert_eq!(page, code);
}

#[test]
fn every_variable_is_on_the_page() {
    for name in [
        crate::config::secrets::BOT_TOKEN,
        crate::config::secrets::SIGNING_SECRET,
        crate::config::secrets::SIGNING_SECRET_PREVIOUS,
        crate::config::forecast::TOKEN,
        crate::config::forecast::PASSWORD,
    ] {
        assert!(PAGE.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn the_complete_example_sets_every_key_and_loads() {
    let example = PAGE
        .split("```toml\n")
        .nth(1)
        .and_then(|rest| rest.split("```").next())
        .unwrap();
    let config = Config::parse(example, &|_| None, &|path| {
        Ok(if path.ends_with("bot-token") {
            TOKEN
        } else {
            HEX_SECRET
        }
        .to_owned())
    })
    .unwrap();
    assert_eq!(config.warnings, []);
    for (key, _) in known() {
        let name = key.rsplit('.').next().unwrap();
        assert!(
            example.lines().any(|line| line
                .trim_start_matches("# ")
                .starts_with(&format!("{name} = "))),
            "{key}"
        );
    }
}
