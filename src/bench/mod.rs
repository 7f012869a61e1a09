//! `heal bench loop`: measures this very program, as a child process, on this machine.
//!
//! In Slack's place there is a local workspace, in the cluster's place the simulation or, with `--kubeconfig`, a real control
//! plane, in which nothing runs: statuses are written by hand. All figures are facts; nothing here judges them.
pub mod anomaly;
mod clicks;
mod crowd;
mod figures;
pub mod forecast;
mod ground;
mod heal;
mod inputs;
mod latency;
mod machine;
mod objects;
mod requests;
mod storm;
mod table;
mod workspace;

use crate::{
    cli::{Exit, LoopArgs},
    run::asked_to_stop,
};
use anyhow::Context;
use crowd::Crowd;
use figures::Report;
use ground::{Ground, Way};
use heal::Heal;
use machine::Setting;
use requests::together;
use std::{
    fs,
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};
use workspace::Workspace;

/// Measures, and prints a table or JSON. Progress goes to standard error.
///
/// # Errors
/// When something cannot be measured. What was made in a real cluster is deleted also then, and after Ctrl-C.
pub async fn run(args: &LoopArgs) -> anyhow::Result<Exit> {
    let prefix = format!("heal-bench-{}", std::process::id());
    let folder = Folder::new(std::env::temp_dir().join(&prefix))?;
    let ground = match &args.kubeconfig {
        None => Ground::simulated().await?,
        Some(path) => Ground::of_kubeconfig(path).await?,
    };
    let mut sizes = args.pods.clone();
    sizes.sort_unstable();
    sizes.dedup();
    let measured = tokio::select! {
        measured = measure(&ground, &folder.0, &prefix, &sizes) => measured,
        _ = asked_to_stop() => Err(anyhow::anyhow!("stopped")),
    };
    let cleaned = ground
        .clean_up()
        .await
        .context("the cluster is not as it was");
    let (report, setting) = measured?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!("{}", table::table(&report, &setting));
    }
    cleaned?;
    Ok(Exit::Ok)
}

async fn measure(
    ground: &Ground,
    folder: &Path,
    prefix: &str,
    sizes: &[u32],
) -> anyhow::Result<(Report, Setting)> {
    let (crowd_of, failing, storm) = (
        format!("{prefix}-crowd-"),
        format!("{prefix}-rollouts"),
        format!("{prefix}-storm"),
    );
    let (healthy, everybody) = (format!("{prefix}-healthy"), format!("{crowd_of}*"));
    let mut report = Report::default();
    let mut setting = Setting {
        machine: machine::machine(),
        cluster: ground.describe().await?,
        disk: machine::disk(folder),
        build: machine::build(),
        pod_size: String::new(),
    };
    tell("the disk alone");
    report.flush_ms = machine::flushes(folder).await?;
    tell("signals through engine and database");
    report.inputs_per_s = inputs::measure(folder).await?;
    let mut crowd = Crowd::new(ground, &crowd_of).await?;
    setting.pod_size = format!("{:.1} kB", crowd.size as f64 / 1000.0);
    for (turn, pods) in sizes.iter().enumerate() {
        tell(&format!("memory with {pods} pods"));
        crowd.grow(ground, *pods).await?;
        let workspace = Workspace::open().await?;
        let place = folder.join(pods.to_string());
        let straight = (ground, Way::Straight);
        let watched: [&str; 2] = [&everybody, &failing];
        let mut heal = Heal::start(&place, straight, &workspace, &watched).await?;
        heal.settles().await;
        let memory = heal.memory();
        report.rss_mib.insert(*pods, memory.resident);
        report.rss_peak_mib.insert(*pods, memory.peak);
        if turn == 0 {
            tell(&format!("{} failures, one at a time", latency::SAMPLES));
            let victims = latency::prepare(ground, &failing).await?;
            heal.settles().await;
            let latency = latency::measure(ground, &workspace, &heal, &failing, &victims).await?;
            report.signal_to_slack_ms = latency.message;
            report.signal_to_offer_ms = latency.offer;
            tell("clicks and commands while an action is under way");
            // The same incidents and cards, and from now on an API server that can be slow.
            heal.stop().await;
            heal = Heal::start(&place, (ground, Way::Proxy), &workspace, &watched).await?;
            heal.settles().await;
            report.click_to_ack_ms = clicks::measure(ground, &workspace, &failing).await?;
        }
        heal.stop().await;
        if turn == 0 {
            let workspace = Workspace::open().await?;
            let heal = Heal::start(
                &folder.join("storm"),
                straight,
                &workspace,
                &[&healthy, &storm],
            )
            .await?;
            tell("healthy rolling updates");
            report.healthy_rollouts = storm::rollouts(ground, &workspace, &healthy).await?;
            tell("a storm of failures");
            storm::prepare(ground, &storm).await?;
            heal.settles().await;
            report.storm = storm::measure(ground, &workspace, &storm).await?;
            heal.stop().await;
            tell("the end of what was measured so far");
            let namespaces = [&failing, &storm, &healthy];
            together(namespaces.map(async |namespace| ground.remove(namespace).await)).await?;
        }
    }
    Ok((report, setting))
}

fn tell(what: &str) {
    eprintln!("measuring: {what} …");
}

/// A folder of its own, gone with its last use.
struct Folder(PathBuf);

impl Folder {
    fn new(path: PathBuf) -> anyhow::Result<Self> {
        // Only for its owner: access data of a cluster may be in it.
        fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}
