//! A small picture of the cluster for a web page.

use serde::Serialize;
use serde_json::Value;

use super::{
    core::Core,
    object,
    quantity::{MIB, parse_units},
    resources,
};

/// The cluster at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// All nodes by name.
    pub nodes: Vec<NodeView>,
    /// All Deployments, StatefulSets, DaemonSets and Jobs.
    pub workloads: Vec<WorkloadView>,
}

/// A node.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NodeView {
    /// Its name.
    pub name: String,
    /// Whether its condition Ready is True.
    pub ready: bool,
    /// Allocatable memory.
    pub memory_mib: u64,
    /// How many pods are bound to it.
    pub pods: usize,
}

/// A workload.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct WorkloadView {
    /// `Deployment`, `StatefulSet`, `DaemonSet` or `Job`.
    pub kind: String,
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// The revision of a Deployment, or 0.
    pub revision: u64,
    /// `metadata.generation`.
    pub generation: i64,
    /// Pods asked for.
    pub desired: i64,
    /// Ready pods.
    pub ready: i64,
    /// Pods of the newest template.
    pub updated: i64,
    /// The image of the first container.
    pub image: String,
    /// Its pods by name.
    pub pods: Vec<PodView>,
}

/// A pod.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PodView {
    /// Its name.
    pub name: String,
    /// `status.phase`.
    pub phase: String,
    /// What people would call its state: a waiting or terminated reason, `Terminating`, or empty.
    pub reason: String,
    /// Whether it is Ready.
    pub ready: bool,
    /// Restarts of all containers.
    pub restarts: i64,
    /// Memory in use by all containers.
    pub memory_mib: u64,
    /// Sum of the memory limits; 0 without limits.
    pub limit_mib: u64,
    /// Why the last container ended, or empty.
    pub exit_reason: String,
}

/// Takes the picture.
pub(super) fn take(core: &Core) -> Snapshot {
    let pods = core.store.list(&resources::PODS, None);
    let nodes = core.store.list(&resources::NODES, None);
    let nodes = nodes.iter().map(|node| NodeView {
        name: object::name(node).to_owned(),
        ready: object::is_ready(node),
        memory_mib: parse_units(&node["status"]["allocatable"]["memory"]).unwrap_or(0) / MIB,
        pods: pods
            .iter()
            .filter(|pod| object::text(pod, "/spec/nodeName") == object::name(node))
            .count(),
    });
    let kinds = [
        &resources::DEPLOYMENTS,
        &resources::STATEFUL_SETS,
        &resources::DAEMON_SETS,
        &resources::JOBS,
    ];
    let sets = core.store.list(&resources::REPLICA_SETS, None);
    let workloads = kinds
        .iter()
        .flat_map(|resource| core.store.list(resource, None))
        .map(|workload| {
            let uid = object::uid(&workload);
            let owned_sets: Vec<&str> = sets
                .iter()
                .filter(|set| object::is_controlled_by(set, uid))
                .map(|set| object::uid(set))
                .collect();
            let owns = |pod: &Value| {
                object::is_controlled_by(pod, uid)
                    || owned_sets
                        .iter()
                        .any(|set| object::is_controlled_by(pod, set))
            };
            let number = |pointers: [&str; 2]| {
                pointers
                    .iter()
                    .find_map(|at| object::int(&workload, at))
                    .unwrap_or(0)
            };
            WorkloadView {
                kind: object::text(&workload, "/kind").to_owned(),
                namespace: object::namespace(&workload).to_owned(),
                name: object::name(&workload).to_owned(),
                revision: object::annotation(&workload, "deployment.kubernetes.io/revision")
                    .parse()
                    .unwrap_or(0),
                generation: object::int(&workload, "/metadata/generation").unwrap_or(0),
                desired: match workload["kind"].as_str() {
                    Some("DaemonSet") => number(["/status/desiredNumberScheduled", "/spec/none"]),
                    Some("Job") => number(["/spec/completions", "/spec/parallelism"]),
                    _ => number(["/spec/replicas", "/spec/none"]),
                },
                ready: match workload["kind"].as_str() {
                    Some("Job") => number(["/status/succeeded", "/status/none"]),
                    _ => number(["/status/readyReplicas", "/status/numberReady"]),
                },
                updated: number(["/status/updatedReplicas", "/status/updatedNumberScheduled"]),
                image: object::text(&workload, "/spec/template/spec/containers/0/image").to_owned(),
                pods: pods
                    .iter()
                    .filter(|pod| owns(pod))
                    .map(|pod| view(core, pod))
                    .collect(),
            }
        });
    Snapshot {
        nodes: nodes.collect(),
        workloads: workloads.collect(),
    }
}

fn view(core: &Core, pod: &Value) -> PodView {
    let containers = || object::beside(pod);
    let statuses: Vec<&Value> = object::list(pod, "/status/initContainerStatuses")
        .iter()
        .chain(object::list(pod, "/status/containerStatuses"))
        .collect();
    let first = |pointers: &[&str]| -> String {
        let texts = statuses
            .iter()
            .flat_map(|status| pointers.iter().map(|pointer| object::text(status, pointer)));
        texts
            .into_iter()
            .find(|text| !text.is_empty() && *text != "Completed")
            .unwrap_or("")
            .to_owned()
    };
    let memory = |container: &Value| {
        core.runtime
            .memory(object::uid(pod), object::text(container, "/name"))
    };
    let limit =
        |container: &Value| parse_units(&container["resources"]["limits"]["memory"]).unwrap_or(0);
    PodView {
        name: object::name(pod).to_owned(),
        phase: object::text(pod, "/status/phase").to_owned(),
        reason: match (
            object::is_deleting(pod),
            object::condition(pod, "PodScheduled"),
        ) {
            (true, _) => "Terminating".to_owned(),
            (_, Some(scheduled)) if scheduled["status"] == "False" => {
                object::text(scheduled, "/reason").to_owned()
            }
            _ => first(&["/state/waiting/reason", "/state/terminated/reason"]),
        },
        ready: object::is_ready(pod),
        restarts: statuses
            .iter()
            .filter_map(|status| object::int(status, "/restartCount"))
            .sum(),
        memory_mib: containers().map(memory).sum::<u64>() / MIB,
        limit_mib: containers().map(limit).sum::<u64>() / MIB,
        exit_reason: first(&["/state/terminated/reason", "/lastState/terminated/reason"]),
    }
}
