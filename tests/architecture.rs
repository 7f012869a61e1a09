//! The direction of dependencies, read from the sources: what a module may not name.
use std::{fs, path::Path};

/// Where, and which words must not occur there, with the reason.
const RULES: &[(&str, &[&str], &str)] = &[
    (
        "src/domain",
        &[
            "kube::",
            "k8s_openapi",
            "axum",
            "reqwest",
            "rusqlite",
            "slack_morphism",
            "tokio",
            "::now()",
            "std::fs",
            "std::env",
            "tracing::",
        ],
        "the domain is pure: no input or output, no clock, no async",
    ),
    (
        "src/domain",
        &[
            "crate::engine",
            "crate::store",
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::ports",
            "crate::sim",
        ],
        "the domain knows nobody",
    ),
    (
        "src/chart",
        &[
            "kube::",
            "axum",
            "reqwest",
            "rusqlite",
            "slack_morphism",
            "tokio",
            "::now()",
            "std::fs",
            "std::env",
            "tracing::",
            "crate::engine",
            "crate::store",
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::ports",
            "crate::sim",
        ],
        "a picture is a pure function of the domain's data",
    ),
    (
        "src/ports.rs",
        &[
            "crate::engine",
            "crate::store",
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::sim",
        ],
        "ports know the domain only",
    ),
    (
        "src/ports",
        &[
            "crate::engine",
            "crate::store",
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::sim",
        ],
        "ports know the domain only",
    ),
    (
        "src/cluster",
        &[
            "crate::slack",
            "crate::http",
            "crate::engine",
            "crate::store",
        ],
        "adapters do not know each other",
    ),
    (
        "src/slack",
        &[
            "crate::cluster",
            "crate::http",
            "crate::engine",
            "crate::store",
        ],
        "adapters do not know each other",
    ),
    (
        "src/store",
        &[
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::engine",
        ],
        "adapters do not know each other",
    ),
    (
        "src/engine",
        &[
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::usage",
            "crate::forecaster",
        ],
        "the engine sees the outside through ports",
    ),
    (
        "src/forecaster",
        &[
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::usage",
            "crate::engine",
        ],
        "the forecaster sees the outside through ports",
    ),
    (
        "src/usage",
        &[
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::engine",
            "crate::store",
            "crate::forecaster",
        ],
        "adapters do not know each other",
    ),
    (
        "src/sim",
        &[
            "crate::domain",
            "crate::engine",
            "crate::cluster",
            "crate::slack",
            "crate::http",
            "crate::ports",
        ],
        "the playground is a peer, not a part",
    ),
    (
        "src/http.rs",
        &["crate::cluster", "crate::engine", "crate::store"],
        "adapters do not know each other",
    ),
];
/// Nothing but these may know that a simulation exists.
const MAY_PLAY: &[&str] = &["src/sim", "src/demo", "src/bench"];

/// The product's lines of a file with their numbers: comments and everything behind the first test module left out.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod ").unwrap_or(text.len());
    text[..end]
        .lines()
        .enumerate()
        .filter(|(_, line)| !line.trim_start().starts_with("//"))
}

fn sources(place: &Path, found: &mut Vec<std::path::PathBuf>) {
    if place.is_file() {
        return found.push(place.to_owned());
    }
    for entry in fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // Test modules in files of their own may use whatever helps.
        if path.is_dir() && name != "tests" {
            sources(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" && name != "testkit.rs" {
            found.push(path);
        }
    }
}

fn offences(place: &str, words: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join(place), &mut files);
    assert!(!files.is_empty(), "{place} is there");
    let mut found = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for (number, line) in code(&text) {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!(
                    "{}:{}: {word}",
                    file.strip_prefix(root).unwrap().display(),
                    number + 1
                ));
            }
        }
    }
    found
}

#[test]
fn dependencies_point_one_way() {
    let broken: Vec<String> = RULES
        .iter()
        .flat_map(|(place, words, why)| {
            offences(place, words)
                .into_iter()
                .map(move |at| format!("{at} ({why})"))
        })
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn only_the_playground_knows_that_there_is_one() {
    let broken: Vec<String> = offences("src", &["crate::sim", "sim::"])
        .into_iter()
        .filter(|at| !MAY_PLAY.iter().any(|place| at.starts_with(place)))
        .collect();
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn the_rules_would_notice_an_offence() {
    assert!(!offences("src/cluster", &["kube::"]).is_empty());
    assert!(!offences("src/demo", &["sim::"]).is_empty());
}
