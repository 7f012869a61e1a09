//! Where the demo's memory figures come from: a simulated Prometheus on loopback, or what the real cluster offers.
use super::shop;
use crate::{
    cluster::KubeCluster,
    domain::forecast::{Tier, Tuning},
    forecaster,
    ports::UsageSource,
    sim::{kube::KubeSim, prometheus::PrometheusSim},
    usage::prometheus::{Auth, LIMITS, Labels, Place, Prometheus},
    wire::network,
};
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

/// Of a forecast's hour the demo makes a minute: a leak of hours is seen, told and stopped in some minutes.
pub const PACE: f64 = 1.0 / 60.0;
/// The past that the demo's Prometheus knows at the start, in seconds: with [`PACE`], a week.
const PAST: f64 = 7.0 * 86_400.0 * PACE;
/// Time between two readings.
const EVERY: Duration = Duration::from_secs(1);

/// How forecasts are made in the demo.
pub fn options(simulated: bool) -> forecaster::Options {
    if !simulated {
        return forecaster::Options::default();
    }
    forecaster::Options {
        interval: EVERY.as_secs_f64(),
        backfill: PAST,
        tuning: Tuning {
            pace: PACE,
            ..Tuning::default()
        },
        // Early rather than sure: who looks at a demo does not want to wait.
        cards: Some(Tier::Notice),
    }
}

/// What is asked for memory figures.
///
/// # Errors
/// When no port of this machine can be had.
pub async fn source(
    cluster: &KubeCluster,
    simulated: Option<&KubeSim>,
) -> anyhow::Result<Arc<dyn UsageSource>> {
    let Some(kube) = simulated else {
        return Ok(Arc::new(cluster.usage()));
    };
    let prometheus = PrometheusSim::new(kube.clone(), EVERY);
    let now = kube.now().as_millisecond() as f64 / 1000.0;
    shop::remember(&prometheus, now, PAST);
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    let router = prometheus.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    let place = Place {
        url: url.parse()?,
        auth: Auth::None,
        headers: Vec::new(),
        labels: Labels::default(),
    };
    Ok(Arc::new(Prometheus::new(network(LIMITS, None)?, place)))
}
