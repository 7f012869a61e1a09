//! References to configuration that is not there.
use super::{
    bed::{Bed, number, text},
    contracts,
    objects::{idle, pod},
};
use serde_json::{Value, json};

contracts! {
    a_missing_config_map_is_a_configuration_error,
    a_missing_secret_is_a_configuration_error,
    a_missing_key_is_a_configuration_error_until_it_is_there,
    a_volume_that_cannot_be_mounted_keeps_the_container_from_being_made,
}

fn with_variable(name: &str, from: Value) -> Value {
    let mut container = idle();
    container["env"] = json!([{"name": "MODE", "valueFrom": from}]);
    pod(name, container)
}

async fn message(bed: &Bed, pod: &str) -> String {
    let status = bed
        .pod(pod, "a configuration error", |pod| {
            let status = pod.pointer("/status/containerStatuses/0")?;
            let waiting = &status["state"]["waiting"];
            let error = waiting["reason"] == "CreateContainerConfigError";
            // A busy kubelet may not know the namespace's objects yet, and says so first.
            let knows = !text(waiting, "/message").starts_with("failed to sync");
            (error && knows).then(|| status.clone())
        })
        .await;
    let message = text(&status, "/state/waiting/message").to_owned();
    let told = format!("Error: {message}");
    let event = bed
        .event_with(pod, "Failed", |event| text(event, "/message") == told)
        .await;
    assert_eq!(text(&event, "/type"), "Warning");
    assert_eq!(
        text(&event, "/involvedObject/fieldPath"),
        "spec.containers{app}"
    );
    assert_eq!(
        (number(&status, "/restartCount"), &status["lastState"]),
        (Some(0), &json!({}))
    );
    message
}

async fn a_missing_config_map_is_a_configuration_error(bed: Bed) {
    let mut container = idle();
    container["envFrom"] = json!([{"configMapRef": {"name": "settings"}}]);
    bed.create("pods", &pod("lost", container)).await;
    assert_eq!(
        message(&bed, "lost").await,
        "configmap \"settings\" not found"
    );
}

async fn a_missing_secret_is_a_configuration_error(bed: Bed) {
    let from = json!({"secretKeyRef": {"name": "token", "key": "value"}});
    bed.create("pods", &with_variable("lost", from)).await;
    assert_eq!(message(&bed, "lost").await, "secret \"token\" not found");
}

async fn a_missing_key_is_a_configuration_error_until_it_is_there(bed: Bed) {
    let settings = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}, "data": {"other": "1"}});
    bed.create("configmaps", &settings).await;
    let from = json!({"configMapKeyRef": {"name": "settings", "key": "mode"}});
    bed.create("pods", &with_variable("lost", from)).await;
    assert_eq!(
        message(&bed, "lost").await,
        format!(
            "couldn't find key mode in ConfigMap {}/settings",
            bed.namespace
        )
    );
    // What Heal asks: is the reference there, and which keys has it?
    assert_eq!(
        bed.get("configmaps", "settings").await["data"],
        json!({"other": "1"})
    );
    let path = bed.path("configmaps", "settings");
    bed.admin
        .patch(
            &path,
            super::call::Format::Merge,
            &json!({"data": {"mode": "on"}}),
        )
        .await
        .unwrap();
    bed.pod("lost", "the container runs by itself", |pod| {
        pod.pointer("/status/containerStatuses/0/state/running")
            .cloned()
    })
    .await;
}

async fn a_volume_that_cannot_be_mounted_keeps_the_container_from_being_made(bed: Bed) {
    let mut object = pod("bare", idle());
    object["spec"]["volumes"] = json!([{"name": "settings", "configMap": {"name": "settings"}}]);
    object["spec"]["containers"][0]["volumeMounts"] =
        json!([{"name": "settings", "mountPath": "/settings"}]);
    bed.create("pods", &object).await;
    let knows = |event: &Value| !text(event, "/message").contains("failed to sync");
    let event = bed.event_with("bare", "FailedMount", knows).await;
    assert_eq!(text(&event, "/type"), "Warning");
    insta::allow_duplicates! {
        insta::assert_snapshot!(text(&event, "/message"), @r#"MountVolume.SetUp failed for volume "settings" : configmap "settings" not found"#);
    }
    bed.waiting("bare", "ContainerCreating").await;
}
