//! What the watches tell, and what they keep to themselves.
use super::*;

#[tokio::test(start_paused = true)]
async fn a_crash_loop_is_told_as_its_deployments_and_once_per_restart() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    world.apply("web", 1, BUSYBOX, "echo boom; exit 3");
    pass(60).await;
    let keys = watching.keys();
    assert!(keys.len() >= 2, "{keys:?}");
    let unique: std::collections::HashSet<_> = keys.iter().collect();
    assert_eq!(unique.len(), keys.len(), "no key twice: {keys:?}");
    assert!(
        keys.iter().all(|key| key.contains("/app/crash/")),
        "{keys:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_healthy_rollout_tells_nothing_but_that_its_revisions_are_healthy() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    world.apply("web", 3, BUSYBOX, FINE);
    pass(60).await;
    world.apply("web", 3, BUSYBOX, "sleep 200000");
    pass(180).await;
    assert_eq!(
        watching.lines(),
        ["healthy Deployment shop/web", "healthy Deployment shop/web"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_completed_job_and_a_deleted_deployment_tell_nothing() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    let job = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "once", "namespace": "shop"},
        "spec": {"template": {"spec": {"restartPolicy": "Never",
            "containers": [{"name": "app", "image": BUSYBOX, "command": ["sh", "-c", "sleep 1"]}]}}}});
    world.sim.apply(job).unwrap();
    world.apply("web", 2, BUSYBOX, FINE);
    pass(5).await;
    assert!(world.sim.delete("Deployment", "shop", "web"));
    pass(120).await;
    let lines = watching.lines();
    assert!(lines.is_empty(), "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_bad_image_is_told_after_its_second_failure_and_clears_with_a_good_one() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    world.apply("web", 1, "nosuch:9", FINE);
    pass(60).await;
    assert_eq!(
        watching.lines(),
        ["Deployment shop/web image ImagePullBackOff"]
    );
    world.apply("web", 1, BUSYBOX, FINE);
    pass(60).await;
    assert_eq!(
        watching.lines(),
        ["clear Deployment shop/web", "healthy Deployment shop/web"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_relist_repeats_nothing_and_loses_nothing() {
    let world = World::new(|_| {});
    world.apply("bad", 1, "nosuch:9", FINE);
    let pod = json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "late", "namespace": "shop"},
        "spec": {"containers": [{"name": "app", "image": "nosuch:9"}]}});
    world.sim.apply(pod).unwrap();
    let mut watching = world.watch();
    pass(60).await;
    assert_eq!(watching.lines().len(), 2);
    world.sim.set_down(true);
    // While nobody can watch, one problem ends and another begins.
    assert!(world.sim.delete("Pod", "shop", "late"));
    pass(60).await;
    world.sim.expire_history();
    world.sim.set_down(false);
    world.apply("new", 1, "nosuch:9", FINE);
    pass(120).await;
    let mut lines = watching.lines();
    lines.sort();
    assert_eq!(
        lines,
        [
            "Deployment shop/new image ImagePullBackOff",
            "clear Pod shop/late"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_falls_silent_is_told_and_started_over_and_loses_nothing() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    // With nothing to tell, bookmarks are the sign of life.
    pass(3600).await;
    let quiet = watching.everything();
    assert!(
        quiet.iter().all(|line| line.ends_with(" works")),
        "{quiet:?}"
    );
    world.sim.mute_watches();
    world.apply("bad", 1, "nosuch:9", FINE);
    pass(175).await;
    let known = watching.everything();
    assert!(known.is_empty(), "nobody can know yet: {known:#?}");
    pass(125).await;
    let told = watching.everything();
    for watch in [
        "pods",
        "nodes",
        "events",
        "replicasets",
        "deployments",
        "statefulsets",
        "daemonsets",
        "jobs",
    ] {
        let troubles = format!("watch {watch}: no sign of life for 240 s; starting over");
        let place = |wanted: &str| told.iter().position(|line| line == wanted);
        assert!(
            place(&troubles).is_some() && place(&troubles) < place(&format!("watch {watch} works")),
            "{told:#?}"
        );
    }
    let signals = |line: &&String| !line.starts_with("watch ");
    assert_eq!(
        told.iter().filter(signals).collect::<Vec<_>>(),
        ["Deployment shop/bad image ImagePullBackOff"]
    );
    // And then it is a watch like any other.
    world.apply("worse", 1, "nosuch:9", FINE);
    pass(60).await;
    assert_eq!(
        watching.lines(),
        ["Deployment shop/worse image ImagePullBackOff"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_fact_has_the_same_key_after_a_restart_of_heal() {
    let world = World::new(|_| {});
    world.apply("bad", 1, "nosuch:9", FINE);
    pass(60).await;
    let mut first = world.watch();
    pass(5).await;
    let before = first.keys();
    drop(first);
    let mut second = world.watch();
    pass(5).await;
    assert_eq!(before.len(), 1);
    assert_eq!(second.keys(), before);
}

#[tokio::test(start_paused = true)]
async fn an_excluded_namespace_is_counted_and_not_told() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    let bad = workload("Deployment", "sandbox-1", "bad", 1, "nosuch:9", FINE);
    world.sim.apply(bad).unwrap();
    pass(60).await;
    assert_eq!(watching.lines(), ["left out 1: namespace is excluded"]);
}

#[tokio::test(start_paused = true)]
async fn a_node_that_is_lost_is_told_once_and_covers_its_pods() {
    let world = World::new(|options| options.nodes = 2);
    let mut watching = world.watch();
    world.apply("web", 4, BUSYBOX, FINE);
    pass(30).await;
    let _ = watching.lines();
    world.sim.set_node_ready("node-1", false);
    pass(120).await;
    let lines = watching.lines();
    let told: Vec<&String> = lines
        .iter()
        .filter(|line| !line.starts_with("left out"))
        .collect();
    assert_eq!(told, ["Node node-1 node NodeStatusUnknown"], "{lines:?}");
}

#[tokio::test(start_paused = true)]
async fn a_status_change_leaves_without_waiting_for_anything() {
    let world = World::new(|options| options.kubelet = false);
    let mut watching = world.watch();
    world.apply("web", 1, BUSYBOX, FINE);
    pass(5).await;
    let mut pod = world.sim.list("Pod", Some("shop"))[0].clone();
    pod["status"] = json!({"phase": "Running", "containerStatuses": [{"name": "app", "restartCount": 1, "ready": false,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
        "lastState": {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-11-20T08:00:04Z"}}}]});
    let before = tokio::time::Instant::now();
    world.sim.apply(pod).unwrap();
    let signal = loop {
        match watching.sightings.recv().await.unwrap() {
            Sighting::Signal(signal) => break signal,
            _ => continue,
        }
    };
    assert_eq!(before.elapsed(), Duration::ZERO, "in virtual time");
    assert_eq!(signal.owner.to_string(), "Deployment shop/web");
}

#[tokio::test(start_paused = true)]
async fn a_silent_outage_is_reported_and_ends() {
    let world = World::new(|_| {});
    let mut watching = world.watch();
    pass(5).await;
    world.sim.set_down(true);
    pass(30).await;
    let failed = |watching: &mut Watching| {
        let mut last = None;
        while let Ok(sighting) = watching.sightings.try_recv() {
            if let Sighting::Watch(health) = sighting
                && health.kind == "pods"
            {
                last = Some(health.error.is_some());
            }
        }
        last
    };
    assert_eq!(failed(&mut watching), Some(true));
    world.sim.set_down(false);
    pass(60).await;
    assert_eq!(failed(&mut watching), Some(false));
}
