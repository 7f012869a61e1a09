//! `heal demo`: a simulated cluster, a local Slack workspace with a web page, and Heal itself between them, in one process. They speak
//! the real protocols over loopback HTTP; Heal uses the very adapters that it uses in production.
mod figures;
mod page;
pub mod shop;
mod story;

use crate::{
    app::{App, Outside, Settings, SystemClock},
    cli::{DemoArgs, Exit},
    cluster::{Clients, ClusterConfig, KubeCluster, Namespaces, Place},
    domain::{
        action::ActionKind,
        policy::{Policy, Rule},
        symptom::Grace,
        waits::Waits,
    },
    ports::UsageSource,
    sim::{
        kube::{KubeSim, Options},
        slack::{Channel, SlackSim, SlackSimOptions, User, over_http},
    },
    slack::{api::SlackApi, connector::LIMITS},
    store::Store,
    telemetry::Metrics,
    wire::network,
};
use anyhow::Context;
use jiff::{SignedDuration, Timestamp};
use page::Stage;
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

const CHANNEL: &str = "C0OPS";
/// May approve.
const OLIVIA: &str = "U0OLIVIA";
/// May not.
const IVAN: &str = "U0IVAN";
/// The story's trouble begins this long after the page is there: time to read the first sentence.
pub const PROLOGUE: Duration = Duration::from_secs(7);
/// And the second one's this long after it.
const INTERLUDE: Duration = Duration::from_secs(8);

/// Runs until Ctrl-C.
///
/// # Errors
/// When a port cannot be taken or the real cluster cannot be reached.
pub async fn run(args: &DemoArgs) -> anyhow::Result<Exit> {
    let page = bind(args.port).await?;
    let heal = TcpListener::bind("127.0.0.1:0").await?;
    let page_url = format!("http://{}", page.local_addr()?);
    let heal_url = format!("http://{}", heal.local_addr()?);

    let slack = workspace(&page_url);
    slack.set_deliver(over_http(reqwest::Client::new(), &heal_url));
    let (cluster, simulated) = cluster(args).await?;
    let tells_story = simulated.is_some() && !args.no_story;
    let stage = Stage {
        cluster: simulated.clone(),
        slack: slack.clone(),
        channel: CHANNEL.to_owned(),
        tells_story,
    };
    // The workspace answers before Heal starts: the first thing that Heal asks is who it is there.
    let servers = tokio::spawn(async move { axum::serve(page, page::router(stage)).await });
    let usage = figures::source(&cluster, simulated.as_ref()).await?;
    let app = App::start(settings(args), outside(cluster, usage, &page_url)?).await?;
    let router = app.router();
    let inbound = tokio::spawn(async move { axum::serve(heal, router).await });

    println!("Heal's demo is ready:  {page_url}");
    println!("{}", invitation(args));
    println!("Ctrl-C ends it.");
    if let Some(cluster) = simulated.clone().filter(|_| tells_story) {
        tokio::spawn(tell(cluster));
    }
    tokio::signal::ctrl_c().await?;
    app.stop().await;
    servers.abort();
    inbound.abort();
    if let Some(cluster) = simulated {
        cluster.shutdown();
    }
    Ok(Exit::Ok)
}

fn invitation(args: &DemoArgs) -> &'static str {
    match (args.real_cluster, args.no_story) {
        (true, _) => "It watches your cluster: approved actions change it.",
        (false, false) => "Open it, wait some seconds, and decide on the card that appears.",
        (false, true) => "Open it, and cause some trouble with the buttons beside the channel.",
    }
}

/// The wanted port, or a free one when it is taken.
async fn bind(port: u16) -> anyhow::Result<TcpListener> {
    match TcpListener::bind(("127.0.0.1", port)).await {
        Ok(listener) => Ok(listener),
        Err(_) if port != 0 => {
            eprintln!("Port {port} is taken; using a free one.");
            TcpListener::bind("127.0.0.1:0")
                .await
                .context("no free port on 127.0.0.1")
        }
        Err(error) => Err(error).context("no free port on 127.0.0.1"),
    }
}

fn workspace(url: &str) -> SlackSim {
    let person = |id: &str, name: &str, title: &str, color: &str| {
        let mut user = User::new(id, name);
        user.title = title.to_owned();
        user.color = color.to_owned();
        user
    };
    let users = vec![
        person(OLIVIA, "Olivia", "On call: may approve", "#2b6cb0"),
        person(IVAN, "Ivan", "Intern: may not approve", "#b7791f"),
    ];
    let channel = Channel::new(CHANNEL, "incidents");
    SlackSim::new(SlackSimOptions {
        team_name: "Little Shop".to_owned(),
        users,
        channels: vec![channel],
        base_url: url.to_owned(),
        rate_limits: true,
        ..SlackSimOptions::default()
    })
}

async fn cluster(args: &DemoArgs) -> anyhow::Result<(KubeCluster, Option<KubeSim>)> {
    let mut config = ClusterConfig::named(if args.real_cluster {
        "my-cluster"
    } else {
        "little-shop"
    });
    let clock = Arc::new(SystemClock);
    if args.real_cluster {
        config.namespaces = Namespaces {
            include: args.namespaces.clone(),
            exclude: Vec::new(),
        };
        let place = Place::Kubeconfig {
            path: None,
            context: args.context.clone(),
        };
        let clients = Clients::connect(&place)
            .await
            .context("the cluster of your kubeconfig cannot be used")?;
        let cluster = KubeCluster::new(clients, config, clock);
        // Better said here than by a page that stays empty.
        cluster
            .version()
            .await
            .context("the cluster of your kubeconfig does not answer")?;
        return Ok((cluster, None));
    }
    config.grace = short_grace();
    let options = Options::new(Arc::new(Timestamp::now));
    let simulated = KubeSim::new(simulation(options, args.speed));
    shop::open(&simulated)?;
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = simulated.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut access = kube::Config::new(url.parse()?);
    access.default_retry = false;
    let clients = Clients::of(kube::Client::try_from(access)?);
    Ok((KubeCluster::new(clients, config, clock), Some(simulated)))
}

/// The simulated cluster's options at this speed, with the images of the shop.
pub fn simulation(options: Options, speed: f64) -> Options {
    let mut options = shop::images(options);
    options.speed = (speed * 4.0).clamp(1.0, 400.0) as u32;
    options
}

/// The demo's world runs in minutes, not hours: the same rules with shorter waits.
pub fn waits(speed: f64) -> Waits {
    // Only Kubernetes' own waits get faster, not the programs in the containers: they start in seconds at any speed.
    let seconds = |seconds: f64| {
        SignedDuration::from_secs_f64((seconds / speed.max(0.1)).max(seconds.min(3.0)))
    };
    Waits {
        approval: SignedDuration::from_mins(10),
        soak: seconds(15.0),
        soak_max: seconds(20.0),
        // No trouble of the shop outlives its fix. A busy laptop takes its time.
        recovery: SignedDuration::from_mins(3),
        look: seconds(1.0),
        idle_look: seconds(10.0),
        target_pause: seconds(5.0),
        target_per_day: 100,
        ..Waits::default()
    }
}

fn settings(args: &DemoArgs) -> Settings {
    let options = SlackSimOptions::default();
    let rule = Rule {
        actions: ActionKind::ALL.to_vec(),
        namespaces: vec!["*".to_owned()],
        users: vec![OLIVIA.to_owned()],
        groups: Vec::new(),
        approvals: 1,
    };
    let waits = if args.real_cluster {
        Waits::default()
    } else {
        waits(args.speed)
    };
    Settings {
        cluster_name: if args.real_cluster {
            "my-cluster".to_owned()
        } else {
            "little-shop".to_owned()
        },
        channel: CHANNEL.to_owned(),
        team_id: options.team_id.clone(),
        app_id: options.app_id,
        signing_secrets: vec![SecretString::from(options.signing_secret)],
        waits,
        policy: Policy {
            rules: vec![rule],
            team: options.team_id,
        },
        actions: ActionKind::ALL.to_vec(),
        forecast: figures::options(!args.real_cluster),
    }
}

fn short_grace() -> Grace {
    Grace {
        unschedulable: SignedDuration::from_secs(5),
        not_ready: SignedDuration::from_secs(10),
        config: SignedDuration::from_secs(3),
        ..Grace::default()
    }
}

fn outside(
    cluster: KubeCluster,
    usage: Arc<dyn UsageSource>,
    page_url: &str,
) -> anyhow::Result<Outside> {
    let token = SecretString::from(SlackSimOptions::default().bot_token);
    Ok(Outside {
        cluster,
        slack: SlackApi::new(
            network(LIMITS, None)?,
            format!("{page_url}/api").parse()?,
            &token,
        ),
        store: Store::in_memory()?,
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new()),
        usage: Some(usage),
    })
}

/// Causes the story's troubles: a rollout that crashes, and, as its second half, one that leaks and has some minutes to live.
async fn tell(cluster: KubeSim) {
    tokio::time::sleep(PROLOGUE).await;
    for id in ["bad_rollout", "leak"] {
        let trouble = shop::TROUBLES.iter().find(|trouble| trouble.id == id);
        if let Some(Err(error)) = trouble.map(|trouble| trouble.cause(&cluster)) {
            tracing::error!(%error, "the story's rollout was refused");
        }
        tokio::time::sleep(INTERLUDE).await;
    }
}
