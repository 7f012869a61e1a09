//! What Heal's account may do, and how it learns what it may not.
use super::{
    bed::{Bed, text},
    call::refusal,
    contracts,
    objects::{deployment, idle, pod},
};
use serde_json::{Value, json};

contracts! {
    heal_may_ask_what_it_may_do,
    heal_may_not_read_secrets,
    heal_may_not_run_programs_in_pods,
    heal_may_not_delete_workloads_or_sets_of_pods,
}

async fn allowed(bed: &Bed, verb: &str, group: &str, resource: &str, subresource: &str) -> bool {
    let review = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": bed.namespace, "verb": verb, "group": group, "resource": resource, "subresource": subresource,
        }},
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    let answer = bed.heal.post(path, &review).await.unwrap();
    answer["status"]["allowed"].as_bool().unwrap()
}

async fn heal_may_ask_what_it_may_do(bed: Bed) {
    bed.limit_to_the_manifests();
    for (verb, group, resource, subresource, may) in [
        ("patch", "apps", "deployments", "", true),
        ("patch", "apps", "deployments", "scale", true),
        ("patch", "apps", "statefulsets", "", true),
        ("delete", "", "pods", "", true),
        ("get", "", "pods", "log", true),
        ("list", "", "configmaps", "", true),
        ("get", "", "secrets", "", false),
        ("create", "", "pods", "exec", false),
        ("create", "", "pods", "eviction", false),
        ("deletecollection", "", "pods", "", false),
        ("delete", "apps", "deployments", "", false),
    ] {
        let answer = allowed(&bed, verb, group, resource, subresource).await;
        assert_eq!(answer, may, "{verb} {group}/{resource}/{subresource}");
    }
}

/// The message of a refusal for want of permission.
fn forbidden(answer: &Result<Value, Value>) -> &str {
    assert_eq!(refusal(answer), (403, "Forbidden"));
    text(answer.as_ref().unwrap_err(), "/message")
}

async fn heal_may_not_read_secrets(bed: Bed) {
    bed.limit_to_the_manifests();
    let user = "User \"system:serviceaccount:heal:heal\" cannot";
    let tail = format!(
        "resource \"secrets\" in API group \"\" in the namespace \"{}\"",
        bed.namespace
    );
    let one = bed.try_get("secrets", "token").await;
    assert_eq!(
        forbidden(&one),
        format!("secrets \"token\" is forbidden: {user} get {tail}")
    );
    let all = bed.try_get("secrets", "").await;
    assert_eq!(
        forbidden(&all),
        format!("secrets is forbidden: {user} list {tail}")
    );
}

async fn heal_may_not_run_programs_in_pods(bed: Bed) {
    bed.create("pods", &pod("solo", idle())).await;
    bed.limit_to_the_manifests();
    let path = format!("{}/exec?command=id&stdout=true", bed.path("pods", "solo"));
    let answer = bed.heal.post(&path, &Value::Null).await;
    assert!(forbidden(&answer).contains("cannot create resource \"pods/exec\""));
}

async fn heal_may_not_delete_workloads_or_sets_of_pods(bed: Bed) {
    bed.create("deployments", &deployment("web", 0, idle()))
        .await;
    bed.limit_to_the_manifests();
    let one = bed
        .heal
        .delete(&bed.path("deployments", "web"), &Value::Null)
        .await;
    assert!(
        forbidden(&one).contains("cannot delete resource \"deployments\" in API group \"apps\"")
    );
    let all = bed.heal.delete(&bed.path("pods", ""), &Value::Null).await;
    assert!(forbidden(&all).contains("cannot deletecollection resource \"pods\""));
}
