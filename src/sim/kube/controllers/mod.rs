//! The controllers: each is a pair of synchronous functions, driven by one task that follows the history of the store.

mod daemonset;
mod deployment;
mod garbage;
mod job;
mod node;
mod pods;
mod quota;
mod replicaset;
mod revision;
mod rollout;
mod statefulset;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use serde_json::Value;
use tokio::time::Instant;

pub(super) use node::NodeLifecycle;

use super::{
    core::Core,
    disruption::Disruption,
    object,
    resources::{self, Resource},
    scheduler::Scheduler,
    store::{Change, ChangeKind},
};

/// The types whose objects have owners.
pub(super) static OWNED: [&Resource; 5] = [
    &resources::PODS,
    &resources::REPLICA_SETS,
    &resources::CONTROLLER_REVISIONS,
    &resources::JOBS,
    &resources::CLAIMS,
];

/// The object that a controller works on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) namespace: String,
    pub(super) name: String,
}

impl Key {
    pub(super) fn of(object: &Value) -> Self {
        Self {
            namespace: object::namespace(object).to_owned(),
            name: object::name(object).to_owned(),
        }
    }
}

/// A controller.
pub(super) trait Controller: Send + Sync + 'static {
    /// The objects to look at again because of a change.
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key>;

    /// Brings one object closer to what its spec asks for; answers when to look again without a change.
    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration>;
}

/// Starts all controllers.
pub(super) fn spawn_all(core: &Arc<Core>) {
    spawn(core, deployment::Deployments);
    spawn(core, replicaset::ReplicaSets);
    spawn(core, statefulset::StatefulSets);
    spawn(core, daemonset::DaemonSets);
    spawn(core, job::Jobs);
    spawn(core, Disruption);
    spawn(core, garbage::Garbage);
    spawn(core, quota::Quotas);
    if core.options.runs_pods() {
        spawn(core, NodeLifecycle);
        spawn(core, Scheduler);
    }
}

fn spawn(core: &Arc<Core>, controller: impl Controller) {
    let core = Arc::clone(core);
    tokio::spawn(async move {
        let cancel = core.cancel.clone();
        tokio::select! {
            () = cancel.cancelled() => {}
            () = drive(&core, controller) => {}
        }
    });
}

async fn drive(core: &Core, controller: impl Controller) {
    let mut pulse = core.store.pulse();
    let mut cursor = 0;
    let mut queue: VecDeque<Key> = VecDeque::new();
    // Ordered, so that timers that are due together run in the same order every time.
    let mut timers: BTreeMap<Key, Instant> = BTreeMap::new();
    loop {
        let version = pulse.borrow_and_update().version;
        let changes = match core.store.changes_since(cursor) {
            Ok(changes) => changes,
            // At the start, and when history was cut short: look at everything.
            Err(_) => everything(core, version),
        };
        for change in changes {
            cursor = cursor.max(change.version);
            for key in controller.keys(core, &change) {
                if !queue.contains(&key) {
                    queue.push_back(key);
                }
            }
        }
        cursor = cursor.max(version);
        let now = Instant::now();
        for (key, _) in timers.iter().filter(|(_, due)| **due <= now) {
            if !queue.contains(key) {
                queue.push_back(key.clone());
            }
        }
        timers.retain(|_, due| *due > now);
        if let Some(key) = queue.pop_front() {
            timers.remove(&key);
            if let Some(after) = controller.reconcile(core, &key) {
                timers.insert(key, now + after);
            }
            tokio::task::yield_now().await;
            continue;
        }
        let next = timers.values().min().copied();
        tokio::select! {
            changed = pulse.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = tokio::time::sleep_until(next.unwrap_or(now)), if next.is_some() => {}
        }
    }
}

fn everything(core: &Core, version: u64) -> Vec<Change> {
    let all = resources::ALL
        .iter()
        .filter(|resource| **resource != &resources::EVENTS);
    all.flat_map(|resource| {
        core.store
            .list(resource, None)
            .into_iter()
            .map(|object| Change {
                version,
                kind: ChangeKind::Added,
                resource,
                object,
                previous: None,
            })
    })
    .collect()
}

/// The keys for a controller that owns pods: its own objects, and the controllers of pods and other children.
fn own_and_owned(change: &Change, own: &Resource) -> Vec<Key> {
    if *change.resource == *own {
        return vec![Key::of(&change.object)];
    }
    match object::controller(&change.object) {
        Some(owner) if owner["kind"] == own.kind => vec![Key {
            namespace: object::namespace(&change.object).to_owned(),
            name: object::text(owner, "/name").to_owned(),
        }],
        _ => vec![],
    }
}

/// The object of a key, unless it is gone or being deleted.
fn living(core: &Core, resource: &Resource, key: &Key) -> Option<Arc<Value>> {
    let object = core.store.get(resource, &key.namespace, &key.name)?;
    (!object::is_deleting(&object)).then_some(object)
}

/// A number or a percentage of `total`.
pub(super) fn scaled(value: &Value, total: i64, round_up: bool) -> i64 {
    if let Some(number) = value.as_i64() {
        return number;
    }
    let percent = value
        .as_str()
        .and_then(|text| text.trim_end_matches('%').parse::<i64>().ok())
        .unwrap_or(0);
    let product = total * percent;
    if round_up {
        (product + 99) / 100
    } else {
        product / 100
    }
}
