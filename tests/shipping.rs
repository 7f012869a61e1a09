//! What the image is made of is there, and it runs as the manifests expect. (Whether it can be built needs a container daemon.)
use std::{collections::BTreeSet, fs, path::Path};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// The instructions of the Dockerfile: word and rest, continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let joined = read("Dockerfile").replace("\\\n", " ");
    joined
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (word, rest) = line.split_once(' ').unwrap();
            (word.to_owned(), rest.trim().to_owned())
        })
        .collect()
}

/// The values of an instruction.
fn all(word: &str) -> Vec<String> {
    instructions()
        .into_iter()
        .filter(|(instruction, _)| instruction == word)
        .map(|(_, rest)| rest)
        .collect()
}

/// What the build takes from the repository: the sources of `COPY` without `--from`.
fn copied() -> BTreeSet<String> {
    all("COPY")
        .iter()
        .filter(|rest| !rest.starts_with("--from"))
        .flat_map(|rest| {
            let mut words: Vec<String> = rest.split_whitespace().map(str::to_owned).collect();
            words.pop();
            words
        })
        .collect()
}

#[test]
fn what_the_image_copies_exists_and_is_let_into_the_build() {
    let ignore = read(".dockerignore");
    let admitted: BTreeSet<String> = ignore
        .lines()
        .filter_map(|line| line.strip_prefix('!'))
        .map(str::to_owned)
        .collect();
    assert!(ignore.lines().any(|line| line == "*"), "all else stays out");
    assert_eq!(copied(), admitted);
    for path in copied() {
        assert!(root().join(&path).exists(), "{path} is not there");
    }
}

#[test]
fn the_program_includes_no_file_that_the_image_does_not_copy() {
    let mut checked = 0;
    for file in sources(&root().join("src")) {
        let text = fs::read_to_string(&file).unwrap();
        // Tests include pages and manifests; they are not built into the image.
        if file.ends_with("tests.rs") || file.iter().any(|part| part == "tests") {
            continue;
        }
        for part in ["include_str!(\"", "include_bytes!(\""]
            .iter()
            .flat_map(|start| text.split(start).skip(1))
        {
            let named = part.split('"').next().unwrap();
            let found = fs::canonicalize(file.parent().unwrap().join(named)).unwrap();
            let inside = found
                .strip_prefix(fs::canonicalize(root()).unwrap())
                .unwrap();
            let top = inside.iter().next().unwrap().to_str().unwrap();
            assert!(
                copied().contains(top),
                "{} includes {named}",
                file.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 0, "the demo's page is included");
}

fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn the_image_runs_the_binary_that_was_built_as_nobody_in_particular() {
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let binary = manifest["bin"][0]["name"].as_str().unwrap();
    let built = format!("cargo build --locked --release --bin {binary}");
    assert!(all("RUN").last().unwrap().contains(&built));
    assert!(
        all("COPY")
            .iter()
            .any(|rest| rest.ends_with(&format!("/target/release/{binary} /{binary}")))
    );
    assert_eq!(all("ENTRYPOINT"), [format!("[\"/{binary}\"]")]);
    // A number: a name cannot be checked by `runAsNonRoot`.
    let user = all("USER").pop().unwrap();
    let number: u32 = user.split(':').next().unwrap().parse().unwrap();
    assert_ne!(number, 0);
    let deployment = read("manifests/deployment.yaml");
    assert!(deployment.contains("runAsNonRoot: true"));
    assert!(deployment.contains(&format!("runAsUser: {number}\n")));
    let port = all("EXPOSE").pop().unwrap();
    assert!(deployment.contains(&format!("containerPort: {port}\n")));
}

#[test]
fn the_image_is_built_with_a_compiler_that_is_new_enough() {
    let manifest: toml::Value = toml::from_str(&read("Cargo.toml")).unwrap();
    let wanted = minor(manifest["package"]["rust-version"].as_str().unwrap());
    let from = &all("FROM")[0];
    let used = from.strip_prefix("rust:1.").unwrap();
    let used: u32 = used.split(['-', '.']).next().unwrap().parse().unwrap();
    assert!(used >= wanted, "{from} is older than 1.{wanted}");
}

fn minor(version: &str) -> u32 {
    version.split('.').nth(1).unwrap().parse().unwrap()
}
