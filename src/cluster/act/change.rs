//! From an action to the one request that makes it.
use super::{Target, undo};
use crate::cluster::{
    KubeCluster, limits,
    rest::{Fault, PatchType, Rest, path},
    served, slim,
    template::RESTARTED_AT,
};
use crate::domain::{
    action::{Action, EXECUTION_ANNOTATION},
    object::{Kind, ObjectRef},
    text::bytes,
};
use serde_json::{Value, json};

/// One request.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A patch.
    Patch {
        /// Of what.
        path: String,
        /// How it is read.
        kind: PatchType,
        /// What changes.
        body: Value,
    },
    /// A deletion of exactly this pod.
    Delete {
        /// Of what.
        path: String,
        /// Only with this uid: the pods of a StatefulSet come back under the same name.
        uid: String,
    },
}

/// Why there is no request.
#[derive(Debug)]
pub enum Denied {
    /// The action makes no sense on the object as it is.
    Refused(String),
    /// What it needs could not be read.
    Fault(Fault),
}

impl From<Fault> for Denied {
    fn from(fault: Fault) -> Self {
        Denied::Fault(fault)
    }
}

impl Change {
    /// Sends it. The answer is the object as it is (or would be) then; `null` after a deletion.
    pub async fn send(&self, writer: &Rest, dry_run: bool) -> Result<Value, Fault> {
        match self {
            Change::Patch { path, kind, body } => writer.patch(path, *kind, body, dry_run).await,
            Change::Delete { path, uid } => writer
                .delete(path, uid, dry_run)
                .await
                .map(|()| Value::Null),
        }
    }

    /// Whether it deletes.
    pub fn is_delete(&self) -> bool {
        matches!(self, Change::Delete { .. })
    }
}

/// The request for an action on a target as it was just read. `execution` marks the object; a dry run has none.
pub async fn prepare(
    cluster: &KubeCluster,
    action: &Action,
    target: &Target,
    execution: Option<&str>,
) -> Result<Change, Denied> {
    let refuse = |why: &str| Err(Denied::Refused(why.to_owned()));
    let view = &target.view;
    match action {
        Action::RolloutUndo { to, .. } => {
            if view.paused {
                return refuse("its rollout is paused: resume it first");
            }
            undo::prepare(cluster, target, to, execution).await
        }
        Action::RolloutRestart { .. } => {
            if view.paused {
                return refuse("its rollout is paused: resume it first");
            }
            if view.strategy == "OnDelete" {
                return refuse("its update strategy is OnDelete: no pod would be replaced");
            }
            let now = cluster.clock.now();
            let stamp = jiff::fmt::temporal::DateTimePrinter::new()
                .precision(Some(0))
                .timestamp_to_string(&now);
            let template = json!({"metadata": {"annotations": {RESTARTED_AT: stamp}}});
            strategic(target, template, execution)
        }
        Action::SetMemoryLimit {
            container,
            to,
            request,
            ..
        } => {
            let Some(spec) = view.containers.iter().find(|c| &c.name == container) else {
                // A strategic merge would add a container of this name.
                return refuse("it has no such container any more");
            };
            let mut resources = json!({"limits": {"memory": bytes(*to)}});
            if let Some(request) = request {
                resources["requests"] = json!({"memory": bytes(*request)});
            }
            let list = if spec.init {
                "initContainers"
            } else {
                "containers"
            };
            let template = json!({"spec": {list: [{"name": container, "resources": resources}]}});
            strategic(target, template, execution)
        }
        Action::Scale { to, .. } => {
            if !matches!(view.object.kind, Kind::Deployment | Kind::StatefulSet) {
                return refuse("only Deployments and StatefulSets are scaled");
            }
            if let Some(name) = limits::autoscaler(&cluster.reader, &view.object).await? {
                // It would set its own number again, and hide that the scaling did not hold.
                return Err(Denied::Refused(format!(
                    "autoscaler {name} owns the number of pods"
                )));
            }
            Ok(Change::Patch {
                path: format!("{}/scale", path_of(&view.object)?),
                kind: PatchType::Merge,
                body: json!({
                    "metadata": {"resourceVersion": view.resource_version},
                    "spec": {"replicas": to}
                }),
            })
        }
        Action::DeletePod { pod, .. } => delete(cluster, pod, &view.object).await,
    }
}

/// A deletion of a pod, if a controller will replace it.
async fn delete(
    cluster: &KubeCluster,
    pod: &ObjectRef,
    target: &ObjectRef,
) -> Result<Change, Denied> {
    let refused = |why: String| Err(Denied::Refused(why));
    let found = crate::cluster::current::<slim::Pod>(&cluster.reader, &slim::PODS, pod).await?;
    let Some(found) = found else {
        return refused(format!("{pod} is gone"));
    };
    if crate::cluster::project::owner(&found.metadata).is_none() {
        return refused(format!("{pod} has no controller that would replace it"));
    }
    if target.kind == Kind::Pod {
        return refused("it would not come back".to_owned());
    }
    Ok(Change::Delete {
        path: path_of(pod)?,
        uid: pod.uid.clone(),
    })
}

/// The path of an object of a known kind.
pub fn path_of(object: &ObjectRef) -> Result<String, Denied> {
    let Some(served) = served(&object.kind) else {
        return Err(Denied::Refused(format!(
            "{} cannot be changed",
            object.kind
        )));
    };
    Ok(path(served, &object.namespace, &object.name))
}

/// A change of the pod template that keeps everything it does not name.
fn strategic(target: &Target, template: Value, execution: Option<&str>) -> Result<Change, Denied> {
    let view = &target.view;
    if !matches!(
        view.object.kind,
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet
    ) {
        return Err(Denied::Refused(format!(
            "a {} has no template that can be changed",
            view.object.kind
        )));
    }
    let mut metadata = json!({"resourceVersion": view.resource_version});
    if let Some(execution) = execution {
        metadata["annotations"] = json!({EXECUTION_ANNOTATION: execution});
    }
    Ok(Change::Patch {
        path: path_of(&view.object)?,
        kind: PatchType::Strategic,
        body: json!({"metadata": metadata, "spec": {"template": template}}),
    })
}

/// Marks the workload with the execution, for changes that are made elsewhere (a pod, the scale).
pub fn mark(target: &Target, execution: &str) -> Result<Change, Denied> {
    Ok(Change::Patch {
        path: path_of(&target.view.object)?,
        kind: PatchType::Merge,
        body: json!({"metadata": {
            "resourceVersion": target.view.resource_version,
            "annotations": {EXECUTION_ANNOTATION: execution}
        }}),
    })
}
