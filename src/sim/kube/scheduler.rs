//! The scheduler: binds pending pods to nodes that fit, and says why none does.

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};

use super::{
    controllers::{Controller, Key},
    core::Core,
    events::Note,
    object,
    quantity::parse_milli,
    resources,
    selectors::LabelSelector,
    store::{Change, ChangeKind},
};

const COMPONENT: &str = "default-scheduler";
const UNHELPFUL: &str = "Preemption is not helpful for scheduling";
const NO_VICTIMS: &str = "No preemption victims found for incoming pod";

/// Binds pods.
pub(super) struct Scheduler;

impl Controller for Scheduler {
    fn keys(&self, core: &Core, change: &Change) -> Vec<Key> {
        let pod = &change.object;
        if *change.resource == resources::PODS {
            if change.kind != ChangeKind::Deleted && is_pending(pod) {
                // Its own condition changes are no reason to try again.
                let news = change
                    .previous
                    .as_ref()
                    .is_none_or(|previous| previous["spec"] != pod["spec"]);
                return if news { vec![Key::of(pod)] } else { vec![] };
            }
            let frees = change.kind == ChangeKind::Deleted || object::is_finished(pod);
            return if frees { pending(core) } else { vec![] };
        }
        let heartbeat = change.previous.as_ref().is_some_and(|previous| {
            previous["spec"] == pod["spec"]
                && previous["metadata"]["labels"] == pod["metadata"]["labels"]
                && previous["status"]["allocatable"] == pod["status"]["allocatable"]
        });
        let matters = (*change.resource == resources::NODES && !heartbeat)
            || *change.resource == resources::CLAIMS;
        if matters { pending(core) } else { vec![] }
    }

    fn reconcile(&self, core: &Core, key: &Key) -> Option<Duration> {
        let pod = core
            .store
            .get(&resources::PODS, &key.namespace, &key.name)?;
        if is_pending(&pod) {
            match choose(core, &pod) {
                Ok(node) => bind(core, key, &pod, &node),
                Err(message) => refuse(core, key, &pod, message),
            }
        }
        None
    }
}

fn is_pending(pod: &Value) -> bool {
    object::text(pod, "/spec/nodeName").is_empty() && object::is_active(pod)
}

fn pending(core: &Core) -> Vec<Key> {
    let pods = core.store.list(&resources::PODS, None);
    pods.iter()
        .filter(|pod| is_pending(pod))
        .map(|pod| Key::of(pod))
        .collect()
}

fn bind(core: &Core, key: &Key, pod: &Value, node: &str) {
    let now = core.store.now();
    core.update_status(&resources::PODS, &key.namespace, &key.name, |pod| {
        pod["spec"]["nodeName"] = json!(node);
        object::set_condition(pod, json!({"type": "PodScheduled", "status": "True"}), &now);
    });
    let message = format!(
        "Successfully assigned {}/{} to {node}",
        key.namespace, key.name
    );
    core.events.record_series(
        Note::normal(COMPONENT, pod, "Scheduled", message),
        "Binding",
    );
}

fn refuse(core: &Core, key: &Key, pod: &Value, message: String) {
    let now = core.store.now();
    core.update_status(&resources::PODS, &key.namespace, &key.name, |pod| {
        let condition = json!({
            "type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message,
        });
        object::set_condition(pod, condition, &now);
    });
    core.events.record_series(
        Note::warning(COMPONENT, pod, "FailedScheduling", message),
        "Scheduling",
    );
}

/// The node with the most free memory among those that fit, or the message why none does.
fn choose(core: &Core, pod: &Value) -> Result<String, String> {
    let nodes = core.store.list(&resources::NODES, None);
    if nodes.is_empty() {
        return Err("no nodes available to schedule pods".to_owned());
    }
    let total = nodes.len();
    let tail = |reasons: &BTreeMap<&str, usize>| {
        let each: Vec<_> = reasons
            .iter()
            .map(|(reason, count)| format!("{count} {reason}"))
            .collect();
        format!(
            "no new claims to deallocate, preemption: 0/{total} nodes are available: {}.",
            each.join(", ")
        )
    };
    if let Some(reason) = unusable_claim(core, pod) {
        // Preemption fails before it has looked at nodes, and this is all that it says.
        return Err(format!(
            "0/{total} nodes are available: {reason}. not found"
        ));
    }
    let pods: Vec<_> = core
        .store
        .list(&resources::PODS, None)
        .into_iter()
        .filter(|pod| !object::is_finished(pod))
        .collect();
    let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
    let mut preemption: BTreeMap<&str, usize> = BTreeMap::new();
    let mut best: Option<(i128, String)> = None;
    for node in &nodes {
        let name = object::name(node);
        let on_node: Vec<&Value> = pods
            .iter()
            .map(AsRef::as_ref)
            .filter(|pod| object::text(pod, "/spec/nodeName") == name)
            .collect();
        match fits(node, pod, &on_node) {
            Ok(free) => {
                if best.as_ref().is_none_or(|(most, _)| free > *most) {
                    best = Some((free, name.to_owned()));
                }
            }
            Err((why, helpful)) => {
                why.into_iter()
                    .for_each(|why| *reasons.entry(why).or_default() += 1);
                *preemption
                    .entry(if helpful { NO_VICTIMS } else { UNHELPFUL })
                    .or_default() += 1;
            }
        }
    }
    if let Some((_, name)) = best {
        return Ok(name);
    }
    let mut each: Vec<_> = reasons
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    each.sort();
    Err(format!(
        "0/{total} nodes are available: {}. {}",
        each.join(", "),
        tail(&preemption)
    ))
}

fn unusable_claim(core: &Core, pod: &Value) -> Option<String> {
    object::list(pod, "/spec/volumes")
        .iter()
        .find_map(|volume| {
            let name = volume["persistentVolumeClaim"]["claimName"].as_str()?;
            match core
                .store
                .get(&resources::CLAIMS, object::namespace(pod), name)
            {
                None => Some(format!("persistentvolumeclaim \"{name}\" not found")),
                Some(claim) if object::text(&claim, "/status/phase") == "Bound" => None,
                Some(_) => Some("pod has unbound immediate PersistentVolumeClaims".to_owned()),
            }
        })
}

/// The free memory of a node that fits; else the reasons, and whether removing pods could help.
fn fits(node: &Value, pod: &Value, on_node: &[&Value]) -> Result<i128, (Vec<String>, bool)> {
    let no = |reason: &str| Err((vec![reason.to_owned()], false));
    if node["spec"]["unschedulable"] == true {
        return no("node(s) were unschedulable");
    }
    let taints = object::list(node, "/spec/taints").iter();
    let mut hard =
        taints.filter(|taint| matches!(object::text(taint, "/effect"), "NoSchedule" | "NoExecute"));
    if hard.any(|taint| !tolerates(pod, taint)) {
        return no("node(s) had untolerated taint(s)");
    }
    if !selected(node, pod) {
        return no("node(s) didn't match Pod's node affinity/selector");
    }
    let mut short = Vec::new();
    let capacity =
        |resource: &str| parse_milli(&node["status"]["allocatable"][resource]).unwrap_or(0);
    if on_node.len() as i128 * 1000 + 1000 > capacity("pods") {
        short.push("Too many pods".to_owned());
    }
    let (mut free_memory, mut helpful) = (0, true);
    for resource in ["cpu", "memory"] {
        let used: i128 = on_node.iter().map(|pod| request(pod, resource)).sum();
        let free = capacity(resource) - used;
        let wanted = request(pod, resource);
        if wanted > 0 && wanted > free {
            short.push(format!("Insufficient {resource}"));
            // More than the whole node has: no pod is worth removing.
            helpful &= wanted <= capacity(resource);
        }
        free_memory = free;
    }
    if !short.is_empty() {
        return Err((short, helpful));
    }
    if on_node.iter().any(|other| repels(pod, other)) {
        return Err((
            vec!["node(s) didn't match pod anti-affinity rules".to_owned()],
            true,
        ));
    }
    Ok(free_memory)
}

/// What a pod requests; a container that does not say requests nothing.
fn request(pod: &Value, resource: &str) -> i128 {
    let of = |container: &Value| {
        Some(parse_milli(&container["resources"]["requests"][resource]).unwrap_or(0))
    };
    object::asked(pod, of).unwrap_or(0)
}

/// Whether a pod tolerates a taint.
pub(super) fn tolerates(pod: &Value, taint: &Value) -> bool {
    object::list(pod, "/spec/tolerations")
        .iter()
        .any(|toleration| {
            let matches = |field: &str| {
                let wanted = object::text(toleration, field);
                wanted.is_empty() || wanted == object::text(taint, field)
            };
            let equal = object::text(toleration, "/operator") == "Exists"
                || object::text(toleration, "/value") == object::text(taint, "/value");
            matches("/key") && matches("/effect") && equal
        })
}

/// Whether node selector and required node affinity accept a node.
pub(super) fn selected(node: &Value, pod: &Value) -> bool {
    let labels = &node["metadata"]["labels"];
    let selector = json!({"matchLabels": pod["spec"]["nodeSelector"]});
    if !LabelSelector::from_object(&selector).matches(labels) {
        return false;
    }
    let affinity =
        &pod["spec"]["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    let terms = object::list(affinity, "/nodeSelectorTerms");
    terms.is_empty()
        || terms.iter().any(|term| {
            let fields = json!({"matchExpressions": term["matchFields"]});
            let names = json!({"metadata.name": object::name(node)});
            LabelSelector::from_object(term).matches(labels)
                && LabelSelector::from_object(&fields).matches(&names)
        })
}

/// Whether the pod's required anti-affinity by host forbids the company of another.
fn repels(pod: &Value, other: &Value) -> bool {
    let rules = &pod["spec"]["affinity"]["podAntiAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"];
    object::namespace(pod) == object::namespace(other)
        && rules.as_array().into_iter().flatten().any(|rule| {
            rule["topologyKey"] == "kubernetes.io/hostname"
                && LabelSelector::from_object(&rule["labelSelector"])
                    .matches(&other["metadata"]["labels"])
        })
}
