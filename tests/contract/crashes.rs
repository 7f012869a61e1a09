//! Containers that run and end badly: the states, texts and events that a diagnosis reads.
use super::{
    bed::{Bed, condition, number, text},
    contracts,
    objects::{container, idle, pod},
};
use serde_json::{Value, json};

contracts! {
    a_crash_loop_shows_the_exit_code_and_counts_its_events,
    every_moment_of_a_crash_loop_tells_the_last_exit_code,
    a_container_above_its_memory_limit_is_oom_killed,
    a_command_that_does_not_exist_is_a_start_error,
    a_failing_init_container_keeps_the_others_waiting,
    a_sidecar_that_ends_is_started_again_beside_the_container,
    a_failing_readiness_probe_keeps_the_pod_unready_and_says_why,
    a_failing_liveness_probe_restarts_the_container,
}

async fn a_crash_loop_shows_the_exit_code_and_counts_its_events(bed: Bed) {
    let made = bed
        .create("pods", &pod("crash", container("echo boom; exit 7")))
        .await;
    let status = bed.waiting("crash", "CrashLoopBackOff").await;
    let full = format!("crash_{}({})", bed.namespace, text(&made, "/metadata/uid"));
    // Which back-off is caught, the first of 10 s or a later one, is a matter of when one looks.
    let message = text(&status, "/state/waiting/message");
    assert!(message.starts_with("back-off "), "{message}");
    assert!(
        message.ends_with(&format!("s restarting failed container=app pod={full}")),
        "{message}"
    );
    let last = &status["lastState"]["terminated"];
    assert_eq!(
        (number(last, "/exitCode"), text(last, "/reason")),
        (Some(7), "Error")
    );
    for stamp in ["/startedAt", "/finishedAt"] {
        text(last, stamp).parse::<jiff::Timestamp>().unwrap();
    }
    assert!(text(last, "/containerID").starts_with("containerd://"));
    assert!(number(&status, "/restartCount") >= Some(1), "{status}");
    if !bed.place.is_real() {
        // There the moment is known: it is the first back-off.
        assert!(message.starts_with("back-off 10s "), "{message}");
        assert_eq!(number(&status, "/restartCount"), Some(1));
    }
    assert_eq!(
        (&status["ready"], &status["started"]),
        (&json!(false), &json!(false))
    );
    // Between two back-offs it runs, and is ready, for a moment.
    let pod = bed
        .until("the crashing pod to be not ready", || async {
            let pod = bed.get("pods", "crash").await;
            let not_ready =
                condition(&pod, "Ready").is_some_and(|ready| text(ready, "/status") == "False");
            not_ready.then_some(pod)
        })
        .await;
    assert_eq!(text(&pod, "/status/phase"), "Running");
    let ready = condition(&pod, "Ready").unwrap();
    assert_eq!(
        (text(ready, "/status"), text(ready, "/reason")),
        ("False", "ContainersNotReady")
    );
    assert_eq!(
        text(ready, "/message"),
        "containers with unready status: [app]"
    );

    let first = bed.event("crash", "BackOff").await;
    assert_eq!(text(&first, "/type"), "Warning");
    assert_eq!(
        text(&first, "/message"),
        format!("Back-off restarting failed container app in pod {full}")
    );
    assert_eq!(
        text(&first, "/involvedObject/fieldPath"),
        "spec.containers{app}"
    );
    assert_eq!(
        (
            text(&first, "/source/component"),
            text(&first, "/reportingComponent")
        ),
        ("kubelet", "kubelet")
    );
    assert_eq!(first["involvedObject"]["uid"], made["metadata"]["uid"]);
    // Two of them may come within one second, which is all that the stamps tell.
    let last = text(&first, "/lastTimestamp");
    let later = bed
        .event_with("crash", "BackOff", |event| {
            text(event, "/lastTimestamp") > last
        })
        .await;
    assert!(number(&later, "/count") > number(&first, "/count"));
    assert_eq!(
        later["metadata"]["uid"], first["metadata"]["uid"],
        "the same object, counted up"
    );
    assert_eq!(later["firstTimestamp"], first["firstTimestamp"]);
    assert_eq!(later["eventTime"], Value::Null);
}

/// A trap: how a crash loop looks depends on the moment. CrashLoopBackOff may last as long as the back-off or be gone in an
/// instant, with the end of the last run as the state before it. In every moment the exit code is there, in one of two places.
async fn every_moment_of_a_crash_loop_tells_the_last_exit_code(bed: Bed) {
    // Long enough that a kubelet, which looks about once a second, sees it run.
    let script = "echo boom; sleep 3; exit 7";
    bed.create("pods", &pod("crash", container(script))).await;
    let seen = std::cell::RefCell::new(std::collections::BTreeSet::new());
    let look = |pod: &Value| {
        let status = pod.pointer("/status/containerStatuses/0")?;
        let restarts = number(status, "/restartCount")?;
        if restarts == 0 {
            return None;
        }
        let (state, _) = status["state"].as_object()?.iter().next()?;
        let place = match state.as_str() {
            "terminated" => "/state/terminated/exitCode",
            _ => "/lastState/terminated/exitCode",
        };
        assert_eq!(number(status, place), Some(7), "{status}");
        seen.borrow_mut().insert(state.clone());
        (restarts == 2 && state == "terminated").then_some(())
    };
    bed.pod("crash", "the third end", look).await;
    let seen: Vec<String> = seen.into_inner().into_iter().collect();
    assert_eq!(seen, ["running", "terminated", "waiting"]);
}

async fn a_container_above_its_memory_limit_is_oom_killed(bed: Bed) {
    let mut hungry = container("tail /dev/zero");
    // Alone in its container the program is killed as its first process, and its end is the container's.
    hungry["command"] = json!(["tail", "/dev/zero"]);
    hungry["resources"] = json!({"limits": {"memory": "32Mi"}});
    bed.create("pods", &pod("hungry", hungry)).await;
    let status = bed
        .pod(
            "hungry",
            "hungry waits after a kill for its memory",
            |pod| {
                let status = pod.pointer("/status/containerStatuses/0")?;
                let waits = text(status, "/state/waiting/reason") == "CrashLoopBackOff";
                // A busy runtime hears of the end before it hears of the reason: then it tells it of the next one.
                let knows = text(status, "/lastState/terminated/reason") == "OOMKilled";
                (waits && knows).then(|| status.clone())
            },
        )
        .await;
    let last = &status["lastState"]["terminated"];
    assert_eq!(
        (number(last, "/exitCode"), text(last, "/reason")),
        (Some(137), "OOMKilled")
    );
    let pod = bed.get("pods", "hungry").await;
    let resources = json!({"limits": {"memory": "32Mi"}, "requests": {"memory": "32Mi"}});
    assert_eq!(pod["spec"]["containers"][0]["resources"], resources);
    assert_eq!(status["resources"], resources);
    assert_eq!(text(&pod, "/status/qosClass"), "Burstable");
}

async fn a_command_that_does_not_exist_is_a_start_error(bed: Bed) {
    let mut lost = idle();
    lost["command"] = json!(["/no/such/program"]);
    bed.create("pods", &pod("lost", lost)).await;
    let status = bed.waiting("lost", "CrashLoopBackOff").await;
    let last = &status["lastState"]["terminated"];
    assert_eq!(
        (number(last, "/exitCode"), text(last, "/reason")),
        (Some(128), "StartError")
    );
    assert_eq!(text(last, "/startedAt"), "1970-01-01T00:00:00Z");
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(last, "/message"), @r#"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "/no/such/program": stat /no/such/program: no such file or directory"#);
    }
    let event = bed.event("lost", "Failed").await;
    assert_eq!(
        text(&event, "/message"),
        format!("Error: {}", text(last, "/message"))
    );
}

async fn a_failing_init_container_keeps_the_others_waiting(bed: Bed) {
    let mut object = pod("guarded", idle());
    let mut guard = container("echo not yet; exit 4");
    guard["name"] = json!("guard");
    object["spec"]["initContainers"] = json!([guard]);
    bed.create("pods", &object).await;
    // Followed from the start: the state does not last.
    let pod = bed
        .pod("guarded", "the init container backs off", |pod| {
            let status = pod.pointer("/status/initContainerStatuses/0")?;
            (text(status, "/state/waiting/reason") == "CrashLoopBackOff").then(|| pod.clone())
        })
        .await;
    assert_eq!(text(&pod, "/status/phase"), "Pending");
    assert_eq!(
        number(
            &pod,
            "/status/initContainerStatuses/0/lastState/terminated/exitCode"
        ),
        Some(4)
    );
    assert_eq!(
        text(&pod, "/status/containerStatuses/0/state/waiting/reason"),
        "PodInitializing"
    );
    let initialized = condition(&pod, "Initialized").unwrap();
    assert_eq!(
        (text(initialized, "/status"), text(initialized, "/reason")),
        ("False", "ContainersNotInitialized")
    );
    assert_eq!(
        text(initialized, "/message"),
        "containers with incomplete status: [guard]"
    );
    let event = bed.event("guarded", "BackOff").await;
    assert_eq!(
        text(&event, "/involvedObject/fieldPath"),
        "spec.initContainers{guard}"
    );
}

async fn a_sidecar_that_ends_is_started_again_beside_the_container(bed: Bed) {
    let mut object = pod("accompanied", idle());
    let mut proxy = container("sleep 3; exit 5");
    (proxy["name"], proxy["restartPolicy"]) = (json!("proxy"), json!("Always"));
    object["spec"]["initContainers"] = json!([proxy]);
    bed.create("pods", &object).await;
    let pod = bed
        .pod("accompanied", "the sidecar runs again", |pod| {
            let status = pod.pointer("/status/initContainerStatuses/0")?;
            let runs = status.pointer("/state/running").is_some();
            (runs && number(status, "/restartCount")? >= 1).then(|| pod.clone())
        })
        .await;
    let last = &pod["status"]["initContainerStatuses"][0]["lastState"]["terminated"];
    assert_eq!(
        (number(last, "/exitCode"), text(last, "/reason")),
        (Some(5), "Error")
    );
    let app = &pod["status"]["containerStatuses"][0];
    assert!(app.pointer("/state/running").is_some(), "{app}");
    assert_eq!(number(app, "/restartCount"), Some(0));
    assert_eq!(text(&pod, "/status/phase"), "Running");
    let initialized = condition(&pod, "Initialized").unwrap();
    assert_eq!(text(initialized, "/status"), "True");
}

async fn a_failing_readiness_probe_keeps_the_pod_unready_and_says_why(bed: Bed) {
    let mut deaf = idle();
    // On a busy node a program takes more than the one second that it usually has.
    deaf["readinessProbe"] = json!({
        "exec": {"command": ["sh", "-c", "echo not listening; exit 1"]}, "periodSeconds": 1, "timeoutSeconds": 30,
    });
    bed.create("pods", &pod("deaf", deaf)).await;
    let event = bed.event("deaf", "Unhealthy").await;
    assert_eq!(text(&event, "/type"), "Warning");
    assert_eq!(
        text(&event, "/message").trim_end(),
        "Readiness probe failed: not listening"
    );
    // The kubelet tells of the event and of the status in any order.
    let pod = bed
        .pod("deaf", "deaf has started", |pod| {
            let started = pod.pointer("/status/containerStatuses/0/started")?;
            (*started == json!(true)).then(|| pod.clone())
        })
        .await;
    let status = &pod["status"]["containerStatuses"][0];
    assert_eq!(
        (&status["ready"], number(status, "/restartCount")),
        (&json!(false), Some(0))
    );
    assert_eq!(
        text(condition(&pod, "Ready").unwrap(), "/reason"),
        "ContainersNotReady"
    );
}

async fn a_failing_liveness_probe_restarts_the_container(bed: Bed) {
    let mut numb = idle();
    numb["livenessProbe"] = json!({
        "exec": {"command": ["false"]}, "periodSeconds": 1, "timeoutSeconds": 30, "failureThreshold": 2,
    });
    bed.create("pods", &pod("numb", numb)).await;
    let status = bed
        .pod("numb", "a restart", |pod| {
            let status = pod.pointer("/status/containerStatuses/0")?;
            (number(status, "/restartCount")? >= 1).then(|| status.clone())
        })
        .await;
    // The shell ignores SIGTERM as the first process of its container: it is killed after the grace period.
    let last = &status["lastState"]["terminated"];
    assert_eq!(
        (number(last, "/exitCode"), text(last, "/reason")),
        (Some(137), "Error")
    );
    let killing = bed.event("numb", "Killing").await;
    assert_eq!(text(&killing, "/type"), "Normal");
    assert_eq!(
        text(&killing, "/message"),
        "Container app failed liveness probe, will be restarted"
    );
    let unhealthy = bed.event("numb", "Unhealthy").await;
    assert_eq!(
        text(&unhealthy, "/message").trim_end(),
        "Liveness probe failed:"
    );
}
