//! What one container's status tells.
use super::{Grace, Symptom};
use crate::domain::{
    diagnosis::pattern,
    family::Family,
    view::{ContainerState, ContainerView, PodView, Terminated},
};
use jiff::{SignedDuration, Timestamp};
use regex::Regex;
use std::sync::LazyLock;

/// A pull that failed once is retried after 10 s: only the second failure is news.
const PULL_RETRY: SignedDuration = SignedDuration::from_secs(10);
/// Kubelets that have just started do not know all ConfigMaps yet; it passes.
const CACHE_WARM_UP: SignedDuration = SignedDuration::from_mins(2);
/// The kubelet forgets a crash back-off after this time without a restart, and so do we.
const BACK_OFF_RESET: SignedDuration = SignedDuration::from_mins(10);

/// What runtimes say when the memory limit does not even suffice for starting the process.
static NO_MEMORY_TO_START: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"container init was OOM-killed|unable to set memory limit to \d+"));
static CACHE_NOT_READY: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"failed to sync (?:configmap|secret) cache|not registered|services have not yet been read",
    )
});

/// Whether a runtime's text says that the memory limit is too low to start at all.
pub(super) fn cannot_start_for_memory(text: &str) -> bool {
    NO_MEMORY_TO_START.is_match(text)
}

/// Whether the text is about a kubelet that does not know its objects yet.
pub(super) fn is_cache_warm_up(text: &str) -> bool {
    CACHE_NOT_READY.is_match(text)
}

/// Whether the present run has lasted long enough that the end of the previous one is history: as long as the previous run
/// lasted, and at least ten minutes. A container that does not run has outlived nothing.
pub fn has_outlived(container: &ContainerView, now: Timestamp) -> bool {
    outlives_at(container).is_some_and(|at| now >= at)
}

/// When [`has_outlived`] becomes true if nothing happens until then; `None` while the container does not run.
pub fn outlives_at(container: &ContainerView) -> Option<Timestamp> {
    let ContainerState::Running { since: Some(since) } = &container.state else {
        return None;
    };
    let previous = container.last.as_ref().and_then(length).unwrap_or_default();
    Some(later(*since, previous.max(BACK_OFF_RESET)))
}

/// Whether a pod's symptom is history: it is told by an end that the present run has outlived. Watches that start late and
/// recoveries leave such symptoms out.
pub fn is_history(symptom: &Symptom, pod: &PodView, now: Timestamp) -> bool {
    matches!(symptom.family, Family::Oom | Family::Crash | Family::Start)
        && pod.containers.iter().any(|container| {
            symptom.container.as_ref() == Some(&container.name) && has_outlived(container, now)
        })
}

/// How long a run lasted.
fn length(end: &Terminated) -> Option<SignedDuration> {
    Some(end.finished?.duration_since(end.started?))
}

/// What is wrong with one container of a pod that has not finished.
pub(super) fn of_container(
    pod: &PodView,
    container: &ContainerView,
    grace: &Grace,
) -> Option<Symptom> {
    let unready_since = pod
        .ready_changed
        .filter(|_| !pod.ready)
        .unwrap_or(pod.created)
        .max(pod.created);
    let symptom = |family, reason: &str, message: &str, since: Timestamp| Symptom {
        family,
        container: Some(container.name.clone()),
        reason: reason.to_owned(),
        message: message.to_owned(),
        since,
        mature: since,
        count: container.restarts,
    };
    let ended_at = |end: &Terminated| end.finished.unwrap_or(unready_since);
    match &container.state {
        ContainerState::Waiting { reason, message } => match reason.as_str() {
            "CrashLoopBackOff" => {
                let (family, since) = match &container.last {
                    Some(end) => (family_of_end(end), ended_at(end)),
                    None => (Family::Crash, unready_since),
                };
                Some(symptom(family, reason, message, since))
            }
            "RunContainerError"
            | "CreateContainerError"
            | "PreCreateHookError"
            | "PreStartHookError"
            | "PostStartHookError" => {
                let family = if cannot_start_for_memory(message) {
                    Family::Oom
                } else {
                    Family::Start
                };
                Some(symptom(family, reason, message, unready_since))
            }
            "ErrImagePull" => {
                let mut found = symptom(Family::Image, reason, message, unready_since);
                found.mature = later(found.since, PULL_RETRY);
                Some(found)
            }
            "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => {
                Some(symptom(Family::Image, reason, message, unready_since))
            }
            "CreateContainerConfigError" => {
                let mut found = symptom(Family::Config, reason, message, unready_since);
                let wait = if is_cache_warm_up(message) {
                    CACHE_WARM_UP
                } else {
                    grace.config
                };
                found.mature = later(found.since, wait);
                Some(found)
            }
            // `ContainerCreating` and `PodInitializing` last as long as the largest image takes: no time limit is safe, and
            // what can go wrong there has events of its own.
            _ => None,
        },
        ContainerState::Terminated(end) => match family_of_end(end) {
            // The first crash is not news: the container is started again at once. A second one soon after is. (The kubelet
            // shows `CrashLoopBackOff` only some seconds later.)
            Family::Crash if !crashed_before(container, end) => None,
            // An init container may lose a child to the memory limit and still end well.
            Family::Oom if container.init && end.exit_code == 0 => None,
            family => Some(symptom(family, &end.reason, &end.message, ended_at(end))),
        },
        ContainerState::Running { since } => {
            let started = since.unwrap_or(unready_since);
            if let Some(end) = &container.last
                && family_of_end(end) == Family::Oom
                && started.duration_since(ended_at(end)) <= BACK_OFF_RESET
            {
                return Some(symptom(
                    Family::Oom,
                    &end.reason,
                    &end.message,
                    ended_at(end),
                ));
            }
            if container.ready || !container.probed {
                return None;
            }
            let mut found = symptom(
                Family::Probe,
                "NotReady",
                "runs, but its probe does not succeed",
                unready_since.max(started),
            );
            found.mature = later(found.since, grace.not_ready);
            Some(found)
        }
        ContainerState::Unknown => None,
    }
}

/// Whether the previous run, too, ended badly, and not long before this end.
fn crashed_before(container: &ContainerView, end: &Terminated) -> bool {
    end.exit_code != 0
        && container.restarts > 0
        && container.last.as_ref().is_some_and(|last| {
            let apart = end
                .finished
                .zip(last.finished)
                .map(|(this, before)| this.duration_since(before));
            // While it is being started again, one end may stand in both places.
            last.exit_code != 0
                && apart.is_some_and(|apart| !apart.is_zero() && apart <= BACK_OFF_RESET)
        })
}

/// The family that an end speaks for. The reason decides: the kernel may kill a child only, and then the exit code is whatever
/// the parent makes of it, 0 included.
pub(super) fn family_of_end(end: &Terminated) -> Family {
    match end.reason.as_str() {
        "OOMKilled" => Family::Oom,
        "StartError" | "ContainerCannotRun" if cannot_start_for_memory(&end.message) => Family::Oom,
        "StartError" | "ContainerCannotRun" => Family::Start,
        _ => Family::Crash,
    }
}

/// A time plus a wait; hostile time stamps at the end of time stay there.
pub(super) fn later(since: Timestamp, wait: SignedDuration) -> Timestamp {
    since.checked_add(wait).unwrap_or(Timestamp::MAX)
}
