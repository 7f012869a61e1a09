//! The direction of dependencies, read from the sources: what a part may name of the others, and what it may not.
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Words of the world outside: what has them does not give the same answer to the same question.
const OUTSIDE: &[&str] = &[
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
];
/// What has none of them, and why.
const PURE: &[(&str, &str)] = &[
    (
        "src/domain",
        "the domain is pure: no input or output, no clock, no async",
    ),
    (
        "src/chart",
        "a picture is a pure function of the domain's data",
    ),
];

/// The parts of the product.
const PARTS: &[&str] = &[
    "app",
    "chart",
    "check",
    "cli",
    "cluster",
    "config",
    "domain",
    "engine",
    "forecaster",
    "http",
    "ports",
    "sim",
    "slack",
    "store",
    "telemetry",
    "usage",
    "wire",
];
/// A part, what of the others it may name, and why nothing else.
const MAY_NAME: &[(&str, &[&str], &str)] = &[
    ("domain", &[], "the domain knows nobody"),
    (
        "chart",
        &["domain"],
        "a picture is a pure function of the domain's data",
    ),
    ("ports", &["domain"], "ports know the domain only"),
    ("wire", &[], "an exchange knows nothing of who makes it"),
    (
        "engine",
        &["domain", "ports", "store", "telemetry"],
        "the engine sees the outside through ports",
    ),
    (
        "forecaster",
        &["domain", "ports", "store", "telemetry"],
        "the forecaster sees the outside through ports",
    ),
    (
        "cluster",
        &["domain", "ports"],
        "adapters do not know each other",
    ),
    (
        "slack",
        &["chart", "domain", "ports", "wire"],
        "adapters do not know each other",
    ),
    (
        "store",
        &["domain", "ports"],
        "adapters do not know each other",
    ),
    (
        "usage",
        &["domain", "ports", "wire"],
        "adapters do not know each other",
    ),
    (
        "http",
        &["domain", "ports", "slack"],
        "adapters do not know each other",
    ),
    ("sim", &[], "the playground is a peer, not a part"),
];
/// Nothing but these may know that a simulation exists.
const MAY_PLAY: &[&str] = &["src/sim", "src/demo", "src/bench"];

/// The product's text of a file, line for line: comments are empty lines, and everything from the first test module on is left
/// out. (A test module in a file of its own is only announced: the product goes on behind it.)
fn product(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    lines.truncate(tests.unwrap_or(lines.len()));
    for line in &mut lines {
        if line.trim_start().starts_with("//") {
            *line = "";
        }
    }
    lines.join("\n")
}

/// The parts that a text names, with their lines: `crate::part`, also from within `use crate::{…}`.
fn parts(text: &str) -> Vec<(usize, &str)> {
    const CRATE: &str = "crate::";
    let mut found = Vec::new();
    for (at, _) in text.match_indices(CRATE) {
        let (mut depth, mut begins) = (0, true);
        for (place, letter) in text[at + CRATE.len()..].char_indices() {
            let place = at + CRATE.len() + place;
            match letter {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if begins && depth <= 1 && (letter.is_alphanumeric() || letter == '_') {
                let end = text[place..].find(|c: char| !c.is_alphanumeric() && c != '_');
                let end = end.map_or(text.len(), |end| place + end);
                found.push((text[..place].matches('\n').count(), &text[place..end]));
            }
            begins = letter == '{' || letter == ',' || (begins && letter.is_whitespace());
            if depth <= 0 {
                break;
            }
        }
    }
    found
}

fn sources(place: &Path, found: &mut Vec<PathBuf>) {
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

/// The product's texts at a place, with their paths.
fn texts(place: &str) -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    sources(&root.join(place), &mut files);
    let text = |file: &PathBuf| {
        let path = file.strip_prefix(root).unwrap().display().to_string();
        (path, product(&fs::read_to_string(file).unwrap()))
    };
    files.iter().map(text).collect()
}

/// Where one of these words occurs.
fn offences(place: &str, words: &[&str]) -> Vec<String> {
    let texts = texts(place);
    assert!(!texts.is_empty(), "{place} is there");
    let mut found = Vec::new();
    for (file, text) in texts {
        for (number, line) in text.lines().enumerate() {
            if let Some(word) = words.iter().find(|word| line.contains(**word)) {
                found.push(format!("{file}:{}: {word}", number + 1));
            }
        }
    }
    found
}

/// Where a part names another that it may not name.
fn strangers(part: &str, may: &[&str]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let places = [format!("src/{part}.rs"), format!("src/{part}")];
    let places = places.iter().filter(|place| root.join(place).exists());
    let texts: Vec<_> = places.flat_map(|place| texts(place)).collect();
    assert!(!texts.is_empty(), "{part} is there");
    let mut found = Vec::new();
    for (file, text) in texts {
        for (number, name) in parts(&text) {
            if PARTS.contains(&name) && name != part && !may.contains(&name) {
                found.push(format!("{file}:{}: {name}", number + 1));
            }
        }
    }
    found
}

#[test]
fn what_is_pure_does_not_name_the_world_outside() {
    for (place, why) in PURE {
        let broken = offences(place, OUTSIDE);
        assert!(broken.is_empty(), "{why}:\n{}", broken.join("\n"));
    }
}

#[test]
fn dependencies_point_one_way() {
    let broken: Vec<String> = MAY_NAME
        .iter()
        .flat_map(|(part, may, why)| {
            let found = strangers(part, may).into_iter();
            found.map(move |at| format!("{at} ({why})"))
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
    assert!(!strangers("slack", &[]).is_empty());
    let text =
        "use crate::{\n    domain::text::{clip, slack},\n    wire,\n};\nlet a = crate::http::b;";
    assert_eq!(parts(text), [(1, "domain"), (2, "wire"), (4, "http")]);
    let file = "#[cfg(test)]\nmod tests;\n// no\nlet a;\n#[cfg(test)]\nmod more {\n}";
    assert_eq!(product(file), "#[cfg(test)]\nmod tests;\n\nlet a;");
}
