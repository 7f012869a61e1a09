//! The adapter against the simulated cluster, in process and under a paused clock.
mod acting;
mod events;
mod rounds;
mod watching;

use super::*;
use crate::domain::family::Family;
use crate::ports::Sighting;
use crate::sim::kube::{Clock as SimClock, KubeSim, Options, tokio_clock};
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

struct Now(SimClock);

impl Clock for Now {
    fn now(&self) -> Timestamp {
        (self.0)()
    }
}

/// A simulated cluster and the adapter that speaks to it.
struct World {
    sim: KubeSim,
    cluster: KubeCluster,
}

impl World {
    fn new(adjust: impl FnOnce(&mut Options)) -> Self {
        Self::behind(|router| router, adjust)
    }

    /// With something between the adapter and the API server.
    fn behind(
        between: impl FnOnce(axum::Router) -> axum::Router,
        adjust: impl FnOnce(&mut Options),
    ) -> Self {
        let clock = tokio_clock("2026-11-20T08:00:00Z".parse().unwrap());
        let mut options = Options::new(clock.clone());
        adjust(&mut options);
        let sim = KubeSim::new(options);
        let service = tower::ServiceBuilder::new()
            .map_request(|request: http::Request<kube::client::Body>| {
                request.map(axum::body::Body::new)
            })
            .service(between(sim.router()));
        let client = kube::Client::new(service, "default");
        let mut config = ClusterConfig::named("sim");
        config.namespaces.exclude = vec!["sandbox-*".to_owned()];
        let cluster = KubeCluster::new(Clients::of(client), config, Arc::new(Now(clock)));
        Self { sim, cluster }
    }

    /// An adapter to the same cluster whom no watch has told anything.
    fn another(&self) -> KubeCluster {
        let (client, clock) = (self.cluster.watcher.clone(), self.cluster.clock.clone());
        let config = ClusterConfig::clone(&self.cluster.config);
        KubeCluster::new(Clients::of(client), config, clock)
    }

    fn apply(&self, name: &str, replicas: i64, image: &str, script: &str) -> ObjectRef {
        self.sim
            .apply(workload(
                "Deployment",
                "shop",
                name,
                replicas,
                image,
                script,
            ))
            .unwrap();
        self.object("Deployment", "shop", name)
    }

    fn object(&self, kind: &str, namespace: &str, name: &str) -> ObjectRef {
        let found = self.sim.get(kind, namespace, name).unwrap();
        let uid = found["metadata"]["uid"].as_str().unwrap();
        ObjectRef::new(kind, namespace, name, uid)
    }

    fn subject(&self, owner: &ObjectRef, family: Family) -> Subject {
        Subject {
            owner: owner.clone(),
            object: owner.clone(),
            container: None,
            reason: String::new(),
            family,
            job: None,
            since: Timestamp::UNIX_EPOCH,
            run: None,
            after: None,
        }
    }

    /// Starts to watch.
    fn watch(&self) -> Watching {
        let (sink, sightings) = mpsc::channel(10_000);
        let cancel = CancellationToken::new();
        let watch = super::watch(self.cluster.clone(), sink, None, cancel.clone(), None);
        tokio::spawn(watch);
        Watching {
            sightings,
            _stop: cancel.drop_guard(),
        }
    }
}

struct Watching {
    sightings: mpsc::Receiver<Sighting>,
    _stop: tokio_util::sync::DropGuard,
}

impl Watching {
    /// What was sighted so far, without the watches' own health, one line each.
    fn lines(&mut self) -> Vec<String> {
        let mut lines = self.everything();
        lines.retain(|line| !line.starts_with("watch "));
        lines
    }

    /// What was sighted so far, one line each.
    fn everything(&mut self) -> Vec<String> {
        let mut lines = Vec::new();
        while let Ok(sighting) = self.sightings.try_recv() {
            lines.extend(match sighting {
                Sighting::Signal(signal) => Some(format!(
                    "{} {} {}",
                    signal.owner, signal.family, signal.reason
                )),
                Sighting::LooksClear(owner) => Some(format!("clear {owner}")),
                Sighting::RevisionHealthy { owner, .. } => Some(format!("healthy {owner}")),
                Sighting::Suppressed { reason, count } => {
                    Some(format!("left out {count}: {reason}"))
                }
                Sighting::Watch(health) => Some(match health.error {
                    Some(error) => format!("watch {}: {error}", health.kind),
                    None => format!("watch {} works", health.kind),
                }),
                Sighting::Forecast(_)
                | Sighting::RunEnded(_)
                | Sighting::ForecastSource(_)
                | Sighting::Unusual(_) => None,
            });
        }
        lines
    }

    fn keys(&mut self) -> Vec<String> {
        let mut keys = Vec::new();
        while let Ok(sighting) = self.sightings.try_recv() {
            if let Sighting::Signal(signal) = sighting {
                keys.push(signal.key);
            }
        }
        keys
    }
}

/// Lets virtual time pass.
async fn pass(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

fn workload(
    kind: &str,
    namespace: &str,
    name: &str,
    replicas: i64,
    image: &str,
    script: &str,
) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": kind, "metadata": {"name": name, "namespace": namespace},
        "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "app", "image": image, "command": ["sh", "-c", script],
                "resources": {"limits": {"memory": "64Mi"}}}]},
        }},
    })
}

const BUSYBOX: &str = "busybox:1.36";
const FINE: &str = "sleep 100000";

#[test]
fn a_namespace_counts_when_it_is_included_and_not_excluded() {
    let namespaces = Namespaces {
        include: vec!["shop*".into()],
        exclude: vec!["shop-test".into()],
    };
    assert!(namespaces.covers("shop") && namespaces.covers("shop-pay"));
    assert!(!namespaces.covers("shop-test") && !namespaces.covers("billing"));
    assert!(namespaces.covers(""), "nodes have no namespace");
    assert!(Namespaces::default().covers("anything"));
}
