//! A look at an owner: is it complete, is the incident's signal still there, is the change still there?
use super::{
    KubeCluster, current, project,
    runs::{self, Run},
    scene::{Scene, scene},
    slim, template,
};
use crate::domain::{
    action::Action,
    family::Family,
    object::Kind,
    recovery::{Observation, Remaining, Target},
    symptom::{self, Symptom},
    view::{ContainerState, ContainerView, PodView, WorkloadView},
};
use crate::ports::{ClusterError, Subject};
use jiff::Timestamp;

/// How far clocks may be apart.
const SKEW: jiff::SignedDuration = jiff::SignedDuration::from_mins(2);

/// A pod's status has whole seconds: the length of a run and the age of the next one may each be a second off. Without this a
/// container that crashes at once would count as healthy for a moment after each start.
const ROUNDING: jiff::SignedDuration = jiff::SignedDuration::from_secs(2);

/// Looks at the subject's owner.
///
/// # Errors
/// When the cluster does not answer or does not allow it. An owner that is gone is a result.
pub async fn look(cluster: &KubeCluster, subject: Subject) -> Result<Observation, ClusterError> {
    let now = cluster.clock.now();
    if subject.owner.kind == Kind::Node {
        return look_at_node(cluster, &subject, now).await;
    }
    let mut subject = subject;
    if subject.owner.kind == Kind::CronJob {
        // A forecast is about a container that runs, not about how runs end.
        if subject.family != Family::Forecast {
            let seen = runs::look(cluster, &subject, now).await?;
            return Ok(seen.unwrap_or_else(|| gone(now)));
        }
        match runs::latest(cluster, &subject).await? {
            Run::Is(run) => subject = *run,
            Run::None | Run::Gone => return Ok(gone(now)),
        }
    }
    Ok(match scene(cluster, &subject.owner).await? {
        None => gone(now),
        Some(scene) => observation(cluster, &subject, &scene, now),
    })
}

fn gone(at: Timestamp) -> Observation {
    Observation {
        at,
        target: None,
        symptom: None,
        restarts: 0,
        summary: "it is gone".to_owned(),
    }
}

async fn look_at_node(
    cluster: &KubeCluster,
    subject: &Subject,
    now: Timestamp,
) -> Result<Observation, ClusterError> {
    let node = current::<slim::Node>(&cluster.reader, &slim::NODES, &subject.owner).await?;
    let Some(node) = node.as_ref().map(project::node) else {
        return Ok(gone(now));
    };
    let ready = node.ready == "True";
    let symptoms = symptom::of_node(&node, &cluster.config.grace);
    Ok(Observation {
        at: now,
        target: Some(Target {
            generation: 0,
            complete: ready,
            desired: 1,
            available: i32::from(ready),
            persisted: None,
        }),
        symptom: symptoms
            .iter()
            .find(|symptom| counts(symptom, subject.family, now))
            .map(|symptom| remaining(symptom, false)),
        restarts: 0,
        summary: if ready {
            "the node is ready"
        } else {
            "the node is not ready"
        }
        .to_owned(),
    })
}

/// Judges a scene for a subject.
pub fn observation(
    cluster: &KubeCluster,
    subject: &Subject,
    scene: &Scene,
    now: Timestamp,
) -> Observation {
    let newest: Vec<&PodView> = scene.pods.iter().filter(|p| scene.is_newest(p)).collect();
    let living = |pod: &&PodView| !pod.is_finished() && !pod.deleting;
    // As for `kubectl rollout status`: a pod that is being deleted is no longer part of the rollout, however long it takes to go.
    let surplus = scene
        .pods
        .iter()
        .any(|pod| !pod.deleting && !scene.is_newest(pod) && !pod.is_finished());
    let ready = count(newest.iter().filter(|pod| living(pod) && pod.ready));
    let present = count(newest.iter().filter(|pod| living(pod)));
    let (generation, desired, available, complete) = match &scene.workload {
        Some(view) if view.object.kind == Kind::Job => (
            view.generation,
            view.desired,
            ready,
            job_is_well(view, scene),
        ),
        Some(view) => (
            view.generation,
            view.desired,
            view.available,
            view.is_rolled_out() && !surplus && view.available >= view.desired,
        ),
        None => {
            let done = scene.pods.iter().all(|p| p.ready || p.phase == "Succeeded");
            (0, count(scene.pods.iter()), ready, done)
        }
    };
    Observation {
        at: now,
        target: Some(Target {
            generation,
            complete,
            desired,
            available,
            persisted: persisted(subject, scene),
        }),
        symptom: symptom_of(cluster, subject, scene, &newest, now),
        restarts: newest.iter().map(|pod| pod.restarts()).sum(),
        summary: summary(scene, desired, ready, present),
    }
}

fn count<T>(of: impl Iterator<Item = T>) -> i32 {
    i32::try_from(of.count()).unwrap_or(i32::MAX)
}

/// A Job is as well as it can say when it has succeeded, or has not failed and its pods run.
fn job_is_well(view: &WorkloadView, scene: &Scene) -> bool {
    let is = |kind: &str| view.condition(kind).is_some_and(|c| c.status == "True");
    is("Complete") || (!is("Failed") && scene.pods.iter().any(|pod| pod.ready))
}

fn summary(scene: &Scene, desired: i32, ready: i32, present: i32) -> String {
    if scene.lagging {
        return "the controller has not seen the change yet".to_owned();
    }
    let mut text = format!("{ready} of {desired} pods ready");
    let starting = present.saturating_sub(ready);
    if starting > 0 {
        text = format!("{text}, {starting} starting");
    }
    let old = scene
        .pods
        .iter()
        .filter(|pod| (pod.deleting || !scene.is_newest(pod)) && !pod.is_finished())
        .count();
    if old > 0 {
        text = format!("{text}, {old} old left");
    }
    text
}

/// The incident's own signal, if it is there: on the owner itself or on a pod of its newest template. One on a new pod
/// says more, so it comes first.
fn symptom_of(
    cluster: &KubeCluster,
    subject: &Subject,
    scene: &Scene,
    newest: &[&PodView],
    now: Timestamp,
) -> Option<Remaining> {
    let grace = &cluster.config.grace;
    let since = subject.after.as_ref().map(|(_, _, at)| second(*at));
    let mut found: Option<Remaining> = None;
    for pod in newest.iter().filter(|pod| !pod.deleting) {
        let mut symptoms = symptom::of_pod(pod, grace);
        symptoms.retain(|symptom| !is_history(pod, symptom, now));
        symptoms.extend(pod.containers.iter().filter_map(|c| relapsing(c, now)));
        for symptom in symptoms.iter().filter(|s| counts(s, subject.family, now)) {
            let new = since.is_some_and(|since| {
                pod.created >= since || failing_run(pod, symptom).is_some_and(|run| run >= since)
            });
            if new {
                return Some(remaining(symptom, true));
            }
            found.get_or_insert_with(|| remaining(symptom, false));
        }
    }
    if found.is_some() || scene.lagging {
        return found;
    }
    if matches!(subject.family, Family::Config | Family::Oom)
        && let Some(pod) = newest.iter().find(|pod| is_held_up(pod, grace, now))
    {
        return Some(Remaining {
            family: subject.family,
            text: format!("pod {} is not started yet: ContainerCreating", pod.name),
            on_new_pod: false,
        });
    }
    let view = scene.workload.as_ref()?;
    symptom::of_workload(view, grace)
        .iter()
        .find(|symptom| counts(symptom, subject.family, now))
        .map(|symptom| remaining(symptom, false))
}

/// Whether a pod has a node and none of its containers has come to life for a while. What holds it up (a volume, its sandbox)
/// is told by events alone: while it lasts, what the events said cannot be called over.
fn is_held_up(pod: &PodView, grace: &symptom::Grace, now: Timestamp) -> bool {
    let untouched = |container: &ContainerView| {
        matches!(&container.state, ContainerState::Waiting { reason, .. }
            if matches!(reason.as_str(), "ContainerCreating" | "PodInitializing"))
            && container.last.is_none()
    };
    !pod.deleting
        && pod.phase == "Pending"
        && pod.node.is_some()
        && !pod.containers.is_empty()
        && pod.containers.iter().all(untouched)
        && now.duration_since(pod.created) >= grace.config
}

/// Whether the container has long outlived what its status still tells.
fn is_history(pod: &PodView, symptom: &Symptom, now: Timestamp) -> bool {
    let of = |c: &&ContainerView| Some(&c.name) == symptom.container.as_ref();
    let container = pod.containers.iter().find(of);
    symptom.family != Family::Probe && container.is_some_and(|c| symptom::has_outlived(c, now))
}

/// The API server's times are whole seconds.
fn second(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// Whether a symptom belongs to the incident and is more than a passing state.
fn counts(symptom: &Symptom, family: Family, now: Timestamp) -> bool {
    Family::spoils(symptom.family, family) && symptom.mature <= now
}

fn remaining(symptom: &Symptom, on_new_pod: bool) -> Remaining {
    let container = symptom
        .container
        .as_ref()
        .map(|name| format!("container {name}: "))
        .unwrap_or_default();
    let message = if symptom.message.is_empty() {
        String::new()
    } else {
        format!(", {}", crate::domain::text::clip(&symptom.message, 200))
    };
    Remaining {
        family: symptom.family,
        text: format!("{container}{}{message}", symptom.reason),
        on_new_pod,
    }
}

/// When the run began that shows the symptom.
fn failing_run(pod: &PodView, symptom: &Symptom) -> Option<Timestamp> {
    let name = symptom.container.as_ref()?;
    let container = pod.containers.iter().find(|c| &c.name == name)?;
    container.last_end().and_then(|end| end.started)
}

/// A container that runs again after a failed run, and not yet longer than that one lasted: between two crashes a pod is
/// "Running" and even "Ready" for a moment.
fn relapsing(container: &ContainerView, now: Timestamp) -> Option<Symptom> {
    let ContainerState::Running { since: Some(since) } = container.state else {
        return None;
    };
    let last = container.last.as_ref()?;
    // A server that ends with success is started again all the same; only an init container may end so.
    let well = container.init && last.exit_code == 0 && last.reason != "OOMKilled";
    if container.restarts == 0 || well {
        return None;
    }
    let lasted = last.finished?.duration_since(last.started?);
    if now.duration_since(since) > lasted + ROUNDING {
        return None;
    }
    Some(Symptom {
        family: if last.reason == "OOMKilled" {
            Family::Oom
        } else {
            Family::Crash
        },
        container: Some(container.name.clone()),
        reason: last.reason.clone(),
        message: format!(
            "exit code {} after {}; running again since {}",
            last.exit_code,
            crate::domain::text::duration(lasted),
            since.strftime("%H:%M:%S UTC")
        ),
        since,
        mature: since,
        count: container.restarts,
    })
}

/// Whether the change that is being followed is still there.
fn persisted(subject: &Subject, scene: &Scene) -> Option<bool> {
    let (_, action, at) = subject.after.as_ref()?;
    let view = scene.workload.as_ref()?;
    match action {
        Action::RolloutUndo { to, .. } => {
            let revision = scene.revision.as_ref().filter(|_| !scene.lagging)?;
            Some(*revision == to.name)
        }
        Action::RolloutRestart { .. } => {
            let notes = &scene.raw.as_ref()?.spec.template.metadata.annotations;
            let restarted = notes
                .get(template::RESTARTED_AT)
                .and_then(|text| text.parse::<Timestamp>().ok());
            // A later restart by somebody else replaces this one without taking it back. Clocks differ a little.
            let earliest = at.checked_sub(SKEW).unwrap_or(*at);
            Some(restarted.is_some_and(|restarted| restarted >= earliest))
        }
        Action::SetMemoryLimit { container, to, .. } => {
            let spec = view.containers.iter().find(|c| &c.name == container);
            Some(spec.and_then(|c| c.memory_limit) == Some(*to))
        }
        Action::Scale { to, .. } => Some(view.desired == *to),
        Action::DeletePod { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::view::Terminated;

    fn restarted(lasted: i64, since: i64) -> ContainerView {
        let at = |second| Timestamp::from_second(1_800_000_000 + second).ok();
        ContainerView {
            name: "app".into(),
            init: false,
            image: "a:1".into(),
            ready: false,
            restarts: 1,
            state: ContainerState::Running { since: at(since) },
            last: Some(Terminated {
                reason: "Error".into(),
                exit_code: 1,
                message: String::new(),
                started: at(-lasted),
                finished: at(0),
            }),
            memory_limit: None,
            cpu_limit: None,
            probed: false,
        }
    }

    #[test]
    fn a_container_that_crashed_at_once_is_not_healthy_in_the_second_after_its_restart() {
        let now = "2027-01-15T08:00:01.9Z".parse().unwrap();
        assert!(relapsing(&restarted(0, 0), now).is_some());
        let later = "2027-01-15T08:00:04Z".parse().unwrap();
        assert!(relapsing(&restarted(0, 0), later).is_none());
        assert!(relapsing(&restarted(30, 0), later).is_some());
    }
}
