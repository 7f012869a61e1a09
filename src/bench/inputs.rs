//! How many signals per second go through engine and database: in this process, with a cluster that knows nothing, and a
//! database file in which every turn is flushed to the disk.
use crate::{
    domain::{
        action::Action,
        evidence::Evidence,
        family::Family,
        incident::Outcome,
        object::ObjectRef,
        policy::{Approved, Policy},
        proposal::DryRun,
        recovery::Observation,
        signal::Signal,
        waits::Waits,
    },
    engine::{Engine, Message, Parts},
    ports::{Clock, Cluster, ClusterError, Intake, Sighting, Subject},
    store::Store,
    telemetry::Metrics,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

const SIGNALS: u32 = 20_000;
const OWNERS: u32 = 200;

/// Signals per second.
///
/// # Errors
/// When the database cannot be made in the folder.
pub async fn measure(folder: &Path) -> anyhow::Result<u64> {
    let (chat, mut jobs) = mpsc::unbounded_channel();
    tokio::spawn(async move { while jobs.recv().await.is_some() {} });
    let count = AtomicU64::new(0);
    let (engine, handle) = Engine::start(Parts {
        cluster_name: "bench".to_owned(),
        cluster: Arc::new(Nothing),
        store: Store::open(&folder.join("inputs.db"))?,
        clock: Arc::new(Wall),
        waits: Waits::default(),
        pace: 1.0,
        policy: Policy {
            rules: Vec::new(),
            team: String::new(),
        },
        actions: Vec::new(),
        metrics: Arc::new(Metrics::new()),
        chat,
        seed: Arc::new(move || count.fetch_add(1, Ordering::Relaxed).to_string()),
    })?;
    let cancel = CancellationToken::new();
    let running = tokio::spawn(engine.run(cancel.clone()));
    let begun = Instant::now();
    for number in 0..SIGNALS {
        handle
            .send(Message::Sighting(Sighting::Signal(signal(number))))
            .await;
    }
    // The queue has an order, and this is answered when it is on disk: then all signals are.
    handle.first_sight("the last one".to_owned()).await;
    let took = begun.elapsed();
    cancel.cancel();
    running.await?;
    Ok((f64::from(SIGNALS) / took.as_secs_f64()).round() as u64)
}

/// A container of one of the workloads ended once more.
fn signal(number: u32) -> Signal {
    let (owner, restarts) = (number % OWNERS, number / OWNERS);
    let reference = |kind: &str| {
        ObjectRef::new(
            kind,
            "shop",
            &format!("app-{owner}"),
            &format!("{kind}-{owner}"),
        )
    };
    Signal {
        cluster: "bench".to_owned(),
        key: format!("pod-{owner}/app/crash/{restarts}"),
        at: Timestamp::now(),
        owner: reference("Deployment"),
        subject: reference("Pod"),
        family: Family::Crash,
        container: Some("app".to_owned()),
        reason: "CrashLoopBackOff".to_owned(),
        message: "back-off 40s restarting failed container=app".to_owned(),
        run: None,
        from_start: false,
    }
}

struct Wall;

impl Clock for Wall {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A cluster without evidence.
struct Nothing;

impl Nothing {
    fn gone<T: Send + 'static>(subject: &ObjectRef) -> BoxFuture<'static, Result<T, ClusterError>> {
        let error = ClusterError::NotFound(subject.to_string());
        Box::pin(async move { Err(error) })
    }
}

impl Cluster for Nothing {
    fn inspect(&self, _: Subject) -> BoxFuture<'_, Result<Evidence, ClusterError>> {
        Box::pin(async { Ok(Evidence::empty(Timestamp::now())) })
    }

    fn dry_run(&self, action: Action) -> BoxFuture<'_, Result<DryRun, ClusterError>> {
        Self::gone(action.target())
    }

    fn execute(&self, _: Approved, subject: Subject) -> BoxFuture<'_, Outcome> {
        Box::pin(async move {
            Outcome::Stale {
                why: format!("{} is gone", subject.owner),
            }
        })
    }

    fn observe(&self, subject: Subject) -> BoxFuture<'_, Result<Observation, ClusterError>> {
        Self::gone(&subject.owner)
    }
}
