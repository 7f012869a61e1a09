//! Which pods belong to a workload, and which template is its newest.
use super::{
    owners::{Climb, Known, Parent, climb},
    project,
    project_workload::REVISION_ANNOTATION,
    rest::{Fault, Rest},
    revisions::Kept,
    slim::{self, Selector, Workload},
};
use crate::domain::{
    object::{Kind, ObjectRef},
    view::PodView,
};
use serde::Deserialize;

/// The annotation on a template by which `kubectl rollout restart` makes it a new one.
pub const RESTARTED_AT: &str = "kubectl.kubernetes.io/restartedAt";
/// Label that tells the pods of a Deployment's templates apart.
pub const TEMPLATE_HASH: &str = "pod-template-hash";
/// The same for StatefulSets and DaemonSets.
pub const REVISION_HASH: &str = "controller-revision-hash";

/// The newest template of a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Newest {
    /// ReplicaSet or ControllerRevision.
    pub name: Option<String>,
    /// What its pods are labelled with.
    pub hash: Option<String>,
}

impl Newest {
    /// Of a StatefulSet: its status names it, and its pods are labelled with the whole name.
    pub fn of_stateful_set(raw: &Workload) -> Self {
        let name = Some(raw.status.update_revision.clone()).filter(|name| !name.is_empty());
        Self {
            hash: name.clone(),
            name,
        }
    }

    /// Of a Deployment or DaemonSet, among all that is kept of its revisions: the one that it names, or the one with the
    /// highest number.
    pub fn among(kept: &[Kept], owner: &ObjectRef, raw: &Workload) -> Self {
        let (wanted, label) = match owner.kind {
            Kind::Deployment => (revision_number(raw).unwrap_or(0), TEMPLATE_HASH),
            _ => (0, REVISION_HASH),
        };
        let best = kept.iter().max_by_key(|kept| {
            let number = kept.number();
            (number == wanted, number)
        });
        best.map(|kept| Self {
            name: Some(project::name(&kept.metadata).to_owned()),
            hash: project::label(&kept.metadata, label).cloned(),
        })
        .unwrap_or_default()
    }
}

/// A label selector as the query parameter takes it. `None` when it selects everything or uses what cannot be written so.
pub fn selector(of: &Selector) -> Option<String> {
    let mut parts: Vec<String> = of
        .match_labels
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    for rule in &of.match_expressions {
        let values = rule.values.join(",");
        parts.push(match rule.operator.as_str() {
            "In" => format!("{} in ({values})", rule.key),
            "NotIn" => format!("{} notin ({values})", rule.key),
            "Exists" => rule.key.clone(),
            "DoesNotExist" => format!("!{}", rule.key),
            _ => return None,
        });
    }
    (!parts.is_empty()).then(|| parts.join(","))
}

/// The pods of a workload: selected by its labels and controlled by it (or, for a Deployment, by a ReplicaSet).
pub async fn pods_of(
    reader: &Rest,
    owner: &ObjectRef,
    raw: &Workload,
) -> Result<Vec<PodView>, Fault> {
    match selector(&raw.spec.selector) {
        Some(selector) => pods_selected(reader, owner, &selector, None).await,
        None => Ok(Vec::new()),
    }
}

/// The same with a selector at hand; no older than a version, if one is given.
pub async fn pods_selected(
    reader: &Rest,
    owner: &ObjectRef,
    selector: &str,
    since: Option<u64>,
) -> Result<Vec<PodView>, Fault> {
    let list = reader
        .selected::<slim::Pod>(&slim::PODS, &owner.namespace, selector, since)
        .await?;
    let mine = |pod: &PodView| {
        pod.owner.as_ref().is_some_and(|link| match owner.kind {
            Kind::Deployment => link.kind == Kind::ReplicaSet,
            _ => link.uid == owner.uid,
        })
    };
    Ok(list.iter().map(project::pod).filter(mine).collect())
}

/// The pods of an owner whose kind Heal does not know: the chain is climbed from each pod of the namespace.
pub async fn pods_of_unknown_kind(reader: &Rest, owner: &ObjectRef) -> Result<Vec<PodView>, Fault> {
    let page = [("limit", "1000")];
    let between = match owner.kind {
        Kind::CronJob => &slim::JOBS,
        _ => &slim::REPLICA_SETS,
    };
    let (pods, sets) = tokio::try_join!(
        reader.list::<slim::Pod>(&slim::PODS, &owner.namespace, &page),
        reader.list::<Workload>(between, &owner.namespace, &page),
    )?;
    let parent = |meta| Parent {
        above: project::owner(meta),
        ..Parent::default()
    };
    let sets = sets.iter().map(|set| &set.metadata);
    let metas = pods.iter().map(|pod| &pod.metadata).chain(sets);
    let known: Known = metas
        .map(|meta| (project::uid(meta).to_owned(), parent(meta)))
        .collect();
    let mine = |pod: &PodView| match climb(&pod.object(), &known) {
        Climb::Top(top) => top.uid == owner.uid,
        Climb::Ask(_) => false,
    };
    Ok(pods.iter().map(project::pod).filter(mine).collect())
}

/// The newest template, as the workload's controller keeps it. `None` for kinds without revisions.
pub async fn newest(
    reader: &Rest,
    owner: &ObjectRef,
    raw: &Workload,
) -> Result<Option<Newest>, Fault> {
    match owner.kind {
        Kind::Deployment => newest_replica_set(reader, owner, raw).await,
        Kind::StatefulSet => Ok(Some(Newest::of_stateful_set(raw))),
        Kind::DaemonSet => newest_controller_revision(reader, owner, raw).await,
        _ => Ok(None),
    }
}

async fn newest_replica_set(
    reader: &Rest,
    owner: &ObjectRef,
    raw: &Workload,
) -> Result<Option<Newest>, Fault> {
    let Some(selector) = selector(&raw.spec.selector) else {
        return Ok(None);
    };
    let query = [("labelSelector", selector.as_str())];
    let sets = reader
        .list::<Workload>(&slim::REPLICA_SETS, &owner.namespace, &query)
        .await?;
    let wanted = revision_number(raw);
    let mine = sets
        .iter()
        .filter(|set| project::owner(&set.metadata).is_some_and(|link| link.uid == owner.uid));
    let best = mine.max_by_key(|set| {
        let number = revision_number(set);
        (number == wanted, number)
    });
    Ok(best.map(|set| Newest {
        name: Some(project::name(&set.metadata).to_owned()),
        hash: project::label(&set.metadata, TEMPLATE_HASH).cloned(),
    }))
}

/// A ControllerRevision without its data.
#[derive(Deserialize)]
struct Numbered {
    metadata: k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta,
    #[serde(default)]
    revision: i64,
}

async fn newest_controller_revision(
    reader: &Rest,
    owner: &ObjectRef,
    raw: &Workload,
) -> Result<Option<Newest>, Fault> {
    let Some(selector) = selector(&raw.spec.selector) else {
        return Ok(None);
    };
    let query = [("labelSelector", selector.as_str())];
    let list = reader
        .list::<Numbered>(&slim::CONTROLLER_REVISIONS, &owner.namespace, &query)
        .await?;
    let mine = list
        .iter()
        .filter(|item| project::owner(&item.metadata).is_some_and(|link| link.uid == owner.uid));
    let best = mine.max_by_key(|item| item.revision);
    Ok(best.map(|item| Newest {
        name: Some(project::name(&item.metadata).to_owned()),
        hash: project::label(&item.metadata, REVISION_HASH).cloned(),
    }))
}

/// The number of a Deployment's newest revision.
pub fn revision_number(raw: &Workload) -> Option<i64> {
    project::annotation(&raw.metadata, REVISION_ANNOTATION)?
        .parse()
        .ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_selector_is_written_as_the_server_reads_it() {
        let of: Selector = serde_json::from_value(json!({
            "matchLabels": {"app": "web"},
            "matchExpressions": [
                {"key": "tier", "operator": "In", "values": ["a", "b"]},
                {"key": "old", "operator": "DoesNotExist"}
            ]
        }))
        .unwrap();
        assert_eq!(selector(&of).unwrap(), "app=web,tier in (a,b),!old");
        assert_eq!(selector(&Selector::default()), None, "never everything");
    }
}
