//! Errors are `Status` objects that say what was refused, and why.
use super::{
    bed::{Bed, text},
    call::{Format, refusal},
    contracts,
    objects::{idle, pod},
};
use serde_json::json;

contracts! {
    what_is_not_there_is_told_by_name,
    what_is_there_already_is_told_by_name,
    a_pod_of_a_foreign_account_is_refused,
    a_selector_does_not_change,
}

async fn what_is_not_there_is_told_by_name(bed: Bed) {
    let answer = bed.try_get("deployments", "nobody").await;
    assert_eq!(refusal(&answer), (404, "NotFound"));
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(answer.unwrap_err(), @r#"
        {
          "code": 404,
          "details": {
            "group": "apps",
            "kind": "deployments",
            "name": "nobody"
          },
          "message": "deployments.apps \"nobody\" not found",
          "metadata": {},
          "reason": "NotFound",
          "status": "Failure"
        }
        "#);
    }
    let patch = bed
        .heal
        .patch(
            &bed.path("deployments", "nobody"),
            Format::Merge,
            &json!({"spec": {"replicas": 1}}),
        )
        .await;
    assert_eq!(refusal(&patch), (404, "NotFound"));
    assert_eq!(
        refusal(&bed.admin.get(&bed.path("nothings", "")).await).0,
        404
    );
}

async fn what_is_there_already_is_told_by_name(bed: Bed) {
    bed.create("pods", &pod("twin", idle())).await;
    let answer = bed
        .admin
        .post(&bed.path("pods", ""), &pod("twin", idle()))
        .await;
    assert_eq!(refusal(&answer), (409, "AlreadyExists"));
    assert_eq!(
        text(&answer.unwrap_err(), "/message"),
        "pods \"twin\" already exists"
    );
}

async fn a_pod_of_a_foreign_account_is_refused(bed: Bed) {
    let mut object = pod("stranger", idle());
    object["spec"]["serviceAccountName"] = json!("nobody");
    let answer = bed.admin.post(&bed.path("pods", ""), &object).await;
    assert_eq!(refusal(&answer), (403, "Forbidden"));
    let message = format!(
        "pods \"stranger\" is forbidden: error looking up service account {}/nobody: serviceaccount \"nobody\" not found",
        bed.namespace
    );
    assert_eq!(text(&answer.unwrap_err(), "/message"), message);
}

async fn a_selector_does_not_change(bed: Bed) {
    bed.create("deployments", &super::objects::deployment("web", 0, idle()))
        .await;
    let body = json!({"spec": {
        "selector": {"matchLabels": {"app": "other"}}, "template": {"metadata": {"labels": {"app": "other"}}},
    }});
    let answer = bed
        .admin
        .patch(&bed.path("deployments", "web"), Format::Merge, &body)
        .await;
    assert_eq!(refusal(&answer), (422, "Invalid"));
    let status = answer.unwrap_err();
    assert_eq!(text(&status, "/details/causes/0/field"), "spec.selector");
    assert!(
        text(&status, "/message").ends_with("field is immutable"),
        "{status}"
    );
}
