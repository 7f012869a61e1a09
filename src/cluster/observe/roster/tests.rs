//! From a pod's JSON to what forecasts know of it.
use super::*;
use crate::{
    cluster::{project, slim},
    domain::{
        family::Family,
        symptom::{Grace, of_pod},
    },
};
use serde_json::{Value, json};

fn read(pod: Value) -> (PodView, PodFact) {
    let pod: slim::Pod = serde_json::from_value(pod).unwrap();
    let view = project::pod(&pod);
    let fact = fact(&view, &project::caps(&pod));
    (view, fact)
}

fn running(name: &str) -> Value {
    json!({"name": name, "ready": true, "restartCount": 0, "state": {"running": {"startedAt": "2026-11-20T08:00:00Z"}}})
}

/// A pod with an init container that has ended, a sidecar among the init containers, and a container beside it.
fn with_sidecar(sidecar: &Value) -> Value {
    let limits = |memory: &str| json!({"limits": {"memory": memory}});
    json!({
        "metadata": {"namespace": "shop", "name": "web-1", "uid": "u1"},
        "spec": {
            "initContainers": [
                {"name": "migrate", "image": "m", "resources": limits("32Mi")},
                {"name": "proxy", "image": "p", "restartPolicy": "Always", "resources": limits("64Mi"),
                 "env": [{"name": "GOMEMLIMIT", "value": "50MiB"}]},
            ],
            "containers": [{"name": "app", "image": "a", "resources": limits("128Mi")}],
        },
        "status": {
            "phase": "Running",
            "initContainerStatuses": [
                {"name": "migrate", "ready": true, "restartCount": 0, "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}},
                sidecar,
            ],
            "containerStatuses": [running("app")],
        },
    })
}

#[test]
fn a_sidecar_among_the_init_containers_is_a_container_like_the_others() {
    let (_, fact) = read(with_sidecar(&running("proxy")));
    let known: Vec<String> = fact
        .containers
        .iter()
        .map(|of| {
            let cap = of.cap.as_ref().map(|cap| cap.written.as_str());
            let limit = of.limit.map(|bytes| bytes >> 20);
            format!("{} {limit:?} {} {cap:?}", of.name, of.running.is_some())
        })
        .collect();
    insta::assert_snapshot!(known.join("\n"), @r#"
    proxy Some(64) true Some("GOMEMLIMIT=50MiB")
    app Some(128) true None
    "#);
}

#[test]
fn the_kill_of_a_sidecar_is_told_as_that_of_any_container() {
    let killed = json!({
        "name": "proxy", "ready": false, "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": "2026-11-20T09:00:00Z"}},
    });
    let (view, fact) = read(with_sidecar(&killed));
    let end = fact.containers[0].end.as_ref().unwrap();
    assert_eq!((end.reason.as_str(), end.run), ("OOMKilled", 3));
    let symptoms = of_pod(&view, &Grace::default());
    let told: Vec<(Family, Option<&str>)> = symptoms
        .iter()
        .map(|symptom| (symptom.family, symptom.container.as_deref()))
        .collect();
    assert_eq!(told, [(Family::Oom, Some("proxy"))]);
}

#[test]
fn caps_of_programs_are_read_from_environment_and_arguments() {
    let limits = json!({"limits": {"memory": "1Gi"}});
    let (_, fact) = read(json!({
        "metadata": {"namespace": "shop", "name": "web-1", "uid": "u1"},
        "spec": {"containers": [
            {"name": "node", "image": "n", "resources": limits,
             "env": [{"name": "NODE_OPTIONS", "value": "--max-old-space-size=512"}, {"name": "SECRET", "value": "x"}]},
            {"name": "go", "image": "g", "resources": limits, "env": [{"name": "GOMEMLIMIT", "value": "400MiB"}]},
            {"name": "java", "image": "j", "resources": limits, "command": ["java"], "args": ["-Xmx300m", "-jar", "app.jar"]},
            {"name": "none", "image": "x", "resources": limits,
             "env": [{"name": "GOMEMLIMIT", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}]},
        ]},
    }));
    let caps: Vec<String> = fact
        .containers
        .iter()
        .map(|of| match &of.cap {
            Some(cap) => format!(
                "{}: {} = {:.0} MiB",
                of.name,
                cap.written,
                cap.bytes / 1024.0 / 1024.0
            ),
            None => format!("{}: none", of.name),
        })
        .collect();
    insta::assert_snapshot!(caps.join("\n"), @r"
    node: --max-old-space-size=512 = 512 MiB
    go: GOMEMLIMIT=400MiB = 400 MiB
    java: -Xmx300m = 300 MiB
    none: none
    ");
}
