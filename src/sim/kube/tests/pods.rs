//! Pods on a node: crash loops, memory, images, configuration, probes and ends.

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::LogParams};

use super::*;
use crate::sim::kube::Image;

/// The status of the only container at the next moment in which it shows its back-off. Before that, all through a long
/// back-off, it shows how it ended.
pub(super) async fn in_back_off(sim: &KubeSim) -> Value {
    loop {
        let shape = status(sim);
        if shape["state"]["waiting"]["reason"] == "CrashLoopBackOff" {
            return shape;
        }
        assert!(shape["state"]["waiting"].is_null(), "{shape}");
        pass_millis(20).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_crashing_container_goes_into_crash_loop_back_off() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 1, "echo boom >&2; exit 3"))
        .unwrap();
    pass(8).await;
    let shape = status(&sim);
    assert_eq!(shape["restartCount"], 1);
    assert_eq!(shape["state"]["waiting"]["reason"], "CrashLoopBackOff");
    let message = shape["state"]["waiting"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("back-off 10s restarting failed container=app pod=web-"),
        "{message}"
    );
    assert_eq!(shape["lastState"]["terminated"]["exitCode"], 3);
    assert_eq!(shape["lastState"]["terminated"]["reason"], "Error");
    pass(3600).await;
    let shape = in_back_off(&sim).await;
    let message = shape["state"]["waiting"]["message"].as_str().unwrap();
    assert!(message.starts_with("back-off 5m0s "), "{message}");
    assert!(
        (14..20).contains(&shape["restartCount"].as_i64().unwrap()),
        "{shape}"
    );
    let back_off = sim
        .list("Event", None)
        .into_iter()
        .find(|event| event["reason"] == "BackOff")
        .unwrap();
    // One for each end, until the recorder has had enough of this pod.
    assert!(back_off["count"].as_i64().unwrap() >= 5);
    assert_eq!(
        back_off["involvedObject"]["fieldPath"],
        "spec.containers{app}"
    );
    assert_eq!(sim.list("Pod", None)[0]["status"]["phase"], "Running");
}

#[tokio::test(start_paused = true)]
async fn the_log_of_the_previous_container_is_kept() {
    let sim = KubeSim::new(options());
    sim.apply(pod(
        "a",
        container("echo started; sleep 5; echo dying; exit 1"),
    ))
    .unwrap();
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    pass(3).await;
    assert_eq!(
        pods.logs("a", &LogParams::default()).await.unwrap(),
        "started\n"
    );
    assert!(
        pods.logs(
            "a",
            &LogParams {
                previous: true,
                ..Default::default()
            }
        )
        .await
        .is_err()
    );
    pass(6).await;
    let previous = LogParams {
        previous: true,
        tail_lines: Some(1),
        timestamps: true,
        ..Default::default()
    };
    let log = pods.logs("a", &previous).await.unwrap();
    assert_eq!(log, "2026-11-20T08:00:05.500000000Z dying\n");
}

#[tokio::test(start_paused = true)]
async fn memory_above_the_limit_is_an_oom_kill() {
    let sim = KubeSim::new(options());
    let mut greedy = container("echo filling; head -c 100m /dev/zero | tail | sleep 60");
    greedy["resources"] = json!({"limits": {"memory": "64Mi"}});
    sim.apply(pod("a", greedy.clone())).unwrap();
    pass(5).await;
    let ended = status(&sim)["lastState"]["terminated"].clone();
    assert_eq!(
        (&ended["reason"], &ended["exitCode"]),
        (&json!("OOMKilled"), &json!(137))
    );
    greedy["resources"] = json!({"limits": {"memory": "128Mi"}});
    sim.delete("Pod", "default", "a");
    pass(40).await;
    sim.apply(pod("a", greedy)).unwrap();
    pass(10).await;
    assert_eq!(status(&sim)["restartCount"], 0);
}

#[tokio::test(start_paused = true)]
async fn a_leaking_image_is_killed_when_it_reaches_its_limit() {
    let sim = KubeSim::new(options().with_image("demo/report:1.1", Image::script("leak 4 10")));
    let mut leaky = json!({"name": "app", "image": "demo/report:1.1", "resources": {"limits": {"memory": "50Mi"}}});
    sim.apply(pod("a", leaky.take())).unwrap();
    pass(5).await;
    let object = sim.get("Pod", "default", "a").unwrap();
    let used = sim
        .core()
        .runtime
        .memory(object["metadata"]["uid"].as_str().unwrap(), "app");
    assert_eq!(used, 26 << 20);
    let request = http::Request::get("/apis/metrics.k8s.io/v1beta1/namespaces/default/pods/a");
    let metrics: Value = client(&sim)
        .request(request.body(vec![]).unwrap())
        .await
        .unwrap();
    assert_eq!(metrics["containers"][0]["usage"]["memory"], "26624Ki");
    pass(10).await;
    assert_eq!(
        status(&sim)["lastState"]["terminated"]["reason"],
        "OOMKilled"
    );
}

#[tokio::test(start_paused = true)]
async fn an_image_that_cannot_be_pulled_backs_off_and_says_why() {
    let sim = KubeSim::new(options());
    sim.apply(pod(
        "a",
        json!({"name": "app", "image": "registry.invalid/app:1"}),
    ))
    .unwrap();
    pass(2).await;
    assert_eq!(status(&sim)["state"]["waiting"]["reason"], "ErrImagePull");
    pass(2).await;
    let waiting = status(&sim)["state"]["waiting"].clone();
    insta::assert_json_snapshot!(waiting, @r#"
    {
      "message": "Back-off pulling image \"registry.invalid/app:1\": ErrImagePull: failed to pull and unpack image \"registry.invalid/app:1\": failed to resolve image: failed to do request: Head \"https://registry.invalid/v2/app/manifests/1\": dial tcp: lookup registry.invalid on 10.96.0.10:53: no such host",
      "reason": "ImagePullBackOff"
    }
    "#);
    assert_eq!(
        events(&sim, "BackOff"),
        ["Back-off pulling image \"registry.invalid/app:1\""]
    );
    assert_eq!(events(&sim, "Failed").len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_missing_config_map_key_holds_the_container_until_it_appears() {
    let sim = KubeSim::new(options());
    sim.apply(json!({"kind": "ConfigMap", "metadata": {"name": "app"}, "data": {}}))
        .unwrap();
    let mut needy = container("echo url=$URL; sleep infinity");
    needy["env"] =
        json!([{"name": "URL", "valueFrom": {"configMapKeyRef": {"name": "app", "key": "url"}}}]);
    sim.apply(pod("a", needy)).unwrap();
    pass(5).await;
    let waiting = status(&sim)["state"]["waiting"].clone();
    assert_eq!(
        waiting,
        json!({"reason": "CreateContainerConfigError", "message": "couldn't find key url in ConfigMap default/app"})
    );
    sim.apply(
        json!({"kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"url": "http://x"}}),
    )
    .unwrap();
    pass(15).await;
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    assert_eq!(
        pods.logs("a", &LogParams::default()).await.unwrap(),
        "url=http://x\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_missing_volume_source_keeps_the_pod_creating() {
    let sim = KubeSim::new(options());
    let mut object = pod("a", container("cat /etc/app/key; sleep infinity"));
    object["spec"]["volumes"] = json!([{"name": "config", "configMap": {"name": "app"}}]);
    object["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "config", "mountPath": "/etc/app"}]);
    sim.apply(object).unwrap();
    pass(30).await;
    assert_eq!(
        status(&sim)["state"]["waiting"]["reason"],
        "ContainerCreating"
    );
    assert_eq!(
        events(&sim, "FailedMount"),
        ["MountVolume.SetUp failed for volume \"config\" : configmap \"app\" not found"]
    );
    sim.apply(
        json!({"kind": "ConfigMap", "metadata": {"name": "app"}, "data": {"key": "value\n"}}),
    )
    .unwrap();
    pass(60).await;
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    assert_eq!(
        pods.logs("a", &LogParams::default()).await.unwrap(),
        "value\n"
    );
}

#[tokio::test(start_paused = true)]
async fn a_command_that_does_not_exist_cannot_start() {
    let sim = KubeSim::new(options());
    sim.apply(pod(
        "a",
        json!({"name": "app", "image": "busybox:1.36", "command": ["missingcmd"]}),
    ))
    .unwrap();
    pass(6).await;
    let ended = status(&sim)["lastState"]["terminated"].clone();
    assert_eq!(
        (&ended["reason"], &ended["exitCode"]),
        (&json!("StartError"), &json!(128))
    );
    insta::assert_snapshot!(ended["message"].as_str().unwrap(), @r#"failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: exec: "missingcmd": executable file not found in $PATH"#);
}

#[tokio::test(start_paused = true)]
async fn a_failing_liveness_probe_restarts_the_container() {
    let sim = KubeSim::new(options());
    let mut sick = container("touch /tmp/healthy; sleep 20; rm /tmp/healthy; sleep infinity");
    sick["livenessProbe"] =
        json!({"exec": {"command": ["cat", "/tmp/healthy"]}, "periodSeconds": 5});
    sim.apply(pod("a", sick)).unwrap();
    pass(90).await;
    let shape = status(&sim);
    assert_eq!(shape["restartCount"], 1, "{shape}");
    // PID 1 ignores SIGTERM without a handler: it is killed after the grace period.
    assert_eq!(shape["lastState"]["terminated"]["exitCode"], 137);
    assert_eq!(shape["lastState"]["terminated"]["reason"], "Error");
    assert_eq!(
        events(&sim, "Killing"),
        ["Container app failed liveness probe, will be restarted"]
    );
    let unhealthy = events(&sim, "Unhealthy");
    assert_eq!(
        unhealthy,
        ["Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory\n"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_readiness_probe_on_the_wrong_port_keeps_the_pod_unready() {
    let sim = KubeSim::new(options());
    let mut server = container("mkdir /www; echo ok > /www/index.html; httpd -f -p 80 -h /www");
    server["readinessProbe"] = json!({"httpGet": {"path": "/", "port": 8080}});
    sim.apply(pod("wrong", server.clone())).unwrap();
    server["readinessProbe"]["httpGet"]["port"] = json!(80);
    sim.apply(pod("right", server)).unwrap();
    pass(15).await;
    let ready = |name: &str| {
        sim.get("Pod", "default", name).unwrap()["status"]["containerStatuses"][0]["ready"].clone()
    };
    assert_eq!(
        (ready("wrong"), ready("right")),
        (json!(false), json!(true))
    );
    let text = events(&sim, "Unhealthy").remove(0);
    assert!(
        text.starts_with("Readiness probe failed: Get \"http://10.244.")
            && text.ends_with("connect: connection refused"),
        "{text}"
    );
}

/// A pod with one sidecar and one container.
fn accompanied(sidecar: &str, script: &str) -> Value {
    let mut object = pod("a", container(script));
    let mut beside = container(sidecar);
    (beside["name"], beside["restartPolicy"]) = (json!("proxy"), json!("Always"));
    object["spec"]["initContainers"] = json!([beside]);
    object
}

/// Phase, readiness, and the states of the sidecar and of the container with the sidecar's restarts.
fn together(sim: &KubeSim) -> String {
    let status = sim.get("Pod", "default", "a").unwrap()["status"].take();
    let conditions = status["conditions"].as_array().unwrap();
    let is = |kind: &str| {
        let found = conditions
            .iter()
            .find(|condition| condition["type"] == kind);
        found.unwrap()["status"].as_str().unwrap().to_owned()
    };
    let state = |list: &str| {
        let state = status[list][0]["state"].as_object().unwrap();
        state.keys().next().unwrap().clone()
    };
    let (sidecar, app) = (state("initContainerStatuses"), state("containerStatuses"));
    let restarts = &status["initContainerStatuses"][0]["restartCount"];
    format!(
        "{} initialized={} ready={} {sidecar} {app} {restarts}",
        status["phase"].as_str().unwrap(),
        is("Initialized"),
        is("Ready"),
    )
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_starts_before_the_containers_counts_as_ready_and_starts_again() {
    let sim = KubeSim::new(options());
    let mut object = accompanied("sleep 30; exit 1", "sleep infinity");
    object["spec"]["initContainers"][0]["startupProbe"] =
        json!({"exec": {"command": ["true"]}, "initialDelaySeconds": 10});
    sim.apply(object).unwrap();
    let mut seen = Vec::new();
    // Before its probe, with the container, after its end, and again.
    for wait in [5, 15, 16, 20] {
        pass(wait).await;
        seen.push(together(&sim));
    }
    insta::assert_snapshot!(seen.join("\n"), @r"
    Pending initialized=False ready=False running waiting 0
    Running initialized=True ready=True running running 0
    Running initialized=True ready=False running running 1
    Running initialized=True ready=True running running 1
    ");
    sim.delete("Pod", "default", "a");
    pass(40).await;
    assert!(sim.get("Pod", "default", "a").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_sidecar_goes_when_the_work_of_its_pod_is_done() {
    let sim = KubeSim::new(options());
    let mut object = accompanied("sleep infinity", "sleep 20");
    object["spec"]["restartPolicy"] = json!("Never");
    sim.apply(object).unwrap();
    pass(10).await;
    let mut seen = vec![together(&sim)];
    pass(60).await;
    seen.push(together(&sim));
    insta::assert_snapshot!(seen.join("\n"), @r"
    Running initialized=True ready=True running running 0
    Succeeded initialized=True ready=False terminated terminated 0
    ");
}

#[tokio::test(start_paused = true)]
async fn what_a_sidecar_asks_for_counts_beside_the_containers() {
    let sim = KubeSim::new(options());
    let wants = |memory: &str| json!({"requests": {"memory": memory}});
    let mut object = accompanied("sleep infinity", "sleep infinity");
    // More than half of the only node each.
    object["spec"]["initContainers"][0]["resources"] = wants("5Gi");
    object["spec"]["containers"][0]["resources"] = wants("5Gi");
    sim.apply(object).unwrap();
    pass(5).await;
    let refused = events(&sim, "FailedScheduling");
    assert!(refused[0].contains("Insufficient memory"), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn quotas_and_limit_ranges_are_of_sidecars_too() {
    let sim = KubeSim::new(options());
    let quota = |memory: &str| {
        json!({
            "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "mem", "namespace": "default"},
            "spec": {"hard": {"limits.memory": memory}},
        })
    };
    sim.apply(quota("100Mi")).unwrap();
    let mut object = accompanied("sleep infinity", "sleep infinity");
    object["spec"]["containers"][0]["resources"] = json!({"limits": {"memory": "64Mi"}});
    let mut refused = vec![sim.apply(object.clone()).unwrap_err().to_string()];
    let range = json!({"type": "Container", "default": {"memory": "64Mi"}});
    sim.apply(json!({
        "apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "usual", "namespace": "default"},
        "spec": {"limits": [range]},
    }))
    .unwrap();
    refused.push(sim.apply(object.clone()).unwrap_err().to_string());
    insta::assert_snapshot!(refused.join("\n"), @r#"
    pods "a" is forbidden: failed quota: mem: must specify limits.memory for: proxy
    pods "a" is forbidden: exceeded quota: mem, requested: limits.memory=128Mi, used: limits.memory=0, limited: limits.memory=100Mi
    "#);
    sim.apply(quota("128Mi")).unwrap();
    sim.apply(object).unwrap();
}

#[tokio::test(start_paused = true)]
async fn init_containers_run_first_and_hold_the_pod_back_when_they_fail() {
    let sim = KubeSim::new(options());
    let mut object = pod("a", container("sleep infinity"));
    object["spec"]["initContainers"] =
        json!([{"name": "init", "image": "busybox:1.36", "command": ["sh", "-c", "nope"]}]);
    sim.apply(object).unwrap();
    pass(10).await;
    let object = sim.get("Pod", "default", "a").unwrap();
    assert_eq!(object["status"]["phase"], "Pending");
    assert_eq!(
        object["status"]["initContainerStatuses"][0]["lastState"]["terminated"]["exitCode"],
        127
    );
    assert_eq!(
        object["status"]["containerStatuses"][0]["state"]["waiting"]["reason"],
        "PodInitializing"
    );
    let pods: Api<Pod> = Api::default_namespaced(client(&sim));
    let log = pods
        .logs(
            "a",
            &LogParams {
                container: Some("init".into()),
                ..Default::default()
            },
        )
        .await
        .unwrap();
    assert_eq!(log, "sh: nope: not found\n");
}

#[tokio::test(start_paused = true)]
async fn a_trap_lets_a_deleted_pod_end_early_and_without_one_it_takes_the_grace_period() {
    let sim = KubeSim::new(options());
    sim.apply(pod(
        "polite",
        container("trap 'exit 0' TERM; while true; do sleep 1; done"),
    ))
    .unwrap();
    sim.apply(pod("deaf", container("sleep infinity"))).unwrap();
    pass(5).await;
    sim.delete("Pod", "default", "polite");
    sim.delete("Pod", "default", "deaf");
    pass(3).await;
    assert!(sim.get("Pod", "default", "polite").is_none());
    assert!(sim.get("Pod", "default", "deaf").is_some());
    pass(30).await;
    assert!(sim.get("Pod", "default", "deaf").is_none());
}

#[tokio::test(start_paused = true)]
async fn a_pod_that_fits_nowhere_says_why() {
    let sim = KubeSim::new(options());
    let mut big = container("sleep infinity");
    big["resources"] = json!({"requests": {"memory": "100Gi"}});
    sim.apply(pod("a", big)).unwrap();
    pass(1).await;
    insta::assert_snapshot!(events(&sim, "FailedScheduling").remove(0), @"0/1 nodes are available: 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
    let mut picky = pod("b", container("sleep infinity"));
    picky["spec"]["nodeSelector"] = json!({"disk": "ssd"});
    sim.apply(picky).unwrap();
    pass(1).await;
    let condition = sim.get("Pod", "default", "b").unwrap()["status"]["conditions"][0].clone();
    assert_eq!(condition["reason"], "Unschedulable");
    assert!(
        condition["message"]
            .as_str()
            .unwrap()
            .contains("1 node(s) didn't match Pod's node affinity/selector")
    );
    sim.apply(json!({"kind": "Node", "metadata": {"name": "node-1", "labels": {"disk": "ssd"}}}))
        .unwrap();
    pass(3).await;
    assert_eq!(
        sim.get("Pod", "default", "b").unwrap()["status"]["phase"],
        "Running"
    );
}

#[tokio::test(start_paused = true)]
async fn a_dead_node_makes_its_pods_unready_and_loses_them_after_five_minutes() {
    let sim = KubeSim::new(Options {
        nodes: 2,
        ..options()
    });
    sim.apply(deployment("web", 1, "sleep infinity")).unwrap();
    pass(5).await;
    let node = sim.list("Pod", None)[0]["spec"]["nodeName"]
        .as_str()
        .unwrap()
        .to_owned();
    sim.set_node_ready(&node, false);
    pass(1).await;
    let conditions = sim.get("Node", "", &node).unwrap()["status"]["conditions"].clone();
    let ready = conditions
        .as_array()
        .unwrap()
        .iter()
        .find(|condition| condition["type"] == "Ready")
        .unwrap();
    assert_eq!(
        (&ready["status"], &ready["reason"]),
        (&json!("Unknown"), &json!("NodeStatusUnknown"))
    );
    assert_eq!(
        sim.get("Deployment", "default", "web").unwrap()["status"].get("readyReplicas"),
        None
    );
    pass(310).await;
    let pods = sim.list("Pod", None);
    assert_eq!(
        pods.len(),
        2,
        "the old one cannot be removed while its kubelet is away"
    );
    sim.set_node_ready(&node, true);
    pass(60).await;
    assert_eq!(sim.list("Pod", None).len(), 1);
}
