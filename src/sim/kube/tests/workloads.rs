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
