//! May Heal do what it is configured to do? Asked of the API server itself, before the first incident.
#[cfg(test)]
mod tests;

use super::{KubeCluster, rest::Fault};
use crate::{domain::action::ActionKind, ports::ClusterError};
use serde::Deserialize;
use serde_json::json;

/// One thing that Heal needs to be allowed to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permission {
    /// `list`
    pub verb: &'static str,
    /// `deployments.apps`, with the subresource: `pods/log`.
    pub resource: String,
    /// Where; empty for all namespaces.
    pub namespace: String,
    /// What for.
    pub why: &'static str,
    /// The answer.
    pub allowed: bool,
}

struct Need {
    verbs: &'static [&'static str],
    group: &'static str,
    resource: &'static str,
    why: &'static str,
    /// Of the whole cluster, whatever the namespace.
    global: bool,
}

const READ: &[&str] = &["get", "list", "watch"];
const GET_LIST: &[&str] = &["get", "list"];

const fn need(
    verbs: &'static [&'static str],
    group: &'static str,
    resource: &'static str,
    why: &'static str,
) -> Need {
    Need {
        verbs,
        group,
        resource,
        why,
        global: false,
    }
}

const OBSERVE: [Need; 17] = [
    need(READ, "", "pods", "watch for trouble"),
    need(&["list", "watch"], "", "events", "watch for trouble"),
    Need {
        global: true,
        ..need(READ, "", "nodes", "watch for trouble")
    },
    need(READ, "apps", "deployments", "watch for trouble"),
    need(READ, "apps", "replicasets", "find owners and revisions"),
    need(READ, "apps", "statefulsets", "watch for trouble"),
    need(READ, "apps", "daemonsets", "watch for trouble"),
    need(READ, "batch", "jobs", "watch for trouble"),
    need(&["get"], "batch", "cronjobs", "find the runs of a CronJob"),
    need(&["get"], "", "pods/log", "show the last log lines"),
    need(
        GET_LIST,
        "apps",
        "controllerrevisions",
        "find revisions to go back to",
    ),
    need(
        GET_LIST,
        "",
        "configmaps",
        "see whether a missing key exists",
    ),
    need(
        &["list"],
        "",
        "resourcequotas",
        "see what the namespace allows",
    ),
    need(
        &["list"],
        "",
        "limitranges",
        "see what the namespace allows",
    ),
    need(
        &["list"],
        "autoscaling",
        "horizontalpodautoscalers",
        "see who owns the replica count",
    ),
    need(&["list"], "metrics.k8s.io", "pods", "read memory figures"),
    need(
        &["list"],
        "policy",
        "poddisruptionbudgets",
        "see how many pods may be missing",
    ),
];

const DEPLOYMENTS: Need = need(&["patch"], "apps", "deployments", "change a Deployment");
const STATEFUL_SETS: Need = need(&["patch"], "apps", "statefulsets", "change a StatefulSet");
const DAEMON_SETS: Need = need(&["patch"], "apps", "daemonsets", "change a DaemonSet");
const TEMPLATES: [Need; 3] = [DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS];
/// Besides the pod: its workload is marked with the execution.
const DELETING: [Need; 4] = [
    need(&["delete"], "", "pods", "delete a pod"),
    DEPLOYMENTS,
    STATEFUL_SETS,
    DAEMON_SETS,
];
const SCALING: [Need; 4] = [
    need(
        &["patch"],
        "apps",
        "deployments/scale",
        "scale a Deployment",
    ),
    need(
        &["patch"],
        "apps",
        "statefulsets/scale",
        "scale a StatefulSet",
    ),
    DEPLOYMENTS,
    STATEFUL_SETS,
];

fn acting(action: ActionKind) -> &'static [Need] {
    match action {
        ActionKind::RolloutUndo | ActionKind::RolloutRestart | ActionKind::SetMemoryLimit => {
            &TEMPLATES
        }
        ActionKind::DeletePod => &DELETING,
        ActionKind::Scale => &SCALING,
    }
}

#[derive(Deserialize)]
struct Review {
    #[serde(default)]
    status: Answer,
}

#[derive(Default, Deserialize)]
struct Answer {
    #[serde(default)]
    allowed: bool,
}

/// Asks for everything that observing needs (in all namespaces) and that these actions need in these namespaces (in all,
/// when there is none).
///
/// # Errors
/// When the cluster does not answer.
pub async fn permissions(
    cluster: &KubeCluster,
    actions: &[ActionKind],
    namespaces: &[String],
) -> Result<Vec<Permission>, ClusterError> {
    let everywhere = [String::new()];
    let places = if namespaces.is_empty() {
        &everywhere
    } else {
        namespaces
    };
    let mut wanted: Vec<(&Need, &str)> = OBSERVE.iter().map(|need| (need, "")).collect();
    for need in actions.iter().flat_map(|action| acting(*action)) {
        wanted.extend(places.iter().map(|place| (need, place.as_str())));
    }
    let mut questions: Vec<Permission> = Vec::new();
    for (need, place) in wanted {
        for verb in need.verbs {
            let namespace = if need.global { "" } else { place };
            let permission = Permission {
                verb,
                resource: match need.group {
                    "" => need.resource.to_owned(),
                    group => format!("{}.{group}", need.resource),
                },
                namespace: namespace.to_owned(),
                why: need.why,
                allowed: false,
            };
            if !questions.contains(&permission) {
                questions.push(permission);
            }
        }
    }
    let answers = questions
        .into_iter()
        .map(|permission| ask(cluster, permission));
    Ok(futures::future::try_join_all(answers).await?)
}

async fn ask(cluster: &KubeCluster, mut permission: Permission) -> Result<Permission, Fault> {
    let (resource, group) = permission
        .resource
        .split_once('.')
        .unwrap_or((&permission.resource, ""));
    let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
    let body = json!({
        "apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {
            "namespace": permission.namespace, "verb": permission.verb,
            "group": group, "resource": resource, "subresource": subresource
        }}
    });
    let path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
    // Acting is asked with the acting client: it may have another identity.
    let rest = match permission.verb {
        "patch" | "delete" => &cluster.writer,
        _ => &cluster.reader,
    };
    let review: Review = rest.create(path, &body).await?;
    permission.allowed = review.status.allowed;
    Ok(permission)
}
