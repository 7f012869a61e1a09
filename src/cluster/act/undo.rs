//! Rolling back: the template of an older revision takes the place of the present one.
//!
//! As a whole, by a JSON patch: a strategic merge would keep every field and list item that only the newer template has
//! (a sidecar, a variable, a volume), and so make a third template that never ran anywhere.
use super::{
    Target,
    change::{Change, Denied, path_of},
};
use crate::cluster::{
    KubeCluster, project,
    rest::PatchType,
    revisions::{Kept, kept_as},
};
use crate::domain::action::{EXECUTION_ANNOTATION, RevisionRef};
use serde_json::{Value, json};

/// The request that puts a revision back.
pub async fn prepare(
    cluster: &KubeCluster,
    target: &Target,
    to: &RevisionRef,
    execution: Option<&str>,
) -> Result<Change, Denied> {
    let object = &target.view.object;
    let Some(served) = kept_as(&object.kind) else {
        return Err(Denied::Refused(format!(
            "a {} has no revisions",
            object.kind
        )));
    };
    let at_hand = target
        .kept
        .iter()
        .find(|kept| project::name(&kept.metadata) == to.name);
    let kept = match at_hand {
        Some(kept) => Ok(kept.clone()),
        None => {
            let reader = &cluster.reader;
            reader
                .get::<Kept>(served, &object.namespace, &to.name)
                .await
        }
    };
    let kept = match kept {
        Ok(kept) => kept,
        Err(fault) if fault.code() == Some(404) => {
            return Err(Denied::Refused(format!(
                "revision {} is not kept any more",
                to.number
            )));
        }
        Err(fault) => return Err(fault.into()),
    };
    let owned = project::owner(&kept.metadata).is_some_and(|link| link.uid == object.uid);
    let template = kept.template().filter(|_| owned);
    let Some(template) = template else {
        return Err(Denied::Refused(format!(
            "{} is no revision of {object}",
            to.name
        )));
    };
    Ok(Change::Patch {
        path: path_of(object)?,
        kind: PatchType::Json,
        body: operations(target, &template, execution),
    })
}

/// Setting `resourceVersion` makes the server compare it, like an update, and answer 409 when it has moved.
fn operations(target: &Target, template: &Value, execution: Option<&str>) -> Value {
    let mut operations = vec![json!({
        "op": "replace", "path": "/metadata/resourceVersion", "value": target.view.resource_version
    })];
    if let Some(execution) = execution {
        if target.raw.pointer("/metadata/annotations").is_none() {
            operations.push(json!({"op": "add", "path": "/metadata/annotations", "value": {}}));
        }
        let key = EXECUTION_ANNOTATION.replace('~', "~0").replace('/', "~1");
        let path = format!("/metadata/annotations/{key}");
        operations.push(json!({"op": "add", "path": path, "value": execution}));
    }
    operations.push(json!({"op": "replace", "path": "/spec/template", "value": template}));
    Value::Array(operations)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::object::ObjectRef;

    #[test]
    fn the_whole_template_is_replaced_under_the_version_that_was_read() {
        let raw = json!({"metadata": {"name": "web", "namespace": "shop", "uid": "u", "resourceVersion": "7"}, "spec": {}});
        let object = ObjectRef::new("StatefulSet", "shop", "web", "u");
        let target = Target::of(&object, raw).unwrap().unwrap();
        let body = operations(&target, &json!({"spec": {}}), Some("H1-1"));
        insta::assert_snapshot!(body.to_string(), @r#"[{"op":"replace","path":"/metadata/resourceVersion","value":"7"},{"op":"add","path":"/metadata/annotations","value":{}},{"op":"add","path":"/metadata/annotations/heal.dev~1execution","value":"H1-1"},{"op":"replace","path":"/spec/template","value":{"spec":{}}}]"#);
    }
}
