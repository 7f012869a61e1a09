//! What the written pages promise is what the code does.
use heal::domain::{action::actions_table, diagnosis::table::safety_table};
use std::fs;

fn page(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

#[test]
fn the_safety_page_shows_the_table_that_the_code_obeys() {
    let page = page("docs/SAFETY.md");
    let shown = section(&page, "## Which trouble allows what");
    assert_eq!(
        shown,
        safety_table().trim(),
        "this section of docs/SAFETY.md is what domain/diagnosis/table.rs makes, and nothing else"
    );
}

/// What stands between this heading and the next one of its kind.
fn section<'p>(page: &'p str, heading: &str) -> &'p str {
    let (_, rest) = page.split_once(&format!("\n{heading}\n")).unwrap();
    rest.split("\n## ").next().unwrap().trim()
}

#[test]
fn the_safety_page_tells_about_every_action() {
    let page = page("docs/SAFETY.md");
    let shown = section(&page, "## Every action");
    let rows = shown.lines().filter(|line| line.starts_with('|'));
    assert_eq!(
        rows.map(|row| format!("{row}\n")).collect::<String>(),
        actions_table(),
        "the table of docs/SAFETY.md is what domain/action/table.rs makes"
    );
}

#[test]
fn the_readme_has_the_two_commands() {
    let readme = page("README.md");
    assert!(readme.contains("cargo run --release -- demo"));
    assert!(readme.contains("\ncargo test --locked\n"));
    assert!(
        page(".ci/run").contains("\ncargo test --locked\n"),
        "CI calls the very command of the README"
    );
}

#[test]
fn pictures_and_pages_that_the_readme_names_exist() {
    let readme = page("README.md");
    let links = readme
        .split("](")
        .skip(1)
        .map(|part| part.split([')', '#']).next());
    let pictures = readme.split("src").skip(1).filter_map(|part| {
        let part = part.strip_prefix("set").unwrap_or(part);
        part.strip_prefix("=\"").map(|part| part.split('"').next())
    });
    for target in links.chain(pictures).flatten() {
        if !target.is_empty() && !target.contains("://") {
            let path = format!("{}/{target}", env!("CARGO_MANIFEST_DIR"));
            assert!(
                fs::exists(&path).unwrap(),
                "the README names {target}, which is not there"
            );
        }
    }
}
