//! Probes.
use crate::domain::{diagnosis::testkit::*, family::Family, view::ProbeSpec};

fn http(port: &str) -> ProbeSpec {
    ProbeSpec {
        kind: "http".into(),
        port: Some(port.into()),
        path: Some("/healthz".into()),
        period: 10,
        timeout: 1,
        failures: 3,
        ..ProbeSpec::default()
    }
}

fn not_ready(text: &str) -> World {
    World::deployment(Family::Probe)
        .pod(|pod| pod.containers[0].probed = true)
        .spec(|spec| spec.readiness = Some(http("8080")))
        .event("Unhealthy", text)
}

fn killed(text: &str, port: &str) -> World {
    World::deployment(Family::Crash)
        .crash_loop("Error", 137)
        .spec(|spec| spec.liveness = Some(http(port)))
        .event("Unhealthy", text)
        .event(
            "Killing",
            "Container app failed liveness probe, will be restarted",
        )
}

#[test]
fn probe_failures_are_told_apart_by_the_words_of_the_kubelet() {
    let rows = [
        (
            "Readiness probe errored and resulted in unknown state: rpc error: code = Unknown desc = failed to exec in container: exec: \"curl\": executable file not found in $PATH: unknown",
            "probe.exec_binary_missing",
        ),
        (
            "Readiness probe failed: Get \"http://172.20.2.169:5050/\": net/http: HTTP/1.x transport connection broken: malformed HTTP response \"\\x00\\x00\"",
            "probe.protocol_mismatch",
        ),
        (
            "Readiness probe failed: error: this server does not implement the grpc health protocol (grpc.health.v1.Health): unknown service",
            "probe.protocol_mismatch",
        ),
        (
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            "probe.http_status",
        ),
        (
            "Readiness probe failed: Get \"http://10.0.0.1:8080/\": context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "probe.timeout",
        ),
        (
            "Readiness probe failed: command timed out: \"sh -c x\" timed out after 1s",
            "probe.timeout",
        ),
        (
            "Readiness probe failed: Get \"http://10.0.0.1:8080/\": dial tcp 10.0.0.1:8080: connect: connection refused",
            "probe.refused",
        ),
        (
            "Readiness probe failed: cat: can't open '/tmp/ready': No such file or directory",
            "probe.exec_failed",
        ),
        ("Readiness probe failed: ", "probe.exec_failed"),
    ];
    for (text, signature) in rows {
        assert_eq!(not_ready(text).diagnose().signature, signature, "{text}");
    }
}

#[test]
fn a_probe_on_a_port_that_nobody_listens_on_names_the_right_one() {
    let world = killed(
        "Liveness probe failed: Get \"http://10.0.0.9:9090/healthz\": dial tcp 10.0.0.9:9090: connect: connection refused",
        "9090",
    )
    .spec(|spec| spec.readiness = Some(http("8080")))
    .revisions(&["containers[app].livenessProbe.httpGet.port: 9090 → 8080"]);
    insta::assert_snapshot!(world.told(), @r#"
        probe.port_mismatch Major 0.93: is restarted by its probe
        The liveness probe of container app asks port 9090, where nobody listens. Kubernetes ends the container for it, again and again.
        - Container app of pod checkout-new-1: exit code 137, reason Error, 4 restarts, 3 s after its start
        - the kubelet says:
            Liveness probe failed: Get "http://10.0.0.9:9090/healthz": dial tcp 10.0.0.9:9090: connect: connection refused
        - liveness probe: http /healthz on port 9090, every 10 s, timeout 1 s, 3 failures
        - the container declares port 8080
        - its readiness probe asks port 8080
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > Port 8080 is probably the right one for the probe.
        "#);
}

#[test]
fn a_path_that_does_not_exist_is_rolled_back() {
    let world = not_ready("Readiness probe failed: HTTP probe failed with statuscode: 404")
        .revisions(&["containers[app].readinessProbe.httpGet.path: /healthz → /health"]);
    insta::assert_snapshot!(world.told(), @r"
        probe.http_status Major 0.92: fails its probe
        The readiness probe of container app is answered with HTTP 404 for /healthz. It runs and gets no traffic.
        - the kubelet says:
            Readiness probe failed: HTTP probe failed with statuscode: 404
        - readiness probe: http /healthz on port 8080, every 10 s, timeout 1 s, 3 failures
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > The path does not exist: correct it in the probe.
        ");
}

#[test]
fn too_little_patience_is_shown_as_arithmetic() {
    let world = killed(
        "Liveness probe failed: Get \"http://10.0.0.9:8080/\": dial tcp 10.0.0.9:8080: connect: connection refused",
        "8080",
    )
    .spec(|spec| {
        spec.liveness = Some(ProbeSpec {
            period: 1,
            failures: 1,
            initial_delay: 3,
            ..http("8080")
        });
    });
    insta::assert_snapshot!(world.told(), @r#"
        probe.too_aggressive Critical 0.88: is restarted by its probe
        The liveness probe of container app gives the container 4 s to start (3 s delay + 1 × 1 s), and it needs longer. Kubernetes ends the container for it, again and again.
        - Container app of pod checkout-new-1: exit code 137, reason Error, 4 restarts, 3 s after its start
        - the kubelet says:
            Liveness probe failed: Get "http://10.0.0.9:8080/": dial tcp 10.0.0.9:8080: connect: connection refused
        - liveness probe: http /healthz on port 8080, every 1 s, timeout 1 s, 1 failures
        > Add a startupProbe with a larger budget.
        "#);
}

#[test]
fn a_container_that_crashes_by_itself_is_not_blamed_on_its_probe() {
    let world = World::deployment(Family::Probe)
        .crash_loop("Error", 1)
        .log("panic: no license")
        .event(
            "Unhealthy",
            "Readiness probe failed: dial tcp 10.0.0.9:8080: connect: connection refused",
        );
    assert_eq!(world.diagnose().signature, "crash.app_exception");
}
