//! Configuration that is missing, and containers that do not start.
use super::crash::crash;
use crate::domain::{diagnosis::testkit::*, evidence::Reference, family::Family};

fn start_error(text: &str) -> World {
    World::deployment(Family::Start).pod(|pod| {
        pod.containers[0].state = waiting("CrashLoopBackOff", "back-off 20s");
        pod.containers[0].last = Some(ended("StartError", 128, text));
    })
}

#[test]
fn a_missing_config_map_names_the_one_that_was_probably_meant() {
    let mut world = World::deployment(Family::Config).state(waiting(
        "CreateContainerConfigError",
        r#"configmap "app-confg" not found"#,
    ));
    world.evidence.references.push(Reference {
        name: "app-config".into(),
        exists: true,
        keys: vec!["API_URL".into()],
    });
    insta::assert_snapshot!(world.told(), @r#"
        config.missing_configmap Critical 0.98: misses configuration
        Container app needs ConfigMap app-confg, which does not exist in namespace shop.
        - the kubelet says:
            configmap "app-confg" not found
        - ConfigMap app-config exists: is that the one?
        > Create ConfigMap app-confg: the kubelet retries by itself and the container starts.
        "#);
}

#[test]
fn a_missing_key_names_the_keys_that_are_there() {
    let mut world = World::deployment(Family::Config).state(waiting(
        "CreateContainerConfigError",
        "couldn't find key API_URI in ConfigMap shop/app-config",
    ));
    world.evidence.references.push(Reference {
        name: "app-config".into(),
        exists: true,
        keys: vec!["API_URL".into(), "LEVEL".into()],
    });
    insta::assert_snapshot!(world.told(), @r"
        config.missing_key Critical 0.98: misses configuration
        Container app needs key API_URI of ConfigMap app-config, which does not have it.
        - the kubelet says:
            couldn't find key API_URI in ConfigMap shop/app-config
        - keys there: API_URL, LEVEL
        - key API_URL exists: is that the one?
        > Add the key to ConfigMap app-config, or correct the reference: the kubelet retries by itself.
        ");
}

#[test]
fn a_mounted_secret_that_is_missing_shows_in_an_event_only() {
    let world = World::deployment(Family::Config)
        .state(waiting("ContainerCreating", ""))
        .event(
            "FailedMount",
            r#"MountVolume.SetUp failed for volume "api" : secret "frontend-api-keys" not found"#,
        );
    insta::assert_snapshot!(world.told(), @r#"
        config.missing_secret Critical 0.98: misses configuration
        Pod checkout-new-1 needs Secret frontend-api-keys, which does not exist in namespace shop.
        - the kubelet says:
            MountVolume.SetUp failed for volume "api" : secret "frontend-api-keys" not found
        > Create Secret frontend-api-keys: the kubelet retries by itself and the container starts.
        "#);
}

#[test]
fn start_errors_are_told_apart_by_the_words_of_the_runtime() {
    let rows = [
        (
            r#"unable to start container process: exec: "missingcmd": executable file not found in $PATH: unknown"#,
            "start.exec_not_found",
        ),
        (
            r#"unable to start container process: exec: "/app/missing": stat /app/missing: no such file or directory: unknown"#,
            "start.exec_not_found",
        ),
        (
            r#"unable to start container process: exec: "/app/noexec": permission denied: unknown"#,
            "start.exec_permission",
        ),
        (
            r#"error during container init: error mounting "/etc/hostname" to rootfs at "/app": mount /etc/hostname:/app (via /proc/self/fd/6), flags: 0x5000: not a directory: unknown"#,
            "start.mount_type_mismatch",
        ),
        (
            "error during container init: mkdir /bin/busybox: not a directory: unknown",
            "start.mount_type_mismatch",
        ),
        (
            "failed to create containerd container: mount callback failed on /x: no users found",
            "start.user_missing",
        ),
        ("exec /app/x: exec format error", "start.exec_format"),
        (
            "unable to set memory limit to 1048576 (current usage: 2002944, peak usage: 2256896): unknown",
            "start.memory_limit_too_low",
        ),
        ("something new", "start.runtime"),
    ];
    for (text, signature) in rows {
        assert_eq!(start_error(text).diagnose().signature, signature, "{text}");
    }
}

#[test]
fn a_wrong_command_is_rolled_back() {
    let world = start_error(
        r#"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "serve": executable file not found in $PATH: unknown"#,
    )
    .revisions(&["containers[app].command: serve → server"]);
    insta::assert_snapshot!(world.told(), @r#"
        start.exec_not_found Major 0.97: cannot start
        Container app cannot start. The image has no command “serve”.
        - Container app of pod checkout-new-1: exit code 128, reason StartError, 3 s after its start
        - image registry.example/checkout:2
        - the runtime says:
            failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "serve": executable file not found in $PATH: unknown
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > Correct the command, or the image that should contain it.
        "#);
}

#[test]
fn another_architecture_and_windows_line_ends_show_in_the_log_only() {
    assert_eq!(
        crash(1, "exec /app/armelf: exec format error")
            .diagnose()
            .signature,
        "start.exec_format"
    );
    for log in [
        "exec /app/crlf: no such file or directory",
        "/bin/sh: bad interpreter: No such file",
    ] {
        assert_eq!(
            crash(1, log).diagnose().signature,
            "start.bad_interpreter",
            "{log}"
        );
    }
}
