//! An owner and its pods, as they are now.
use super::{
    KubeCluster, current, project,
    rest::Fault,
    revisions::{self, Kept},
    served,
    slim::{self, Workload},
    template::{self, Newest},
};
use crate::domain::{
    object::{Kind, ObjectRef},
    view::{PodView, WorkloadView},
};
use serde_json::Value;

/// An owner and its pods, read live.
pub struct Scene {
    /// The owner, when it is a workload of a known kind.
    pub workload: Option<WorkloadView>,
    /// Name of the object that keeps its newest template, once its controller has seen the newest generation.
    pub revision: Option<String>,
    /// Template hash that pods of the newest template carry; `None` for kinds without templates that change.
    pub hash: Option<String>,
    /// Its controller has not acted on its newest generation yet: no pod is of the newest template so far.
    pub lagging: bool,
    /// Its pods.
    pub pods: Vec<PodView>,
    /// The workload as read, for what the view leaves out.
    pub raw: Option<Workload>,
}

impl Scene {
    /// Whether this pod is made from the newest template.
    pub fn is_newest(&self, pod: &PodView) -> bool {
        !self.lagging && (self.hash.is_none() || pod.template_hash == self.hash)
    }
}

/// Reads an owner and its pods. `None` when it is gone or was replaced.
///
/// # Errors
/// When the cluster does not answer or does not allow it.
pub async fn scene(cluster: &KubeCluster, owner: &ObjectRef) -> Result<Option<Scene>, Fault> {
    let bare = |pods| Scene {
        workload: None,
        revision: None,
        hash: None,
        lagging: false,
        pods,
        raw: None,
    };
    let reader = &cluster.reader;
    if owner.kind == Kind::Pod {
        let pod = current::<slim::Pod>(reader, &slim::PODS, owner).await?;
        return Ok(pod.map(|pod| bare(vec![project::pod(&pod)])));
    }
    let Some(of) = served(&owner.kind) else {
        let pods = template::pods_of_unknown_kind(reader, owner).await?;
        return Ok((!pods.is_empty()).then(|| bare(pods)));
    };
    let Some(raw) = current::<Workload>(reader, of, owner).await? else {
        return Ok(None);
    };
    let (pods, newest) = tokio::try_join!(
        template::pods_of(reader, owner, &raw),
        template::newest(reader, owner, &raw),
    )?;
    Ok(Some(assemble(owner, raw, newest.unwrap_or_default(), pods)))
}

/// A scene with what the revisions are told from.
pub struct Survey {
    /// The scene.
    pub scene: Scene,
    /// The owner as it was read, whole.
    pub whole: Option<Value>,
    /// All that is kept of its revisions.
    pub kept: Result<Vec<Kept>, Fault>,
}

/// So many pods may come in one answer.
const FEW: i32 = 1000;

type Lists = (Vec<PodView>, Result<Vec<Kept>, Fault>);

/// Reads an owner, its pods and its revisions at once, when the watches have told which label selector it has: a selector never
/// changes. Otherwise one after the other. `None` when it is gone or was replaced.
///
/// Read at once, the owner may be a moment newer than the lists. When they lack the revision that it names they are read again.
///
/// # Errors
/// When the cluster does not answer or does not allow it.
pub async fn survey(cluster: &KubeCluster, owner: &ObjectRef) -> Result<Option<Survey>, Fault> {
    let kept_somewhere = revisions::kept_as(&owner.kind).is_some();
    let Some(of) = served(&owner.kind).filter(|_| kept_somewhere) else {
        let found = scene(cluster, owner).await?;
        return Ok(found.map(|scene| Survey {
            scene,
            whole: None,
            kept: Ok(Vec::new()),
        }));
    };
    let told = cluster.selectors.of(&owner.uid);
    let (whole, early) = tokio::join!(whole(cluster, of, owner), async {
        match &told {
            Some((selector, wanted)) => Some(lists(cluster, owner, selector, *wanted <= FEW).await),
            None => None,
        }
    });
    let Some(whole) = whole? else {
        return Ok(None);
    };
    let raw: Workload = serde::Deserialize::deserialize(&whole)
        .map_err(|error: serde_json::Error| Fault::Garbled(error.to_string()))?;
    let selector = template::selector(&raw.spec.selector);
    let fits = |lists: &Result<Lists, Fault>| {
        selector.as_ref() == told.as_ref().map(|(selector, _)| selector)
            && !matches!(lists, Ok((_, Ok(kept))) if lacks_newest(owner, &raw, kept))
    };
    let (pods, kept) = match (early.filter(fits), &selector) {
        (Some(lists), _) => lists?,
        (None, Some(selector)) => lists(cluster, owner, selector, false).await?,
        (None, None) => (Vec::new(), Ok(Vec::new())),
    };
    let newest = match (&owner.kind, &kept) {
        (Kind::StatefulSet, _) => Newest::of_stateful_set(&raw),
        (_, Ok(kept)) => Newest::among(kept, owner, &raw),
        (_, Err(fault)) => return Err(fault.clone()),
    };
    Ok(Some(Survey {
        scene: assemble(owner, raw, newest, pods),
        whole: Some(whole),
        kept,
    }))
}

/// Reads it, as new as the watches are, over the connections that a change would take: the dry run that mostly follows finds one
/// open. Reading may be repeated, so what that client does not repeat by itself is asked of the other one.
async fn whole(
    cluster: &KubeCluster,
    of: &slim::Served,
    owner: &ObjectRef,
) -> Result<Option<Value>, Fault> {
    let (namespace, name) = (&owner.namespace, &owner.name);
    let since = cluster.versions.of(of.plural);
    let mut read = cluster
        .writer
        .get_since::<Value>(of, namespace, name, since)
        .await;
    if let Err(fault) = &read
        && fault.may_pass()
    {
        read = cluster.reader.get(of, namespace, name).await;
    }
    match read {
        Ok(found) => {
            let uid = found.pointer("/metadata/uid").and_then(Value::as_str);
            Ok((uid == Some(owner.uid.as_str())).then_some(found))
        }
        Err(fault) if fault.code() == Some(404) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Pods and revisions: as new as the watches are when there are `few`, otherwise as they are now.
async fn lists(
    cluster: &KubeCluster,
    owner: &ObjectRef,
    selector: &str,
    few: bool,
) -> Result<Lists, Fault> {
    let reader = &cluster.reader;
    let since = |of: &slim::Served| cluster.versions.of(of.plural).filter(|_| few);
    let revisions = revisions::kept_as(&owner.kind).and_then(since);
    let (pods, kept) = tokio::join!(
        template::pods_selected(reader, owner, selector, since(&slim::PODS)),
        revisions::kept(reader, owner, selector, revisions),
    );
    Ok((pods?, kept))
}

/// Whether the owner names a newest revision that is not in the list.
fn lacks_newest(owner: &ObjectRef, raw: &Workload, kept: &[Kept]) -> bool {
    match owner.kind {
        Kind::Deployment => template::revision_number(raw)
            .is_some_and(|wanted| kept.iter().all(|kept| kept.number() != wanted)),
        Kind::StatefulSet => {
            let wanted = &raw.status.update_revision;
            !wanted.is_empty()
                && kept
                    .iter()
                    .all(|kept| project::name(&kept.metadata) != wanted)
        }
        _ => false,
    }
}

fn assemble(owner: &ObjectRef, raw: Workload, newest: Newest, pods: Vec<PodView>) -> Scene {
    let view = project::workload(&owner.kind, &raw);
    Scene {
        lagging: view.observed_generation < view.generation,
        workload: Some(view),
        revision: newest.name,
        hash: newest.hash,
        pods,
        raw: Some(raw),
    }
}
