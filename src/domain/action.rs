//! The closed list of changes that Heal can make. An action is data, never a command string; it renders as the equivalent
//! `kubectl` command for people to read, and only [`Approved`](super::policy::Approved) actions can be executed.
mod table;

pub use table::actions_table;

use super::{object::ObjectRef, text::bytes};
use serde::{Deserialize, Serialize};
use std::fmt;

/// Annotation on a changed object that names the execution which changed it: after a crash it tells whether the change
/// was made, so that it is made once.
pub const EXECUTION_ANNOTATION: &str = "heal.dev/execution";
/// Heal's field manager, as `metadata.managedFields` shows it.
pub const FIELD_MANAGER: &str = "heal";

/// A typed, allow-listed change of one object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Action {
    /// Put the template of an older revision back (what `kubectl rollout undo --to-revision` does).
    RolloutUndo {
        /// Deployment, StatefulSet or DaemonSet.
        target: ObjectRef,
        /// The revision to go back to.
        to: RevisionRef,
        /// The revision that is left, so that the undo can itself be undone.
        from: RevisionRef,
    },
    /// Replace all pods, as the update strategy says (what `kubectl rollout restart` does).
    RolloutRestart {
        /// Deployment, StatefulSet or DaemonSet.
        target: ObjectRef,
    },
    /// Set one container's memory limit; the request is raised with it when it was equal (Guaranteed stays Guaranteed).
    SetMemoryLimit {
        /// Deployment, StatefulSet or DaemonSet.
        target: ObjectRef,
        /// Container name.
        container: String,
        /// Limit now, in bytes.
        from: u64,
        /// New limit, in bytes.
        to: u64,
        /// New request in bytes, when it has to move too.
        request: Option<u64>,
    },
    /// Delete one pod that a controller will replace.
    DeletePod {
        /// The pod.
        pod: ObjectRef,
        /// The controller that replaces it.
        target: ObjectRef,
    },
    /// Set the number of replicas.
    Scale {
        /// Deployment or StatefulSet.
        target: ObjectRef,
        /// Replicas now.
        from: i32,
        /// Replicas wanted.
        to: i32,
    },
}

/// A revision by number (for people) and by the object that keeps it (its identity).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevisionRef {
    /// Number in `kubectl rollout history`.
    pub number: i64,
    /// ReplicaSet or ControllerRevision.
    pub name: String,
}

/// An action without its particulars: what policies, tables and the memory speak of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ActionKind {
    /// See [`Action::RolloutUndo`].
    RolloutUndo,
    /// See [`Action::RolloutRestart`].
    RolloutRestart,
    /// See [`Action::SetMemoryLimit`].
    SetMemoryLimit,
    /// See [`Action::DeletePod`].
    DeletePod,
    /// See [`Action::Scale`].
    Scale,
}

impl ActionKind {
    /// Every action there is.
    pub const ALL: [ActionKind; 5] = [
        ActionKind::RolloutUndo,
        ActionKind::RolloutRestart,
        ActionKind::SetMemoryLimit,
        ActionKind::DeletePod,
        ActionKind::Scale,
    ];

    /// The name in configuration, audit and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            ActionKind::RolloutUndo => "RolloutUndo",
            ActionKind::RolloutRestart => "RolloutRestart",
            ActionKind::SetMemoryLimit => "SetMemoryLimit",
            ActionKind::DeletePod => "DeletePod",
            ActionKind::Scale => "Scale",
        }
    }

    /// The kind with this name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// What it risks at most.
    pub fn risk(self) -> Risk {
        match self {
            ActionKind::RolloutUndo => Risk::Low,
            ActionKind::SetMemoryLimit
            | ActionKind::RolloutRestart
            | ActionKind::Scale
            | ActionKind::DeletePod => Risk::Medium,
        }
    }
}

impl fmt::Display for ActionKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an action can cost when it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Risk {
    /// Stateless, and undone by one more click.
    Low,
    /// Replaces pods or changes capacity.
    Medium,
}

impl Action {
    /// Its kind.
    pub fn kind(&self) -> ActionKind {
        match self {
            Action::RolloutUndo { .. } => ActionKind::RolloutUndo,
            Action::RolloutRestart { .. } => ActionKind::RolloutRestart,
            Action::SetMemoryLimit { .. } => ActionKind::SetMemoryLimit,
            Action::DeletePod { .. } => ActionKind::DeletePod,
            Action::Scale { .. } => ActionKind::Scale,
        }
    }

    /// The workload that it is about.
    pub fn target(&self) -> &ObjectRef {
        match self {
            Action::RolloutUndo { target, .. }
            | Action::RolloutRestart { target }
            | Action::SetMemoryLimit { target, .. }
            | Action::DeletePod { target, .. }
            | Action::Scale { target, .. } => target,
        }
    }

    /// The object that the API call changes.
    pub fn object(&self) -> &ObjectRef {
        match self {
            Action::DeletePod { pod, .. } => pod,
            other => other.target(),
        }
    }

    /// The equivalent command.
    pub fn kubectl(&self) -> String {
        let on = |object: &ObjectRef| {
            format!(
                "{}/{} -n {}",
                object.kind.kubectl(),
                object.name,
                object.namespace
            )
        };
        match self {
            Action::RolloutUndo { target, to, .. } => {
                format!(
                    "kubectl rollout undo {} --to-revision={}",
                    on(target),
                    to.number
                )
            }
            Action::RolloutRestart { target } => format!("kubectl rollout restart {}", on(target)),
            Action::SetMemoryLimit {
                target,
                container,
                to,
                request,
                ..
            } => {
                let mut command = format!(
                    "kubectl set resources {} -c {container} --limits=memory={}",
                    on(target),
                    bytes(*to)
                );
                if let Some(request) = request {
                    command += &format!(" --requests=memory={}", bytes(*request));
                }
                command
            }
            Action::DeletePod { pod, .. } => {
                format!("kubectl delete pod {} -n {}", pod.name, pod.namespace)
            }
            Action::Scale { target, to, .. } => {
                format!("kubectl scale {} --replicas={to}", on(target))
            }
        }
    }

    /// What the button says: an imperative of at most 30 characters.
    pub fn label(&self) -> String {
        match self {
            Action::RolloutUndo { to, .. } => format!("Roll back to revision {}", to.number),
            Action::RolloutRestart { .. } => "Restart all pods".to_owned(),
            Action::SetMemoryLimit { from, to, .. } if to < from => {
                format!("Lower limit to {}", bytes(*to))
            }
            Action::SetMemoryLimit { to, .. } => format!("Raise limit to {}", bytes(*to)),
            Action::DeletePod { .. } => "Delete this pod".to_owned(),
            Action::Scale { to, .. } => format!("Scale to {to}"),
        }
    }

    /// What it will do, as one sentence for the confirm dialog and the thread.
    pub fn effect(&self) -> String {
        match self {
            Action::RolloutUndo { target, to, from } => format!(
                "Puts the template of revision {} back in place of revision {} of {target}; its pods are replaced.",
                to.number, from.number
            ),
            Action::RolloutRestart { target } => {
                format!("Replaces all pods of {target}.")
            }
            Action::SetMemoryLimit {
                target,
                container,
                from,
                to,
                ..
            } => format!(
                "Sets the memory limit of container {container} of {target} from {} to {}; its pods are replaced.",
                bytes(*from),
                bytes(*to)
            ),
            Action::DeletePod { pod, target } => {
                format!("Deletes {pod}; {target} makes a new one.")
            }
            Action::Scale { target, from, to } => {
                format!("Changes {target} from {from} to {to} replicas.")
            }
        }
    }

    /// The action that takes this one back, if there is one.
    pub fn inverse(&self) -> Option<Action> {
        match self {
            Action::RolloutUndo { target, to, from } => Some(Action::RolloutUndo {
                target: target.clone(),
                to: from.clone(),
                from: to.clone(),
            }),
            // A request that moved with the limit was equal to it before.
            Action::SetMemoryLimit {
                target,
                container,
                from,
                to,
                request,
            } => Some(Action::SetMemoryLimit {
                target: target.clone(),
                container: container.clone(),
                from: *to,
                to: *from,
                request: request.map(|_| *from),
            }),
            Action::Scale { target, from, to } => Some(Action::Scale {
                target: target.clone(),
                from: *to,
                to: *from,
            }),
            Action::RolloutRestart { .. } | Action::DeletePod { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> ObjectRef {
        ObjectRef::new("Deployment", "shop", "checkout", "u1")
    }

    #[test]
    fn every_action_reads_as_the_kubectl_command_that_does_the_same() {
        let rev = |number: i64| RevisionRef {
            number,
            name: format!("checkout-{number}"),
        };
        let undo = Action::RolloutUndo {
            target: target(),
            to: rev(41),
            from: rev(42),
        };
        let limit = Action::SetMemoryLimit {
            target: target(),
            container: "app".into(),
            from: 64 << 20,
            to: 128 << 20,
            request: Some(128 << 20),
        };
        let pod = ObjectRef::new("Pod", "shop", "checkout-abc", "p1");
        let all = [
            undo,
            Action::RolloutRestart { target: target() },
            limit,
            Action::DeletePod {
                pod,
                target: target(),
            },
            Action::Scale {
                target: target(),
                from: 0,
                to: 2,
            },
        ];
        let lines: Vec<String> = all
            .iter()
            .map(|a| format!("{} | {}\n{}", a.label(), a.kubectl(), a.effect()))
            .collect();
        insta::assert_snapshot!(lines.join("\n"), @r"
        Roll back to revision 41 | kubectl rollout undo deployment/checkout -n shop --to-revision=41
        Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.
        Restart all pods | kubectl rollout restart deployment/checkout -n shop
        Replaces all pods of Deployment shop/checkout.
        Raise limit to 128Mi | kubectl set resources deployment/checkout -n shop -c app --limits=memory=128Mi --requests=memory=128Mi
        Sets the memory limit of container app of Deployment shop/checkout from 64Mi to 128Mi; its pods are replaced.
        Delete this pod | kubectl delete pod checkout-abc -n shop
        Deletes Pod shop/checkout-abc; Deployment shop/checkout makes a new one.
        Scale to 2 | kubectl scale deployment/checkout -n shop --replicas=2
        Changes Deployment shop/checkout from 0 to 2 replicas.
        ");
        assert!(all.iter().all(|a| a.label().chars().count() <= 30));
    }

    #[test]
    fn a_raise_is_taken_back_together_with_the_request_that_moved_with_it() {
        let raise = Action::SetMemoryLimit {
            target: target(),
            container: "app".into(),
            from: 64 << 20,
            to: 128 << 20,
            request: Some(128 << 20),
        };
        let lower = raise.inverse().unwrap();
        insta::assert_snapshot!(format!("{} | {}", lower.label(), lower.kubectl()), @"Lower limit to 64Mi | kubectl set resources deployment/checkout -n shop -c app --limits=memory=64Mi --requests=memory=64Mi");
        assert_eq!(lower.inverse(), Some(raise));
    }
}
