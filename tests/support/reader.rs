//! Reads a real cluster. Sentences that wait look ten times a second: a kubectl for each look would keep a small machine busy.
use kube::{Client, Error};
use serde_json::Value;
use std::{
    future::Future,
    sync::{Arc, OnceLock, mpsc},
    time::{Duration, Instant},
};
use tokio::runtime::{Builder, Runtime};

/// The longest that the server may be too busy to answer.
const PATIENCE: Duration = Duration::from_secs(300);

/// One client with a runtime of its own, so that any test may wait for its answers.
pub struct Reader {
    runtime: Runtime,
    client: Arc<OnceLock<Client>>,
}

impl Reader {
    /// Reads through the client that `connect` makes.
    pub fn new(connect: impl Future<Output = Client> + Send + 'static) -> Self {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let client = Arc::new(OnceLock::new());
        let made = client.clone();
        let reader = Self { runtime, client };
        reader.awaits(async move { made.set(connect.await).is_ok() });
        reader
    }

    /// An object; `None` when it is not there.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        self.read(&format!("{}/{name}", path(kind, namespace)))
    }

    /// All objects of a kind in a namespace.
    pub fn list(&self, kind: &str, namespace: &str) -> Vec<Value> {
        let mut list = self.read(&path(kind, namespace)).unwrap();
        let items = list["items"].take();
        items.as_array().unwrap().clone()
    }

    fn read(&self, path: &str) -> Option<Value> {
        let began = Instant::now();
        loop {
            let client = self.client.get().unwrap().clone();
            let request = http::Request::get(path).body(Vec::new()).unwrap();
            match self.awaits(async move { client.request::<Value>(request).await }) {
                Ok(found) => return Some(found),
                Err(Error::Api(status)) if status.code == 404 => return None,
                Err(Error::Api(status)) if status.code != 429 && status.code < 500 => {
                    panic!("{path}: {status:?}")
                }
                Err(error) => assert!(began.elapsed() < PATIENCE, "{path}: {error}"),
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn awaits<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> T {
        let (sender, answer) = mpsc::channel();
        self.runtime
            .spawn(async move { sender.send(work.await).is_ok() });
        answer.recv().expect("the work has come to its end")
    }
}

fn path(kind: &str, namespace: &str) -> String {
    let (group, plural) = match kind {
        "Pod" => ("api/v1", "pods"),
        "ConfigMap" => ("api/v1", "configmaps"),
        "ServiceAccount" => ("api/v1", "serviceaccounts"),
        "Deployment" => ("apis/apps/v1", "deployments"),
        "Job" => ("apis/batch/v1", "jobs"),
        other => panic!("no test has read a {other} so far: its path belongs here"),
    };
    format!("/{group}/namespaces/{namespace}/{plural}")
}
