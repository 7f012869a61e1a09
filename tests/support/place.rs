//! Where the binary's stories happen: the simulated cluster over loopback HTTP, or a real one.
use super::reader::Reader;
use heal::sim::kube::{KubeSim, Options, tokio_clock};
use jiff::Timestamp;
use kube::{
    Client, Config,
    config::{AuthInfo, KubeConfigOptions, Kubeconfig},
};
use secrecy::SecretString;
use serde_json::{Value, json};
use std::{
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Arc, OnceLock},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// The longest that a real cluster may take for what it does at once when it is not busy.
const PATIENCE: Duration = Duration::from_secs(300);

/// A cluster that a test may use.
#[derive(Clone)]
pub enum Place {
    Simulated { cluster: KubeSim, url: String },
    Real(&'static RealCluster),
}

/// A real cluster, with the account that Heal's manifests make.
pub struct RealCluster {
    kubeconfig: PathBuf,
    /// `https://host:port`
    pub server: String,
    token: String,
    reader: OnceLock<Reader>,
}

/// The real cluster of this run. Without one, says so; where one is required, fails.
pub fn real() -> Option<Place> {
    static CLUSTER: OnceLock<Option<RealCluster>> = OnceLock::new();
    let found = CLUSTER.get_or_init(|| {
        let Ok(path) = std::env::var("HEAL_TEST_KUBECONFIG") else {
            assert!(
                std::env::var("HEAL_TEST_CLUSTER_REQUIRED").is_err(),
                "this run requires a real cluster, and HEAL_TEST_KUBECONFIG names none"
            );
            return None;
        };
        Some(RealCluster::set_up(Path::new(&path)))
    });
    if found.is_none() {
        eprintln!("skipped: HEAL_TEST_KUBECONFIG names no cluster");
    }
    found.as_ref().map(Place::Real)
}

/// The address of a Prometheus that scrapes the real cluster of this run. Without one, says so; where a real cluster is
/// required, fails.
pub fn real_prometheus() -> Option<String> {
    let found = std::env::var("HEAL_TEST_PROMETHEUS").ok();
    if found.is_none() {
        assert!(
            std::env::var("HEAL_TEST_CLUSTER_REQUIRED").is_err(),
            "this run requires a real cluster with Prometheus, and HEAL_TEST_PROMETHEUS gives no address"
        );
        eprintln!("skipped: HEAL_TEST_PROMETHEUS gives no address of a Prometheus");
    }
    found
}

/// A new simulated cluster, ten times as fast as a real one.
pub async fn simulated() -> Place {
    let mut options = Options::new(Arc::new(Timestamp::now));
    options.speed = 10;
    let cluster = KubeSim::new(options);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let router = cluster.router();
    tokio::spawn(async move { axum::serve(listener, router).await });
    Place::Simulated { cluster, url }
}

/// A new simulated cluster in this process alone: no port, a clock that tests may pause, a real cluster's delays. Heal may do
/// there what a test does not [deny](KubeSim::deny).
pub fn simulated_in_process() -> Place {
    let start = "2026-11-20T08:00:00Z".parse().unwrap();
    let cluster = KubeSim::new(Options::new(tokio_clock(start)));
    // Nobody listens: the clients of this place call the router.
    let url = "http://simulation.invalid".to_owned();
    Place::Simulated { cluster, url }
}

impl RealCluster {
    /// Applies the namespace, the account and both roles of `manifests/`, and makes a token: what Heal may do in these tests is
    /// exactly what an installation gives it.
    fn set_up(admin: &Path) -> Self {
        let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("manifests");
        for file in ["namespace", "serviceaccount", "rbac-observe", "rbac-act"] {
            let path = manifests.join(format!("{file}.yaml"));
            kubectl(admin, &["apply", "-f", path.to_str().unwrap()], None);
        }
        // Roles are there before the server goes by them.
        let may = "auth can-i patch deployments.apps -A --as=system:serviceaccount:heal:heal";
        let may: Vec<&str> = may.split(' ').collect();
        until("Heal's account to have its roles", || {
            try_kubectl(admin, &may, None).ok()
        });
        let token = kubectl(
            admin,
            &["create", "token", "heal", "-n", "heal", "--duration=2h"],
            None,
        );
        let view = kubectl(
            admin,
            &["config", "view", "--raw", "--minify", "-o", "json"],
            None,
        );
        let view: Value = serde_json::from_str(&view).unwrap();
        let server = view["clusters"][0]["cluster"]["server"]
            .as_str()
            .unwrap()
            .to_owned();
        Self {
            kubeconfig: admin.to_owned(),
            server,
            token: token.trim().to_owned(),
            reader: OnceLock::new(),
        }
    }
}

impl RealCluster {
    /// Has the API server try to apply what `source` (`-f …`, `-k …`, from the root of the repository) names, every field of
    /// which it must know, and keep nothing. Gives the objects, one a line.
    pub fn tries(&self, source: &[&str]) -> String {
        let mut words = vec![
            "apply",
            "--server-side",
            "--dry-run=server",
            "--validate=strict",
            // The objects that are there already were applied by another manager.
            "--force-conflicts",
        ];
        words.extend(source);
        let said = kubectl(&self.kubeconfig, &words, None);
        said.replace(" serverside-applied (server dry run)", "")
    }

    fn reader(&'static self) -> &'static Reader {
        self.reader.get_or_init(|| Reader::new(self.client(None)))
    }

    /// A client with this token, or as the administrator.
    async fn client(&self, token: Option<&str>) -> Client {
        // Installed already is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let file = Kubeconfig::read_from(&self.kubeconfig).unwrap();
        let options = KubeConfigOptions::default();
        let mut config = Config::from_custom_kubeconfig(file, &options)
            .await
            .unwrap();
        if let Some(token) = token {
            let token = Some(SecretString::from(token.to_owned()));
            config.auth_info = AuthInfo {
                token,
                ..AuthInfo::default()
            };
        }
        config.default_retry = false;
        // A throwaway cluster on this machine often serves one self-signed certificate that is its own authority, which rustls
        // refuses on principle (`CaUsedAsEndEntity`). Any other server has to prove who it is: it gets an administrator's
        // token.
        let here = matches!(
            config.cluster_url.host(),
            Some("127.0.0.1" | "[::1]" | "localhost")
        );
        config.accept_invalid_certs |= here;
        Client::try_from(config).unwrap()
    }
}

fn in_process(cluster: &KubeSim) -> Client {
    let service = tower::ServiceBuilder::new()
        .map_request(|request: http::Request<kube::client::Body>| {
            request.map(axum::body::Body::new)
        })
        .service(cluster.router());
    Client::new(service, "default")
}

impl Place {
    /// A client that may do everything, for setting the scene. It repeats no call by itself.
    pub async fn admin_client(&self) -> Client {
        match self {
            Place::Simulated { cluster, .. } => in_process(cluster),
            Place::Real(real) => real.client(None).await,
        }
    }

    /// A client that may do what an installation of Heal may. It repeats no call by itself.
    pub async fn heal_client(&self) -> Client {
        match self {
            Place::Simulated { cluster, .. } => in_process(cluster),
            Place::Real(real) => real.client(Some(&real.token)).await,
        }
    }

    /// Writes a kubeconfig for Heal; `through` takes the API server's place (a proxy).
    pub fn write_kubeconfig(&self, file: &Path, through: Option<String>) {
        let (cluster, user) = match self {
            Place::Simulated { url, .. } => (
                json!({"server": through.unwrap_or_else(|| url.clone())}),
                json!({}),
            ),
            Place::Real(real) => {
                let server = through.unwrap_or_else(|| real.server.clone());
                // The test cluster's certificate is its own authority, which rustls does not take for a server.
                (
                    json!({"server": server, "insecure-skip-tls-verify": true}),
                    json!({"token": real.token}),
                )
            }
        };
        let config = json!({
            "apiVersion": "v1", "kind": "Config", "current-context": "heal",
            "clusters": [{"name": "heal", "cluster": cluster}],
            "users": [{"name": "heal", "user": user}],
            "contexts": [{"name": "heal", "context": {"cluster": "heal", "user": "heal"}}],
        });
        std::fs::write(file, config.to_string()).unwrap();
    }

    /// `host:port` and the scheme of the API server.
    pub fn server(&self) -> String {
        match self {
            Place::Simulated { url, .. } => url.clone(),
            Place::Real(real) => real.server.clone(),
        }
    }

    pub fn is_real(&self) -> bool {
        matches!(self, Place::Real(_))
    }

    /// Makes a namespace.
    pub fn namespace(&self, name: &str) {
        self.apply(&json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}));
        if let Place::Real(_) = self {
            // Until then a pod is refused, or waits for what is mounted into it.
            for (kind, given) in [
                ("ServiceAccount", "default"),
                ("ConfigMap", "kube-root-ca.crt"),
            ] {
                until("the namespace to be furnished", || {
                    self.get(kind, name, given)
                });
            }
        }
    }

    /// Applies an object.
    pub fn apply(&self, object: &Value) {
        match self {
            Place::Simulated { cluster, .. } => {
                cluster.apply(object.clone()).unwrap();
            }
            Place::Real(real) => {
                kubectl(
                    &real.kubeconfig,
                    &["apply", "-f", "-"],
                    Some(&object.to_string()),
                );
            }
        }
    }

    /// Reads an object.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        match self {
            Place::Simulated { cluster, .. } => cluster.get(kind, namespace, name),
            Place::Real(real) => real.reader().get(kind, namespace, name),
        }
    }

    /// All objects of a kind in a namespace.
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        match self {
            Place::Simulated { cluster, .. } => cluster.list(kind, Some(namespace)),
            Place::Real(real) => real.reader().list(kind, namespace),
        }
    }

    /// Evicts a pod as `kubectl drain` does.
    pub async fn evict(&self, namespace: &str, pod: &str) {
        let path = format!("/api/v1/namespaces/{namespace}/pods/{pod}/eviction");
        let eviction = json!({
            "apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": pod, "namespace": namespace},
        });
        match self {
            Place::Simulated { url, .. } => {
                let answer = reqwest::Client::new()
                    .post(format!("{url}{path}"))
                    .json(&eviction)
                    .send()
                    .await
                    .unwrap();
                assert!(
                    answer.status().is_success(),
                    "{}",
                    answer.text().await.unwrap()
                );
            }
            Place::Real(real) => {
                kubectl(
                    &real.kubeconfig,
                    &["create", "--raw", &path, "-f", "-"],
                    Some(&eviction.to_string()),
                );
            }
        }
    }

    /// Deletes an object when a test is over: what is left behind harms no other test.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) {
        match self {
            Place::Simulated { cluster, .. } => {
                cluster.delete(kind, namespace, name);
            }
            Place::Real(real) => {
                let words = [
                    "delete",
                    kind,
                    name,
                    "-n",
                    namespace,
                    "--wait=false",
                    "--ignore-not-found",
                ];
                if let Err(why) = try_kubectl(&real.kubeconfig, &words, None) {
                    eprintln!("{kind} {name} is left: {why}");
                }
            }
        }
    }
}

/// Whether the newest template of a Deployment is everywhere, available, and nothing is left of an older one.
pub fn is_whole(deployment: &Value) -> bool {
    let status = &deployment["status"];
    let wanted = deployment["spec"]["replicas"].as_i64();
    // Counts of zero are left out.
    let is_all = |count: &str| wanted == Some(status[count].as_i64().unwrap_or(0));
    status["observedGeneration"] == deployment["metadata"]["generation"]
        && ["replicas", "updatedReplicas", "availableReplicas"]
            .into_iter()
            .all(is_all)
}

/// Waits in real time.
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What kubectl says of a server that is too busy to answer.
const BUSY: [&str; 7] = [
    "Unable to connect to the server",
    "was refused - did you specify the right host",
    "TLS handshake timeout",
    "request timed out",
    "unable to return a response in the time allotted",
    "currently unable to handle the request",
    "has received too many requests",
];

/// What kubectl says. A server that is too busy to answer is asked again.
fn kubectl(kubeconfig: &Path, words: &[&str], input: Option<&str>) -> String {
    until("the server to have time", || {
        match try_kubectl(kubeconfig, words, input) {
            Ok(said) => Some(said),
            Err(why) if BUSY.iter().any(|busy| why.contains(busy)) => None,
            Err(why) => panic!("kubectl {words:?}: {why}"),
        }
    })
}

fn try_kubectl(kubeconfig: &Path, words: &[&str], input: Option<&str>) -> Result<String, String> {
    let mut child = Command::new("kubectl")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg("--kubeconfig")
        .arg(kubeconfig)
        .args(words)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("tests on a real cluster need kubectl on the PATH");
    // The pipe is closed at the end of the statement, which ends kubectl's input.
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.unwrap_or_default().as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}
