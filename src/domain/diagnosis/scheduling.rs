//! A pod fits on no node. The scheduler's sentence counts, per node, only the first obstacle: which one is decisive is found by
//! trying the pod on the nodes, and naming the smallest change that would make it fit.
mod fit;
mod message;

use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    pattern,
};
use crate::domain::family::Family;
use fit::Obstacle;
use message::Message;
use regex::Regex;
use std::sync::LazyLock;

struct Rule {
    signature: &'static str,
    prior: f64,
    pattern: LazyLock<Regex>,
    cause: &'static str,
    advice: &'static str,
    /// Parts of the template whose change can cause it; nothing when an undo never helps.
    parts: Option<&'static [&'static str]>,
}

/// What a reason of the scheduler means. The first that matches wins: reasons that hold for all nodes come first.
static RULES: [Rule; 15] = [
    Rule {
        signature: "sched.pvc_unbound",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r#"unbound immediate PersistentVolumeClaims|persistentvolumeclaim "[^"]+" (?:not found|is being deleted|bound to non-existent)|waiting for ephemeral volume controller"#,
            )
        }),
        cause: "a volume claim that it mounts is missing or not bound",
        advice: "Look at the claim: its storage class, its size, and whether it exists. Heal never touches claims.",
        parts: Some(&["volume", "claim"]),
    },
    Rule {
        signature: "sched.selector_affinity",
        prior: 0.93,
        pattern: LazyLock::new(|| {
            pattern(
                r"didn't match Pod's node affinity/selector|didn't match the requested node name|scheduler-enforced node affinity",
            )
        }),
        cause: "no node has the labels that it asks for",
        advice: "Label a node, or correct the selector.",
        parts: Some(&["nodeselector", "affinity", "nodename"]),
    },
    Rule {
        signature: "sched.taint",
        prior: 0.9,
        pattern: LazyLock::new(|| {
            pattern(r"untolerated taint|taints? that the pod didn't tolerate")
        }),
        cause: "the nodes have taints that it does not tolerate",
        advice: "Add the toleration, or remove the taint.",
        parts: Some(&["toleration", "nodeselector", "affinity"]),
    },
    Rule {
        signature: "sched.pod_affinity",
        prior: 0.93,
        pattern: LazyLock::new(|| {
            pattern(
                r"didn't match pod (?:anti-)?affinity rules|didn't satisfy existing pods anti-affinity",
            )
        }),
        cause: "its rules about other pods on the same node cannot be met",
        advice: "With required anti-affinity there can be no more pods than nodes: prefer instead of require, or add nodes.",
        parts: Some(&["affinity"]),
    },
    Rule {
        signature: "sched.spread",
        prior: 0.93,
        pattern: LazyLock::new(|| pattern(r"pod topology spread constraints")),
        cause: "its spread constraints cannot be met",
        advice: "Add room in the zone that lacks it, or relax whenUnsatisfiable.",
        parts: Some(&["topologyspread"]),
    },
    Rule {
        signature: "sched.host_port",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r"didn't have free ports")),
        cause: "the host port that it wants is taken on every node",
        advice: "Do without hostPort, or use strategy Recreate.",
        parts: Some(&["hostport", "hostnetwork", "port"]),
    },
    Rule {
        signature: "sched.volume_zone",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r"volume node affinity conflict|didn't match PersistentVolume's node affinity|no available volume zone",
            )
        }),
        cause: "its volume is in a zone or on a node where it cannot run",
        advice: "Bring a node back where the volume is.",
        parts: None,
    },
    Rule {
        signature: "sched.volume_limit",
        prior: 0.93,
        pattern: LazyLock::new(|| pattern(r"exceed max volume count|CSI driver is not installed")),
        cause: "the nodes cannot attach more volumes",
        advice: "Add nodes, or repair the CSI plugin of the nodes.",
        parts: None,
    },
    Rule {
        signature: "sched.rwop",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r"ReadWriteOncePod access mode already in-use")),
        cause: "its volume allows one pod, and another one has it",
        advice: "The other pod has to end first.",
        parts: None,
    },
    Rule {
        signature: "sched.dra",
        prior: 0.9,
        pattern: LazyLock::new(|| {
            pattern(
                r"cannot allocate all claims|resourceclaim |device class \S+ does not exist|resource claim ",
            )
        }),
        cause: "a device that it claims cannot be had",
        advice: "Free or add the device.",
        parts: None,
    },
    Rule {
        signature: "sched.extended",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(r"Insufficient (?:[a-z0-9.-]+/\S+|ephemeral-storage|hugepages-\S+)")
        }),
        cause: "the nodes lack a resource that it asks for",
        advice: "Add nodes that have it, or repair the device plugin.",
        parts: Some(&["resources", "requests", "limits"]),
    },
    Rule {
        signature: "sched.too_many_pods",
        prior: 0.97,
        pattern: LazyLock::new(|| pattern(r"Too many pods")),
        cause: "the nodes hold as many pods as they may",
        advice: "Add nodes, or raise maxPods.",
        parts: None,
    },
    Rule {
        signature: "sched.cpu",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r"Insufficient cpu")),
        cause: "no node has enough CPU left for its request",
        advice: "Lower the request, or add nodes.",
        parts: Some(&["cpu", "resources", "requests"]),
    },
    Rule {
        signature: "sched.memory",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r"Insufficient memory")),
        cause: "no node has enough memory left for its request",
        advice: "Lower the request, or add nodes.",
        parts: Some(&["memory", "resources", "requests"]),
    },
    Rule {
        signature: "sched.all_cordoned",
        prior: 0.9,
        pattern: LazyLock::new(|| pattern(r"node\(s\) were unschedulable")),
        cause: "the nodes are cordoned",
        advice: "Uncordon a node when its maintenance is over: that is a person's word to give.",
        parts: None,
    },
];

/// A pod that fits on no node.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let waiting = case
        .evidence
        .pods
        .iter()
        .filter(|pod| !pod.deleting)
        .find_map(|pod| Some((pod, pod.unschedulable.as_ref()?.0.as_str())));
    let (pod, text) = match waiting {
        Some((pod, text)) => (Some(pod), text),
        None if case.family == Family::Scheduling && case.evidence.pods.is_empty() => {
            (None, case.message)
        }
        None => return None,
    };
    let said = Message::parse(text);
    let best = fit::best(case, &said);
    let signature_of_node = best.as_ref().map(|best| best.obstacle.signature());
    // What the nodes prove is decisive; the scheduler's own words decide where the nodes say nothing.
    let rule = signature_of_node
        .and_then(|signature| RULES.iter().find(|rule| rule.signature == signature))
        .filter(|rule| rule.pattern.is_match(text))
        .or_else(|| {
            RULES.iter().find(|rule| {
                rule.pattern.is_match(&said.before)
                    || said.all_nodes(|reason| rule.pattern.is_match(reason))
            })
        })
        .or_else(|| {
            // Most nodes first: the odd one out is usually a tainted control plane.
            let (_, reason) = said.reasons.iter().max_by_key(|(nodes, _)| *nodes)?;
            RULES.iter().find(|rule| rule.pattern.is_match(reason))
        })
        .or_else(|| RULES.iter().find(|rule| rule.pattern.is_match(text)));
    let subject = pod.map_or("A pod".to_owned(), |pod| format!("Pod {}", pod.name));
    let Some(rule) = rule else {
        return Some(
            Finding::new(
                case,
                Family::Scheduling,
                "sched.other",
                0.5,
                format!("{subject} fits on no node."),
            )
            .lines("the scheduler says", vec![quote(text)])
            .advise("The scheduler's own words tell what is missing.")
            .done(),
        );
    };
    let decisive = best
        .as_ref()
        .is_some_and(|best| best.obstacle.signature() == rule.signature);
    let mut finding = Finding::new(
        case,
        Family::Scheduling,
        rule.signature,
        rule.prior,
        format!("{subject} fits on no node: {}.", rule.cause),
    )
    .lines("the scheduler says", vec![quote(text)]);
    for (nodes, reason) in &said.reasons {
        finding = finding.detail(quote(&format!("{nodes} of {} nodes: {reason}", said.nodes)));
    }
    if let Some(best) = best.filter(|_| decisive) {
        finding = finding.fact(best.obstacle.fact(case)).advise(best.advice());
        if let Obstacle::Labels { .. } = best.obstacle
            && let Some(near) = fit::near_label(case)
        {
            finding = finding.advise(near);
        }
    } else {
        // Several reasons, and no node that shows which of them decides.
        if said.reasons.len() > 1 && case.evidence.nodes.is_empty() {
            finding = finding.unsure();
        }
        finding = finding.advise(rule.advice);
    }
    Some(
        match rule.parts {
            Some(parts) => finding.offer_undo(parts),
            None => finding,
        }
        .done(),
    )
}
