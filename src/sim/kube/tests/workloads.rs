//! Workloads: rollouts, undo, quotas, jobs, StatefulSets and DaemonSets.

use k8s_openapi::api::apps::v1::Deployment;
use kube::{
    Api,
    api::{Patch, PatchParams},
};

use super::*;

fn ready(sim: &KubeSim, name: &str) -> i64 {
    sim.get("Deployment", "default", name).unwrap()["status"]["readyReplicas"]
        .as_i64()
        .unwrap_or(0)
}

fn progressing(sim: &KubeSim, name: &str) -> String {
    let deployment = sim.get("Deployment", "default", name).unwrap();
    let conditions = deployment["status"]["conditions"]
        .as_array()
        .unwrap()
        .clone();
    let progressing = conditions
        .into_iter()
        .find(|condition| condition["type"] == "Progressing")
        .unwrap();
    progressing["reason"].as_str().unwrap().to_owned()
}

async fn set_script(sim: &KubeSim, name: &str, script: &str) {
    let deployments: Api<Deployment> = Api::default_namespaced(client(sim));
    let patch = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "command": ["sh", "-c", script]}]}}}});
    deployments
        .patch(name, &PatchParams::default(), &Patch::Strategic(patch))
        .await
        .unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_rolling_update_keeps_the_old_pods_until_new_ones_are_available() {
    let sim = KubeSim::new(options());
    let mut web = deployment("web", 4, "sleep infinity");
    web["spec"]["template"]["spec"]["containers"][0]["readinessProbe"] =
        json!({"exec": {"command": ["true"]}, "initialDelaySeconds": 2});
    web["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(1);
    sim.apply(web).unwrap();
    pass(10).await;
    assert_eq!(
        (ready(&sim, "web"), progressing(&sim, "web").as_str()),
        (4, "NewReplicaSetAvailable")
    );
    set_script(&sim, "web", "sleep 100000").await;
    for _ in 0..30 {
        pass(1).await;
        assert!(ready(&sim, "web") >= 3, "25 % of 4 may be unavailable");
        let active = sim
            .list("Pod", None)
            .into_iter()
            .filter(|pod| pod["metadata"]["deletionTimestamp"].is_null());
        assert!(active.count() <= 5);
    }
    let status = sim.get("Deployment", "default", "web").unwrap()["status"].clone();
    assert_eq!(
        (&status["updatedReplicas"], &status["replicas"]),
        (&json!(4), &json!(4))
    );
    assert_eq!(progressing(&sim, "web"), "NewReplicaSetAvailable");
    assert_eq!(sim.list("ReplicaSet", None).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_bad_rollout_stalls_times_out_and_is_undone_under_a_new_revision() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 2, "sleep infinity")).unwrap();
    pass(10).await;
    set_script(&sim, "web", "exit 1").await;
    pass(60).await;
    // A crashing container is ready for a moment; the old pods that are left keep the service up.
    assert_eq!(sim.snapshot().workloads[0].revision, 2);
    let mut stuck = deployment("stuck", 2, "sleep infinity");
    sim.apply(stuck.clone()).unwrap();
    pass(10).await;
    stuck["spec"]["template"]["spec"]["containers"][0]["image"] = json!("busybox:nope");
    sim.apply(stuck).unwrap();
    pass(30).await;
    assert_eq!(
        (ready(&sim, "stuck"), progressing(&sim, "stuck").as_str()),
        (2, "ReplicaSetUpdated")
    );
    pass(600).await;
    assert_eq!(
        (ready(&sim, "stuck"), progressing(&sim, "stuck").as_str()),
        (2, "ProgressDeadlineExceeded")
    );
    let deployments: Api<Deployment> = Api::default_namespaced(client(&sim));
    let undo = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "busybox:1.36"}]}}}});
    deployments
        .patch("stuck", &PatchParams::default(), &Patch::Strategic(undo))
        .await
        .unwrap();
    pass(60).await;
    assert_eq!(
        (ready(&sim, "stuck"), progressing(&sim, "stuck").as_str()),
        (2, "NewReplicaSetAvailable")
    );
    let deployment = sim.get("Deployment", "default", "stuck").unwrap();
    assert_eq!(
        deployment["metadata"]["annotations"]["deployment.kubernetes.io/revision"],
        "3"
    );
    let sets = sim
        .list("ReplicaSet", None)
        .into_iter()
        .filter(|set| set["metadata"]["ownerReferences"][0]["name"] == "stuck");
    assert_eq!(sets.count(), 2, "the first ReplicaSet is used again");
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_used_up_fails_the_replica_set_and_shows_on_the_deployment() {
    let sim = KubeSim::new(options());
    sim.apply(json!({"kind": "ResourceQuota", "metadata": {"name": "cpu"}, "spec": {"hard": {"requests.cpu": "20m"}}})).unwrap();
    let mut web = deployment("web", 3, "sleep infinity");
    web["spec"]["template"]["spec"]["containers"][0]["resources"] =
        json!({"requests": {"cpu": "10m"}});
    sim.apply(web).unwrap();
    pass(5).await;
    assert_eq!(ready(&sim, "web"), 2);
    let message = events(&sim, "FailedCreate").remove(0);
    let name = sim.list("ReplicaSet", None)[0]["metadata"]["name"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        message.replace(&name, "RS"),
        "Error creating: pods \"RS-\" is forbidden: exceeded quota: cpu, requested: requests.cpu=10m, used: requests.cpu=20m, \
         limited: requests.cpu=20m"
    );
    let conditions =
        sim.get("Deployment", "default", "web").unwrap()["status"]["conditions"].clone();
    let failure = conditions
        .as_array()
        .unwrap()
        .iter()
        .find(|condition| condition["type"] == "ReplicaFailure")
        .unwrap();
    assert_eq!(
        (&failure["status"], &failure["reason"]),
        (&json!("True"), &json!("FailedCreate"))
    );
    let quota = sim.get("ResourceQuota", "default", "cpu").unwrap();
    assert_eq!(quota["status"]["used"]["requests.cpu"], "20m");
}

#[tokio::test(start_paused = true)]
async fn a_missing_service_account_is_named_in_the_event() {
    let sim = KubeSim::new(options());
    let mut web = deployment("web", 1, "sleep infinity");
    web["spec"]["template"]["spec"]["serviceAccountName"] = json!("shop");
    sim.apply(web).unwrap();
    pass(1).await;
    let message = events(&sim, "FailedCreate").remove(0);
    assert!(message.ends_with("is forbidden: error looking up service account default/shop: serviceaccount \"shop\" not found"));
    sim.apply(json!({"kind": "ServiceAccount", "metadata": {"name": "shop"}}))
        .unwrap();
    pass(30).await;
    assert_eq!(ready(&sim, "web"), 1);
}

fn job(script: &str, limit: i64) -> Value {
    json!({
        "apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "work"},
        "spec": {"backoffLimit": limit, "template": {"spec": {"restartPolicy": "Never", "containers": [container(script)]}}},
    })
}

#[tokio::test(start_paused = true)]
async fn a_job_that_keeps_failing_reaches_its_backoff_limit() {
    let sim = KubeSim::new(options());
    sim.apply(job("echo no; exit 1", 2)).unwrap();
    pass(120).await;
    let status = sim.get("Job", "default", "work").unwrap()["status"].clone();
    assert_eq!(status["failed"], 3);
    let kinds: Vec<_> = status["conditions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|condition| condition["type"].clone())
        .collect();
    assert_eq!(kinds, ["FailureTarget", "Failed"]);
    assert_eq!(
        events(&sim, "BackoffLimitExceeded"),
        ["Job has reached the specified backoff limit"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_job_completes_when_its_pod_succeeds() {
    let sim = KubeSim::new(options());
    sim.apply(job("echo done", 2)).unwrap();
    pass(10).await;
    let status = sim.get("Job", "default", "work").unwrap()["status"].clone();
    assert_eq!(
        (&status["succeeded"], &status["conditions"][1]["type"]),
        (&json!(1), &json!("Complete"))
    );
    assert_eq!(sim.list("Pod", None)[0]["status"]["phase"], "Succeeded");
}

fn of_kind(kind: &str, replicas: i64, script: &str) -> Value {
    let mut object = deployment("db", replicas, script);
    object["kind"] = json!(kind);
    object["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = json!(1);
    object
}

#[tokio::test(start_paused = true)]
async fn a_stateful_set_starts_in_order_and_updates_from_the_end() {
    let sim = KubeSim::new(options());
    sim.apply(of_kind("StatefulSet", 3, "sleep infinity"))
        .unwrap();
    pass(1).await;
    assert_eq!(
        sim.list("Pod", None).len(),
        2,
        "db-0 is ready after half a second, db-1 is starting"
    );
    pass(10).await;
    let names: Vec<_> = sim
        .list("Pod", None)
        .iter()
        .map(|pod| pod["metadata"]["name"].clone())
        .collect();
    assert_eq!(names, ["db-0", "db-1", "db-2"]);
    sim.apply(of_kind("StatefulSet", 3, "exit 1")).unwrap();
    pass(60).await;
    let status = sim.get("StatefulSet", "default", "db").unwrap()["status"].clone();
    assert_ne!(status["currentRevision"], status["updateRevision"]);
    assert_eq!(
        status["readyReplicas"], 2,
        "the broken db-2 stops the update: {status}"
    );
    assert_eq!(sim.list("ControllerRevision", None).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_daemon_set_has_a_pod_on_every_node_and_replaces_them_one_by_one() {
    let sim = KubeSim::new(Options {
        nodes: 3,
        ..options()
    });
    sim.apply(of_kind("DaemonSet", 1, "sleep infinity"))
        .unwrap();
    pass(5).await;
    let status = sim.get("DaemonSet", "default", "db").unwrap()["status"].clone();
    assert_eq!(
        (&status["desiredNumberScheduled"], &status["numberReady"]),
        (&json!(3), &json!(3))
    );
    sim.apply(of_kind("DaemonSet", 1, "sleep 100000")).unwrap();
    for _ in 0..20 {
        pass(1).await;
        let status = sim.get("DaemonSet", "default", "db").unwrap()["status"].clone();
        assert!(status["numberReady"].as_i64().unwrap() >= 2);
    }
    let status = sim.get("DaemonSet", "default", "db").unwrap()["status"].clone();
    assert_eq!(
        (&status["updatedNumberScheduled"], &status["numberReady"]),
        (&json!(3), &json!(3))
    );
}

#[tokio::test(start_paused = true)]
async fn deleting_a_deployment_takes_its_replica_sets_and_pods_along() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 2, "sleep infinity")).unwrap();
    pass(5).await;
    assert!(sim.delete("Deployment", "default", "web"));
    pass(40).await;
    assert!(sim.list("Pod", None).is_empty() && sim.list("ReplicaSet", None).is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_snapshot_shows_nodes_workloads_and_pods() {
    let sim = KubeSim::new(options());
    sim.apply(deployment("web", 1, "sleep 2; exit 1")).unwrap();
    pass(8).await;
    let mut snapshot = sim.snapshot();
    snapshot.workloads[0].pods[0].name = "web-1".to_owned();
    insta::assert_json_snapshot!(snapshot, @r#"
    {
      "nodes": [
        {
          "name": "node-1",
          "ready": true,
          "memory_mib": 8192,
          "pods": 1
        }
      ],
      "workloads": [
        {
          "kind": "Deployment",
          "namespace": "default",
          "name": "web",
          "revision": 1,
          "generation": 1,
          "desired": 1,
          "ready": 0,
          "updated": 1,
          "image": "busybox:1.36",
          "pods": [
            {
              "name": "web-1",
              "phase": "Running",
              "reason": "CrashLoopBackOff",
              "ready": false,
              "restarts": 1,
              "memory_mib": 0,
              "limit_mib": 0,
              "exit_reason": "Error"
            }
          ]
        }
      ]
    }
    "#);
}

#[tokio::test(start_paused = true)]
async fn a_faster_kubelet_backs_off_for_less_time_but_says_the_same() {
    let sim = KubeSim::new(Options {
        speed: 10,
        ..options()
    });
    sim.apply(deployment("web", 1, "exit 1")).unwrap();
    pass(60).await;
    let shape = status(&sim);
    assert!(shape["restartCount"].as_i64().unwrap() >= 5, "{shape}");
    let shape = super::pods::in_back_off(&sim).await;
    let message = shape["state"]["waiting"]["message"].as_str().unwrap();
    assert!(
        message.starts_with("back-off 5m0s") || message.starts_with("back-off 2m40s"),
        "{message}"
    );
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_makes_the_same_names() {
    let mut names = Vec::new();
    for _ in 0..2 {
        let sim = KubeSim::new(options());
        sim.apply(deployment("web", 3, "sleep infinity")).unwrap();
        pass(5).await;
        let pods = sim.list("Pod", None);
        names.push(
            pods.iter()
                .map(|pod| pod["metadata"]["name"].clone())
                .collect::<Vec<_>>(),
        );
    }
    assert_eq!(names[0], names[1]);
}
