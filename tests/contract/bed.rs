//! Where one contract runs: a place, a namespace, and the callers.
use super::call::{Answer, Caller};
use crate::support::place::{Place, is_whole, real, simulated_in_process};
use futures::{FutureExt, StreamExt};
use serde_json::{Value, json};
use std::{future::Future, panic::AssertUnwindSafe, time::Duration};

/// How long a contract waits for the cluster; image pulls and crash loops included.
const PATIENCE: Duration = Duration::from_secs(300);

/// A namespace in a cluster.
#[derive(Clone)]
pub struct Bed {
    pub place: Place,
    /// May do everything.
    pub admin: Caller,
    /// May do what Heal may.
    pub heal: Caller,
    pub namespace: String,
}

pub async fn on_the_simulation<F: Future<Output = ()>>(
    name: &str,
    contract: impl FnOnce(Bed) -> F,
) {
    contract(Bed::new(simulated_in_process(), name).await).await;
}

pub async fn on_a_real_cluster<F: Future<Output = ()>>(
    name: &str,
    contract: impl FnOnce(Bed) -> F,
) {
    let Some(place) = real() else {
        return;
    };
    let bed = Bed::new(place, name).await;
    let outcome = AssertUnwindSafe(contract(bed.clone())).catch_unwind().await;
    bed.clean_up().await;
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

impl Bed {
    async fn new(place: Place, name: &str) -> Self {
        let admin = Caller::new(place.admin_client().await);
        let heal = Caller::new(place.heal_client().await);
        // The process id keeps a namespace apart from that of the run before, which may still be going.
        let name: String = name.replace('_', "-").chars().take(40).collect();
        let namespace = format!("{}-{}", name.trim_matches('-'), std::process::id());
        let bed = Self {
            place,
            admin,
            heal,
            namespace,
        };
        let object =
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": bed.namespace}});
        bed.admin.post("/api/v1/namespaces", &object).await.unwrap();
        bed.until(
            "a pod is refused until the namespace has its account",
            async || {
                bed.admin
                    .get(&bed.path("serviceaccounts", "default"))
                    .await
                    .ok()
            },
        )
        .await;
        bed
    }

    async fn clean_up(&self) {
        let path = format!("/api/v1/namespaces/{}", self.namespace);
        self.admin.delete(&path, &Value::Null).await.unwrap();
    }

    /// The simulation, for the faults that a real cluster does not have on demand.
    pub fn simulation(&self) -> Option<&heal::sim::kube::KubeSim> {
        match &self.place {
            Place::Simulated { cluster, .. } => Some(cluster),
            Place::Real(_) => None,
        }
    }

    /// Takes away from the simulation's only identity what the manifests do not give to Heal; on a real cluster their roles do.
    pub fn limit_to_the_manifests(&self) {
        let Some(simulation) = self.simulation() else {
            return;
        };
        for (verb, resource) in [
            ("*", "secrets"),
            ("*", "pods/exec"),
            ("*", "pods/eviction"),
            ("deletecollection", "pods"),
            ("delete", "deployments"),
        ] {
            simulation.deny(verb, resource);
        }
    }

    /// The path of an object of this namespace, or with an empty name of all of them.
    pub fn path(&self, plural: &str, name: &str) -> String {
        let group = match plural {
            "deployments"
            | "replicasets"
            | "statefulsets"
            | "daemonsets"
            | "controllerrevisions" => "/apis/apps/v1",
            "jobs" => "/apis/batch/v1",
            "poddisruptionbudgets" => "/apis/policy/v1",
            _ => "/api/v1",
        };
        let path = format!("{group}/namespaces/{}/{plural}/{name}", self.namespace);
        path.trim_end_matches('/').to_owned()
    }

    /// Makes an object of the scene.
    pub async fn create(&self, plural: &str, object: &Value) -> Value {
        self.admin
            .post(&self.path(plural, ""), object)
            .await
            .unwrap()
    }

    /// What Heal reads.
    pub async fn get(&self, plural: &str, name: &str) -> Value {
        self.try_get(plural, name).await.unwrap()
    }

    /// What Heal reads, or why not.
    pub async fn try_get(&self, plural: &str, name: &str) -> Answer {
        self.heal.get(&self.path(plural, name)).await
    }

    /// All objects of a type that Heal reads.
    pub async fn list(&self, plural: &str) -> Vec<Value> {
        self.get(plural, "").await["items"]
            .as_array()
            .unwrap()
            .clone()
    }

    /// Follows the only pod whose name begins so until `look` has an answer. States that last a moment are not missed.
    pub async fn pod<T>(&self, name: &str, what: &str, look: impl Fn(&Value) -> Option<T>) -> T {
        let answer = tokio::time::timeout(PATIENCE, async {
            let look =
                |pod: &Value| look(pod).filter(|_| text(pod, "/metadata/name").starts_with(name));
            loop {
                let list = self.get("pods", "").await;
                if let Some(answer) = list["items"].as_array().unwrap().iter().find_map(look) {
                    return answer;
                }
                let version = text(&list, "/metadata/resourceVersion");
                let mut watch = self
                    .heal
                    .watch(&self.path("pods", ""), version, "timeoutSeconds=120")
                    .await;
                while let Some(line) = watch.next().await {
                    if let Some(answer) = look(&line["object"]) {
                        return answer;
                    }
                }
            }
        })
        .await;
        match answer {
            Ok(answer) => answer,
            Err(_) => self.give_up(what).await,
        }
    }

    /// The state of the first container of a pod once it waits for a reason, and the whole status with it.
    pub async fn waiting(&self, pod: &str, reason: &str) -> Value {
        self.pod(pod, &format!("{pod} waits with {reason}"), |pod| {
            let status = pod.pointer("/status/containerStatuses/0")?;
            (text(status, "/state/waiting/reason") == reason).then(|| status.clone())
        })
        .await
    }

    /// An event about an object, once it is there.
    pub async fn event(&self, about: &str, reason: &str) -> Value {
        self.event_with(about, reason, |_| true).await
    }

    /// An event about an object for which `wanted` holds, once it is there.
    pub async fn event_with(
        &self,
        about: &str,
        reason: &str,
        wanted: impl Fn(&Value) -> bool,
    ) -> Value {
        self.until(&format!("event {reason} about {about}"), async || {
            let events = self.list("events").await;
            events.into_iter().find(|event| {
                text(event, "/involvedObject/name").starts_with(about)
                    && event["reason"] == reason
                    && wanted(event)
            })
        })
        .await
    }

    /// Waits until a Deployment's newest generation is rolled out, with all replicas available: the Deployment then.
    pub async fn rolled_out(&self, name: &str) -> Value {
        self.until(&format!("{name} is rolled out"), async || {
            let deployment = self.get("deployments", name).await;
            is_whole(&deployment).then_some(deployment)
        })
        .await
    }

    /// Asks again and again until there is an answer.
    ///
    /// # Panics
    /// When none comes in time.
    pub async fn until<T, F: Future<Output = Option<T>>>(
        &self,
        what: &str,
        mut ask: impl FnMut() -> F,
    ) -> T {
        let end = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(answer) = ask().await {
                return answer;
            }
            if tokio::time::Instant::now() >= end {
                self.give_up(what).await;
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    /// Panics with what is there instead.
    async fn give_up(&self, what: &str) -> ! {
        let pods = self.admin.get(&self.path("pods", "")).await.unwrap();
        let statuses: Vec<&Value> = pods["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|pod| &pod["status"])
            .collect();
        panic!("not in {PATIENCE:?}: {what}; pods: {:#}", json!(statuses));
    }
}

/// A text in an object; empty when it is not there.
pub fn text<'a>(object: &'a Value, pointer: &str) -> &'a str {
    object
        .pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or("")
}

/// A number in an object.
pub fn number(object: &Value, pointer: &str) -> Option<i64> {
    object.pointer(pointer).and_then(Value::as_i64)
}

/// A condition by its type.
pub fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = object.pointer("/status/conditions")?.as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}
