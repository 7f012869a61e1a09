//! Node lifecycle: heartbeats while a node is up, and the eviction of its pods when it stays away.

use std::time::Duration;

use super::{Controller, Key};
use crate::sim::kube::{
    core::{Core, Deletion},
    events::Note,
    nodes, object, resources,
    scheduler::tolerates,
    store::Change,
    time::since,
};

/// How often a kubelet reports an unchanged node.
const HEARTBEAT: Duration = Duration::from_secs(300);

/// Follows nodes.
pub(in crate::sim::kube) struct NodeLifecycle;

impl Controller for NodeLifecycle {
    fn keys(&self, _core: &Core, change: &Change) -> Vec<Key> {
        if *change.resource == resources::NODES {
            vec![Key::of(&change.object)]
        } else {
            vec![]
        }
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let node = core.store.get(&resources::NODES, "", &key.name)?;
        core.events.forget_old();
        let now = (core.store.clock)();
        let taint = object::list(&node, "/spec/taints")
            .iter()
            .find(|taint| taint["effect"] == "NoExecute");
        let Some(taint) = taint else {
            let heart = object::condition(&node, "Ready")
                .map_or("", |ready| object::text(ready, "/lastHeartbeatTime"));
            let quiet = since(heart, now);
            if quiet >= HEARTBEAT {
                nodes::heartbeat(core, &key.name);
            }
            return Some(HEARTBEAT.saturating_sub(quiet).max(Duration::from_secs(1)));
        };
        let tainted = since(object::text(taint, "/timeAdded"), now);
        let mut next: Option<Duration> = None;
        for pod in core.store.list(&resources::PODS, None) {
            if object::text(&pod, "/spec/nodeName") != key.name || !object::is_active(&pod) {
                continue;
            }
            let patience = object::list(&pod, "/spec/tolerations")
                .iter()
                .filter(|toleration| {
                    let one = serde_json::json!({"spec": {"tolerations": [toleration]}});
                    tolerates(&one, taint)
                })
                .map(|toleration| toleration["tolerationSeconds"].as_i64())
                .min();
            let patience = match patience {
                None => Duration::ZERO,
                Some(None) => continue, // It stays for ever.
                Some(Some(seconds)) => Duration::from_secs(seconds.max(0).unsigned_abs()),
            };
            if tainted < patience {
                let left = patience - tainted;
                next = Some(next.map_or(left, |next| next.min(left)));
                continue;
            }
            let message = format!(
                "Marking for deletion Pod {}/{}",
                object::namespace(&pod),
                object::name(&pod)
            );
            core.events.record(Note::normal(
                "taint-eviction-controller",
                &pod,
                "TaintManagerEviction",
                message,
            ));
            // Gone already is as good as evicted.
            let _ = core.delete(
                &resources::PODS,
                object::namespace(&pod),
                object::name(&pod),
                &Deletion::default(),
            );
        }
        next
    }
}
