//! A node is not ready, or short of something. Nothing that Heal may do helps a node: it says what is wrong and who is affected.
use super::{
    Case, Diagnosis, Severity,
    finding::{Finding, quote},
};
use crate::domain::{
    family::Family,
    text::{count, duration},
    view::NodeView,
};

/// A node in trouble.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let node = case.evidence.node.as_ref()?;
    let oom = case
        .evidence
        .events
        .iter()
        .rev()
        .find(|event| event.reason == "SystemOOM");
    let finding = if node.ready != "True" {
        not_ready(case, node)
    } else if !node.pressure.is_empty() {
        Finding::new(
            case,
            Family::Node,
            "node.pressure",
            0.97,
            format!(
                "Node {} has {}: it takes no new pods and evicts those that use most.",
                node.name,
                node.pressure.join(" and ")
            ),
        )
        .headline("is under pressure")
        .severity(Severity::Major)
        .advise("Free what it is short of, and give the largest users requests and limits. The condition stays for five minutes after it is better.")
    } else if let Some(event) = oom {
        Finding::new(
            case,
            Family::Node,
            "oom.node",
            0.9,
            format!(
                "Node {} ran out of memory as a whole, and the kernel killed a process.",
                node.name
            ),
        )
        .headline("ran out of memory")
        .severity(Severity::Major)
        .lines("the kubelet says", vec![quote(&event.note)])
        .advise("Give the largest users of memory on this node requests that equal their limits.")
    } else {
        return None;
    };
    let mut finding = finding;
    if case.evidence.pod_count > 0 {
        finding = finding.fact(format!(
            "{} on this node",
            count(i64::from(case.evidence.pod_count), "pod")
        ));
    }
    if node.unschedulable {
        finding = finding.fact("it is cordoned: this may be maintenance");
    }
    Some(finding.done())
}

fn not_ready<'c, 'a>(case: &'c Case<'a>, node: &NodeView) -> Finding<'c, 'a> {
    let text = node.message.as_str();
    let (signature, prior, cause, advice) = if node.ready == "Unknown" {
        (
            "node.not_ready_kubelet",
            0.97,
            "its kubelet stopped reporting",
            "Look at the machine and its kubelet. Pods are replaced after five minutes, those of StatefulSets only when the node is known to be gone.",
        )
    } else if text.contains("network not ready") || text.contains("cni ") {
        (
            "node.not_ready_network",
            0.97,
            "its pod network is not ready",
            "Look at the network plugin's pod on this node.",
        )
    } else if text.contains("container runtime") || text.contains("PLEG") {
        (
            "node.not_ready_runtime",
            0.97,
            "its container runtime does not work",
            "Restart the container runtime, and look at the disk's latency.",
        )
    } else {
        (
            "node.not_ready_other",
            0.7,
            "its kubelet says that it is not ready",
            "The kubelet's own words tell why.",
        )
    };
    let mut finding = Finding::new(
        case,
        Family::Node,
        signature,
        prior,
        format!("Node {} is not ready: {cause}.", node.name),
    )
    .severity(Severity::Critical)
    .lines("the node's condition says", vec![quote(text)])
    .advise(advice);
    if let Some(since) = node.since {
        finding = finding.fact(format!(
            "Ready is {} since {}, reason {}",
            quote(&node.ready),
            duration(case.now.duration_since(since)),
            quote(&node.reason)
        ));
    }
    finding
}
