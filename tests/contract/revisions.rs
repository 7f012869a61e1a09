//! ControllerRevisions: the history of StatefulSets and DaemonSets, from which Heal takes templates back.
use super::{
    bed::{Bed, number, text},
    call::Format,
    contracts,
    objects::{NO_IMAGE, idle, workload},
    rollouts::{settled, undo, with_image},
};
use serde_json::{Value, json};

contracts! {
    a_stateful_set_keeps_revisions_and_takes_an_old_one_again,
    a_daemon_set_keeps_revisions_and_takes_an_old_one_again,
}

async fn a_stateful_set_keeps_revisions_and_takes_an_old_one_again(bed: Bed) {
    let mut object = workload("StatefulSet", "db", idle());
    object["spec"]["serviceName"] = json!("db");
    object["spec"]["replicas"] = json!(1);
    bed.create("statefulsets", &object).await;
    let ready = |set: &Value| number(set, "/status/readyReplicas") == Some(1);
    let first = settled(&bed, "statefulsets", "db", |set| {
        ready(set) && set["status"]["currentRevision"] == set["status"]["updateRevision"]
    })
    .await;
    let name = text(&first, "/status/updateRevision").to_owned();
    keeps_revisions(&bed, "statefulsets", "db", &name).await;
    let after = settled(&bed, "statefulsets", "db", |set| {
        text(set, "/status/updateRevision") == name
    })
    .await;
    assert_eq!(number(&after, "/metadata/generation"), Some(3));
    // It may be on its way from one template to the other.
    let hash = bed
        .pod("db-0", "the pod of the set", |pod| {
            Some(text(pod, "/metadata/labels/controller-revision-hash").to_owned())
        })
        .await;
    assert!(hash.starts_with("db-"), "{hash}");
}

async fn a_daemon_set_keeps_revisions_and_takes_an_old_one_again(bed: Bed) {
    bed.create("daemonsets", &workload("DaemonSet", "agent", idle()))
        .await;
    settled(&bed, "daemonsets", "agent", |set| {
        number(set, "/status/numberReady") >= Some(1)
            && set["status"]["numberReady"] == set["status"]["desiredNumberScheduled"]
    })
    .await;
    let name = text(&bed.list("controllerrevisions").await[0], "/metadata/name").to_owned();
    keeps_revisions(&bed, "daemonsets", "agent", &name).await;
}

/// Changes the template and puts it back from the revision `name`.
async fn keeps_revisions(bed: &Bed, plural: &str, workload: &str, name: &str) {
    let path = bed.path(plural, workload);
    let number_of = |revisions: &[Value], name: &str| {
        let found = revisions
            .iter()
            .find(|revision| text(revision, "/metadata/name") == name)
            .unwrap();
        number(found, "/revision").unwrap()
    };
    bed.heal
        .patch(&path, Format::Strategic, &with_image(NO_IMAGE))
        .await
        .unwrap();
    bed.until("a second revision", async || {
        (bed.list("controllerrevisions").await.len() == 2).then_some(())
    })
    .await;
    let revision = bed.get("controllerrevisions", name).await;
    assert_eq!(number(&revision, "/revision"), Some(1));
    assert_eq!(
        text(&revision, "/metadata/ownerReferences/0/name"),
        workload
    );
    let mut template = revision["data"]["spec"]["template"].clone();
    // A mark of the strategic merge that such data is, and no field.
    assert_eq!(
        template.as_object_mut().unwrap().remove("$patch"),
        Some(json!("replace"))
    );
    bed.until("the undo", async || {
        let now = bed.get(plural, workload).await;
        let mut operations = undo(&now, &template);
        if now["metadata"]["annotations"].is_null() {
            let add = json!({"op": "add", "path": "/metadata/annotations", "value": {}});
            operations.as_array_mut().unwrap().insert(1, add);
        }
        bed.heal.patch(&path, Format::Json, &operations).await.ok()
    })
    .await;
    bed.until("the old revision is the newest", async || {
        let revisions = bed.list("controllerrevisions").await;
        assert_eq!(revisions.len(), 2);
        (number_of(&revisions, name) == 3).then_some(())
    })
    .await;
}
