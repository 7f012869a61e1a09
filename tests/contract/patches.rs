//! Patches: how Heal changes things, once, and only what it saw.
use super::{
    bed::{Bed, number, text},
    call::{Format, refusal},
    contracts,
    objects::{IMAGE, deployment, idle, workload},
    rollouts::settled,
};
use serde_json::{Value, json};

contracts! {
    a_dry_run_shows_what_would_be_and_keeps_nothing,
    a_stale_resource_version_is_a_conflict_in_every_format,
    a_change_is_signed_by_its_field_manager,
    an_unknown_field_is_refused,
    a_limit_below_its_request_is_refused_with_the_cause,
    a_mark_and_a_template_in_one_patch_are_one_generation,
    a_mark_on_a_deployment_is_a_generation_of_its_own,
    a_mark_on_a_stateful_set_is_no_new_generation,
    a_patch_that_changes_nothing_makes_no_new_version,
    a_status_makes_a_new_version_and_no_new_generation,
}

/// A Deployment without pods, once its controller has nothing more to write.
async fn quiet(bed: &Bed) -> (String, Value) {
    bed.create("deployments", &deployment("web", 0, idle()))
        .await;
    let path = bed.path("deployments", "web");
    let settled = bed
        .until("the Deployment is observed", async || {
            let object = bed.get("deployments", "web").await;
            let conditions = object["status"]["conditions"]
                .as_array()
                .map_or(0, Vec::len);
            let done = conditions == 2 && number(&object, "/status/observedGeneration") == Some(1);
            let complete = text(&object, "/status/conditions/1/reason") == "NewReplicaSetAvailable"
                || text(&object, "/status/conditions/0/reason") == "NewReplicaSetAvailable";
            (done && complete).then_some(object)
        })
        .await;
    (path, settled)
}

fn version(object: &Value) -> &str {
    text(object, "/metadata/resourceVersion")
}

async fn a_dry_run_shows_what_would_be_and_keeps_nothing(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let body = json!({
        "metadata": {"resourceVersion": version(&before), "annotations": {"heal.dev/execution": "x"}},
        "spec": {"template": {"spec": {"containers": [
            {"name": "app", "resources": {"limits": {"memory": "64Mi"}}},
            {"name": "side", "image": IMAGE},
        ]}}},
    });
    let dry = format!("{path}?dryRun=All");
    let shown = bed
        .heal
        .patch(&dry, Format::Strategic, &body)
        .await
        .unwrap();
    assert_eq!(number(&shown, "/metadata/generation"), Some(2));
    assert_eq!(version(&shown), version(&before));
    let containers = shown["spec"]["template"]["spec"]["containers"]
        .as_array()
        .unwrap();
    let by_name = |name: &str| containers.iter().find(|c| c["name"] == name).unwrap();
    // Merged by name: the command is still there. A limit without a request is not also shown as the request: that is the
    // default of pods, not of templates.
    assert_eq!(by_name("app")["command"][0], "sh");
    assert_eq!(
        by_name("app")["resources"],
        json!({"limits": {"memory": "64Mi"}})
    );
    // Defaults are filled in as they would be.
    assert_eq!(by_name("side")["imagePullPolicy"], "IfNotPresent");
    assert_eq!(by_name("side")["terminationMessagePolicy"], "File");
    let after = bed.get("deployments", "web").await;
    assert_eq!(after, before);
    // The same with a version that is not the present one would be refused, as without dryRun.
    let stale = json!({"metadata": {"resourceVersion": "1"}, "spec": {"paused": true}});
    assert_eq!(
        refusal(&bed.heal.patch(&dry, Format::Merge, &stale).await),
        (409, "Conflict")
    );
}

async fn a_stale_resource_version_is_a_conflict_in_every_format(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let touch = json!({"metadata": {"annotations": {"someone": "else"}}});
    bed.admin.patch(&path, Format::Merge, &touch).await.unwrap();
    let stale = version(&before);
    let body = json!({"metadata": {"resourceVersion": stale}, "spec": {"minReadySeconds": 3}});
    let operations = json!([
        {"op": "replace", "path": "/metadata/resourceVersion", "value": stale},
        {"op": "add", "path": "/spec/minReadySeconds", "value": 3},
    ]);
    for (format, body) in [
        (Format::Strategic, &body),
        (Format::Merge, &body),
        (Format::Json, &operations),
    ] {
        let answer = bed.heal.patch(&path, format, body).await;
        assert_eq!(refusal(&answer), (409, "Conflict"), "{format:?}");
        let status = answer.unwrap_err();
        insta::allow_duplicates! {
            insta::assert_snapshot!(text(&status, "/message"), @r#"Operation cannot be fulfilled on deployments.apps "web": the object has been modified; please apply your changes to the latest version and try again"#);
        }
        assert_eq!(
            (
                text(&status, "/details/name"),
                text(&status, "/details/group"),
                text(&status, "/details/kind")
            ),
            ("web", "apps", "deployments")
        );
    }
    // A `test` that fails is refused too, but as an invalid request: that is why Heal sets the version instead of testing it.
    let tested = json!([{"op": "test", "path": "/metadata/resourceVersion", "value": stale}]);
    assert_eq!(
        refusal(&bed.heal.patch(&path, Format::Json, &tested).await),
        (422, "Invalid")
    );
    assert_eq!(
        number(
            &bed.get("deployments", "web").await,
            "/spec/minReadySeconds"
        )
        .unwrap_or(0),
        0
    );
    // With the present version the same patch is made, once the controller has nothing more to write.
    let now = settled(&bed, "deployments", "web", |_| true).await;
    let body =
        json!({"metadata": {"resourceVersion": version(&now)}, "spec": {"minReadySeconds": 3}});
    bed.heal
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    assert_eq!(
        refusal(&bed.heal.patch(&path, Format::Strategic, &body).await),
        (409, "Conflict"),
        "and only once"
    );
}

async fn a_change_is_signed_by_its_field_manager(bed: Bed) {
    let (path, _) = quiet(&bed).await;
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "resources": {"limits": {"memory": "64Mi"}}}]}}}});
    let after = bed
        .heal
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    let managers = after["metadata"]["managedFields"].as_array().unwrap();
    let ours = managers
        .iter()
        .find(|entry| entry["manager"] == "heal")
        .unwrap();
    assert_eq!(
        (
            text(ours, "/operation"),
            text(ours, "/apiVersion"),
            text(ours, "/fieldsType")
        ),
        ("Update", "apps/v1", "FieldsV1")
    );
    let limit = "/fieldsV1/f:spec/f:template/f:spec/f:containers/k:{\"name\":\"app\"}/f:resources/f:limits/f:memory";
    assert_eq!(ours.pointer(limit), Some(&json!({})), "{ours}");
}

async fn an_unknown_field_is_refused(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "resource": {"limits": {"memory": "64Mi"}}}]}}}});
    let operations = json!([{"op": "add", "path": "/spec/nonsense", "value": 1}]);
    for (format, body, field) in [
        (
            Format::Strategic,
            &body,
            "spec.template.spec.containers[0].resource",
        ),
        (Format::Json, &operations, "spec.nonsense"),
    ] {
        let answer = bed.heal.patch(&path, format, body).await;
        assert_eq!(refusal(&answer), (422, "Invalid"));
        let status = answer.unwrap_err();
        assert_eq!(text(&status, "/details/causes/0/field"), "patch");
        // Before that the message repeats the whole patch.
        let end = format!(": strict decoding error: unknown field \"{field}\"");
        assert!(text(&status, "/message").ends_with(&end), "{status}");
    }
    assert_eq!(bed.get("deployments", "web").await, before);
}

async fn a_limit_below_its_request_is_refused_with_the_cause(bed: Bed) {
    let (path, _) = quiet(&bed).await;
    let resources = json!({"limits": {"memory": "64Mi"}, "requests": {"memory": "128Mi"}});
    let body = json!({"spec": {"template": {"spec": {"containers": [{"name": "app", "resources": resources}]}}}});
    let answer = bed.heal.patch(&path, Format::Strategic, &body).await;
    assert_eq!(refusal(&answer), (422, "Invalid"));
    let status = answer.unwrap_err();
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&status, "/message"), @r#"Deployment.apps "web" is invalid: spec.template.spec.containers[0].resources.requests: Invalid value: "128Mi": must be less than or equal to memory limit of 64Mi"#);
    }
    insta::allow_duplicates! {
        insta::assert_json_snapshot!(status["details"]["causes"], @r#"
        [
          {
            "field": "spec.template.spec.containers[0].resources.requests",
            "message": "Invalid value: \"128Mi\": must be less than or equal to memory limit of 64Mi",
            "reason": "FieldValueInvalid"
          }
        ]
        "#);
    }
}

async fn a_mark_and_a_template_in_one_patch_are_one_generation(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let body = json!({
        "metadata": {"resourceVersion": version(&before), "annotations": {"heal.dev/execution": "H1-1"}},
        "spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-20T08:00:00Z"}}}},
    });
    let after = bed
        .heal
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    assert_eq!(number(&after, "/metadata/generation"), Some(2));
    assert_eq!(
        after["metadata"]["annotations"]["heal.dev/execution"],
        "H1-1"
    );
    assert_ne!(version(&after), version(&before));
}

/// Marks an object: the generation after that.
async fn generation_after_a_mark(bed: &Bed, path: &str) -> Option<i64> {
    let mark = json!({"metadata": {"annotations": {"heal.dev/execution": "H1-1"}}});
    let after = bed.heal.patch(path, Format::Merge, &mark).await.unwrap();
    assert_eq!(
        after["metadata"]["annotations"]["heal.dev/execution"],
        "H1-1"
    );
    number(&after, "/metadata/generation")
}

/// A trap: the server counts annotations of Deployments, because their controller copies them to ReplicaSets. The revision
/// that the controller itself notes there comes with a status, and does not count.
async fn a_mark_on_a_deployment_is_a_generation_of_its_own(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    assert_eq!(
        text(
            &before,
            "/metadata/annotations/deployment.kubernetes.io~1revision"
        ),
        "1"
    );
    assert_eq!(number(&before, "/metadata/generation"), Some(1));
    assert_eq!(generation_after_a_mark(&bed, &path).await, Some(2));
    let label = json!({"metadata": {"labels": {"team": "shop"}}});
    let labelled = bed.admin.patch(&path, Format::Merge, &label).await.unwrap();
    assert_eq!(
        number(&labelled, "/metadata/generation"),
        Some(2),
        "labels do not count"
    );
}

async fn a_mark_on_a_stateful_set_is_no_new_generation(bed: Bed) {
    let mut object = workload("StatefulSet", "db", idle());
    object["spec"]["replicas"] = json!(0);
    bed.create("statefulsets", &object).await;
    assert_eq!(
        generation_after_a_mark(&bed, &bed.path("statefulsets", "db")).await,
        Some(1)
    );
}

async fn a_patch_that_changes_nothing_makes_no_new_version(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let body = json!({"spec": {"replicas": 0}, "metadata": {"resourceVersion": version(&before)}});
    let after = bed
        .heal
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    assert_eq!(version(&after), version(&before));
}

async fn a_status_makes_a_new_version_and_no_new_generation(bed: Bed) {
    let (path, before) = quiet(&bed).await;
    let body = json!({"status": {"conditions": [{"type": "Tested", "status": "True"}]}, "spec": {"replicas": 5}});
    let path = format!("{path}/status");
    let after = bed
        .admin
        .patch(&path, Format::Strategic, &body)
        .await
        .unwrap();
    assert_ne!(version(&after), version(&before));
    assert_eq!(
        (
            number(&after, "/metadata/generation"),
            number(&after, "/spec/replicas")
        ),
        (Some(1), Some(0))
    );
}
