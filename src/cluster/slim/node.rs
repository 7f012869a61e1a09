//! Nodes.
use super::{Amounts, Condition, metadata, nullable};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Deserialize;

/// A node.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Node {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `spec`
    pub spec: NodeSpec,
    /// `status`
    pub status: NodeStatus,
}
shape!(
    /// What is wanted of a node.
    NodeSpec {
        unschedulable: bool,
        taints: Vec<Taint>,
    }
);
shape!(
    /// A taint.
    Taint {
        key: String,
        value: Option<String>,
        effect: String,
    }
);
shape!(
    /// How a node is.
    NodeStatus {
        allocatable: Amounts,
        conditions: Vec<Condition>,
    }
);
