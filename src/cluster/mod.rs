//! The Kubernetes adapter: watches, gathers evidence, acts, and looks whether it helped.
//!
//! Reading order: [`clients`] and `rest` (how the API server is spoken to), `slim` and `project` (objects become small
//! views), [`owners`] (who has the problem), [`observe`] (watches become sightings), `inspect` (evidence), `act` (changes),
//! `look` (recovery), [`access`] (may we?).
pub mod access;
mod act;
mod budgets;
pub mod clients;
mod diff;
mod events;
mod gitops;
mod inspect;
mod limits;
mod logs;
mod look;
pub mod observe;
pub mod owners;
mod project;
mod project_workload;
pub mod quantity;
mod references;
mod rest;
mod revisions;
mod runs;
mod scene;
mod selectors;
mod served;
mod shelf;
mod slim;
mod template;
#[cfg(test)]
mod tests;
mod usage;
mod versions;

pub use clients::{Clients, ConnectError, Place};
pub use observe::watch;
pub use usage::MetricsApi;

use crate::{
    domain::{
        action::Action,
        evidence::Evidence,
        incident::Outcome,
        object::{Kind, ObjectRef},
        policy::Approved,
        proposal::DryRun,
        recovery::Observation,
        silence::matches,
        symptom::Grace,
    },
    ports::{Clock, Cluster, ClusterError, Subject},
};
use events::Recent;
use futures::future::BoxFuture;
use rest::{Fault, Rest};
use selectors::Selectors;
use shelf::Shelf;
use slim::Served;
use std::{sync::Arc, time::Duration};
use versions::Versions;

/// How one cluster is watched.
#[derive(Clone, Debug, PartialEq)]
pub struct ClusterConfig {
    /// Its name on cards and in keys.
    pub name: String,
    /// Which namespaces count.
    pub namespaces: Namespaces,
    /// How long symptoms may last before they count.
    pub grace: Grace,
    /// Objects per page of a list: a page is the most that is held at once.
    pub page_size: u32,
    /// Time limits.
    pub timeouts: Timeouts,
}

impl ClusterConfig {
    /// The defaults, for a cluster of this name.
    pub fn named(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            namespaces: Namespaces::default(),
            grace: Grace::default(),
            page_size: 100,
            timeouts: Timeouts::default(),
        }
    }
}

/// Which namespaces count. Patterns may end in `*`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// Only these; all when empty.
    pub include: Vec<String>,
    /// Not these, whatever `include` says.
    pub exclude: Vec<String>,
}

impl Namespaces {
    /// Whether objects of this namespace count. Objects of the whole cluster always do.
    pub fn covers(&self, namespace: &str) -> bool {
        let any = |patterns: &[String]| patterns.iter().any(|p| matches(p, namespace));
        namespace.is_empty()
            || ((self.include.is_empty() || any(&self.include)) && !any(&self.exclude))
    }
}

/// Time limits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// One call that reads.
    pub read: Duration,
    /// One call that writes: admission webhooks may take up to 30 s, but most installations allow 10.
    pub write: Duration,
    /// One inspection: what was read until then is the evidence, the rest are gaps.
    pub inspect: Duration,
    /// How long to find out whether a write was made whose answer was lost.
    pub unclear: Duration,
    /// A watch without a sign of life for this long is dead and rebuilt. A server sends a bookmark every minute when there is
    /// nothing else. Longer than kube's own limit (295 s) would hide it: kube connects again without a word.
    pub silence: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            read: Duration::from_secs(5),
            write: Duration::from_secs(15),
            inspect: Duration::from_secs(5),
            unclear: Duration::from_secs(60),
            silence: Duration::from_secs(240),
        }
    }
}

/// One cluster. Cheap to clone.
#[derive(Clone)]
pub struct KubeCluster {
    config: Arc<ClusterConfig>,
    watcher: kube::Client,
    reader: Rest,
    writer: Rest,
    selectors: Selectors,
    versions: Versions,
    recent: Recent,
    shelf: Shelf,
    clock: Arc<dyn Clock>,
}

impl KubeCluster {
    /// A cluster behind these clients.
    pub fn new(clients: Clients, config: ClusterConfig, clock: Arc<dyn Clock>) -> Self {
        Self {
            watcher: clients.observe.clone(),
            reader: Rest::new(clients.observe, config.timeouts.read),
            writer: Rest::new(clients.act, config.timeouts.write),
            config: Arc::new(config),
            selectors: Selectors::default(),
            versions: Versions::default(),
            recent: Recent::default(),
            shelf: Shelf::default(),
            clock,
        }
    }

    /// The API server's version, as `v1.33.1`.
    ///
    /// # Errors
    /// When it does not answer in time.
    pub async fn version(&self) -> Result<String, ClusterError> {
        let asked =
            tokio::time::timeout(self.config.timeouts.read, self.watcher.apiserver_version());
        match asked.await {
            Ok(Ok(version)) => Ok(version.git_version),
            Ok(Err(error)) => Err(ClusterError::Unavailable(project::text(&rest::chain(
                &error,
            )))),
            Err(_) => Err(ClusterError::Unavailable("no answer in time".to_owned())),
        }
    }

    /// How it is watched.
    pub fn config(&self) -> &ClusterConfig {
        &self.config
    }
}

impl Cluster for KubeCluster {
    fn inspect(&self, subject: Subject) -> BoxFuture<'_, Result<Evidence, ClusterError>> {
        Box::pin(inspect::inspect(self, subject))
    }

    fn dry_run(&self, action: Action) -> BoxFuture<'_, Result<DryRun, ClusterError>> {
        Box::pin(act::dry_run(self, action))
    }

    fn execute(&self, approved: Approved, subject: Subject) -> BoxFuture<'_, Outcome> {
        Box::pin(act::execute(self, approved, subject))
    }

    fn observe(&self, subject: Subject) -> BoxFuture<'_, Result<Observation, ClusterError>> {
        Box::pin(look::look(self, subject))
    }
}

/// Where a workload kind is served; `None` for kinds whose shape Heal does not know.
fn served(kind: &Kind) -> Option<&'static Served> {
    Some(match kind {
        Kind::Pod => &slim::PODS,
        Kind::Deployment => &slim::DEPLOYMENTS,
        Kind::ReplicaSet => &slim::REPLICA_SETS,
        Kind::StatefulSet => &slim::STATEFUL_SETS,
        Kind::DaemonSet => &slim::DAEMON_SETS,
        Kind::Job => &slim::JOBS,
        Kind::Node => &slim::NODES,
        Kind::CronJob | Kind::Other(_) => return None,
    })
}

/// Reads an object; `None` when it is gone or another one has its name now.
async fn current<T: kube::Resource + serde::de::DeserializeOwned>(
    reader: &Rest,
    served: &Served,
    object: &ObjectRef,
) -> Result<Option<T>, Fault> {
    match reader
        .get::<T>(served, &object.namespace, &object.name)
        .await
    {
        Ok(found) => {
            Ok((found.meta().uid.as_deref() == Some(object.uid.as_str())).then_some(found))
        }
        Err(fault) if fault.code() == Some(404) => Ok(None),
        Err(fault) => Err(fault),
    }
}
