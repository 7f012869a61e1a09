//! Trouble that shows on workloads and not on containers: no node, no quota, no more tries.
use super::{
    bed::{Bed, condition, number, text},
    contracts,
    objects::{container, deployment, idle, pod, pod_spec},
};
use serde_json::{Value, json};

contracts! {
    a_pod_that_no_node_selects_says_why,
    a_pod_that_asks_for_too_much_says_why,
    a_pod_whose_claim_is_missing_or_unbound_says_why,
    a_job_out_of_tries_fails,
    a_job_beyond_its_deadline_fails,
    a_quota_without_room_fails_the_replica_set_and_the_deployment,
}

async fn unschedulable(bed: &Bed, name: &str) -> String {
    unschedulable_once(bed, name, |_| true).await
}

/// Why the scheduler gives up, once it knows what it needs for that.
async fn unschedulable_once(bed: &Bed, name: &str, knows: impl Fn(&str) -> bool) -> String {
    let condition = bed
        .pod(name, "the scheduler gives up", |pod| {
            condition(pod, "PodScheduled")
                .filter(|found| found["status"] == "False")
                .filter(|found| knows(text(found, "/message")))
                .cloned()
        })
        .await;
    assert_eq!(text(&condition, "/reason"), "Unschedulable");
    let event = bed
        .event_with(name, "FailedScheduling", |event| {
            event["message"] == condition["message"]
        })
        .await;
    assert_eq!(text(&event, "/type"), "Warning");
    assert_eq!(text(&event, "/reportingComponent"), "default-scheduler");
    // The newer recorder: no count, no last time.
    assert_ne!(text(&event, "/eventTime"), "");
    assert_eq!(
        (
            &event["lastTimestamp"],
            number(&event, "/count").unwrap_or(0)
        ),
        (&Value::Null, 0)
    );
    let pod = bed.get("pods", name).await;
    assert_eq!(
        (text(&pod, "/status/phase"), &pod["spec"]["nodeName"]),
        ("Pending", &Value::Null)
    );
    assert_eq!(pod["status"]["containerStatuses"], Value::Null);
    text(&condition, "/message").to_owned()
}

async fn a_pod_that_no_node_selects_says_why(bed: Bed) {
    let mut object = pod("picky", idle());
    object["spec"]["nodeSelector"] = json!({"heal.dev/none": "such"});
    bed.create("pods", &object).await;
    let why = unschedulable(&bed, "picky").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(why, @"0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
    }
}

async fn a_pod_that_asks_for_too_much_says_why(bed: Bed) {
    let mut greedy = idle();
    greedy["resources"] = json!({"requests": {"memory": "64Ti", "cpu": "4000"}});
    bed.create("pods", &pod("greedy", greedy)).await;
    let why = unschedulable(&bed, "greedy").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(why, @"0/1 nodes are available: 1 Insufficient cpu, 1 Insufficient memory. no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.");
    }
}

async fn a_pod_whose_claim_is_missing_or_unbound_says_why(bed: Bed) {
    let mut object = pod("homeless", idle());
    object["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]);
    bed.create("pods", &object).await;
    let why = unschedulable(&bed, "homeless").await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(why, @r#"0/1 nodes are available: persistentvolumeclaim "data" not found. not found"#);
    }
    // A claim that waits for a volume is told in the same way.
    let claim = json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "disk"},
        "spec": {"accessModes": ["ReadWriteOnce"], "storageClassName": "none", "resources": {"requests": {"storage": "1Gi"}}},
    });
    bed.create("persistentvolumeclaims", &claim).await;
    let mut object = pod("waiter", idle());
    object["spec"]["volumes"] =
        json!([{"name": "data", "persistentVolumeClaim": {"claimName": "disk"}}]);
    bed.create("pods", &object).await;
    // A busy scheduler may not know the claim yet, and says so first.
    let why = unschedulable_once(&bed, "waiter", |why| !why.contains("\"disk\" not found")).await;
    insta::allow_duplicates! {
        insta::assert_snapshot!(why, @"0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. not found");
    }
}

fn job(name: &str, script: &str, spec: Value) -> Value {
    let mut template = pod_spec(container(script));
    template["restartPolicy"] = json!("Never");
    let mut job =
        json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec});
    job["spec"]["template"] = json!({"spec": template});
    job
}

async fn failed(bed: &Bed, name: &str) -> (Value, Value) {
    bed.until("the job fails", async || {
        let job = bed.get("jobs", name).await;
        let failed = condition(&job, "Failed")
            .filter(|failed| failed["status"] == "True")
            .cloned()?;
        Some((job, failed))
    })
    .await
}

async fn a_job_out_of_tries_fails(bed: Bed) {
    let made = bed
        .create(
            "jobs",
            &job(
                "import",
                "echo no input; exit 5",
                json!({"backoffLimit": 0}),
            ),
        )
        .await;
    let (job, condition) = failed(&bed, "import").await;
    assert_eq!(text(&condition, "/reason"), "BackoffLimitExceeded");
    assert_eq!(
        text(&condition, "/message"),
        "Job has reached the specified backoff limit"
    );
    assert_eq!(
        (
            number(&job, "/status/failed"),
            number(&job, "/status/active").unwrap_or(0)
        ),
        (Some(1), 0)
    );
    let event = bed.event("import", "BackoffLimitExceeded").await;
    assert_eq!(
        (text(&event, "/type"), text(&event, "/source/component")),
        ("Warning", "job-controller")
    );
    let pod = bed.list("pods").await.remove(0);
    assert_eq!(text(&pod, "/status/phase"), "Failed");
    assert_eq!(
        number(
            &pod,
            "/status/containerStatuses/0/state/terminated/exitCode"
        ),
        Some(5)
    );
    assert_eq!(
        pod["metadata"]["ownerReferences"][0]["uid"],
        made["metadata"]["uid"]
    );
    assert_eq!(
        text(&pod, "/metadata/labels/batch.kubernetes.io~1job-name"),
        "import"
    );
}

async fn a_job_beyond_its_deadline_fails(bed: Bed) {
    bed.create(
        "jobs",
        &job("import", "sleep 3600", json!({"activeDeadlineSeconds": 2})),
    )
    .await;
    let (_, condition) = failed(&bed, "import").await;
    assert_eq!(text(&condition, "/reason"), "DeadlineExceeded");
    assert_eq!(
        text(&condition, "/message"),
        "Job was active longer than specified deadline"
    );
}

async fn a_quota_without_room_fails_the_replica_set_and_the_deployment(bed: Bed) {
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}},
    });
    bed.create("resourcequotas", &quota).await;
    bed.until("the quota is counted", async || {
        bed.admin
            .get(&bed.path("resourcequotas", "small"))
            .await
            .unwrap()
            .pointer("/status/used/pods")
            .cloned()
    })
    .await;
    bed.create("deployments", &deployment("web", 2, idle()))
        .await;
    let failure = bed
        .until("the deployment says that pods are refused", async || {
            let now = bed.get("deployments", "web").await;
            condition(&now, "ReplicaFailure").cloned()
        })
        .await;
    assert_eq!(
        (text(&failure, "/status"), text(&failure, "/reason")),
        ("True", "FailedCreate")
    );
    let set = bed.list("replicasets").await.remove(0);
    let name = text(&set, "/metadata/name");
    let of_set = condition(&set, "ReplicaFailure").unwrap();
    assert_eq!(
        (text(of_set, "/reason"), &of_set["message"]),
        ("FailedCreate", &failure["message"])
    );
    // The name of the pod that was to be is generated: the rest of the message is not.
    let message = text(&failure, "/message");
    let why =
        " is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, limited: pods=1";
    assert!(
        message.starts_with(&format!("pods \"{name}-")) && message.ends_with(why),
        "{message}"
    );
    let event = bed.event(name, "FailedCreate").await;
    assert_eq!(
        (text(&event, "/type"), text(&event, "/involvedObject/kind")),
        ("Warning", "ReplicaSet")
    );
    assert!(
        text(&event, "/message").starts_with("Error creating: pods \""),
        "{event}"
    );
    assert_eq!(text(&event, "/source/component"), "replicaset-controller");
}
