//! Changes: a dry run says what one would do; an execution makes it once.
//!
//! Every write is a compare-and-swap on `resourceVersion` (or, for a pod, on its uid), and marks the changed workload with
//! the execution's id. So a lost answer is never a riddle: reading the object again tells whether the write was made, and
//! repeating it cannot make it twice.
mod change;
mod execute;
mod undo;

pub use execute::execute;

use super::{KubeCluster, current, diff, project, rest::Fault, revisions::Kept, served};
use crate::{
    domain::{action::Action, object::ObjectRef, proposal::DryRun, view::WorkloadView},
    ports::ClusterError,
};
use change::{Change, Denied};
use serde_json::Value;
use sha2::{Digest, Sha256};

/// A write that met a newer object is tried on that, this often.
const CONFLICTS: u32 = 5;

/// A workload that is to be changed.
struct Target {
    raw: Value,
    view: WorkloadView,
    /// What is kept of its revisions, if that was read together with it.
    kept: Vec<Kept>,
}

impl Target {
    /// Reads it; `None` when it is gone or was replaced.
    async fn read(cluster: &KubeCluster, object: &ObjectRef) -> Result<Option<Self>, Fault> {
        let Some(served) = served(&object.kind) else {
            return Ok(None);
        };
        let raw = match cluster
            .reader
            .get::<Value>(served, &object.namespace, &object.name)
            .await
        {
            Ok(raw) => raw,
            Err(fault) if fault.code() == Some(404) => return Ok(None),
            Err(fault) => return Err(fault),
        };
        Self::of(object, raw)
    }

    fn of(object: &ObjectRef, raw: Value) -> Result<Option<Self>, Fault> {
        let parsed = serde::Deserialize::deserialize(&raw)
            .map_err(|error: serde_json::Error| Fault::Garbled(error.to_string()))?;
        let view = project::workload(&object.kind, &parsed);
        Ok((view.object.uid == object.uid).then_some(Self {
            raw,
            view,
            kept: Vec::new(),
        }))
    }

    /// As an inspection has just read it. For changes that the server refuses when the object has moved since then.
    fn held(cluster: &KubeCluster, action: &Action) -> Option<Self> {
        // A pod is deleted by its uid, whatever happened to its workload.
        if matches!(action, Action::DeletePod { .. }) {
            return None;
        }
        let held = cluster.shelf.take(&action.target().uid)?;
        let target = Self::of(action.target(), held.whole).ok()??;
        Some(Self {
            kept: held.kept,
            ..target
        })
    }
}

/// What of a workload's specification an action rests on, as a fingerprint. How many pods there are is an autoscaler's daily
/// business: it matters to a scaling and to the loss of a pod, and to no change of the template.
fn fingerprint(action: &Action, raw: &Value) -> Option<String> {
    let mut spec = raw.get("spec")?.clone();
    let counts = matches!(action, Action::Scale { .. } | Action::DeletePod { .. });
    if let (Some(fields), false) = (spec.as_object_mut(), counts) {
        fields.remove("replicas");
    }
    Some(hex::encode(Sha256::digest(spec.to_string())))
}

fn refusal(generation: i64, why: impl Into<String>) -> DryRun {
    DryRun {
        generation,
        spec: None,
        diff: Vec::new(),
        refusal: Some(why.into()),
    }
}

/// Asks the server what an action would do.
///
/// # Errors
/// When the server does not answer. What it or Heal refuses is a result.
pub async fn dry_run(cluster: &KubeCluster, action: Action) -> Result<DryRun, ClusterError> {
    let mut last = None;
    let mut held = Target::held(cluster, &action);
    for _ in 0..CONFLICTS {
        let was_held = held.is_some();
        let target = match held.take() {
            Some(target) => Some(target),
            None => Target::read(cluster, action.target()).await?,
        };
        let Some(target) = target else {
            return Ok(refusal(0, format!("{} is gone", action.target())));
        };
        let generation = target.view.generation;
        let change = match change::prepare(cluster, &action, &target, None).await {
            Ok(change) => change,
            // Here the server has not been asked: it is judged on what is there now.
            Err(_) if was_held => continue,
            Err(Denied::Refused(why)) => return Ok(refusal(generation, why)),
            Err(Denied::Fault(fault)) => return Err(fault.into()),
        };
        match change.send(&cluster.writer, true).await {
            Ok(after) => return Ok(told(&action, &change, &target, &after)),
            Err(fault) if fault.code() == Some(409) && !change.is_delete() => last = Some(fault),
            Err(fault) if fault.is_unclear() && fault.code() != Some(500) => {
                return Err(fault.into());
            }
            Err(fault) => return Ok(refusal(generation, fault.to_string())),
        }
    }
    let why = last.map_or_else(String::new, |fault| fault.to_string());
    Err(ClusterError::Unavailable(why))
}

/// What a change makes of its target, by the server's answer to it.
fn difference(action: &Action, target: &Target, after: &Value) -> Vec<String> {
    let spec = |of: &Value| of.get("spec").cloned().unwrap_or(Value::Null);
    match action {
        Action::DeletePod { pod, .. } => vec![format!("{pod}: there → deleted, made anew")],
        Action::Scale { .. } => {
            let then = after
                .pointer("/spec/replicas")
                .cloned()
                .unwrap_or(Value::Null);
            let now = Value::from(target.view.desired);
            diff::lines(
                &serde_json::json!({"replicas": now}),
                &serde_json::json!({"replicas": then}),
            )
        }
        _ => diff::lines(&spec(&target.raw), &spec(after)),
    }
}

fn told(action: &Action, change: &Change, target: &Target, after: &Value) -> DryRun {
    let diff = difference(action, target, after);
    let idle = diff.is_empty() && !change.is_delete();
    DryRun {
        generation: target.view.generation,
        spec: fingerprint(action, &target.raw),
        refusal: idle.then(|| "it would change nothing".to_owned()),
        diff,
    }
}

/// Whether a pod is still the one that is meant, and not on its way out already.
async fn pod_is_there(cluster: &KubeCluster, pod: &ObjectRef) -> Result<bool, Fault> {
    let found = current::<super::slim::Pod>(&cluster.reader, &super::slim::PODS, pod).await?;
    Ok(found.is_some_and(|pod| pod.metadata.deletion_timestamp.is_none()))
}
