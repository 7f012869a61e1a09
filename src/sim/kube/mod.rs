//! A small Kubernetes in memory: the real API over HTTP, the controllers that matter, and a kubelet that pretends.
//!
//! [`KubeSim::router`] speaks the protocol of an API server; give it to `kube::Client` directly in tests (no port, works under
//! tokio's paused clock) or serve it on loopback. Every delay uses `tokio::time`, every timestamp comes from the clock in
//! [`Options`], every generated name from a seed: the same run gives the same cluster.
//!
//! Left out on purpose: the network (Services have no endpoints), volumes with content, CronJobs firing, autoscaling, and
//! exact server-side apply.

mod admission;
mod api;
mod controllers;
mod core;
mod disruption;
mod events;
mod faults;
mod image;
mod kubelet;
mod limits;
mod names;
mod nodes;
mod object;
mod options;
mod patch;
mod quantity;
mod resources;
mod scheduler;
mod schema;
mod selectors;
mod shell;
mod snapshot;
mod status;
mod store;
mod time;
mod usage;
mod watch;

#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

pub use faults::{RecordedRequest, RequestMatcher};
pub use image::Image;
pub use options::Options;
pub use snapshot::{NodeView, PodView, Snapshot, WorkloadView};
pub use time::{Clock, tokio_clock};
pub use usage::ContainerUsage;

use core::{Core, Deletion};

/// Locks, also after a panic elsewhere: the simulation's data stays readable for the assertion that follows.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Why an object was not accepted: the message of the API's `Status`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Refused(String);

/// A running simulation. Clones share it; it stops with the last one, or with [`shutdown`](Self::shutdown).
#[derive(Clone)]
pub struct KubeSim {
    handle: Arc<Handle>,
}

struct Handle {
    core: Arc<Core>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.core.cancel.cancel();
    }
}

impl KubeSim {
    /// Starts a cluster with the namespaces `default` and `kube-system`. Must be called inside a tokio runtime, on which its
    /// tasks run.
    pub fn new(options: Options) -> Self {
        let store = store::Store::new(Arc::clone(&options.clock), options.seed, options.history);
        let store = Arc::new(store);
        let core = Arc::new(Core {
            events: events::Recorder::new(Arc::clone(&store)),
            store,
            options,
            faults: faults::Faults::default(),
            runtime: kubelet::Runtime::default(),
            cancel: CancellationToken::new(),
        });
        let sim = Self {
            handle: Arc::new(Handle { core }),
        };
        for namespace in ["default", "kube-system"] {
            sim.ensure_namespace(namespace);
        }
        nodes::create_all(sim.core());
        controllers::spawn_all(&sim.handle.core);
        if sim.core().options.runs_pods() {
            kubelet::spawn(&sim.handle.core);
        }
        sim
    }

    fn core(&self) -> &Core {
        &self.handle.core
    }

    /// The API as a router; it is a tower service of HTTP requests.
    pub fn router(&self) -> axum::Router {
        api::router(self.clone())
    }

    /// Stops controllers, kubelet and watches. The API still answers.
    pub fn shutdown(&self) {
        self.core().cancel.cancel();
        self.core().store.cut_watches();
    }

    fn ensure_namespace(&self, name: &str) {
        let namespace = json!({"metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
            "spec": {"finalizers": []}, "status": {"phase": "Active"}});
        // It exists already, or it is created now; nothing else can happen.
        let _ = self.core().create(&resources::NAMESPACES, namespace, false);
    }

    /// Creates an object or replaces its spec, data and labels, as `kubectl apply` would. A missing namespace is created, an
    /// absent one means `default`, and a `status` is taken as given.
    ///
    /// # Errors
    /// When the kind is unknown or admission refuses the object.
    pub fn apply(&self, mut object: Value) -> Result<Value, Refused> {
        let refused = |error: status::ApiError| Refused(error.message);
        let kind = object::text(&object, "/kind");
        let resource =
            resources::by_kind(kind).ok_or_else(|| Refused(format!("unknown kind {kind:?}")))?;
        if resource.namespaced {
            if object::namespace(&object).is_empty() {
                object["metadata"]["namespace"] = json!("default");
            }
            self.ensure_namespace(object::namespace(&object));
        }
        let (namespace, name) = (
            object::namespace(&object).to_owned(),
            object::name(&object).to_owned(),
        );
        if self.core().store.get(resource, &namespace, &name).is_none() {
            let created = self
                .core()
                .create(resource, object, false)
                .map_err(refused)?;
            return Ok((*created).clone());
        }
        let updated = self
            .core()
            .store
            .update(resource, &namespace, &name, |stored| {
                for (field, value) in object.as_object().into_iter().flatten() {
                    match field.as_str() {
                        "metadata" => {
                            for field in ["labels", "annotations", "finalizers"] {
                                if let Some(value) = value.get(field) {
                                    patch::merge(&mut stored["metadata"][field], value);
                                }
                            }
                        }
                        field => stored[field] = value.clone(),
                    }
                }
                admission::complete(resource, stored);
                Ok(())
            });
        Ok((*updated.map_err(refused)?).clone())
    }

    /// Deletes an object (pods with their grace period); false when it is not there.
    pub fn delete(&self, kind: &str, namespace: &str, name: &str) -> bool {
        let Some(resource) = resources::by_kind(kind) else {
            return false;
        };
        self.core()
            .delete(resource, namespace, name, &Deletion::default())
            .is_ok()
    }

    /// An object as it is now. Cluster-wide kinds have the namespace `""`.
    pub fn get(&self, kind: &str, namespace: &str, name: &str) -> Option<Value> {
        let found = self
            .core()
            .store
            .get(resources::by_kind(kind)?, namespace, name)?;
        Some((*found).clone())
    }

    /// All objects of a kind, in a namespace or everywhere.
    pub fn list(&self, kind: &str, namespace: Option<&str>) -> Vec<Value> {
        let Some(resource) = resources::by_kind(kind) else {
            return vec![];
        };
        self.core()
            .store
            .list(resource, namespace)
            .iter()
            .map(|object| (**object).clone())
            .collect()
    }

    /// All requests other than GET so far, refused ones included.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.core().faults.requests()
    }

    /// Answers the next `times` matching requests with a status instead of doing anything.
    pub fn fail_next(&self, matcher: RequestMatcher, status: u16, times: u32) {
        self.core().faults.fail_next(matcher, status, times);
    }

    /// Ends all open watches now; clients come back by themselves.
    pub fn drop_watches(&self) {
        self.core().store.cut_watches();
    }

    /// Lets every open watch fall silent for ever, without an end: no objects, no bookmarks, no timeout, as when something between
    /// client and server forgets a connection. Watches that are opened later work.
    pub fn mute_watches(&self) {
        self.core().store.mute_watches();
    }

    /// Makes every resource version handed out so far too old: a watch that resumes from one gets 410, and so does a list with
    /// an old continue token. Open watches go on.
    pub fn expire_history(&self) {
        self.core().store.expire_history();
    }

    /// Answers everything with 503 and ends all watches, or answers again.
    pub fn set_down(&self, down: bool) {
        self.core().faults.set_down(down);
        if down {
            self.core().store.cut_watches();
        }
    }

    /// Refuses all new pods with these words (`{pod}` stands for a pod's name), as an admission plugin or a webhook does; with
    /// none, no more.
    pub fn refuse_pods(&self, message: Option<&str>) {
        self.core().faults.refuse_pods(message);
    }

    /// Denies a verb (`patch`, or `*`) on a resource (`pods/eviction`, or `*`): requests get 403, access reviews say no.
    pub fn deny(&self, verb: &str, resource: &str) {
        self.core().faults.deny(verb, resource);
    }

    /// Takes a denial back.
    pub fn allow(&self, verb: &str, resource: &str) {
        self.core().faults.allow(verb, resource);
    }

    /// Cuts a node's kubelet off, as a dead machine, or brings it back. The 40 to 50 seconds in which a real cluster would only
    /// miss heartbeats are skipped.
    pub fn set_node_ready(&self, name: &str, ready: bool) {
        nodes::set_ready(self.core(), name, ready);
    }

    /// Lets the kubelet evict a pod, as it does when its node is short of something; false when there is no such pod. The
    /// message is the kubelet's, for example `The node was low on resource: memory. `
    pub fn evict(&self, namespace: &str, pod: &str, message: &str) -> bool {
        kubelet::evict(self.core(), namespace, pod, message)
    }

    /// Sets the log of a container whose pod nobody runs (`kubelet: false`); `previous` for the container before.
    pub fn set_log(&self, namespace: &str, pod: &str, container: &str, text: &str, previous: bool) {
        let Some(pod) = self.core().store.get(&resources::PODS, namespace, pod) else {
            return;
        };
        let log = shell::process::Log::default();
        let now = (self.core().store.clock)();
        text.lines().for_each(|line| log.push(now, line));
        self.core()
            .runtime
            .set_log(object::uid(&pod), container, log, previous);
    }

    /// A small picture of nodes and workloads.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::take(self.core())
    }
}
