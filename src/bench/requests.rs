//! Requests to the cluster that is measured with.
use super::ground::{AT_ONCE, Ground};
use anyhow::Context;
use futures::{StreamExt, TryStreamExt, stream};
use http::Request;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// The longest wait for something that the cluster's controllers do. They delete what is in a namespace at a limited pace.
const PATIENCE: Duration = Duration::from_secs(600);
const GLANCE: Duration = Duration::from_millis(100);

impl Ground {
    /// Sends a request.
    pub(super) async fn call(
        &self,
        method: &str,
        path: &str,
        kind: &str,
        body: Option<&Value>,
    ) -> Result<Value, kube::Error> {
        let body = body.map(Value::to_string).unwrap_or_default().into_bytes();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", kind)
            .body(body);
        self.client
            .request(request.map_err(kube::Error::HttpError)?)
            .await
    }

    /// Reads an object or a list.
    pub async fn get(&self, path: &str) -> anyhow::Result<Value> {
        self.call("GET", path, "application/json", None)
            .await
            .with_context(|| format!("GET {path}"))
    }

    /// Creates an object.
    pub async fn create(&self, path: &str, object: &Value) -> anyhow::Result<Value> {
        self.call("POST", path, "application/json", Some(object))
            .await
            .with_context(|| format!("POST {path}"))
    }

    /// Changes an object or its status.
    pub async fn patch(&self, path: &str, patch: &Value) -> anyhow::Result<Value> {
        let kind = "application/merge-patch+json";
        self.call("PATCH", path, kind, Some(patch))
            .await
            .with_context(|| format!("PATCH {path}"))
    }

    /// All pods of a namespace.
    pub async fn pods(&self, namespace: &str) -> anyhow::Result<Vec<Value>> {
        items(
            self.get(&format!("/api/v1/namespaces/{namespace}/pods"))
                .await?,
        )
    }

    /// All Deployments of a namespace.
    pub async fn deployments(&self, namespace: &str) -> anyhow::Result<Vec<Value>> {
        items(
            self.get(&format!("/apis/apps/v1/namespaces/{namespace}/deployments"))
                .await?,
        )
    }

    /// Creates a Deployment.
    pub async fn deploy(&self, namespace: &str, deployment: &Value) -> anyhow::Result<Value> {
        self.create(
            &format!("/apis/apps/v1/namespaces/{namespace}/deployments"),
            deployment,
        )
        .await
    }

    /// Gives a Deployment another pod template.
    pub async fn roll_out(
        &self,
        namespace: &str,
        name: &str,
        spec: &Value,
    ) -> anyhow::Result<Value> {
        let patch = json!({"spec": {"template": {"spec": spec}}});
        self.patch(
            &format!("/apis/apps/v1/namespaces/{namespace}/deployments/{name}"),
            &patch,
        )
        .await
    }

    /// Writes the status of a pod.
    pub async fn set_status(
        &self,
        namespace: &str,
        pod: &str,
        status: &Value,
    ) -> anyhow::Result<Value> {
        self.patch(
            &format!("/api/v1/namespaces/{namespace}/pods/{pod}/status"),
            status,
        )
        .await
    }

    /// Waits until something holds.
    ///
    /// # Errors
    /// When it does not within ten minutes.
    pub async fn until(
        &self,
        what: &str,
        holds: impl AsyncFn() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !holds().await? {
            anyhow::ensure!(begun.elapsed() < PATIENCE, "waited in vain for {what}");
            tokio::time::sleep(GLANCE).await;
        }
        Ok(())
    }
}

/// Does many things, some at a time.
///
/// # Errors
/// The first error; what is under way is dropped then.
pub async fn together<T>(
    work: impl IntoIterator<Item = impl Future<Output = anyhow::Result<T>>>,
) -> anyhow::Result<Vec<T>> {
    stream::iter(work).buffered(AT_ONCE).try_collect().await
}

fn items(mut list: Value) -> anyhow::Result<Vec<Value>> {
    match list["items"].take() {
        Value::Array(items) => Ok(items),
        _ => anyhow::bail!("the API server did not answer with a list"),
    }
}
