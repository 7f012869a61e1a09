//! A kubelet that pretends: one task per pod pulls images, starts containers of the mini shell, probes, restarts and reports,
//! with the states, texts and events of the real one.

mod config;
mod container;
mod evict;
mod pod;
mod probe;
mod pull;
mod report;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex},
};

pub(super) use evict::evict;

use serde_json::Value;
use tokio::sync::watch;

use super::{
    core::Core,
    lock, object, resources,
    shell::process::{Log, Process},
    status::ApiError,
    store::ChangeKind,
};

pub(super) const COMPONENT: &str = "kubelet";

/// What is known of one container outside the API objects.
#[derive(Default)]
struct Record {
    current: Option<Arc<Log>>,
    previous: Option<Arc<Log>>,
    process: Option<Arc<Process>>,
    /// The runtime's id of the newest run.
    id: String,
}

/// Logs and memory of all containers, and which nodes' kubelets are cut off.
#[derive(Default)]
pub(super) struct Runtime {
    records: Mutex<HashMap<String, BTreeMap<String, Record>>>,
    cut_off: Mutex<HashSet<String>>,
    /// Wakes kubelets when a node comes back.
    connection: watch::Sender<u64>,
}

impl Runtime {
    fn started(&self, uid: &str, container: &str, id: &str, process: &Arc<Process>) {
        let mut records = lock(&self.records);
        let record = records
            .entry(uid.to_owned())
            .or_default()
            .entry(container.to_owned())
            .or_default();
        record.previous = record.current.replace(Arc::clone(&process.log));
        record.process = Some(Arc::clone(process));
        id.clone_into(&mut record.id);
    }

    fn ended(&self, uid: &str, container: &str) {
        if let Some(record) = lock(&self.records)
            .get_mut(uid)
            .and_then(|pod| pod.get_mut(container))
        {
            record.process = None;
        }
    }

    fn forget(&self, uid: &str) {
        lock(&self.records).remove(uid);
    }

    /// Sets the log of a container that no kubelet runs.
    pub(super) fn set_log(&self, uid: &str, container: &str, log: Log, previous: bool) {
        let mut records = lock(&self.records);
        let record = records
            .entry(uid.to_owned())
            .or_default()
            .entry(container.to_owned())
            .or_default();
        let slot = if previous {
            &mut record.previous
        } else {
            &mut record.current
        };
        *slot = Some(Arc::new(log));
    }

    /// Bytes that a container uses; zero when it does not run.
    pub(super) fn memory(&self, uid: &str, container: &str) -> u64 {
        let records = lock(&self.records);
        let record = records.get(uid).and_then(|pod| pod.get(container));
        record
            .and_then(|record| record.process.as_ref())
            .map_or(0, |process| process.memory() + process.file_cache())
    }

    /// What a container uses, with the id of its run: memory of its processes, and active page cache. None when it does not run.
    pub(super) fn usage(&self, uid: &str, container: &str) -> Option<(String, u64, u64)> {
        let records = lock(&self.records);
        let record = records.get(uid)?.get(container)?;
        let process = record.process.as_ref()?;
        Some((record.id.clone(), process.memory(), process.file_cache()))
    }

    /// The log of a container as `pods/log` answers it.
    pub(super) fn log(
        &self,
        pod: &Value,
        container: &str,
        previous: bool,
        tail: Option<usize>,
        limit: Option<usize>,
        timestamps: bool,
    ) -> Result<String, ApiError> {
        let name = object::name(pod);
        let records = lock(&self.records);
        let record = records
            .get(object::uid(pod))
            .and_then(|pod| pod.get(container));
        let log = if previous {
            record.and_then(|r| r.previous.as_ref())
        } else {
            record.and_then(|r| r.current.as_ref())
        };
        match log {
            Some(log) => Ok(log.text(tail, limit, timestamps)),
            None if previous => Err(ApiError::bad_request(format!(
                "previous terminated container \"{container}\" in pod \"{name}\" not found"
            ))),
            None => {
                let statuses = object::list(pod, "/status/containerStatuses").iter();
                let mut statuses =
                    statuses.chain(object::list(pod, "/status/initContainerStatuses"));
                let status = statuses.find(|status| status["name"] == container);
                let reason =
                    status.map_or("", |status| object::text(status, "/state/waiting/reason"));
                let reason = if reason.is_empty() {
                    "ContainerCreating"
                } else {
                    reason
                };
                let why = match reason {
                    "ImagePullBackOff" => "trying and failing to pull image".to_owned(),
                    "ErrImagePull" => "image can't be pulled".to_owned(),
                    reason => reason.to_owned(),
                };
                let waiting = format!(
                    "container \"{container}\" in pod \"{name}\" is waiting to start: {why}"
                );
                Err(ApiError::bad_request(waiting))
            }
        }
    }

    /// Cuts the kubelet of a node off from the API, or connects it again.
    pub(super) fn set_connected(&self, node: &str, connected: bool) {
        let mut cut_off = lock(&self.cut_off);
        if connected {
            cut_off.remove(node)
        } else {
            cut_off.insert(node.to_owned())
        };
        drop(cut_off);
        self.connection.send_modify(|changes| *changes += 1);
    }

    pub(super) fn is_connected(&self, node: &str) -> bool {
        !lock(&self.cut_off).contains(node)
    }
}

/// Starts the task that hands bound pods to workers.
pub(super) fn spawn(core: &Arc<Core>) {
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let cancel = core.cancel.clone();
        tokio::select! {
            () = cancel.cancelled() => {}
            () = dispatch(&core) => {}
        }
    });
}

/// Follows the pods: each bound pod has a worker, which hears of every change until the pod is gone.
async fn dispatch(core: &Arc<Core>) {
    let mut pulse = core.store.pulse();
    let mut cursor = 0;
    let mut workers: HashMap<String, watch::Sender<Option<Arc<Value>>>> = HashMap::new();
    loop {
        let version = pulse.borrow_and_update().version;
        let present: Vec<(bool, Arc<Value>)> = match core.store.changes_since(cursor) {
            Ok(changes) => {
                let pods = changes
                    .into_iter()
                    .filter(|change| *change.resource == resources::PODS);
                pods.map(|change| (change.kind != ChangeKind::Deleted, change.object))
                    .collect()
            }
            Err(_) => core
                .store
                .list(&resources::PODS, None)
                .into_iter()
                .map(|pod| (true, pod))
                .collect(),
        };
        cursor = version;
        for (exists, pod) in present {
            let uid = object::uid(&pod).to_owned();
            if !exists {
                if let Some(worker) = workers.remove(&uid) {
                    worker.send_replace(None);
                }
                core.runtime.forget(&uid);
                continue;
            }
            if let Some(worker) = workers.get(&uid) {
                worker.send_replace(Some(pod));
                continue;
            }
            let node = object::text(&pod, "/spec/nodeName");
            let runs = core.store.get(&resources::NODES, "", node).is_some();
            if runs && !object::is_finished(&pod) {
                let (sender, receiver) = watch::channel(Some(Arc::clone(&pod)));
                workers.insert(uid, sender);
                let (core, cancel) = (Arc::clone(core), core.cancel.clone());
                tokio::spawn(async move {
                    tokio::select! {
                        () = cancel.cancelled() => {}
                        () = pod::run(core, pod, receiver) => {}
                    }
                });
            }
        }
        if pulse.changed().await.is_err() {
            return;
        }
    }
}
