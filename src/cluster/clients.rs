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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::rest::{PatchType, Rest};
    use axum::{Router, http::StatusCode};
    use serde_json::{Value, json};
    use std::{
        sync::{
            Arc,
            atomic::{AtomicU32, Ordering},
        },
        time::Duration,
    };

    /// An API server that only ever answers this, and how often it was asked.
    async fn server(answer: StatusCode) -> (String, Arc<AtomicU32>) {
        let asked = Arc::new(AtomicU32::new(0));
        let count = asked.clone();
        let router = Router::new().fallback(move || {
            count.fetch_add(1, Ordering::SeqCst);
            async move { (answer, [("retry-after", "0")]) }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (url, asked)
    }

    #[tokio::test]
    async fn a_change_that_the_server_has_no_time_for_is_asked_for_exactly_once() {
        // Installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        for answer in [
            StatusCode::SERVICE_UNAVAILABLE,
            StatusCode::TOO_MANY_REQUESTS,
        ] {
            let (server, asked) = server(answer).await;
            let file = json!({
                "apiVersion": "v1", "kind": "Config", "current-context": "c",
                "clusters": [{"name": "c", "cluster": {"server": server}}],
                "users": [{"name": "c", "user": {}}],
                "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
            });
            let port = server.rsplit(':').next().unwrap();
            let name = format!("heal-clients-{}-{port}", std::process::id());
            let path = std::env::temp_dir().join(name);
            std::fs::write(&path, file.to_string()).unwrap();
            let place = Place::Kubeconfig {
                path: Some(path.clone()),
                context: None,
            };
            let clients = Clients::connect(&place).await.unwrap();
            std::fs::remove_file(path).unwrap();
            let writer = Rest::new(clients.act, Duration::from_secs(10));
            let object = "/apis/apps/v1/namespaces/shop/deployments/web";
            let refused = writer
                .patch::<Value>(object, PatchType::Merge, &json!({}), false)
                .await;
            assert_eq!(refused.unwrap_err().code(), Some(answer.as_u16()));
            assert_eq!(asked.load(Ordering::SeqCst), 1, "{answer}");
        }
    }
}
