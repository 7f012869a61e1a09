//! What templates, revisions and replica counts do: the ground that Heal's actions stand on.
use super::{
    bed::{Bed, condition, number, text},
    call::{Format, refusal},
    contracts,
    objects::{NO_IMAGE, deployment, idle},
};
use serde_json::{Value, json};

contracts! {
    an_undo_takes_the_old_replica_set_again_and_its_pods_stay,
    a_workload_without_pods_leaves_its_counts_out,
    a_restart_annotation_replaces_the_pods,
    the_scale_subresource_compares_the_version_of_the_workload,
    pods_lead_to_their_deployment_by_controller_references,
    a_rollout_without_progress_says_so_after_its_deadline,
    a_paused_deployment_keeps_its_pods_when_its_template_changes,
}

const REVISION: &str = "/metadata/annotations/deployment.kubernetes.io~1revision";

/// A template with another image.
pub fn with_image(image: &str) -> Value {
    json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "image": image}]}}}})
}

/// The patch that Heal makes for an undo.
pub fn undo(now: &Value, template: &Value) -> Value {
    json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": now["metadata"]["resourceVersion"]},
        {"op": "add", "path": "/metadata/annotations/heal.dev~1execution", "value": "H1-1"},
        {"op": "replace", "path": "/spec/template", "value": template},
    ])
}

async fn an_undo_takes_the_old_replica_set_again_and_its_pods_stay(bed: Bed) {
    bed.create("deployments", &deployment("web", 2, idle()))
        .await;
    bed.rolled_out("web").await;
    let first = bed.list("replicasets").await.remove(0);
    assert_eq!(text(&first, REVISION), "1");
    let path = bed.path("deployments", "web");
    bed.heal
        .patch(&path, Format::Strategic, &with_image(NO_IMAGE))
        .await
        .unwrap();
    let stuck = bed
        .until("a second revision with a pod", async || {
            let now = bed.get("deployments", "web").await;
            (number(&now, "/status/updatedReplicas") == Some(1) && text(&now, REVISION) == "2")
                .then_some(now)
        })
        .await;
    // One pod more is made, and none is taken away while the new one is not ready.
    assert_eq!(number(&stuck, "/status/availableReplicas"), Some(2));
    let old_pods = |pods: Vec<Value>| -> Vec<String> {
        let hash = text(&first, "/metadata/labels/pod-template-hash").to_owned();
        let of_first = |pod: &&Value| text(pod, "/metadata/labels/pod-template-hash") == hash;
        pods.iter()
            .filter(of_first)
            .map(|pod| text(pod, "/metadata/uid").to_owned())
            .collect()
    };
    let before = old_pods(bed.list("pods").await);
    assert_eq!(before.len(), 2);

    let mut template =
        bed.get("replicasets", text(&first, "/metadata/name")).await["spec"]["template"].take();
    template["metadata"]["labels"]
        .as_object_mut()
        .unwrap()
        .remove("pod-template-hash");
    // The controller writes its status meanwhile: the version is read again, as Heal does after a conflict.
    bed.until("the undo", async || {
        let now = bed.get("deployments", "web").await;
        bed.heal
            .patch(&path, Format::Json, &undo(&now, &template))
            .await
            .ok()
    })
    .await;
    let after = bed.rolled_out("web").await;
    assert_eq!(number(&after, "/metadata/generation"), Some(3));
    assert_eq!(text(&after, REVISION), "3");
    let sets = bed.list("replicasets").await;
    assert_eq!(sets.len(), 2);
    let again = bed.get("replicasets", text(&first, "/metadata/name")).await;
    assert_eq!(again["metadata"]["uid"], first["metadata"]["uid"]);
    assert_eq!(text(&again, REVISION), "3");
    assert_eq!(
        text(
            &again,
            "/metadata/annotations/deployment.kubernetes.io~1revision-history"
        ),
        "1"
    );
    assert_eq!(old_pods(bed.list("pods").await), before);
    let progress = condition(&after, "Progressing").unwrap();
    assert_eq!(
        (text(progress, "/status"), text(progress, "/reason")),
        ("True", "NewReplicaSetAvailable")
    );
}

async fn a_workload_without_pods_leaves_its_counts_out(bed: Bed) {
    bed.create("deployments", &deployment("web", 0, idle()))
        .await;
    let web = bed.rolled_out("web").await;
    for count in [
        "replicas",
        "updatedReplicas",
        "readyReplicas",
        "availableReplicas",
        "unavailableReplicas",
    ] {
        assert_eq!(web["status"].get(count), None, "{count}");
    }
    let set = bed.list("replicasets").await.remove(0);
    assert_eq!(number(&set, "/status/replicas"), Some(0));
    assert_eq!(set["status"].get("availableReplicas"), None);
}

async fn a_restart_annotation_replaces_the_pods(bed: Bed) {
    bed.create("deployments", &deployment("web", 1, idle()))
        .await;
    bed.rolled_out("web").await;
    let old = bed.list("pods").await.remove(0);
    let stamp = json!({"kubectl.kubernetes.io/restartedAt": "2026-11-20T08:00:00Z"});
    let body = json!({"spec": {"template": {"metadata": {"annotations": stamp}}}});
    let path = bed.path("deployments", "web");
    bed.heal
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    bed.rolled_out("web").await;
    let new = bed
        .until("the old pod is gone", async || {
            let mut pods = bed.list("pods").await;
            let only = pods.pop()?;
            (pods.is_empty() && only["metadata"]["uid"] != old["metadata"]["uid"]).then_some(only)
        })
        .await;
    assert_eq!(
        new["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"],
        "2026-11-20T08:00:00Z"
    );
    assert_eq!(bed.list("replicasets").await.len(), 2);
}

async fn the_scale_subresource_compares_the_version_of_the_workload(bed: Bed) {
    bed.create("deployments", &deployment("web", 0, idle()))
        .await;
    bed.rolled_out("web").await;
    let path = format!("{}/scale", bed.path("deployments", "web"));
    let scale = bed
        .until("the scale has the version of the workload", async || {
            let scale = bed.admin.get(&path).await.unwrap();
            let workload = bed.get("deployments", "web").await;
            (scale["metadata"]["resourceVersion"] == workload["metadata"]["resourceVersion"])
                .then_some(scale)
        })
        .await;
    assert_eq!(
        (text(&scale, "/kind"), text(&scale, "/apiVersion")),
        ("Scale", "autoscaling/v1")
    );
    // None is told by leaving the number out.
    assert_eq!(number(&scale, "/spec/replicas").unwrap_or(0), 0);
    assert_eq!(text(&scale, "/status/selector"), "app=web");
    let to = |version: &str, replicas: i64| json!({"metadata": {"resourceVersion": version}, "spec": {"replicas": replicas}});
    let stale = bed.heal.patch(&path, Format::Merge, &to("1", 2)).await;
    assert_eq!(refusal(&stale), (409, "Conflict"));
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&stale.unwrap_err(), "/message"), @r#"Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again"#);
    }
    let dry = format!("{path}?dryRun=All");
    let scaled = bed.until("the scale is previewed and changed", async || {
        let now = bed.admin.get(&path).await.unwrap();
        let body = to(text(&now, "/metadata/resourceVersion"), 2);
        let shown = bed.heal.patch(&dry, Format::Merge, &body).await.ok()?;
        assert_eq!(number(&shown, "/spec/replicas"), Some(2));
        assert_eq!(
            number(&bed.get("deployments", "web").await, "/spec/replicas"),
            Some(0)
        );
        bed.heal.patch(&path, Format::Merge, &body).await.ok()
    });
    assert_eq!(number(&scaled.await, "/spec/replicas"), Some(2));
    let after = bed.rolled_out("web").await;
    assert_eq!(
        (
            number(&after, "/spec/replicas"),
            number(&after, "/metadata/generation")
        ),
        (Some(2), Some(2))
    );
}

async fn pods_lead_to_their_deployment_by_controller_references(bed: Bed) {
    let made = bed
        .create("deployments", &deployment("web", 1, idle()))
        .await;
    bed.rolled_out("web").await;
    let pod = bed.list("pods").await.remove(0);
    let set = bed.list("replicasets").await.remove(0);
    for (child, owner, kind) in [(&pod, &set, "ReplicaSet"), (&set, &made, "Deployment")] {
        let references = child["metadata"]["ownerReferences"].as_array().unwrap();
        let reference = json!({
            "apiVersion": "apps/v1", "kind": kind, "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"],
            "controller": true, "blockOwnerDeletion": true,
        });
        assert_eq!(references, &[reference]);
    }
    let hash = text(&set, "/metadata/labels/pod-template-hash");
    assert_eq!(text(&set, "/metadata/name"), format!("web-{hash}"));
    assert_eq!(text(&pod, "/metadata/labels/pod-template-hash"), hash);
    assert!(text(&pod, "/metadata/name").starts_with(&format!("web-{hash}-")));
    assert_eq!(
        text(&set, "/spec/selector/matchLabels/pod-template-hash"),
        hash
    );
}

async fn a_rollout_without_progress_says_so_after_its_deadline(bed: Bed) {
    let mut object = deployment("web", 1, idle());
    object["spec"]["progressDeadlineSeconds"] = json!(3);
    object["spec"]["template"]["spec"]["containers"][0]["image"] = json!(NO_IMAGE);
    bed.create("deployments", &object).await;
    let found = bed
        .until("the deadline", async || {
            let now = bed.get("deployments", "web").await;
            let progress = condition(&now, "Progressing")?.clone();
            (progress["status"] == "False").then_some((now, progress))
        })
        .await;
    let (now, progress) = found;
    assert_eq!(text(&progress, "/reason"), "ProgressDeadlineExceeded");
    let set = bed.list("replicasets").await.remove(0);
    let name = text(&set, "/metadata/name");
    assert_eq!(
        text(&progress, "/message"),
        format!("ReplicaSet \"{name}\" has timed out progressing.")
    );
    let available = condition(&now, "Available").unwrap();
    assert_eq!(
        (text(available, "/status"), text(available, "/reason")),
        ("False", "MinimumReplicasUnavailable")
    );
    assert_eq!(number(&now, "/status/unavailableReplicas"), Some(1));
}

/// A workload whose status is of its newest generation, and good.
pub async fn settled(bed: &Bed, plural: &str, name: &str, good: impl Fn(&Value) -> bool) -> Value {
    bed.until(&format!("{name} settles"), async || {
        let now = bed.get(plural, name).await;
        let seen = now["status"]["observedGeneration"] == now["metadata"]["generation"];
        (seen && good(&now)).then_some(now)
    })
    .await
}

async fn a_paused_deployment_keeps_its_pods_when_its_template_changes(bed: Bed) {
    bed.create("deployments", &deployment("web", 1, idle()))
        .await;
    bed.rolled_out("web").await;
    let path = bed.path("deployments", "web");
    bed.admin
        .patch(&path, Format::Merge, &json!({"spec": {"paused": true}}))
        .await
        .unwrap();
    bed.heal
        .patch(&path, Format::Strategic, &with_image(NO_IMAGE))
        .await
        .unwrap();
    let now = settled(&bed, "deployments", "web", |now| {
        condition(now, "Progressing")
            .is_some_and(|condition| condition["reason"] == "DeploymentPaused")
    })
    .await;
    let progress = condition(&now, "Progressing").unwrap();
    assert_eq!(
        (text(progress, "/status"), text(progress, "/message")),
        ("Unknown", "Deployment is paused")
    );
    assert_eq!(bed.list("replicasets").await.len(), 1);
    assert_eq!(number(&now, "/status/updatedReplicas").unwrap_or(0), 0);
}
