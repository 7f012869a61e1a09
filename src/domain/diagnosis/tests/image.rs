//! Images that cannot be pulled.
use crate::domain::{diagnosis::testkit::*, family::Family};

pub(super) fn pull(message: &str) -> World {
    World::deployment(Family::Image).state(waiting("ImagePullBackOff", message))
}

#[test]
fn pull_errors_are_told_apart_in_the_wordings_of_all_runtimes() {
    let rows = [
        (
            r#"failed to pull and unpack image "r/a:1": no match for platform in manifest: not found"#,
            "image.arch_mismatch_manifest",
        ),
        (
            r#"no image found in image index for architecture "amd64", variant "", OS "linux""#,
            "image.arch_mismatch_manifest",
        ),
        (
            r#"failed to unpack image on snapshotter native: unexpected media type text/html for sha256:3f2f: not found"#,
            "image.media_type",
        ),
        (
            r#"media type "application/vnd.docker.distribution.manifest.v1+prettyjws" is no longer supported since containerd v2.0"#,
            "image.media_type",
        ),
        (
            "failed to resolve reference: no signatures",
            "image.media_type",
        ),
        (
            "pulling from host r failed with status code [manifests 1]: 429 Too Many Requests",
            "image.rate_limited",
        ),
        (
            "toomanyrequests: You have reached your unauthenticated pull rate limit.",
            "image.rate_limited",
        ),
        (
            "failed to authorize: failed to fetch anonymous token: unexpected status: 401 Unauthorized",
            "image.auth_denied",
        ),
        (
            "pull access denied, repository does not exist or may require authorization: authorization failed: no basic auth credentials",
            "image.auth_denied",
        ),
        (
            r#"tls: failed to verify certificate: x509: certificate signed by unknown authority"#,
            "image.tls",
        ),
        (
            "dial tcp: lookup no-such-registry.invalid on 10.255.255.53:53: no such host",
            "image.registry_dns",
        ),
        (
            "dial tcp 127.0.0.1:5999: connect: connection refused",
            "image.registry_unreachable",
        ),
        (
            "unexpected status from HEAD request to http://r/v2/a/manifests/1: 503 Service Unavailable",
            "image.registry_unreachable",
        ),
        (
            "failed to extract layer sha256:a: write /x: no space left on device",
            "image.disk_full_on_pull",
        ),
        (
            r#"failed to resolve image: r/a:bad: not found"#,
            "image.not_found",
        ),
        (
            "reading manifest bad in r/a: manifest unknown",
            "image.not_found",
        ),
        ("something else entirely", "image.pull_failed"),
    ];
    for (text, signature) in rows {
        assert_eq!(pull(text).diagnose().signature, signature, "{text}");
    }
}

#[test]
fn a_bad_tag_is_rolled_back_to_the_revision_whose_pods_still_run() {
    let world = pull(r#"Back-off pulling image "registry.example/checkout:2": ErrImagePull: registry.example/checkout:2: not found"#)
        .revisions(&["containers[app].image: registry.example/checkout:2 → registry.example/checkout:1"]);
    insta::assert_snapshot!(world.told(), @r#"
        image.not_found Major 0.95: cannot pull its image
        Container app cannot get image registry.example/checkout:2: the registry has no such tag or repository.
        - pod checkout-new-1 waits: ImagePullBackOff
        - the kubelet says:
            Back-off pulling image "registry.example/checkout:2": ErrImagePull: registry.example/checkout:2: not found
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > Push the tag, or correct the image reference.
        "#);
}

#[test]
fn an_undo_that_keeps_the_image_does_not_cure_a_pull() {
    let world = pull("r/a:bad: not found").revisions(&["containers[app].env.LEVEL: … → …"]);
    assert!(world.diagnose().candidates.is_empty());
}

#[test]
fn a_rate_limit_is_not_answered_with_more_pulls() {
    let world = pull("429 Too Many Requests").revisions(&["containers[app].image: a:2 → a:1"]);
    assert!(world.diagnose().candidates.is_empty());
}

#[test]
fn a_rollout_that_hangs_on_a_pull_is_a_matter_of_the_image() {
    let mut world = pull("r/a:bad: not found").revisions(&["containers[app].image: a:bad → a:1"]);
    world.family = Family::Rollout;
    let diagnosis = world.diagnose();
    assert_eq!(
        (diagnosis.signature.as_str(), diagnosis.family),
        ("image.not_found", Family::Image)
    );
    assert_eq!(diagnosis.candidates.len(), 1);
}
