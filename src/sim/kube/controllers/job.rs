//! Jobs: pods until enough have succeeded or too many have failed.

use std::{sync::Arc, time::Duration};

use serde_json::{Value, json};

use super::{
    Controller, Key, living, own_and_owned,
    pods::{RETRY, create, pod_from_template, pods_of},
};
use crate::sim::kube::{
    core::{Core, Deletion},
    events::Note,
    object, resources,
    store::Change,
    time::since,
};

const COMPONENT: &str = "job-controller";
/// First and longest delay between a failed pod and the next.
const BACK_OFF: (Duration, Duration) = (Duration::from_secs(10), Duration::from_secs(360));

/// Runs Jobs.
pub(super) struct Jobs;

/// Why a Job failed: reason and message of its condition and event.
type Failure = (&'static str, &'static str);

impl Controller for Jobs {
    fn keys(&self, _core: &Core, change: &Change) -> Vec<Key> {
        own_and_owned(change, &resources::JOBS)
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let job = living(core, &resources::JOBS, key)?;
        let over = ["Complete", "Failed"]
            .iter()
            .any(|kind| object::condition_is_true(&job, kind));
        if over {
            return None;
        }
        let now = core.store.now();
        core.update_status(&resources::JOBS, &key.namespace, &key.name, |job| {
            if job["status"]["startTime"].is_null() {
                job["status"]["startTime"] = json!(now);
            }
            // The real API server does this when the Job is created.
            if job["spec"]["selector"].is_null() {
                let label = json!({"batch.kubernetes.io/controller-uid": object::uid(job)});
                job["spec"]["selector"] = json!({"matchLabels": label});
            }
        });
        let job = core
            .store
            .get(&resources::JOBS, &key.namespace, &key.name)?;
        let pods = pods_of(core, &job);
        let failure = failure(core, &job, &pods);
        let wanted = object::int(&job, "/spec/completions").unwrap_or(1);
        let succeeded = count(&pods, "Succeeded");
        if failure.is_some() || succeeded >= wanted {
            finish(core, key, &job, &pods, failure);
            return None;
        }
        let wait = create_missing(core, &job, &pods, wanted - succeeded);
        write_counts(core, key, &job);
        let deadline = object::int(&job, "/spec/activeDeadlineSeconds").map(|seconds| {
            let limit = Duration::from_secs(seconds.max(0).unsigned_abs());
            limit.saturating_sub(running_since(core, &job)) + Duration::from_secs(1)
        });
        wait.into_iter().chain(deadline).min()
    }
}

fn running_since(core: &Core, job: &Value) -> Duration {
    since(object::text(job, "/status/startTime"), (core.store.clock)())
}

fn count(pods: &[Arc<Value>], phase: &str) -> i64 {
    pods.iter()
        .filter(|pod| object::text(pod, "/status/phase") == phase)
        .count() as i64
}

fn failure(core: &Core, job: &Value, pods: &[Arc<Value>]) -> Option<Failure> {
    let limit = object::int(job, "/spec/backoffLimit").unwrap_or(6);
    let restarts: i64 = if job["spec"]["template"]["spec"]["restartPolicy"] == "OnFailure" {
        let statuses = pods
            .iter()
            .flat_map(|pod| object::list(pod, "/status/containerStatuses"));
        statuses
            .filter_map(|status| object::int(status, "/restartCount"))
            .sum()
    } else {
        0
    };
    if count(pods, "Failed") > limit || (restarts > 0 && restarts >= limit) {
        return Some((
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ));
    }
    let deadline = object::int(job, "/spec/activeDeadlineSeconds")?;
    let expired = running_since(core, job) >= Duration::from_secs(deadline.max(0).unsigned_abs());
    expired.then_some((
        "DeadlineExceeded",
        "Job was active longer than specified deadline",
    ))
}

/// Creates pods up to the parallelism, after a back-off when some have failed; answers when to look again.
fn create_missing(core: &Core, job: &Value, pods: &[Arc<Value>], left: i64) -> Option<Duration> {
    if job["spec"]["suspend"] == true {
        return None;
    }
    let active = pods.iter().filter(|pod| object::is_active(pod)).count() as i64;
    let parallelism = object::int(job, "/spec/parallelism").unwrap_or(1);
    let missing = parallelism.min(left) - active;
    if missing <= 0 {
        return None;
    }
    let failed = count(pods, "Failed");
    if failed > 0 {
        let doublings = u32::try_from(failed - 1).unwrap_or(u32::MAX).min(6);
        let delay = (BACK_OFF.0 * 2_u32.pow(doublings)).min(BACK_OFF.1) / core.options.speed.max(1);
        let ended = pods
            .iter()
            .flat_map(|pod| object::list(pod, "/status/containerStatuses"));
        let last = ended
            .map(|status| object::text(status, "/state/terminated/finishedAt"))
            .max()
            .unwrap_or("");
        let waited = since(last, (core.store.clock)());
        if waited < delay {
            return Some(delay - waited);
        }
    }
    for _ in 0..missing {
        let mut pod = pod_from_template(job, &job["spec"]["template"]);
        pod["metadata"]["generateName"] = json!(format!("{}-", object::name(job)));
        pod["metadata"]["labels"]["batch.kubernetes.io/controller-uid"] =
            job["metadata"]["uid"].clone();
        for label in ["batch.kubernetes.io/job-name", "job-name"] {
            pod["metadata"]["labels"][label] = job["metadata"]["name"].clone();
        }
        if create(core, COMPONENT, job, pod).is_err() {
            return Some(RETRY);
        }
    }
    None
}

fn write_counts(core: &Core, key: &Key, job: &Value) {
    let pods = pods_of(core, job);
    let active: Vec<_> = pods.iter().filter(|pod| object::is_active(pod)).collect();
    core.update_status(&resources::JOBS, &key.namespace, &key.name, |job| {
        job["status"]["active"] = json!(active.len());
        job["status"]["ready"] = json!(active.iter().filter(|pod| object::is_ready(pod)).count());
        job["status"]["succeeded"] = json!(count(&pods, "Succeeded"));
        job["status"]["failed"] = json!(count(&pods, "Failed"));
    });
}

/// Ends the Job: running pods go, and two conditions say how it ended.
fn finish(core: &Core, key: &Key, job: &Value, pods: &[Arc<Value>], failure: Option<Failure>) {
    for pod in pods.iter().filter(|pod| object::is_active(pod)) {
        // Gone already is as good as deleted.
        let _ = core.delete(
            &resources::PODS,
            &key.namespace,
            object::name(pod),
            &Deletion::default(),
        );
    }
    write_counts(core, key, job);
    let now = core.store.now();
    let (interim, last, reason, message) = match failure {
        Some((reason, message)) => ("FailureTarget", "Failed", reason, message),
        None => (
            "SuccessCriteriaMet",
            "Complete",
            "CompletionsReached",
            "Reached expected number of succeeded pods",
        ),
    };
    core.update_status(&resources::JOBS, &key.namespace, &key.name, |job| {
        for kind in [interim, last] {
            let condition = json!({
                "type": kind, "status": "True", "reason": reason, "message": message, "lastProbeTime": now,
            });
            object::set_condition(job, condition, &now);
        }
        if failure.is_none() {
            job["status"]["completionTime"] = json!(now);
        } else {
            // A pod that is still terminating counts as failed in the end.
            job["status"]["failed"] = json!(pods.len() as i64 - count(pods, "Succeeded"));
            job["status"]["active"] = json!(0);
        }
    });
    core.events.record(match failure {
        Some((reason, message)) => Note::warning(COMPONENT, job, reason, message),
        None => Note::normal(COMPONENT, job, "Completed", "Job completed"),
    });
}
