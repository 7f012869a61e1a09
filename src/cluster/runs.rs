//! The runs of a CronJob: its Jobs. The CronJob owns the incident, the latest failed run is what is looked into, and the success of
//! a later one is what ends it.
use super::{
    KubeCluster, current, project,
    rest::{Fault, Rest},
    slim::{self, Workload},
};
use crate::domain::{
    object::{Kind, ObjectRef},
    recovery::{Observation, Remaining, Target},
    view::WorkloadView,
};
use crate::ports::Subject;
use jiff::Timestamp;

/// A CronJob, of which nothing is read but that it is there.
type CronJob = kube::core::PartialObjectMeta<k8s_openapi::api::batch::v1::CronJob>;

/// The runs that are there, newest first; `None` when the CronJob is gone or was replaced.
async fn of(reader: &Rest, cron: &ObjectRef) -> Result<Option<Vec<WorkloadView>>, Fault> {
    let page = [("limit", "1000")];
    let (cron_job, jobs) = tokio::try_join!(
        current::<CronJob>(reader, &slim::CRON_JOBS, cron),
        reader.list::<Workload>(&slim::JOBS, &cron.namespace, &page),
    )?;
    if cron_job.is_none() {
        return Ok(None);
    }
    let mut runs: Vec<WorkloadView> = jobs
        .iter()
        .map(|job| project::workload(&Kind::Job, job))
        .filter(|run| run.owner.as_ref().is_some_and(|by| by.uid == cron.uid))
        .collect();
    runs.sort_by(|a, b| (b.created, &b.object.name).cmp(&(a.created, &a.object.name)));
    Ok(Some(runs))
}

fn is(run: &WorkloadView, condition: &str) -> bool {
    run.condition(condition).is_some_and(|c| c.status == "True")
}

/// What became of the CronJob that a subject is about.
pub enum Run {
    /// The subject with this run as its owner: the one of the latest signal, or the newest that failed if that is gone.
    Is(Box<Subject>),
    /// None of its runs is left.
    None,
    /// The CronJob is gone.
    Gone,
}

/// From a CronJob to the run of it that is to be looked at.
///
/// # Errors
/// When the cluster does not answer or does not allow it.
pub async fn latest(cluster: &KubeCluster, subject: &Subject) -> Result<Run, Fault> {
    let Some(runs) = of(&cluster.reader, &subject.owner).await? else {
        return Ok(Run::Gone);
    };
    let (job, pod) = (subject.job.as_ref(), &subject.object.name);
    let told = runs.iter().find(|run| match job {
        Some(job) => run.object.uid == job.uid,
        // A forecast tells the pod alone, which is named after its Job.
        None => pod.starts_with(&format!("{}-", run.object.name)),
    });
    let failed = || runs.iter().find(|run| is(run, "Failed"));
    let Some(run) = told.or_else(failed).or(runs.first()) else {
        return Ok(Run::None);
    };
    Ok(Run::Is(Box::new(Subject {
        owner: run.object.clone(),
        ..subject.clone()
    })))
}

/// A look at a CronJob: it is well when its newest run that has ended succeeded after the latest signal. Failed runs stay
/// failed, so they say nothing about now; nor does their removal.
///
/// # Errors
/// When the cluster does not answer or does not allow it.
pub async fn look(
    cluster: &KubeCluster,
    subject: &Subject,
    now: Timestamp,
) -> Result<Option<Observation>, Fault> {
    let Some(runs) = of(&cluster.reader, &subject.owner).await? else {
        return Ok(None);
    };
    let ended = runs
        .iter()
        .find(|run| is(run, "Failed") || is(run, "Complete"));
    let well = ended.filter(|run| {
        let done = run.condition("Complete").filter(|c| c.status == "True");
        done.and_then(|done| done.since)
            .is_some_and(|at| at >= subject.since)
    });
    let summary = match (well, ended) {
        (Some(run), _) => format!("run {} succeeded", run.object.name),
        (None, Some(run)) if is(run, "Failed") => format!("run {} failed", run.object.name),
        _ => "no run has succeeded since".to_owned(),
    };
    Ok(Some(Observation {
        at: now,
        target: Some(Target {
            generation: 0,
            complete: well.is_some(),
            desired: 1,
            available: i32::from(well.is_some()),
            persisted: None,
        }),
        symptom: well.is_none().then(|| Remaining {
            family: subject.family,
            text: summary.clone(),
            on_new_pod: false,
        }),
        restarts: 0,
        summary,
    }))
}
