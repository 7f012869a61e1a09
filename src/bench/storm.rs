//! Many failures at once, and updates that go well: how much Slack hears of both.
use super::{
    figures::{Rollouts, Storm},
    ground::Ground,
    objects,
    requests::together,
    workspace::Workspace,
};
use jiff::Timestamp;
use serde_json::Value;
use std::{cell::RefCell, collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Workloads that fail together.
const WORKLOADS: usize = 200;
/// In this time.
const SPAN: Duration = Duration::from_secs(10);
/// When Slack is read, counted from the first failure.
const READ_AFTER: Duration = Duration::from_secs(15);

/// Healthy updates at the same time.
const UPDATES: usize = 5;
/// Pods of each.
const PODS: u32 = 10;
/// From the first sight of a new pod until its container runs, and from then until it is ready.
const START: Duration = Duration::from_secs(1);
/// How long after the updates Slack is still watched.
const AFTERWARDS: Duration = Duration::from_secs(10);

/// Makes workloads that run.
///
/// # Errors
/// When the cluster refuses something.
pub async fn prepare(ground: &Ground, namespace: &str) -> anyhow::Result<()> {
    ground.namespace(namespace).await?;
    let deployments = (0..WORKLOADS).map(|number| objects::deployment(&workload(number), 1, 1));
    together(deployments.map(async |deployment| ground.deploy(namespace, &deployment).await))
        .await?;
    ground
        .until("the pods of all Deployments", async || {
            Ok(ground.pods(namespace).await?.len() == WORKLOADS)
        })
        .await?;
    let running = objects::running(true, Timestamp::now());
    let pods = ground.pods(namespace).await?;
    together(
        pods.iter()
            .map(async |pod| ground.set_status(namespace, name(pod), &running).await),
    )
    .await?;
    Ok(())
}

/// Lets all of them fail, and reads Slack.
///
/// # Errors
/// When a status cannot be written.
pub async fn measure(
    ground: &Ground,
    workspace: &Workspace,
    namespace: &str,
) -> anyhow::Result<Storm> {
    let pods = ground.pods(namespace).await?;
    let (since, begun) = (workspace.now(), Instant::now());
    let pace = SPAN / u32::try_from(pods.len().max(1))?;
    // Each at its time, however long the API server takes for the others.
    let failures = pods.iter().zip(0..).map(async |(pod, number)| {
        tokio::time::sleep_until(begun + pace * number).await;
        let status = objects::crashing(name(pod), Timestamp::now());
        ground.set_status(namespace, name(pod), &status).await
    });
    futures::future::try_join_all(failures).await?;
    eprintln!(
        "  all have failed after {:.1} s",
        begun.elapsed().as_secs_f64()
    );
    tokio::time::sleep_until(begun + READ_AFTER).await;
    let calls = workspace.chat_calls(since).len();
    let texts: Vec<String> = workspace
        .messages()
        .iter()
        .map(|message| message.words())
        .collect();
    let is_named = |number: &usize| texts.iter().any(|text| text.contains(&workload(*number)));
    Ok(Storm {
        workloads: pods.len(),
        named: (0..WORKLOADS).filter(is_named).count(),
        calls,
    })
}

fn workload(number: usize) -> String {
    format!("storm-{number:03}")
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

/// Rolls out, updates, and counts what Slack heard.
///
/// # Errors
/// When the cluster refuses something, or an update does not finish.
pub async fn rollouts(
    ground: &Ground,
    workspace: &Workspace,
    namespace: &str,
) -> anyhow::Result<Rollouts> {
    let since = workspace.now();
    ground.namespace(namespace).await?;
    let names: Vec<String> = (0..UPDATES)
        .map(|number| format!("healthy-{number}"))
        .collect();
    let deployments = names.iter().map(|name| objects::deployment(name, PODS, 1));
    together(deployments.map(async |deployment| ground.deploy(namespace, &deployment).await))
        .await?;
    let kubelet = Kubelet {
        ground,
        namespace,
        seen: RefCell::default(),
    };
    ground
        .until("the first rollouts", async || kubelet.turn().await)
        .await?;
    let spec = objects::spec(2);
    together(
        names
            .iter()
            .map(async |name| ground.roll_out(namespace, name, &spec).await),
    )
    .await?;
    ground
        .until("the updates", async || kubelet.turn().await)
        .await?;
    tokio::time::sleep(AFTERWARDS).await;
    Ok(Rollouts {
        updates: UPDATES,
        calls: workspace.chat_calls(since).len(),
    })
}

/// Stands for the kubelets: starts pods as they do, with the failed first probe that nearly every start has.
struct Kubelet<'a> {
    ground: &'a Ground,
    namespace: &'a str,
    /// Pods by name: since when in this phase, and in which.
    seen: RefCell<HashMap<String, (Instant, Phase)>>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    Creating,
    Running,
    Ready,
}

impl Kubelet<'_> {
    /// Brings every pod one phase further whose time has come. True when all Deployments are complete.
    async fn turn(&self) -> anyhow::Result<bool> {
        for pod in self.ground.pods(self.namespace).await? {
            let next = match self.seen.borrow().get(name(&pod)) {
                None => Phase::Creating,
                Some((since, Phase::Creating)) if since.elapsed() >= START => Phase::Running,
                Some((since, Phase::Running)) if since.elapsed() >= START => Phase::Ready,
                Some(_) => continue,
            };
            self.write(&pod, next).await?;
            self.seen
                .borrow_mut()
                .insert(name(&pod).to_owned(), (Instant::now(), next));
        }
        let complete = |deployment: &Value| {
            let status = &deployment["status"];
            let all = ["replicas", "updatedReplicas", "availableReplicas"];
            all.iter().all(|field| status[*field] == PODS)
                && status["observedGeneration"] == deployment["metadata"]["generation"]
        };
        Ok(self
            .ground
            .deployments(self.namespace)
            .await?
            .iter()
            .all(complete))
    }

    async fn write(&self, pod: &Value, phase: Phase) -> anyhow::Result<()> {
        let now = Timestamp::now();
        let status = match phase {
            Phase::Creating => objects::creating(now),
            Phase::Running => objects::running(false, now),
            Phase::Ready => objects::running(true, now),
        };
        // An old pod may be deleted between list and write: that is what a rollout is.
        let written = self
            .ground
            .set_status(self.namespace, name(pod), &status)
            .await;
        if written.is_ok() && phase == Phase::Running {
            let event = objects::first_probe_failed(pod, now);
            self.ground
                .create(
                    &format!("/api/v1/namespaces/{}/events", self.namespace),
                    &event,
                )
                .await?;
        }
        Ok(())
    }
}
