//! Making an approved change, once.
use super::{
    CONFLICTS, Target,
    change::{self, Denied},
    fingerprint, pod_is_there,
};
use crate::cluster::{KubeCluster, look, rest::Fault, scene};
use crate::domain::{
    action::Action,
    forecast::Run,
    incident::Outcome,
    object::{Kind, ObjectRef},
    policy::Approved,
    view::ContainerState,
};
use crate::ports::Subject;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// Pauses between two attempts to find out about a lost answer.
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LAST_PAUSE: Duration = Duration::from_secs(8);

/// What an attempt led to.
enum Attempt {
    /// This is how it ended.
    Done(Outcome),
    /// The object moved in the meantime: try on what it is now.
    Moved(String),
    /// Nobody knows whether it was made: the object will tell.
    Unclear(String),
}

/// Checks the world again and makes the change.
///
/// Called again with the same execution (after a crash, or because an answer was lost), it finds its own mark and changes
/// nothing.
pub async fn execute(cluster: &KubeCluster, approved: Approved, subject: Subject) -> Outcome {
    let give_up = Instant::now() + cluster.config.timeouts.unclear;
    let (mut conflicts, mut pause) = (0, FIRST_PAUSE);
    loop {
        let attempt = attempt(cluster, &approved, &subject).await;
        let why = match attempt {
            Attempt::Done(outcome) => return outcome,
            Attempt::Moved(why) => {
                conflicts += 1;
                if conflicts >= CONFLICTS {
                    return Outcome::Stale {
                        why: format!("it kept changing: {why}"),
                    };
                }
                continue;
            }
            Attempt::Unclear(why) => why,
        };
        if Instant::now() + pause > give_up {
            return Outcome::Unknown { why };
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LAST_PAUSE);
    }
}

fn stale(why: impl Into<String>) -> Attempt {
    Attempt::Done(Outcome::Stale { why: why.into() })
}

fn refused(why: impl Into<String>) -> Attempt {
    Attempt::Done(Outcome::Refused { why: why.into() })
}

/// A failed read changes nothing, so an unclear one may be repeated.
fn unread(fault: Fault) -> Attempt {
    if fault.may_pass() {
        Attempt::Unclear(fault.to_string())
    } else {
        refused(fault.to_string())
    }
}

fn not_prepared(denied: Denied) -> Attempt {
    match denied {
        Denied::Refused(why) => refused(why),
        Denied::Fault(fault) => unread(fault),
    }
}

async fn attempt(cluster: &KubeCluster, approved: &Approved, subject: &Subject) -> Attempt {
    let action = approved.action();
    let target = match Target::read(cluster, action.target()).await {
        Ok(Some(target)) => target,
        Ok(None) => return stale(format!("{} is gone", action.target())),
        Err(fault) => return unread(fault),
    };
    let view = &target.view;
    let marked = view.last_execution.as_deref() == Some(approved.execution());
    if marked {
        match is_made(cluster, action, &target).await {
            Ok(true) => return applied(cluster, action, &target),
            // Marked, and not made: the crash came between the mark and the change. The mark itself is a change of
            // metadata, which a Deployment counts as a generation.
            Ok(false)
                if view.generation <= approved.generation() + 1
                    || is_as_diagnosed(approved, &target) => {}
            Ok(false) => return stale("it was changed by somebody else in the meantime"),
            Err(fault) => return unread(fault),
        }
    } else if !is_as_diagnosed(approved, &target) {
        return stale(format!(
            "it was changed since the diagnosis (generation {} then, {} now)",
            approved.generation(),
            view.generation
        ));
    } else if let Some(run) = &subject.run {
        match is_ahead(cluster, action, subject, run).await {
            Ok(None) => {}
            Ok(Some(why)) => return stale(why),
            Err(fault) => return unread(fault),
        }
    } else {
        match is_broken(cluster, action, subject).await {
            Ok(true) => {}
            Ok(false) => return Attempt::Done(Outcome::Healed),
            Err(fault) => return unread(fault),
        }
    }
    make(cluster, approved, target, marked).await
}

/// The same specification as at the dry run, as far as the action rests on it. A Deployment counts a change of its annotations
/// as a generation, too: then the fingerprint tells.
fn is_as_diagnosed(approved: &Approved, target: &Target) -> bool {
    target.view.generation == approved.generation()
        || approved.spec().is_some_and(|spec| {
            fingerprint(approved.action(), &target.raw).as_deref() == Some(spec)
        })
}

async fn make(
    cluster: &KubeCluster,
    approved: &Approved,
    mut target: Target,
    marked: bool,
) -> Attempt {
    let action = approved.action();
    let at = cluster.clock.now();
    let available_before = target.view.available;
    let elsewhere = matches!(action, Action::Scale { .. } | Action::DeletePod { .. });
    let id = Some(approved.execution());
    if elsewhere && !marked && can_be_marked(&target.view.object) {
        // What is refused leaves no mark behind.
        if let Err(denied) = change::prepare(cluster, action, &target, id).await {
            return not_prepared(denied);
        }
        match mark(cluster, &target, approved.execution()).await {
            Ok(now) => target = now,
            Err(attempt) => return attempt,
        }
    }
    let change = match change::prepare(cluster, action, &target, id).await {
        Ok(change) => change,
        Err(denied) => return not_prepared(denied),
    };
    match change.send(&cluster.writer, false).await {
        Ok(after) => {
            let generation = after
                .pointer("/metadata/generation")
                .and_then(|n| n.as_i64());
            let generation = match (generation, elsewhere) {
                (Some(generation), false) => generation,
                // The answer is not the workload: read what it is now, or say what it will be.
                _ => generation_of(cluster, &target.view.object)
                    .await
                    .unwrap_or(target.view.generation),
            };
            Attempt::Done(Outcome::Applied {
                generation,
                at,
                available_before,
                after: super::difference(action, &target, &after),
            })
        }
        Err(fault) => failed(&fault, change.is_delete()),
    }
}

/// What a failed write means.
fn failed(fault: &Fault, delete: bool) -> Attempt {
    let why = fault.to_string();
    match fault.code() {
        // The uid is another one: the pod that was meant is gone already.
        Some(409 | 404) if delete => stale(why),
        Some(409) => Attempt::Moved(why),
        // The server itself says that it failed (a webhook does not answer): that is its answer.
        Some(500) => refused(why),
        _ if fault.is_unclear() => Attempt::Unclear(why),
        _ => refused(why),
    }
}

fn can_be_marked(object: &ObjectRef) -> bool {
    matches!(
        object.kind,
        Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet
    )
}

async fn mark(cluster: &KubeCluster, target: &Target, execution: &str) -> Result<Target, Attempt> {
    let change = change::mark(target, execution).map_err(|denied| match denied {
        Denied::Refused(why) => refused(why),
        Denied::Fault(fault) => unread(fault),
    })?;
    let after = change
        .send(&cluster.writer, false)
        .await
        .map_err(|fault| failed(&fault, false))?;
    match Target::of(&target.view.object, after) {
        Ok(Some(target)) => Ok(target),
        Ok(None) => Err(stale("it was replaced")),
        Err(fault) => Err(unread(fault)),
    }
}

/// Whether the change behind a mark is there.
async fn is_made(cluster: &KubeCluster, action: &Action, target: &Target) -> Result<bool, Fault> {
    Ok(match action {
        Action::Scale { to, .. } => target.view.desired == *to,
        Action::DeletePod { pod, .. } => !pod_is_there(cluster, pod).await?,
        // Mark and change are one write.
        Action::RolloutUndo { .. }
        | Action::RolloutRestart { .. }
        | Action::SetMemoryLimit { .. } => true,
    })
}

fn applied(cluster: &KubeCluster, action: &Action, target: &Target) -> Attempt {
    let restarted = || {
        let key = crate::cluster::template::RESTARTED_AT.replace('/', "~1");
        let pointer = format!("/spec/template/metadata/annotations/{key}");
        target
            .raw
            .pointer(&pointer)?
            .as_str()?
            .parse::<Timestamp>()
            .ok()
    };
    let at = match action {
        Action::RolloutRestart { .. } => restarted(),
        _ => None,
    };
    Attempt::Done(Outcome::Applied {
        generation: target.view.generation,
        at: at.unwrap_or_else(|| cluster.clock.now()),
        available_before: target.view.available,
        after: Vec::new(),
    })
}

async fn generation_of(cluster: &KubeCluster, object: &ObjectRef) -> Option<i64> {
    let target = Target::read(cluster, object).await.ok()??;
    Some(target.view.generation)
}

/// Why what was forecast cannot come true any more, if it cannot: nothing is broken yet, so it is not asked whether it is. The run
/// must be there, within the limit that was meant. When the kill came in the meantime, a higher limit and an older template
/// are as right as before; a restart is not, because the memory is empty again.
async fn is_ahead(
    cluster: &KubeCluster,
    action: &Action,
    subject: &Subject,
    run: &Run,
) -> Result<Option<String>, Fault> {
    let Some(scene) = scene::scene(cluster, &subject.owner).await? else {
        return Ok(Some(format!("{} is gone", subject.owner)));
    };
    let pod = scene
        .pods
        .iter()
        .find(|pod| pod.uid == run.pod.uid && !pod.deleting);
    let Some(pod) = pod else {
        return Ok(Some(format!(
            "pod {}, which filled up, is gone",
            run.pod.name
        )));
    };
    let container = pod.containers.iter().find(|c| c.name == run.container);
    let Some(container) = container else {
        return Ok(Some(format!("container {} is gone", run.container)));
    };
    if container.memory_limit != Some(run.limit) {
        return Ok(Some(format!(
            "the memory limit of {} is another one now",
            run.container
        )));
    }
    let runs = matches!(container.state, ContainerState::Running { .. });
    if runs && container.restarts == run.number {
        return Ok(None);
    }
    let killed = container
        .last_end()
        .is_some_and(|end| end.reason == "OOMKilled");
    Ok(match (killed, action) {
        (true, Action::RolloutRestart { .. }) => Some(
            "it was killed at its limit and begins anew: a restart would free nothing now"
                .to_owned(),
        ),
        (true, _) => None,
        (false, _) => Some(format!(
            "the run of {} that filled up has ended",
            run.container
        )),
    })
}

/// Whether the incident's signal is there, or the owner is not what it should be: short of pods, or in the middle of a rollout
/// whose new pods have only not failed yet. For one pod, whether it is that one.
async fn is_broken(
    cluster: &KubeCluster,
    action: &Action,
    subject: &Subject,
) -> Result<bool, Fault> {
    let Some(mut scene) = scene::scene(cluster, &subject.owner).await? else {
        return Ok(false);
    };
    if let Action::DeletePod { pod, .. } = action {
        scene.pods.retain(|other| other.uid == pod.uid);
        let Some(pod) = scene.pods.first() else {
            return Ok(false);
        };
        // An old pod is as good a reason as a new one here.
        scene.hash = pod.template_hash.clone();
        scene.workload = None;
    }
    // Until the controller has seen the newest generation, nothing can be said about it.
    if scene.lagging {
        return Ok(true);
    }
    let now = cluster.clock.now();
    let seen = look::observation(cluster, subject, &scene, now);
    let one_pod = matches!(action, Action::DeletePod { .. });
    let unfinished = seen
        .target
        .is_some_and(|target| target.available < target.desired || (!one_pod && !target.complete));
    Ok(seen.symptom.is_some() || unfinished)
}
