//! ControllerRevisions: the history of pod templates of StatefulSets and DaemonSets.

use serde_json::{Value, json};

use crate::sim::kube::{
    core::{Core, Deletion},
    names::template_hash,
    object, resources,
};

/// The label of pods that names their revision.
pub(super) const HASH: &str = "controller-revision-hash";

/// The revision object of the owner's present template, made newest if need be: its name.
pub(super) fn current(core: &Core, owner: &Value) -> String {
    let mut template = owner["spec"]["template"].clone();
    let hash = template_hash(&template);
    template["$patch"] = json!("replace");
    let data = json!({"spec": {"template": template}});
    let namespace = object::namespace(owner);
    let mut all = core
        .store
        .list(&resources::CONTROLLER_REVISIONS, Some(namespace));
    all.retain(|revision| object::is_controlled_by(revision, object::uid(owner)));
    all.sort_by_key(|revision| object::int(revision, "/revision").unwrap_or(0));
    let newest = all.last().map_or(0, |revision| {
        object::int(revision, "/revision").unwrap_or(0)
    });
    if let Some(same) = all.iter().find(|revision| revision["data"] == data) {
        let name = object::name(same).to_owned();
        if object::int(same, "/revision") != Some(newest) {
            core.update_status(
                &resources::CONTROLLER_REVISIONS,
                namespace,
                &name,
                |revision| {
                    revision["revision"] = json!(newest + 1);
                },
            );
        }
        return name;
    }
    let limit = object::int(owner, "/spec/revisionHistoryLimit")
        .unwrap_or(10)
        .max(0) as usize;
    for old in all.iter().take(all.len().saturating_sub(limit)) {
        // Gone already is as good as deleted.
        let _ = core.delete(
            &resources::CONTROLLER_REVISIONS,
            namespace,
            object::name(old),
            &Deletion::default(),
        );
    }
    let name = format!("{}-{hash}", object::name(owner));
    let mut labels = owner["spec"]["template"]["metadata"]["labels"].clone();
    // DaemonSets label a revision as they label its pods; StatefulSets keep another key for it.
    let key = if object::text(owner, "/kind") == "DaemonSet" {
        HASH
    } else {
        "controller.kubernetes.io/hash"
    };
    labels[key] = json!(hash);
    let revision = json!({
        "metadata": {
            "name": name, "namespace": namespace, "labels": labels,
            "ownerReferences": [object::owner_reference(owner)],
        },
        "data": data, "revision": newest + 1,
    });
    // The only refusal is a name that exists: two templates with one hash, which the next change resolves.
    let _ = core.create(&resources::CONTROLLER_REVISIONS, revision, false);
    name
}
