//! What is wrong with a node.
use super::{Grace, Symptom, container::later};
use crate::domain::{family::Family, view::NodeView};
use jiff::Timestamp;

/// What is wrong with a node: it is not ready, or it is short of something and evicts pods.
pub fn of_node(node: &NodeView, grace: &Grace) -> Vec<Symptom> {
    // The view keeps the time of the Ready condition only; a pressure is at least as old as nothing we know better.
    let since = node.since.unwrap_or(Timestamp::UNIX_EPOCH);
    let mut symptoms = Vec::new();
    if node.ready != "True" {
        symptoms.push(Symptom {
            family: Family::Node,
            container: None,
            reason: node.reason.clone(),
            message: node.message.clone(),
            since,
            mature: later(since, grace.node),
            count: 0,
        });
    }
    symptoms.extend(node.pressure.iter().map(|pressure| Symptom {
        family: Family::Node,
        container: None,
        reason: pressure.clone(),
        message: format!("the node has {pressure}"),
        since,
        mature: since,
        count: 0,
    }));
    symptoms
}
