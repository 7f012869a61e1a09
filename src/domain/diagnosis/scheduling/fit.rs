//! Trying the pod on the nodes: which node comes closest, and what is in its way.
//!
//! Tolerations and affinity terms are not part of the evidence. Taints and affinity count as obstacles only where the scheduler
//! itself complains about them.
use super::message::Message;
use crate::domain::{
    diagnosis::{Case, finding::quote},
    text::bytes,
    view::{NodeView, WorkloadView},
};

/// What keeps a pod off one node.
pub(super) enum Obstacle {
    /// It lacks labels.
    Labels {
        /// As `key=value`.
        missing: Vec<String>,
    },
    /// It is tainted.
    Taint(String),
    /// It is cordoned.
    Cordoned,
    /// CPU in thousandths of a core: asked for, free, and the most that any node has.
    Cpu { asked: u64, free: u64, most: u64 },
    /// Memory in bytes, likewise.
    Memory { asked: u64, free: u64, most: u64 },
}

/// The node that comes closest: one obstacle away.
pub(super) struct Best {
    node: String,
    pub obstacle: Obstacle,
}

impl Obstacle {
    /// The signature that it proves.
    pub fn signature(&self) -> &'static str {
        match self {
            Obstacle::Labels { .. } => "sched.selector_affinity",
            Obstacle::Taint(_) => "sched.taint",
            Obstacle::Cordoned => "sched.all_cordoned",
            Obstacle::Cpu { .. } => "sched.cpu",
            Obstacle::Memory { .. } => "sched.memory",
        }
    }

    /// What was found on the nodes, for the card.
    pub fn fact(&self, case: &Case<'_>) -> String {
        let nodes = case.evidence.nodes.len();
        match self {
            Obstacle::Labels { missing } => format!("no node has {}", quote(&missing.join(", "))),
            Obstacle::Taint(taint) => format!("taint {}", quote(taint)),
            Obstacle::Cordoned => {
                let cordoned = case
                    .evidence
                    .nodes
                    .iter()
                    .filter(|node| node.unschedulable)
                    .count();
                format!("{cordoned} of {nodes} nodes are cordoned")
            }
            Obstacle::Cpu { asked, free, most } => format!(
                "asks for {asked}m CPU; at most {free}m are free on one node, and the largest has {most}m"
            ),
            Obstacle::Memory { asked, free, most } => format!(
                "asks for {} of memory; at most {} are free on one node, and the largest has {}",
                mebibytes(*asked),
                mebibytes(*free),
                mebibytes(*most)
            ),
        }
    }
}

impl Best {
    /// The smallest change that makes the pod fit.
    pub fn advice(&self) -> String {
        let node = quote(&self.node);
        match &self.obstacle {
            Obstacle::Labels { missing } => format!(
                "Smallest change: label node {node} with {}, or correct the selector; nothing else is in the way there.",
                quote(&missing.join(", "))
            ),
            Obstacle::Taint(taint) => format!(
                "Smallest change: tolerate {} of node {node}, or remove it; nothing else is in the way there.",
                quote(taint)
            ),
            Obstacle::Cordoned => format!(
                "Smallest change: kubectl uncordon {node}, when its maintenance is over. That is a person's word to give."
            ),
            Obstacle::Cpu { asked, free, most } if asked > most => format!(
                "It can never fit: lower its request to what a node has, or add larger nodes. Node {node} has {free}m free."
            ),
            Obstacle::Cpu { asked, free, .. } => format!(
                "Smallest change: {}m less CPU requested, or freed on node {node}.",
                asked - free
            ),
            Obstacle::Memory { asked, free, most } if asked > most => format!(
                "It can never fit: lower its request to what a node has, or add larger nodes. Node {node} has {} free.",
                mebibytes(*free)
            ),
            Obstacle::Memory { asked, free, .. } => format!(
                "Smallest change: {} less memory requested, or freed on node {node}.",
                mebibytes((asked - free).div_ceil(1 << 20) << 20)
            ),
        }
    }
}

/// Whole mebibytes: finer than that, nobody reads it.
fn mebibytes(count: u64) -> String {
    bytes(count >> 20 << 20)
}

/// What a pod asks for: CPU in thousandths of a core, memory in bytes.
fn request(workload: &WorkloadView) -> (u64, u64) {
    (
        workload.pod_asks(|container| container.cpu_request),
        // A limit without a request is a request.
        workload.pod_asks(|container| container.memory_request.or(container.memory_limit)),
    )
}

/// The node with one obstacle only that is the easiest to remove; nothing when the nodes do not show it.
pub(super) fn best(case: &Case<'_>, said: &Message) -> Option<Best> {
    let workload = case.evidence.workload.as_ref()?;
    let nodes = &case.evidence.nodes;
    let (cpu, memory) = request(workload);
    let most_cpu = nodes.iter().map(|node| node.allocatable_cpu).max()?;
    let most_memory = nodes.iter().map(|node| node.allocatable_memory).max()?;
    let taints_matter = said.any(|reason| reason.contains("taint"));
    let of = |node: &NodeView| -> Vec<Obstacle> {
        let mut obstacles = Vec::new();
        let missing: Vec<String> = workload
            .node_selector
            .iter()
            .filter(|(key, value)| node.labels.get(*key) != Some(value))
            .map(|(key, value)| format!("{key}={value}"))
            .collect();
        if !missing.is_empty() {
            obstacles.push(Obstacle::Labels { missing });
        }
        if node.unschedulable {
            obstacles.push(Obstacle::Cordoned);
        }
        // A cordon is a taint as well: it counts once.
        let taint = node.taints.iter().find(|taint| {
            !taint.ends_with(":PreferNoSchedule")
                && !taint.contains("node.kubernetes.io/unschedulable")
        });
        if let Some(taint) = taint.filter(|_| taints_matter) {
            obstacles.push(Obstacle::Taint(taint.clone()));
        }
        if let Some((used_cpu, used_memory)) = node.requested {
            let free = node.allocatable_cpu.saturating_sub(used_cpu);
            if free < cpu {
                obstacles.push(Obstacle::Cpu {
                    asked: cpu,
                    free,
                    most: most_cpu,
                });
            }
            let free = node.allocatable_memory.saturating_sub(used_memory);
            if free < memory {
                obstacles.push(Obstacle::Memory {
                    asked: memory,
                    free,
                    most: most_memory,
                });
            }
        }
        obstacles
    };
    nodes
        .iter()
        .filter(|node| node.ready == "True")
        .filter_map(|node| {
            let mut obstacles = of(node);
            let only = obstacles.pop()?;
            obstacles.is_empty().then(|| Best {
                node: node.name.clone(),
                obstacle: only,
            })
        })
        .min_by_key(|best| match &best.obstacle {
            Obstacle::Cordoned => (0, 0),
            Obstacle::Labels { missing } => (1, missing.len() as u64),
            Obstacle::Taint(_) => (2, 0),
            Obstacle::Cpu { asked, free, .. } => (3, asked - free),
            Obstacle::Memory { asked, free, .. } => (4, asked - free),
        })
}

/// Values that the nodes have for a label that is asked for with another value.
pub(super) fn near_label(case: &Case<'_>) -> Option<String> {
    let workload = case.evidence.workload.as_ref()?;
    workload.node_selector.iter().find_map(|(key, value)| {
        let mut there: Vec<&str> = case
            .evidence
            .nodes
            .iter()
            .filter_map(|node| node.labels.get(key))
            .map(String::as_str)
            .filter(|other| other != value)
            .collect();
        there.sort_unstable();
        there.dedup();
        (!there.is_empty()).then(|| {
            quote(&format!(
                "Nodes have {key}={}, the template asks for {value}.",
                there.join(" or ")
            ))
        })
    })
}
