//! Memory of a real cluster that grows in step with what is measured of it.
//!
//! A kubelet takes the figures of a container every ten to thirty seconds, and later on a busy machine, while the memory of a
//! program goes on growing. A leak that has to be forecast within minutes would then be judged by how busy the machine was. This one
//! takes its next step when the figure of the last one can be read: it is as long as a busy machine needs, and each forecast has
//! as many figures as the next.
use super::{installation::deployment, place::Place};
use heal::{
    ports::UsageSource,
    usage::prometheus::{Auth, LIMITS, Labels, Prometheus},
    wire::network,
};
use k8s_openapi::api::core::v1::Pod;
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::{Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::task::AbortHandle;

/// Of the time between two figures, at most so much counts: seconds.
const AT_MOST: f64 = 15.0;
/// Bytes of a step.
const STEP: f64 = 100_000.0;

/// How a container's memory grows.
#[derive(Clone, Copy)]
pub struct Leak {
    /// Megabytes that it takes when it starts.
    pub first: u32,
    /// Bytes per second.
    pub rate: f64,
    /// Megabytes that it keeps at most.
    pub most: u32,
}

impl Leak {
    /// A Deployment of one pod with this leak and a limit of 64 MiB.
    pub fn deployment(self, namespace: &str, name: &str) -> Value {
        let mut deployment = deployment(namespace, name, 1, limited(&self.script()));
        let template = &mut deployment["spec"]["template"];
        template["metadata"]["annotations"] = json!({"steps": "0"});
        let annotation = json!({"fieldPath": "metadata.annotations['steps']"});
        template["spec"]["volumes"] = json!([{
            "name": "told", "downwardAPI": {"items": [{"path": "steps", "fieldRef": annotation}]},
        }]);
        template["spec"]["containers"][0]["volumeMounts"] =
            json!([{"name": "told", "mountPath": "/told"}]);
        deployment
    }

    /// Goes by the pod's own annotation, which the kubelet brings within seconds. A container that is started again begins anew.
    fn script(self) -> String {
        let Self { first, most, .. } = self;
        let (steps, step) = ((most - first) * 10, STEP as u32);
        format!(
            r#"exec awk 'BEGIN {{ told = "/told/steps"; getline base < told; first = sprintf("%{first}000000s", "x");
while (1) {{ close(told); getline steps < told; while (n < steps - base && n < {steps}) a[n++] = sprintf("%{step}s", "x"); system("sleep 0.5") }} }}'"#
        )
    }

    /// Makes the pods of a Deployment grow for as long as the answer lives.
    pub async fn runs_in(self, place: &Place, namespace: &str, prometheus: &str) -> Running {
        let source = self::prometheus(prometheus);
        let pods: Api<Pod> = Api::namespaced(place.admin_client().await, namespace);
        let namespace = namespace.to_owned();
        let task = tokio::spawn(async move {
            // Of each pod the time of its latest figure, and the bytes that it has grown by.
            let mut grown: HashMap<String, (f64, f64)> = HashMap::new();
            loop {
                let readings = source.read().await.map(|all| all.containers);
                let own = readings.unwrap_or_default();
                for of in own.iter().filter(|of| of.namespace == namespace) {
                    let (at, bytes) = grown.entry(of.pod.clone()).or_insert((of.at, 0.0));
                    if of.at <= *at {
                        continue;
                    }
                    *bytes += self.rate * (of.at - *at).min(AT_MOST);
                    *at = of.at;
                    let steps = (*bytes / STEP).floor().to_string();
                    let told = json!({"metadata": {"annotations": {"steps": steps}}});
                    // A pod that is gone grows no more; another error is one step less.
                    let _ = pods
                        .patch(&of.pod, &PatchParams::default(), &Patch::Merge(&told))
                        .await;
                }
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        Running(task.abort_handle())
    }
}

/// A leak goes on until this is dropped.
pub struct Running(AbortHandle);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A container that runs a script within 64 MiB.
pub fn limited(script: &str) -> Value {
    json!({
        "command": ["sh", "-c", script],
        "resources": {"limits": {"memory": "64Mi"}, "requests": {"memory": "16Mi"}},
    })
}

/// The source that Heal uses, without authentication.
pub fn prometheus(url: &str) -> Prometheus {
    // Installed already is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let at = heal::usage::prometheus::Place {
        url: url.parse().unwrap(),
        auth: Auth::None,
        headers: vec![],
        labels: Labels::default(),
    };
    Prometheus::new(network(LIMITS, None).unwrap(), at)
}
