//! From a failing pod to Slack: bad rollouts, one at a time. Every workload has an older revision that works, so that Heal
//! goes the whole way: evidence, diagnosis, dry run, and a card with an offer.
use super::{
    figures::Distribution,
    ground::Ground,
    heal::Heal,
    objects,
    requests::together,
    workspace::{Workspace, between},
};
use crate::sim::slack::Call;
use jiff::Timestamp;
use std::time::Duration;
use tokio::time::Instant;

/// How many workloads fail.
pub const SAMPLES: usize = 45;
/// Pause between two failures: Slack takes one message per second and channel.
const PACE: Duration = Duration::from_millis(1100);
/// How long after the last failure messages may still come.
const LAST: Duration = Duration::from_secs(10);
/// What the failing version has said before it ended.
const LOG: &str =
    "starting shop 2\nconnecting\nfatal: environment variable PAYMENT_URL is not set\n";

/// A workload that is about to fail.
pub struct Victim {
    /// Its Deployment.
    name: String,
    /// The pod of the new version.
    pod: String,
}

/// Makes workloads whose first version works and whose second has just been rolled out.
///
/// # Errors
/// When the cluster refuses something.
pub async fn prepare(ground: &Ground, namespace: &str) -> anyhow::Result<Vec<Victim>> {
    ground.namespace(namespace).await?;
    let names: Vec<String> = (0..SAMPLES)
        .map(|number| format!("bad-rollout-{number:03}"))
        .collect();
    let deployments = names.iter().map(|name| objects::deployment(name, 1, 1));
    together(deployments.map(async |deployment| ground.deploy(namespace, &deployment).await))
        .await?;
    let pods = pods_of(ground, namespace, 1).await?;
    let running = objects::running(true, Timestamp::now());
    together(
        pods.iter()
            .map(async |victim| ground.set_status(namespace, &victim.pod, &running).await),
    )
    .await?;
    ground
        .until("available Deployments", async || {
            let all = ground.deployments(namespace).await?;
            Ok(all
                .iter()
                .all(|deployment| deployment["status"]["availableReplicas"] == 1))
        })
        .await?;
    let spec = objects::spec(2);
    together(
        names
            .iter()
            .map(async |name| ground.roll_out(namespace, name, &spec).await),
    )
    .await?;
    let victims = pods_of(ground, namespace, 2).await?;
    for victim in &victims {
        ground.set_log(namespace, &victim.pod, LOG);
    }
    Ok(victims)
}

/// The pods of a version, as soon as every workload has one.
async fn pods_of(ground: &Ground, namespace: &str, version: u32) -> anyhow::Result<Vec<Victim>> {
    let find = async || -> anyhow::Result<Vec<Victim>> {
        let mut pods = ground.pods(namespace).await?;
        pods.retain(|pod| objects::has_version(pod, version));
        let text = |pod: &serde_json::Value, at: &str| {
            pod.pointer(at)
                .and_then(|text| text.as_str())
                .unwrap_or_default()
                .to_owned()
        };
        Ok(pods
            .iter()
            .map(|pod| Victim {
                name: text(pod, "/metadata/labels/app"),
                pod: text(pod, "/metadata/name"),
            })
            .collect())
    };
    ground
        .until("the pods of all Deployments", async || {
            Ok(find().await?.len() == SAMPLES)
        })
        .await?;
    find().await
}

/// How long failures took to reach Slack.
#[derive(Debug, Default)]
pub struct Latency {
    /// Until the first message about it.
    pub message: Distribution,
    /// Until the card offers the fix, after evidence, diagnosis and dry run.
    pub offer: Distribution,
}

/// Lets them fail one at a time.
///
/// # Errors
/// When a status cannot be written, or a failure never reached Slack.
pub async fn measure(
    ground: &Ground,
    workspace: &Workspace,
    heal: &Heal,
    namespace: &str,
    victims: &[Victim],
) -> anyhow::Result<Latency> {
    let begun = workspace.now();
    let mut next = Instant::now();
    let mut failed = Vec::with_capacity(victims.len());
    for victim in victims {
        tokio::time::sleep_until(next).await;
        next = Instant::now() + PACE;
        let status = objects::crashing(&victim.pod, Timestamp::now());
        ground.set_status(namespace, &victim.pod, &status).await?;
        failed.push((victim.name.as_str(), workspace.now()));
    }
    // Nothing is looked for meanwhile: this process shares the machine with what it measures.
    let deadline = Instant::now() + LAST;
    loop {
        tokio::time::sleep(PACE).await;
        let calls = workspace.chat_calls(begun);
        let messages = arrivals(&failed, &calls, |_| true);
        let offers = arrivals(&failed, &calls, |text| {
            text.contains(r#""action_id":"approve""#)
        });
        if offers.len() == failed.len() || Instant::now() > deadline {
            let missing = failed.len() - messages.len();
            anyhow::ensure!(
                missing == 0,
                "{missing} of {SAMPLES} failures did not reach Slack:\n{}",
                heal.last_words()
            );
            return Ok(Latency {
                message: Distribution::of(&messages),
                offer: Distribution::of(&offers),
            });
        }
    }
}

/// How long after each failure the first accepted call came that names the workload, and whose arguments fit.
fn arrivals(
    failed: &[(&str, Timestamp)],
    calls: &[Call],
    fits: impl Fn(&str) -> bool,
) -> Vec<Duration> {
    let texts: Vec<(Timestamp, String)> = calls
        .iter()
        .filter(|call| call.is_ok())
        .map(|call| (call.at, call.arguments.to_string()))
        .filter(|(_, text)| fits(text))
        .collect();
    let first = |name: &str| texts.iter().find(|(_, text)| text.contains(name));
    failed
        .iter()
        .filter_map(|(name, at)| Some(between(*at, first(name)?.0)))
        .collect()
}
