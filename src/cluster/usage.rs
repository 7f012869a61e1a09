//! `metrics.k8s.io`: what containers use at this moment, from the cluster's own API. Working set only: the page cache that can
//! be reclaimed is part of it, and there is no past.
use super::{
    KubeCluster, project, quantity,
    rest::{Fault, Rest},
    served::{POD_METRICS, PODS},
    slim,
};
use crate::{
    domain::{
        forecast::Source,
        view::{ContainerState, ContainerView},
    },
    ports::{ClusterError, PastRun, Reading, Readings, Span, UsageError, UsageSource},
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use serde::Deserialize;
use std::{collections::HashSet, time::Duration};

/// The server lists all pods at once; in a large cluster that takes a while.
const PATIENCE: Duration = Duration::from_secs(25);

/// The source.
pub struct MetricsApi {
    reader: Rest,
}

impl KubeCluster {
    /// This cluster's own memory figures.
    pub fn usage(&self) -> MetricsApi {
        MetricsApi {
            reader: Rest::new(self.watcher.clone(), PATIENCE),
        }
    }
}

/// A container by namespace, pod and name.
pub type Named = (String, String, String);

impl KubeCluster {
    /// The containers that run now, in the namespaces that count.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn running(&self) -> Result<HashSet<Named>, ClusterError> {
        let mut running = HashSet::new();
        let mut token = String::new();
        loop {
            let mut query = vec![("limit", "500")];
            if !token.is_empty() {
                query.push(("continue", &token));
            }
            let (pods, next) = self.reader.page::<slim::Pod>(&PODS, "", &query).await?;
            for pod in pods {
                let pod = project::pod(&pod);
                if !self.config.namespaces.covers(&pod.namespace) {
                    continue;
                }
                let alive = |container: &&ContainerView| {
                    !container.init && matches!(container.state, ContainerState::Running { .. })
                };
                running.extend(pod.containers.iter().filter(alive).map(|container| {
                    let name = container.name.clone();
                    (pod.namespace.clone(), pod.name.clone(), name)
                }));
            }
            match next {
                Some(next) => token = next,
                None => return Ok(running),
            }
        }
    }
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: Meta,
    timestamp: Timestamp,
    #[serde(default)]
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Meta {
    name: String,
    namespace: String,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    cpu: String,
    #[serde(default)]
    memory: String,
}

impl MetricsApi {
    async fn readings(&self) -> Result<Readings, UsageError> {
        // This API takes no limit: all pods come in one answer.
        let pods = self
            .reader
            .list::<PodMetrics>(&POD_METRICS, "", &[])
            .await?;
        let containers = pods.into_iter().flat_map(|pod| {
            let at = pod.timestamp.as_millisecond() as f64 / 1000.0;
            let Meta { name, namespace } = pod.metadata;
            pod.containers.into_iter().filter_map(move |container| {
                Some(Reading {
                    namespace: namespace.clone(),
                    pod: name.clone(),
                    container: container.name,
                    at,
                    used: quantity::bytes(&container.usage.memory)? as f64,
                    cpu: quantity::millis(&container.usage.cpu)
                        .map(|millis| millis as f64 / 1000.0),
                })
            })
        });
        Ok(Readings {
            source: Source::MetricsApi,
            trouble: None,
            containers: containers.collect(),
        })
    }
}

impl From<Fault> for UsageError {
    fn from(fault: Fault) -> Self {
        match fault.code() {
            Some(401 | 403) => Self::Refused(format!("metrics.k8s.io: {fault}")),
            Some(404) => Self::Wrong(
                "the cluster has no metrics.k8s.io: metrics-server is not installed".to_owned(),
            ),
            _ => Self::Away(format!("metrics.k8s.io: {fault}")),
        }
    }
}

impl UsageSource for MetricsApi {
    fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>> {
        Box::pin(self.readings())
    }

    fn past(&self, _: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>> {
        Box::pin(async { Ok(Vec::new()) })
    }

    fn has_past(&self) -> bool {
        false
    }
}
