//! `heal run`: a real cluster and real Slack.
use crate::{
    app::{App, Outside, Settings, SystemClock},
    cli::{Exit, RunArgs},
    cluster::{Clients, ClusterConfig, KubeCluster, Namespaces, Place},
    config::{Config, Credentials},
    forecaster,
    ports::UsageSource,
    slack::{self, api::SlackApi},
    store::Store,
    telemetry::{self, Metrics},
    usage::{
        Fallback,
        prometheus::{self, Prometheus},
    },
    wire::network,
};
use anyhow::Context;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// When something fails at run time: the database, the port, the cluster's access data.
pub async fn run(args: &RunArgs) -> anyhow::Result<Exit> {
    let config = match Config::load(&args.config.config) {
        Ok(config) => config,
        Err(problems) => {
            eprintln!("{problems}");
            return Ok(Exit::Usage);
        }
    };
    telemetry::log::init(&config.log)?;
    for warning in &config.warnings {
        tracing::warn!(key = %warning.key, consequence = %warning.consequence, "{}", warning.write);
    }
    let store = Store::open(&config.store)?;
    let listener = TcpListener::bind(config.listen)
        .await
        .with_context(|| format!("cannot listen on {} ([http] listen)", config.listen))?;
    let address = listener.local_addr()?;
    let cluster = cluster(&config).await?;
    let outside = Outside {
        usage: usage(&config, &cluster)?,
        cluster,
        slack: SlackApi::new(
            network(slack::connector::LIMITS, None)?,
            config.slack.api_url.clone(),
            &config.slack.bot_token,
        ),
        store,
        clock: Arc::new(SystemClock),
        metrics: Arc::new(Metrics::new()),
    };
    let app = App::start(settings(&config), outside).await?;
    println!("listening on http://{address}");
    tracing::info!(%address, cluster = config.cluster, "started");
    axum::serve(listener, app.router())
        .with_graceful_shutdown(asked_to_stop())
        .await?;
    tracing::info!("stopping: finishing what is under way");
    app.stop().await;
    Ok(Exit::Ok)
}

/// The cluster that the configuration names. Nothing is sent yet.
pub(crate) async fn cluster(config: &Config) -> anyhow::Result<KubeCluster> {
    let place = match &config.kubernetes.credentials {
        Credentials::InCluster => Place::InCluster,
        Credentials::Kubeconfig { path, context } => Place::Kubeconfig {
            path: path.clone(),
            context: context.clone(),
        },
        Credentials::Guess if std::env::var_os("KUBERNETES_SERVICE_HOST").is_some() => {
            Place::InCluster
        }
        Credentials::Guess => Place::Kubeconfig {
            path: None,
            context: None,
        },
    };
    let clients = Clients::connect(&place)
        .await
        .context("no access to the cluster ([kubernetes])")?;
    let options = ClusterConfig {
        namespaces: Namespaces {
            include: config.kubernetes.namespaces.clone(),
            exclude: config.kubernetes.exclude_namespaces.clone(),
        },
        grace: config.grace.clone(),
        ..ClusterConfig::named(&config.cluster)
    };
    Ok(KubeCluster::new(clients, options, Arc::new(SystemClock)))
}

/// Where memory figures come from, unless forecasts are off. Nothing is sent yet.
fn usage(config: &Config, cluster: &KubeCluster) -> anyhow::Result<Option<Arc<dyn UsageSource>>> {
    if !config.forecast.enabled {
        return Ok(None);
    }
    let own = Arc::new(cluster.usage());
    Ok(Some(match prometheus(config)? {
        None => own,
        Some(prometheus) => {
            let interval = config.forecast.interval.unsigned_abs();
            Arc::new(Fallback::new(Arc::new(prometheus), own, interval))
        }
    }))
}

/// The Prometheus that the configuration names.
pub(crate) fn prometheus(config: &Config) -> anyhow::Result<Option<Prometheus>> {
    let Some(named) = &config.forecast.prometheus else {
        return Ok(None);
    };
    let authority = named.authority.as_ref().map(String::as_bytes);
    let transport = network(prometheus::LIMITS, authority)
        .context("no connection to Prometheus can be made ([forecast.prometheus])")?;
    let place: prometheus::Place = named.place.clone();
    Ok(Some(Prometheus::new(transport, place)))
}

fn settings(config: &Config) -> Settings {
    Settings {
        cluster_name: config.cluster.clone(),
        channel: config.slack.channel.clone(),
        team_id: config.slack.team_id.clone(),
        app_id: config.slack.app_id.clone(),
        signing_secrets: config.slack.signing_secrets.clone(),
        waits: config.waits.clone(),
        policy: config.policy.clone(),
        actions: config.actions.clone(),
        forecast: forecaster::Options {
            interval: config.forecast.interval.as_secs_f64(),
            backfill: config.forecast.backfill.as_secs_f64(),
            tuning: config.forecast.tuning,
            cards: config.forecast.cards,
        },
    }
}

/// Comes back at SIGTERM or SIGINT.
pub(crate) async fn asked_to_stop() {
    use tokio::signal::unix::{SignalKind, signal};
    let interrupt = tokio::signal::ctrl_c();
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
        }
        Err(_) => drop(interrupt.await),
    }
}
