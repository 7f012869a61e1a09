//! The life of one pod on its node: volumes, init containers and sidecars, containers, and an orderly end.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::{BoxFuture, join_all};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{COMPONENT, config, container};
use crate::sim::kube::{core::Core, events::Note, lock, object, resources};

/// How long a sandbox takes.
const SANDBOX: Duration = Duration::from_millis(500);
/// First and longest delay between tries to mount volumes.
const MOUNT_RETRY: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(122));

/// What the kubelet knows of one container.
#[derive(Debug, Clone)]
pub(super) struct Status {
    pub(super) state: Value,
    pub(super) last_state: Value,
    pub(super) restarts: u64,
    pub(super) ready: bool,
    pub(super) started: bool,
    /// Whether the container has ended and will not be restarted.
    pub(super) over: bool,
    pub(super) container_id: String,
}

/// One pod at work.
pub(super) struct Pod {
    pub(super) core: Arc<Core>,
    /// The pod as it was bound; its spec is followed through `live`.
    pub(super) object: Arc<Value>,
    pub(super) live: watch::Receiver<Option<Arc<Value>>>,
    pub(super) node: String,
    pub(super) ip: String,
    pub(super) statuses: Mutex<BTreeMap<String, Status>>,
    /// Wakes who waits for a change of `statuses`.
    changes: watch::Sender<()>,
    /// All containers but the sidecars are over, so that nothing is left to stand beside.
    ended: CancellationToken,
    /// Whether the sandbox with its address exists.
    pub(super) sandbox: Mutex<bool>,
}

/// Runs a pod until it is gone.
pub(super) async fn run(
    core: Arc<Core>,
    object: Arc<Value>,
    live: watch::Receiver<Option<Arc<Value>>>,
) {
    let node = object::text(&object, "/spec/nodeName").to_owned();
    let pod = Pod {
        ip: address(&core),
        core,
        node,
        live,
        statuses: Mutex::default(),
        changes: watch::Sender::default(),
        ended: CancellationToken::new(),
        sandbox: Mutex::new(false),
        object,
    };
    let initial = |reason: &str| Status {
        state: json!({"waiting": {"reason": reason}}),
        last_state: json!({}),
        restarts: 0,
        ready: false,
        started: false,
        over: false,
        container_id: String::new(),
    };
    let has_init = !pod.specs("initContainers").is_empty();
    let reason = if has_init {
        "PodInitializing"
    } else {
        "ContainerCreating"
    };
    for (field, reason) in [
        ("initContainers", "PodInitializing"),
        ("containers", reason),
    ] {
        for spec in pod.specs(field) {
            lock(&pod.statuses).insert(object::text(&spec, "/name").to_owned(), initial(reason));
        }
    }
    pod.publish();
    tokio::join!(pod.live_through(), pod.republish_when_connected());
}

/// A pod address from the pod network, in order of creation.
fn address(core: &Core) -> String {
    let number = core.store.version();
    format!("10.244.{}.{}", number / 250 % 250, number % 250 + 2)
}

impl Pod {
    /// The container specs as they are now.
    pub(super) fn specs(&self, field: &str) -> Vec<Value> {
        let live = self.live.borrow();
        let pod = live.as_ref().unwrap_or(&self.object);
        object::list(pod, &format!("/spec/{field}")).to_vec()
    }

    /// The spec of a container as it is now: image and resources may have changed since.
    pub(super) fn current_spec(&self, container: &str) -> Option<Value> {
        let pod = self.live.borrow().clone()?;
        let containers = object::list(&pod, "/spec/containers").iter();
        let mut all = containers.chain(object::list(&pod, "/spec/initContainers"));
        all.find(|spec| spec["name"] == container).cloned()
    }

    pub(super) fn uid(&self) -> &str {
        object::uid(&self.object)
    }

    /// The kubelet's own delays, divided by the option.
    pub(super) fn paced(&self, duration: Duration) -> Duration {
        duration / self.core.options.speed.max(1)
    }

    /// Waits; answers whether its containers are to stop meanwhile.
    pub(super) async fn pause(&self, duration: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(self.paced(duration)) => false,
            () = self.stopping() => true,
        }
    }

    /// Resolves when containers are to stop: the pod is being deleted, or nothing is left but sidecars.
    pub(super) async fn stopping(&self) {
        tokio::select! {
            () = self.deleted() => {}
            () = self.ended.cancelled() => {}
        }
    }

    /// Resolves when this container is to stop: sidecars stand by until the others are over.
    pub(super) async fn dismissed(&self, container: &Value) {
        if object::is_sidecar(container) {
            self.ended.cancelled().await;
        } else {
            self.stopping().await;
        }
    }

    /// Resolves when the pod is being deleted or is gone.
    async fn deleted(&self) {
        let mut live = self.live.clone();
        let stops =
            |pod: &Option<Arc<Value>>| pod.as_ref().is_none_or(|pod| object::is_deleting(pod));
        // A closed channel means that nobody dispatches any more: stop too.
        let _ = live.wait_for(stops).await;
    }

    pub(super) fn is_stopping(&self) -> bool {
        let is_deleted =
            |pod: &Option<Arc<Value>>| pod.as_ref().is_none_or(|pod| object::is_deleting(pod));
        self.ended.is_cancelled() || is_deleted(&self.live.borrow())
    }

    /// The grace period of the deletion under way, or of the spec.
    pub(super) fn grace(&self) -> Duration {
        let live = self.live.borrow().clone();
        let asked = live.and_then(|pod| object::int(&pod, "/metadata/deletionGracePeriodSeconds"));
        let own = object::int(&self.object, "/spec/terminationGracePeriodSeconds").unwrap_or(30);
        Duration::from_secs(asked.unwrap_or(own).max(0).unsigned_abs())
    }

    pub(super) fn status(&self, container: &str) -> Option<Status> {
        lock(&self.statuses).get(container).cloned()
    }

    /// Changes what is known of a container and reports it.
    pub(super) fn change(&self, container: &str, edit: impl FnOnce(&mut Status)) {
        self.edit(container, edit);
        self.publish();
    }

    /// Changes what is known of a container, to be reported with the next change.
    pub(super) fn edit(&self, container: &str, edit: impl FnOnce(&mut Status)) {
        if let Some(status) = lock(&self.statuses).get_mut(container) {
            edit(status);
        }
        self.changes.send_replace(());
    }

    /// Resolves when a container has started: it runs, and its startup probe succeeded.
    async fn started(&self, container: &str) {
        let mut changes = self.changes.subscribe();
        while !self.status(container).is_some_and(|status| status.started) {
            // The sender is ours: it lives as long as we do.
            let _ = changes.changed().await;
        }
    }

    /// Records an event about a container of this pod.
    pub(super) fn event(
        &self,
        container: &Value,
        kind: &'static str,
        reason: &str,
        message: String,
    ) {
        if !self.core.runtime.is_connected(&self.node) {
            return;
        }
        let name = object::text(container, "/name");
        let field = if object::list(&self.object, "/spec/initContainers")
            .iter()
            .any(|init| init["name"] == name)
        {
            "initContainers"
        } else {
            "containers"
        };
        let field_path = if name.is_empty() {
            String::new()
        } else {
            format!("spec.{field}{{{name}}}")
        };
        self.core.events.record(Note {
            component: COMPONENT,
            host: &self.node,
            about: &self.object,
            field_path,
            kind,
            reason,
            message,
        });
    }

    async fn live_through(&self) {
        if self.mount_volumes().await && !self.pause(SANDBOX).await {
            *lock(&self.sandbox) = true;
            self.publish();
            self.run_from(&self.specs("initContainers")).await;
        }
        self.publish();
        self.deleted().await;
        self.remove().await;
    }

    /// `Always`, `OnFailure` or `Never`.
    fn restart_policy(&self) -> &str {
        object::text(&self.object, "/spec/restartPolicy")
    }

    /// Waits until all ConfigMaps and Secrets of volumes exist; false when the pod stops before.
    async fn mount_volumes(&self) -> bool {
        let mut delay = MOUNT_RETRY.0;
        loop {
            let Some((volume, why)) = config::missing_volume(&self.core, &self.object) else {
                return !self.is_stopping();
            };
            let message = format!("MountVolume.SetUp failed for volume \"{volume}\" : {why}");
            self.event(&Value::Null, "Warning", "FailedMount", message);
            if self.pause(delay).await {
                return false;
            }
            delay = (delay * 2).min(MOUNT_RETRY.1);
        }
    }

    /// Runs these init containers one after another, and the containers after them. A sidecar goes on beside what comes after it;
    /// where an init container failed for good, nothing does.
    fn run_from<'a>(&'a self, init: &'a [Value]) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let Some((spec, after)) = init.split_first() else {
                let specs = self.specs("containers");
                let run = |spec| container::run(self, spec, self.restart_policy());
                join_all(specs.iter().map(run)).await;
                return;
            };
            if object::is_sidecar(spec) {
                let others = async {
                    tokio::select! {
                        () = self.started(object::text(spec, "/name")) => self.run_from(after).await,
                        () = self.stopping() => {}
                    }
                    self.ended.cancel();
                };
                tokio::join!(container::run(self, spec, "Always"), others);
                return;
            }
            let policy = match self.restart_policy() {
                "Never" => "Never",
                _ => "OnFailure",
            };
            let code = container::run(self, spec, policy).await;
            if code == Some(0) && !self.is_stopping() {
                self.run_from(after).await;
            }
        })
    }

    /// Takes the stopped pod out of the API, once its node can reach it.
    async fn remove(&self) {
        let mut connection = self.core.runtime.connection.subscribe();
        while !self.core.runtime.is_connected(&self.node) {
            if connection.changed().await.is_err() {
                return;
            }
        }
        let (namespace, name) = (object::namespace(&self.object), object::name(&self.object));
        let same = self
            .core
            .store
            .get(&resources::PODS, namespace, name)
            .is_some_and(|pod| object::uid(&pod) == self.uid());
        if !same {
            return;
        }
        let finalizers = self
            .live
            .borrow()
            .as_ref()
            .is_some_and(|pod| !object::list(pod, "/metadata/finalizers").is_empty());
        if !finalizers {
            self.core.store.remove(&resources::PODS, namespace, name);
        }
    }

    async fn republish_when_connected(&self) {
        let mut connection = self.core.runtime.connection.subscribe();
        let gone = async {
            let mut live = self.live.clone();
            let _ = live.wait_for(Option::is_none).await;
        };
        tokio::pin!(gone);
        loop {
            tokio::select! {
                () = &mut gone => return,
                changed = connection.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.publish();
                }
            }
        }
    }
}
