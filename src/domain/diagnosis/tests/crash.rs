//! Programs that end.
use super::image::pull;
use crate::domain::{
    diagnosis::{OFFER_FROM, testkit::*},
    evidence::LogTail,
    family::Family,
    object::Kind,
    view::ContainerState,
};

pub(super) fn crash(code: i32, log: &str) -> World {
    World::deployment(Family::Crash)
        .crash_loop("Error", code)
        .log(log)
}

#[test]
fn crashes_are_told_apart_by_the_line_that_tells() {
    let rows = [
        (
            "Web server failed to start. Port 18888 was already in use.",
            "crash.port_in_use",
            "port 18888",
        ),
        (
            "listen tcp :8080: bind: address already in use",
            "crash.port_in_use",
            "port 8080",
        ),
        (
            "Error: listen EADDRINUSE: address already in use :::3000",
            "crash.port_in_use",
            "already in use",
        ),
        (
            "OSError: [Errno 28] No space left on device",
            "crash.disk_full",
            "disk",
        ),
        (
            r#"pods is forbidden: User "system:serviceaccount:ns:sa" cannot list resource "pods" in API group """#,
            "crash.rbac",
            "list pods",
        ),
        (
            "Environment variable DEPLOY_ENV is undefined",
            "crash.missing_env",
            "DEPLOY_ENV",
        ),
        (
            "KeyError: 'DATABASE_URL'",
            "crash.missing_env",
            "DATABASE_URL",
        ),
        (
            "Access denied for user 'ts'@'10.0.0.1' (using password: YES)",
            "crash.db_auth",
            "credentials",
        ),
        (
            r#"FATAL:  password authentication failed for user "app""#,
            "crash.db_auth",
            "credentials",
        ),
        (
            "x509: certificate has expired or is not yet valid: current time 2026-11-20 is after 2026-11-01",
            "crash.tls_cert",
            "expired",
        ),
        (
            "java.net.UnknownHostException: ts-x-service",
            "crash.dependency_dns",
            "ts-x-service",
        ),
        (
            "dial tcp: lookup memcom on 10.96.0.10:53: no such host",
            "crash.dependency_dns",
            "memcom",
        ),
        (
            "Error: getaddrinfo ENOTFOUND redis-master",
            "crash.dependency_dns",
            "redis-master",
        ),
        (
            "dial tcp 10.0.0.5:5432: connect: connection refused",
            "crash.dependency_refused",
            "10.0.0.5:5432",
        ),
        (
            "Error: connect ECONNREFUSED 10.1.2.3:6379",
            "crash.dependency_refused",
            "10.1.2.3:6379",
        ),
        (
            "nginx: [emerg] unknown directive \"lisen\" in /etc/nginx/nginx.conf:3",
            "crash.config_parse",
            "configuration",
        ),
        (
            "Fatal error: can't open the RDB file dump.rdb for reading: Permission denied",
            "crash.permission_denied_fs",
            "read or write",
        ),
        (
            "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
            "crash.heap",
            "heap",
        ),
        (
            "panic: cannot parse flag --workers",
            "crash.app_exception",
            "cannot parse flag",
        ),
        (
            "Traceback (most recent call last):",
            "crash.app_exception",
            "exception",
        ),
        (
            "2026-11-20 ERROR FATAL: no license",
            "crash.app_exception",
            "no license",
        ),
    ];
    for (line, signature, word) in rows {
        let diagnosis = crash(1, &format!("starting\n{line}")).diagnose();
        assert_eq!(diagnosis.signature, signature, "{line}");
        assert!(
            diagnosis.cause.contains(word),
            "{line}: {}",
            diagnosis.cause
        );
    }
}

#[test]
fn a_defect_after_a_complaint_about_a_dependency_is_what_ended_the_process() {
    let diagnosis = crash(
        2,
        "WARN cache: dial tcp 10.0.0.5:6379: connect: connection refused\nserving without cache\npanic: runtime error: index out of range [3] with length 3",
    )
    .diagnose();
    assert_eq!(diagnosis.signature, "crash.app_exception");
    let diagnosis = crash(
        2,
        "panic: dial tcp 10.0.0.5:6379: connect: connection refused",
    )
    .diagnose();
    assert_eq!(diagnosis.signature, "crash.dependency_refused");
}

#[test]
fn exit_codes_tell_what_no_line_does() {
    let rows = [
        (0, "Completed", "crash.exit_0"),
        (126, "Error", "crash.exit_126"),
        (127, "Error", "crash.exit_127"),
        (134, "Error", "crash.exit_134_abort"),
        (139, "Error", "crash.exit_139_segv"),
        (143, "Error", "crash.exit_143_term"),
        (137, "ContainerStatusUnknown", "crash.exit_137_unknown"),
        (3, "Error", "crash.backoff_generic"),
    ];
    for (code, reason, signature) in rows {
        let world = World::deployment(Family::Crash).crash_loop(reason, code);
        assert_eq!(world.diagnose().signature, signature);
    }
}

#[test]
fn a_crash_that_came_with_the_newest_revision_is_rolled_back() {
    let world = crash(1, "loading\nmigrating\nTraceback (most recent call last):\n  File \"main.py\", line 3\nValueError: bad input")
        .revisions(&["containers[app].image: checkout:2 → checkout:1"]);
    insta::assert_snapshot!(world.told(), @r#"
        crash.app_exception Major 0.92: is crash-looping
        Container app ends with exit code 1: “ValueError: bad input”.
        - Container app of pod checkout-new-1: exit code 1, reason Error, 4 restarts, 3 s after its start
        - last lines of app before it ended:
            loading
            migrating
            Traceback (most recent call last):
              File "main.py", line 3
            ValueError: bad input
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > The trace in its log names the place.
        "#);
}

#[test]
fn a_crash_without_a_newer_revision_offers_nothing() {
    let diagnosis = crash(1, "Traceback (most recent call last):").diagnose();
    assert!(diagnosis.candidates.is_empty());
    assert!(diagnosis.confidence < OFFER_FROM);
}

#[test]
fn a_revision_that_was_healthy_for_days_is_not_blamed() {
    let mut world = crash(1, "Traceback (most recent call last):").revisions(&["image: a → b"]);
    world.evidence.revisions[0].created = ago(300_000);
    world.evidence.revisions[0].seen_healthy = Some(ago(3_000));
    assert!(world.diagnose().candidates.is_empty());
}

#[test]
fn a_pull_that_fails_days_after_the_rollout_is_not_the_revisions_fault() {
    let days_later = |seen: Option<i64>| {
        let mut world = pull("r/a:2: not found").revisions(&["containers[app].image: a:2 → a:1"]);
        world.evidence.revisions[0].created = ago(300_000);
        world.evidence.revisions[0].seen_healthy = seen.map(ago);
        world.evidence.revisions[1].available = 0;
        world.evidence.revisions[1].seen_healthy = Some(ago(400_000));
        world.diagnose().candidates.len()
    };
    assert_eq!(days_later(Some(299_900)), 0);
    assert_eq!(days_later(None), 1);
}

#[test]
fn names_in_a_diff_are_not_taken_for_what_changed() {
    let offers = |line: &str| {
        let world = pull("r/a:2: not found").revisions(&[line]);
        world.diagnose().candidates.len()
    };
    assert_eq!(
        offers("containers[image-proxy].env[IMAGE].value: (hidden) → (none)"),
        0
    );
    assert_eq!(offers("containers[image-proxy].image: a:2 → a:1"), 1);
}

#[test]
fn the_mark_of_a_restart_is_no_change_to_go_back_from() {
    let world = crash(1, "panic: no license")
        .revisions(&["metadata.annotations.kubectl.kubernetes.io/restartedAt: b → a"]);
    assert!(world.diagnose().candidates.is_empty());
}

#[test]
fn an_old_revision_whose_pods_fail_as_well_is_no_way_back() {
    let world = crash(1, "Traceback (most recent call last):")
        .revisions(&["image: a → b"])
        .pod(|pod| {
            pod.template_hash = Some("old".into());
            pod.containers[0].state = waiting("CrashLoopBackOff", "");
        });
    assert!(world.diagnose().candidates.is_empty());
}

#[test]
fn a_dependency_that_is_down_is_not_cured_by_an_undo() {
    let world = crash(1, "dial tcp 10.0.0.5:5432: connect: connection refused")
        .revisions(&["containers[app].image: a → b"]);
    assert!(world.diagnose().candidates.is_empty());
    let moved = crash(1, "dial tcp 10.0.0.5:5432: connect: connection refused")
        .revisions(&["containers[app].env.DB_HOST: … → …"]);
    assert_eq!(moved.diagnose().candidates.len(), 1);
}

#[test]
fn a_failing_init_container_is_named() {
    let mut world = World::deployment(Family::Crash).crash_loop("Error", 1);
    world.evidence.pods[0].containers[0].init = true;
    let world = world.revisions(&["initContainers[app].command: a → b"]);
    insta::assert_snapshot!(world.told(), @r"
        init.failed Major 0.92: cannot start: an init container fails
        Init container app fails with exit code 1, so the pod never starts.
        - Init container app of pod checkout-new-1: exit code 1, reason Error, 4 restarts, 3 s after its start
        - its log is empty
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > Fix the init container: the pod waits for it.
        ");
}

#[test]
fn a_container_that_crashed_once_long_ago_is_not_the_cause() {
    let world = World::deployment(Family::Rollout).pod(|pod| {
        pod.ready = true;
        pod.containers[0].ready = true;
        pod.containers[0].restarts = 2;
        pod.containers[0].state = ContainerState::Running {
            since: Some(ago(86_400)),
        };
        let mut end = ended("OOMKilled", 137, "");
        end.finished = Some(ago(86_401));
        end.started = Some(ago(86_500));
        pod.containers[0].last = Some(end);
    });
    assert_eq!(world.diagnose().signature, "rollout.deadline");
}

#[test]
fn between_two_crashes_the_log_of_the_run_that_ended_tells_not_that_of_the_next() {
    let mut world = crash(1, "FATAL: required setting PAYMENT_URL is not set");
    let container = &mut world.evidence.pods[0].containers[0];
    container.state = ContainerState::Running {
        since: Some(ago(1)),
    };
    world.evidence.logs.push(LogTail {
        pod: world.evidence.pods[0].name.clone(),
        container: "app".into(),
        previous: false,
        lines: vec!["starting".into()],
    });
    let diagnosis = world.diagnose();
    assert!(
        diagnosis.cause.contains("PAYMENT_URL"),
        "{}",
        diagnosis.cause
    );
}

#[test]
fn a_pod_stuck_on_an_old_revision_of_a_stateful_set_is_deleted_after_the_undo() {
    let mut world = World::of(Kind::StatefulSet, Family::Image)
        .revisions(&["image: a → b"])
        .pod(|pod| {
            pod.name = "checkout-2".into();
            pod.template_hash = Some("broken".into());
            pod.containers[0].state = waiting("ImagePullBackOff", "a:bad: not found");
        });
    world.family = Family::Crash;
    insta::assert_snapshot!(world.told(), @r"
        sts.stuck_ordinal Major 0.90: is crash-looping
        Pod checkout-2 still has an older, broken template, and the StatefulSet waits for it to become ready before it replaces it.
        - its revision is broken, the current one is new
        $ kubectl delete pod checkout-2 -n shop
          The StatefulSet makes it anew from the current template.
          ! It is a member of a StatefulSet: check the quorum first.
        > Check the quorum of the application before the pod is deleted.
        ");
}

#[test]
fn running_pods_with_an_old_credential_are_restarted_when_newer_ones_work() {
    let pod = |since: i64, ready: bool| {
        move |pod: &mut crate::domain::view::PodView| {
            pod.ready = ready;
            pod.containers[0].ready = ready;
            pod.containers[0].probed = true;
            pod.containers[0].state = ContainerState::Running {
                since: Some(ago(since)),
            };
        }
    };
    let log = "password authentication failed for user \"app\"";
    let proven = World::deployment(Family::Probe)
        .pod(pod(90_000, false))
        .pod(pod(60, true))
        .log(log);
    insta::assert_snapshot!(proven.told(), @r#"
        crash.db_auth Critical 0.90: fails its probe
        Container app still uses an old credential or certificate: a database refuses its credentials.
        - pod checkout-new-2 started later with the same template and is ready
        - log of app:
            password authentication failed for user "app"
        $ kubectl rollout restart deployment/checkout -n shop
          Pods that started later work with the same template: new pods read the renewed Secret.
        > The Secret was renewed after these pods had started.
        "#);
    let unproven = World::deployment(Family::Probe)
        .pod(pod(90_000, false))
        .log(log);
    assert!(unproven.diagnose().candidates.is_empty());
}
