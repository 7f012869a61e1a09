//! The revisions of a workload: what a rollback can go back to.
use super::{
    diff, project,
    project_workload::REVISION_ANNOTATION,
    rest::{Fault, Rest},
    slim,
    template::{REVISION_HASH, TEMPLATE_HASH},
};
use crate::domain::{
    evidence::Revision,
    object::{Kind, ObjectRef},
    view::PodView,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;
use serde_json::Value;

/// A ReplicaSet or ControllerRevision, with its template as it is.
#[derive(Clone, Debug, Deserialize)]
pub struct Kept {
    /// `metadata`
    pub metadata: ObjectMeta,
    /// Of a ReplicaSet.
    #[serde(default)]
    spec: Option<Value>,
    /// Of a ReplicaSet.
    #[serde(default)]
    status: Option<Value>,
    /// Of a ControllerRevision.
    #[serde(default)]
    data: Option<Value>,
    /// Of a ControllerRevision.
    #[serde(default)]
    revision: Option<i64>,
}

impl Kept {
    /// The number of the revision.
    pub fn number(&self) -> i64 {
        let noted = || {
            project::annotation(&self.metadata, REVISION_ANNOTATION)?
                .parse()
                .ok()
        };
        self.revision.or_else(noted).unwrap_or(0)
    }

    /// The pod template, without what marks it as a revision: putting it back as it is would tie the workload's pods to
    /// the old ReplicaSet's label, or write a patch directive into the object.
    pub fn template(&self) -> Option<Value> {
        let holder = match &self.data {
            Some(data) => data.get("spec")?,
            None => self.spec.as_ref()?,
        };
        let mut template = holder.get("template")?.clone();
        if let Some(map) = template.as_object_mut() {
            map.remove("$patch");
        }
        if let Some(labels) = template
            .pointer_mut("/metadata/labels")
            .and_then(Value::as_object_mut)
        {
            labels.remove(TEMPLATE_HASH);
        }
        Some(template)
    }

    /// What the pods of this revision are labelled with: StatefulSets use the revision's name, the others a hash.
    fn hash(&self) -> String {
        let of_set = project::owner(&self.metadata).is_some_and(|o| o.kind == Kind::StatefulSet);
        if of_set {
            return project::name(&self.metadata).to_owned();
        }
        let hash = project::label(&self.metadata, TEMPLATE_HASH)
            .or_else(|| project::label(&self.metadata, REVISION_HASH));
        hash.cloned().unwrap_or_default()
    }

    fn available(&self, pods: &[PodView]) -> i32 {
        if self.data.is_none() {
            let status = self.status.as_ref();
            let count = status.and_then(|status| status.get("availableReplicas")?.as_i64());
            return count.and_then(|n| i32::try_from(n).ok()).unwrap_or(0);
        }
        let hash = self.hash();
        let of = |pod: &&PodView| {
            pod.ready && !pod.deleting && pod.template_hash.as_deref() == Some(hash.as_str())
        };
        i32::try_from(pods.iter().filter(of).count()).unwrap_or(i32::MAX)
    }
}

/// Where the revisions of a kind are kept; `None` for kinds without revisions.
pub fn kept_as(kind: &Kind) -> Option<&'static slim::Served> {
    match kind {
        Kind::Deployment => Some(&slim::REPLICA_SETS),
        Kind::StatefulSet | Kind::DaemonSet => Some(&slim::CONTROLLER_REVISIONS),
        _ => None,
    }
}

/// All that is kept of an owner's revisions; no older than a version, if one is given.
pub async fn kept(
    reader: &Rest,
    owner: &ObjectRef,
    selector: &str,
    since: Option<u64>,
) -> Result<Vec<Kept>, Fault> {
    let Some(served) = kept_as(&owner.kind) else {
        return Ok(Vec::new());
    };
    let list = reader
        .selected::<Kept>(served, &owner.namespace, selector, since)
        .await?;
    let mine = |kept: &Kept| project::owner(&kept.metadata).is_some_and(|l| l.uid == owner.uid);
    Ok(list.into_iter().filter(mine).collect())
}

/// Revisions for people, newest first, each compared with the current one.
///
/// `current` is the name of the newest one where the workload's status tells (StatefulSets); otherwise the highest number
/// is the newest.
pub fn revisions(mut kept: Vec<Kept>, current: Option<&str>, pods: &[PodView]) -> Vec<Revision> {
    kept.sort_by_key(|kept| std::cmp::Reverse(kept.number()));
    let named =
        current.and_then(|name| kept.iter().position(|k| project::name(&k.metadata) == name));
    let at = named.unwrap_or(0);
    let Some(now) = kept.get(at).and_then(Kept::template) else {
        return Vec::new();
    };
    let describe = |(index, kept): (usize, &Kept)| {
        let then = kept.template()?;
        let containers = then.pointer("/spec/containers").and_then(Value::as_array);
        let image = |container: &Value| container.get("image")?.as_str().map(str::to_owned);
        Some(Revision {
            number: kept.number(),
            name: project::name(&kept.metadata).to_owned(),
            hash: kept.hash(),
            created: project::created(&kept.metadata),
            current: index == at,
            available: kept.available(pods),
            seen_healthy: None,
            images: containers.into_iter().flatten().filter_map(image).collect(),
            diff: diff::lines(&now, &then),
        })
    };
    kept.iter().enumerate().filter_map(describe).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn set(name: &str, number: &str, image: &str, available: i32) -> Kept {
        serde_json::from_value(json!({
            "metadata": {"name": name, "creationTimestamp": "2026-11-01T10:00:00Z",
                "annotations": {"deployment.kubernetes.io/revision": number},
                "labels": {"app": "web", "pod-template-hash": name}},
            "spec": {"template": {"metadata": {"labels": {"app": "web", "pod-template-hash": name}},
                "spec": {"containers": [{"name": "app", "image": image}]}}},
            "status": {"availableReplicas": available}
        }))
        .unwrap()
    }

    #[test]
    fn revisions_are_sorted_by_number_and_compared_with_the_newest() {
        let kept = vec![set("a", "9", "web:1", 2), set("b", "10", "web:2", 0)];
        let lines: Vec<String> = revisions(kept, None, &[])
            .iter()
            .map(|r| {
                format!(
                    "{} {} current={} available={} {:?}",
                    r.number, r.name, r.current, r.available, r.diff
                )
            })
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r#"
        10 b current=true available=0 []
        9 a current=false available=2 ["containers[app].image: web:2 → web:1"]
        "#);
    }

    #[test]
    fn a_template_is_put_back_without_the_marks_of_its_revision() {
        let of_set = set("a", "1", "web:1", 0).template().unwrap();
        assert_eq!(of_set["metadata"]["labels"], json!({"app": "web"}));
        let revision: Kept = serde_json::from_value(json!({
            "metadata": {"name": "db-1"}, "revision": 3,
            "data": {"spec": {"template": {"$patch": "replace", "spec": {"containers": []}}}}
        }))
        .unwrap();
        assert_eq!(
            revision.template().unwrap(),
            json!({"spec": {"containers": []}})
        );
        assert_eq!(revision.number(), 3);
    }
}
