//! A Job gave up. Why its pods failed is the cause; that it gave up is the consequence.
use super::{
    Case, Diagnosis, Severity, config, crash,
    finding::{Finding, quote},
    image, oom, start,
};
use crate::domain::{family::Family, object::Kind};

/// A Job with condition Failed.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let workload = case.evidence.workload.as_ref();
    let condition = workload
        .and_then(|workload| workload.condition("Failed"))
        .filter(|condition| condition.status == "True");
    let (reason, message) = condition.map_or((case.reason, case.message), |condition| {
        (&condition.reason, &condition.message)
    });
    let (signature, prior, cause, advice) = match reason {
        "BackoffLimitExceeded" => (
            "job.backoff_limit",
            0.95,
            "its pods failed more often than backoffLimit allows",
            "Mend the cause, then create the Job again; Heal does not, because it might do its work twice.",
        ),
        "DeadlineExceeded" => (
            "job.deadline",
            0.97,
            "it ran longer than activeDeadlineSeconds",
            "Find out what was slow, or raise the deadline.",
        ),
        "PodFailurePolicy" => (
            "job.pod_failure_policy",
            0.97,
            "a rule of its podFailurePolicy ended it",
            "Its condition names the rule.",
        ),
        "FailedIndexes" | "MaxFailedIndexesExceeded" => (
            "job.indexes",
            0.97,
            "some of its indexes failed",
            "status.failedIndexes names them.",
        ),
        _ if case.family == Family::Job => ("job.failed", 0.6, "it failed", "Look at its pods."),
        _ => return None,
    };
    let advice = match (&case.owner.kind, signature) {
        (Kind::CronJob, "job.backoff_limit") => {
            "Mend the cause: the next run of the CronJob tries again. Heal starts none, because it might do its work twice."
        }
        _ => advice,
    };
    // The pods of a Job are ended ones: their cause is told by the same rules as that of running ones.
    let why = [
        oom::diagnose,
        start::diagnose,
        image::diagnose,
        config::diagnose,
        crash::diagnose,
    ]
    .into_iter()
    .find_map(|rule| rule(case));
    let mut finding = Finding::new(
        case,
        Family::Job,
        signature,
        prior,
        match &why {
            Some(why) => format!("The Job gave up: {cause}. {}", why.cause),
            None => format!("The Job gave up: {cause}."),
        },
    )
    .severity(Severity::Warning)
    .fact(quote(&format!("condition Failed, {reason}: {message}")));
    if let Some(counts) = workload.and_then(|workload| workload.job) {
        finding = finding.fact(format!(
            "{} failed and {} succeeded, backoffLimit {}",
            counts.failed, counts.succeeded, counts.backoff_limit
        ));
    }
    finding = match why {
        Some(why) => {
            let finding = finding
                .detail(format!("Cause of the failed pods: {}", why.signature))
                .proof(why.proof);
            match why.advice {
                Some(advice) => finding.advise(advice),
                None => finding,
            }
        }
        None => finding
            .fact("its pods are gone: their logs cannot be read any more")
            .unsure(),
    };
    Some(finding.advise(advice).done())
}
