//! The cluster that is measured with: the simulation on loopback, or the one of a kubeconfig. Both are spoken to over HTTP in
//! the same way; where answers are to be late, Heal's own way to it goes through a proxy.
use crate::sim::{
    kube::{KubeSim, Options},
    proxy::Proxy,
};
use anyhow::Context;
use futures::{StreamExt, stream};
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{Cluster, KubeConfigOptions, Kubeconfig, NamedCluster, NamedContext},
};
use serde_json::json;
use std::{
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::net::TcpListener;
use url::Url;

/// Requests under way at the same time while things are made ready.
pub const AT_ONCE: usize = 16;

/// Heal's way to the API server.
#[derive(Clone, Copy)]
pub enum Way {
    /// As people have it.
    Straight,
    /// Through [`Ground::proxy`].
    Proxy,
}

/// The cluster, with everything that was made in it.
pub struct Ground {
    pub(super) client: Client,
    simulation: Option<KubeSim>,
    /// Between Heal and the API server.
    pub proxy: Proxy,
    /// How Heal reaches the cluster: [`Way::Straight`], and [`Way::Proxy`].
    access: [Kubeconfig; 2],
    /// Namespaces that were made and have to go again.
    namespaces: Mutex<Vec<String>>,
}

impl Ground {
    /// A simulated cluster in which nothing runs.
    ///
    /// # Errors
    /// When no port is free.
    pub async fn simulated() -> anyhow::Result<Self> {
        let mut options = Options::new(Arc::new(Timestamp::now));
        options.kubelet = false;
        let simulation = KubeSim::new(options);
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let server = format!("http://{}", listener.local_addr()?);
        let router = simulation.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        let cluster = Cluster {
            server: Some(server),
            ..Cluster::default()
        };
        let context = serde_json::from_value::<NamedContext>(
            json!({"name": "heal-bench", "context": {"cluster": "heal-bench", "user": ""}}),
        )?;
        let file = Kubeconfig {
            clusters: vec![NamedCluster {
                name: "heal-bench".to_owned(),
                cluster: Some(cluster),
                ..NamedCluster::default()
            }],
            contexts: vec![context],
            current_context: Some("heal-bench".to_owned()),
            ..Kubeconfig::default()
        };
        Self::of(file, Some(simulation)).await
    }

    /// The cluster of a kubeconfig's current context.
    ///
    /// # Errors
    /// When the file cannot be used.
    pub async fn of_kubeconfig(path: &Path) -> anyhow::Result<Self> {
        let file = Kubeconfig::read_from(path)
            .with_context(|| format!("cannot use {}", path.display()))?;
        Self::of(file, None).await
    }

    async fn of(mut file: Kubeconfig, simulation: Option<KubeSim>) -> anyhow::Result<Self> {
        let config =
            Config::from_custom_kubeconfig(file.clone(), &KubeConfigOptions::default()).await?;
        let client = Client::try_from(config)?;
        let straight = file.clone();
        let current = file.current_context.clone().unwrap_or_default();
        let context = file.contexts.iter().find(|context| context.name == current);
        let name = context.and_then(|context| Some(context.context.as_ref()?.cluster.clone()));
        let cluster = file
            .clusters
            .iter_mut()
            .find(|cluster| Some(&cluster.name) == name.as_ref());
        let cluster = cluster
            .and_then(|cluster| cluster.cluster.as_mut())
            .context("the kubeconfig names no cluster")?;
        let server: Url = cluster
            .server
            .as_deref()
            .context("the kubeconfig names no server")?
            .parse()?;
        let host = server
            .host_str()
            .context("the server has no name")?
            .to_owned();
        let port = server
            .port_or_known_default()
            .context("the server has no port")?;
        let proxy = Proxy::before(&format!("{host}:{port}")).await?;
        cluster.server = Some(format!("{}://{}", server.scheme(), proxy.address));
        if server.scheme() == "https" && cluster.tls_server_name.is_none() {
            // The certificate is for the server, not for the proxy.
            cluster.tls_server_name = Some(host);
        }
        Ok(Self {
            client,
            simulation,
            proxy,
            access: [straight, file],
            namespaces: Mutex::default(),
        })
    }

    /// What it is, in words.
    pub async fn describe(&self) -> anyhow::Result<String> {
        if self.simulation.is_some() {
            return Ok("simulated, over loopback HTTP".to_owned());
        }
        let version = self.get("/version").await?;
        Ok(format!(
            "Kubernetes {}",
            version["gitVersion"]
                .as_str()
                .unwrap_or("of unknown version")
        ))
    }

    /// Writes the kubeconfig for Heal.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write_access(&self, path: &Path, way: Way) -> anyhow::Result<()> {
        let [straight, proxy] = &self.access;
        let access = match way {
            Way::Straight => straight,
            Way::Proxy => proxy,
        };
        // JSON is YAML. The folder is readable by its owner only: the file may hold a key.
        Ok(std::fs::write(path, serde_json::to_string(access)?)?)
    }

    /// Sets the log of a container's previous run, where that is possible: pods that nobody runs have no log in a real cluster.
    pub fn set_log(&self, namespace: &str, pod: &str, text: &str) {
        if let Some(simulation) = &self.simulation {
            simulation.set_log(namespace, pod, "app", text, true);
        }
    }

    /// Makes a namespace and waits until pods may be created in it.
    ///
    /// # Errors
    /// When the cluster refuses it, also because there is one of this name: that one is left alone.
    pub async fn namespace(&self, name: &str) -> anyhow::Result<()> {
        // Noted before it is asked for: Ctrl-C may come in between.
        self.made().push(name.to_owned());
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}});
        if let Err(error) = self.create("/api/v1/namespaces", &object).await {
            self.made().retain(|other| other != name);
            return Err(error);
        }
        let account = format!("/api/v1/namespaces/{name}/serviceaccounts/default");
        self.until("the account of a new namespace", async || {
            Ok(self.get(&account).await.is_ok())
        })
        .await
    }

    fn made(&self) -> MutexGuard<'_, Vec<String>> {
        self.namespaces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Deletes a namespace and waits until everything in it is gone.
    pub async fn remove(&self, name: &str) -> anyhow::Result<()> {
        let path = format!("/api/v1/namespaces/{name}");
        match self.call("DELETE", &path, "application/json", None).await {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {}
            Err(error) => return Err(error).with_context(|| format!("DELETE {path}")),
        }
        self.until(
            &format!("the end of namespace {name}"),
            async || match self.get(&path).await {
                Ok(_) => Ok(false),
                Err(_) => Ok(self.pods(name).await?.is_empty()),
            },
        )
        .await?;
        self.made().retain(|other| other != name);
        Ok(())
    }

    /// Deletes every namespace that is left; the error names those that could not be.
    pub async fn clean_up(&self) -> anyhow::Result<()> {
        if self.simulation.is_some() {
            return Ok(()); // It ends with the process.
        }
        let left = self.made().clone();
        let ends = left.iter().map(async |name| {
            self.remove(name)
                .await
                .with_context(|| format!("namespace {name} is left"))
        });
        let results: Vec<_> = stream::iter(ends).buffer_unordered(AT_ONCE).collect().await;
        results.into_iter().collect()
    }
}
