//! Deletions and evictions: only the pod that was meant, and only when its budget allows.
use super::{
    bed::{Bed, condition, number, text},
    call::refusal,
    contracts,
    objects::{deployment, idle, pod},
};
use serde_json::{Value, json};

contracts! {
    a_deletion_with_the_uid_of_another_pod_is_refused,
    a_dry_run_of_a_deletion_keeps_the_pod_only_when_the_body_says_so,
    a_deleted_pod_ends_gracefully_and_is_replaced,
    an_eviction_that_a_budget_forbids_gets_429_with_the_cause,
}

async fn running(bed: &Bed, name: &str) -> Value {
    bed.pod(name, "the pod runs", |pod| {
        let ready = condition(pod, "Ready").is_some_and(|ready| ready["status"] == "True");
        ready.then(|| pod.clone())
    })
    .await
}

fn with_uid(uid: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}})
}

async fn a_deletion_with_the_uid_of_another_pod_is_refused(bed: Bed) {
    bed.create("pods", &pod("solo", idle())).await;
    let answer = bed
        .heal
        .delete(
            &bed.path("pods", "solo"),
            &with_uid("11111111-2222-3333-4444-555555555555"),
        )
        .await;
    assert_eq!(refusal(&answer), (409, "Conflict"));
    let status = answer.unwrap_err();
    let message = text(&status, "/message");
    let start = "Operation cannot be fulfilled on Pod \"solo\": the UID in the precondition \
                 (11111111-2222-3333-4444-555555555555) does not match the UID in record (";
    assert!(message.starts_with(start), "{message}");
    assert_eq!(
        (
            text(&status, "/details/name"),
            text(&status, "/details/kind")
        ),
        ("solo", "Pod")
    );
    assert_eq!(
        bed.get("pods", "solo").await["metadata"]["deletionTimestamp"],
        Value::Null
    );
}

/// The trap: where a deletion has a body, the server does not look at the query. A `dryRun` there is no dry run.
async fn a_dry_run_of_a_deletion_keeps_the_pod_only_when_the_body_says_so(bed: Bed) {
    bed.create("pods", &pod("solo", idle())).await;
    let made = running(&bed, "solo").await;
    let path = bed.path("pods", "solo");
    let mut options = with_uid(text(&made, "/metadata/uid"));
    options["dryRun"] = json!(["All"]);
    bed.heal.delete(&path, &options).await.unwrap();
    let query = format!("{path}?dryRun=All");
    bed.heal.delete(&query, &Value::Null).await.unwrap();
    assert_eq!(
        bed.get("pods", "solo").await["metadata"]["deletionTimestamp"],
        Value::Null
    );
    options["preconditions"]["uid"] = json!("other");
    assert_eq!(
        refusal(&bed.heal.delete(&path, &options).await),
        (409, "Conflict")
    );

    bed.heal
        .delete(&query, &with_uid(text(&made, "/metadata/uid")))
        .await
        .unwrap();
    bed.until("the pod is gone", async || {
        bed.try_get("pods", "solo").await.err()
    })
    .await;
}

async fn a_deleted_pod_ends_gracefully_and_is_replaced(bed: Bed) {
    bed.create("deployments", &deployment("web", 1, idle()))
        .await;
    let old = running(&bed, "web-").await;
    let (name, uid) = (text(&old, "/metadata/name"), text(&old, "/metadata/uid"));
    let path = bed.path("pods", name);
    let answer = bed.heal.delete(&path, &with_uid(uid)).await.unwrap();
    assert_eq!(text(&answer, "/kind"), "Pod");
    assert_eq!(
        number(&answer, "/metadata/deletionGracePeriodSeconds"),
        Some(1)
    );
    assert_ne!(text(&answer, "/metadata/deletionTimestamp"), "");
    let new = bed
        .until("the replacement runs", async || {
            let mut pods = bed.list("pods").await;
            let only = pods.pop()?;
            let ready = condition(&only, "Ready")?["status"] == "True";
            (pods.is_empty() && ready && text(&only, "/metadata/uid") != uid).then_some(only)
        })
        .await;
    assert_ne!(text(&new, "/metadata/name"), name);
    let gone = bed.try_get("pods", name).await;
    assert_eq!(refusal(&gone), (404, "NotFound"));
    assert_eq!(
        refusal(&bed.heal.delete(&path, &with_uid(uid)).await),
        (404, "NotFound")
    );
}

async fn an_eviction_that_a_budget_forbids_gets_429_with_the_cause(bed: Bed) {
    bed.create("deployments", &deployment("web", 1, idle()))
        .await;
    let budget = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": "web"},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}},
    });
    bed.create("poddisruptionbudgets", &budget).await;
    let victim = running(&bed, "web-").await;
    bed.until("the budget knows the pod", async || {
        let budget = bed
            .admin
            .get(&bed.path("poddisruptionbudgets", "web"))
            .await
            .unwrap();
        (number(&budget, "/status/currentHealthy") == Some(1)).then_some(())
    })
    .await;
    let status = bed
        .admin
        .get(&bed.path("poddisruptionbudgets", "web"))
        .await
        .unwrap()["status"]
        .take();
    assert_eq!(
        (
            &status["disruptionsAllowed"],
            &status["desiredHealthy"],
            &status["expectedPods"]
        ),
        (&json!(0), &json!(1), &json!(1))
    );
    let allowed = &status["conditions"][0];
    assert_eq!(
        (
            text(allowed, "/type"),
            text(allowed, "/status"),
            text(allowed, "/reason")
        ),
        ("DisruptionAllowed", "False", "InsufficientPods")
    );

    let name = text(&victim, "/metadata/name");
    let path = format!("{}/eviction", bed.path("pods", name));
    let eviction = |uid: &str| {
        json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name},
            "deleteOptions": {"preconditions": {"uid": uid}},
        })
    };
    let answer = bed
        .admin
        .post(&path, &eviction(text(&victim, "/metadata/uid")))
        .await;
    assert_eq!(refusal(&answer), (429, "TooManyRequests"));
    let status = answer.unwrap_err();
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&status, "/message"), @"Cannot evict pod as it would violate the pod's disruption budget.");
    }
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(status["details"]["causes"], @r#"
        [
          {
            "message": "The disruption budget web needs 1 healthy pods and has 1 currently",
            "reason": "DisruptionBudget"
          }
        ]
        "#);
    }

    let more = json!({"spec": {"replicas": 2}});
    let scale = format!("{}/scale", bed.path("deployments", "web"));
    bed.heal
        .patch(&scale, super::call::Format::Merge, &more)
        .await
        .unwrap();
    let evicted = bed
        .until("the budget has room", async || {
            bed.admin
                .post(&path, &eviction(text(&victim, "/metadata/uid")))
                .await
                .ok()
        })
        .await;
    assert_eq!(
        (text(&evicted, "/kind"), text(&evicted, "/status")),
        ("Status", "Success")
    );
}
