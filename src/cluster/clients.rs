//! Clients for one cluster: one that watches and reads, one that acts.
//!
//! They differ in one thing: kube's default client repeats *every* call, writes included, up to 15 times on 429, 503 and 504.
//! That is right for a watch. The acting client must not: a change that was refused has to be reported at once, and a change
//! whose answer got lost must not be made twice.
use kube::{
    Client, Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use std::path::PathBuf;
use thiserror::Error;

/// Where the cluster is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Place {
    /// Heal runs in the cluster: service account and environment of its pod.
    #[default]
    InCluster,
    /// A kubeconfig file.
    Kubeconfig {
        /// Its path; `$KUBECONFIG` or `~/.kube/config` when missing.
        path: Option<PathBuf>,
        /// Its context; the current one when missing.
        context: Option<String>,
    },
}

/// The two clients.
#[derive(Clone)]
pub struct Clients {
    /// Watches and reads.
    pub observe: Client,
    /// Acts; never repeats a call by itself.
    pub act: Client,
}

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Not in a cluster, or its account is not mounted.
    #[error("not running in a cluster: {0}")]
    InCluster(#[from] kube::config::InClusterError),
    /// The kubeconfig is missing or wrong.
    #[error("kubeconfig: {0}")]
    Kubeconfig(#[from] kube::config::KubeconfigError),
    /// TLS or address.
    #[error("{0}")]
    Client(#[from] kube::Error),
}

impl Clients {
    /// Clients for a cluster at this place. Nothing is sent yet. Needs rustls' crypto provider to be installed.
    ///
    /// # Errors
    /// When the configuration cannot be read or makes no client.
    pub async fn connect(place: &Place) -> Result<Self, ConnectError> {
        // Not `Config::infer`: it takes addresses and identities from debug variables of the environment.
        let config = match place {
            Place::InCluster => Config::incluster()?,
            Place::Kubeconfig { path, context } => {
                let file = match path {
                    Some(path) => Kubeconfig::read_from(path)?,
                    None => Kubeconfig::read()?,
                };
                let options = KubeConfigOptions {
                    context: context.clone(),
                    ..KubeConfigOptions::default()
                };
                Config::from_custom_kubeconfig(file, &options).await?
            }
        };
        let mut acting = config.clone();
        acting.default_retry = false;
        Ok(Self {
            observe: Client::try_from(config)?,
            act: Client::try_from(acting)?,
        })
    }

    /// One given client for both, which must not repeat calls by itself: an API server in this process.
    pub fn of(client: Client) -> Self {
        Self {
            observe: client.clone(),
            act: client,
        }
    }
}
