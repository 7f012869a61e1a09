//! Images that the simulated registry has, and the texts of failing pulls.

use std::collections::BTreeMap;

/// An image: what it runs when the container names no command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Image {
    /// Argument vector, for example `["sh", "-c", "echo hello; sleep infinity"]`.
    pub entrypoint: Vec<String>,
    /// Files of the image: path to content.
    pub files: BTreeMap<String, String>,
}

impl Image {
    /// An image that runs a script of the mini shell.
    ///
    /// Three commands exist only here: `serve PORT` answers every HTTP path with 200 until SIGTERM, `leak RATE [START [MOST]]`
    /// grows by RATE MiB a second from START MiB and stays at MOST MiB, and `pagecache MIB` has read so much of files.
    pub fn script(script: impl Into<String>) -> Self {
        Self {
            entrypoint: vec!["sh".to_owned(), "-c".to_owned(), script.into()],
            files: BTreeMap::new(),
        }
    }
}

/// The reference with registry and tag: `busybox` becomes `docker.io/library/busybox:latest`.
pub(super) fn normalise(reference: &str) -> String {
    let (host, rest) = match reference.split_once('/') {
        Some((host, rest)) if host.contains('.') || host.contains(':') || host == "localhost" => {
            (host, rest.to_owned())
        }
        Some(_) => ("docker.io", reference.to_owned()),
        None => ("docker.io", format!("library/{reference}")),
    };
    let tagged = rest.contains(':') || rest.contains('@');
    if tagged {
        format!("{host}/{rest}")
    } else {
        format!("{host}/{rest}:latest")
    }
}

/// Why a reference is not one, if so: the text after `couldn't parse image name`.
pub(super) fn invalid_name(reference: &str) -> Option<String> {
    if reference.is_empty() || reference.contains(char::is_whitespace) {
        return Some("invalid reference format".to_owned());
    }
    // A first part with a capital letter is taken for a host.
    let is_upper = |text: &str| text.chars().any(|letter| letter.is_ascii_uppercase());
    let repository = match reference.split_once('/') {
        Some((host, rest))
            if host.contains(['.', ':']) || host == "localhost" || is_upper(host) =>
        {
            rest.to_owned()
        }
        Some(_) => reference.to_owned(),
        None => format!("library/{reference}"),
    };
    let repository = repository.split(':').next().unwrap_or("");
    is_upper(repository).then(|| {
        format!("invalid reference format: repository name ({repository}) must be lowercase")
    })
}

/// The text with which the container runtime refuses to pull; the reference decides the cause.
pub(super) fn pull_error(reference: &str) -> String {
    let full = normalise(reference);
    let (host, rest) = full.split_once('/').unwrap_or(("docker.io", &full));
    let (repository, tag) = rest.rsplit_once(':').unwrap_or((rest, "latest"));
    let manifest = format!("https://{host}/v2/{repository}/manifests/{tag}");
    let cause = if host.ends_with(".invalid") {
        format!(
            "failed to resolve image: failed to do request: Head \"{manifest}\": dial tcp: lookup {host} on \
             10.96.0.10:53: no such host"
        )
    } else if host.starts_with("127.0.0.1:") || host.starts_with("localhost:") {
        // No registry runs beside the simulation.
        format!(
            "failed to resolve image: failed to do request: Head \"{manifest}\": dial tcp {host}: connect: connection \
             refused"
        )
    } else if host.starts_with("private.") {
        "failed to resolve image: pull access denied, repository does not exist or may require authorization: \
         authorization failed: no basic auth credentials"
            .to_owned()
    } else if host.starts_with("ratelimited.") {
        format!(
            "failed to resolve image: unexpected status from HEAD request to {manifest}: 429 Too Many \
             Requests\ntoomanyrequests: You have reached your unauthenticated pull rate limit."
        )
    } else if host.starts_with("armonly.") {
        "no match for platform in manifest: not found".to_owned()
    } else {
        format!("failed to resolve image: {full}: not found")
    };
    format!("failed to pull and unpack image \"{full}\": {cause}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pull_errors_name_the_cause_that_the_reference_stands_for() {
        insta::assert_snapshot!(pull_error("busybox:nope"), @r#"failed to pull and unpack image "docker.io/library/busybox:nope": failed to resolve image: docker.io/library/busybox:nope: not found"#);
        insta::assert_snapshot!(pull_error("registry.invalid/app:1"), @r#"failed to pull and unpack image "registry.invalid/app:1": failed to resolve image: failed to do request: Head "https://registry.invalid/v2/app/manifests/1": dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host"#);
        insta::assert_snapshot!(pull_error("private.example/app:1"), @r#"failed to pull and unpack image "private.example/app:1": failed to resolve image: pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials"#);
        assert!(pull_error("ratelimited.example/a:1").contains("429 Too Many Requests"));
        assert!(
            pull_error("armonly.example/a:1")
                .ends_with("no match for platform in manifest: not found")
        );
        assert_eq!(
            invalid_name("shop/WEB:1").as_deref(),
            Some("invalid reference format: repository name (shop/WEB) must be lowercase")
        );
    }
}
