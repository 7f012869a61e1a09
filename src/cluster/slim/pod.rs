//! Pods.
use super::{Condition, cpu, memory, metadata, nullable};
use crate::domain::forecast::caps::VARIABLES;
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Deserializer, de::IgnoredAny};

/// A pod.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// `metadata`
    #[serde(deserialize_with = "metadata")]
    pub metadata: ObjectMeta,
    /// `spec`
    pub spec: PodSpec,
    /// `status`
    pub status: PodStatus,
}
shape!(
    /// What a pod asks for, without the particulars that only templates are read for.
    PodSpec {
        node_name: Option<String>,
        init_containers: Vec<PodContainer>,
        containers: Vec<PodContainer>,
    }
);
shape!(
    /// A container of a pod.
    PodContainer {
        name: String,
        image: String,
        command: Vec<String>,
        args: Vec<String>,
        env: Caps,
        resources: Resources,
        liveness_probe: Option<IgnoredAny>,
        readiness_probe: Option<IgnoredAny>,
        startup_probe: Option<IgnoredAny>,
        restart_policy: Option<String>,
    }
);

impl PodContainer {
    /// An init container that runs beside the others, and is started again like them.
    pub fn is_sidecar(&self) -> bool {
        is_sidecar(&self.restart_policy)
    }
}

/// Whether this restart policy of an init container makes a sidecar of it.
pub fn is_sidecar(restart_policy: &Option<String>) -> bool {
    restart_policy.as_deref() == Some("Always")
}
/// Of an environment only the literal values of variables that may cap a program's memory: nothing else is any of Heal's
/// business.
#[derive(Clone, Debug, Default)]
pub struct Caps(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Caps {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Variable {
            name: String,
            value: Option<String>,
        }
        let all: Vec<Variable> = nullable(d)?;
        let wanted = |variable: &Variable| VARIABLES.contains(&variable.name.as_str());
        let literal = |variable: Variable| Some((variable.name, variable.value?));
        let caps = all.into_iter().filter(wanted).filter_map(literal);
        Ok(Self(caps.collect()))
    }
}

shape!(
    /// Requests and limits.
    Resources {
        limits: Amounts,
        requests: Amounts,
    }
);
/// Amounts of memory in bytes and of CPU in thousandths of a core.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Amounts {
    /// Memory in bytes.
    #[serde(deserialize_with = "memory")]
    pub memory: Option<u64>,
    /// CPU in thousandths of a core.
    #[serde(deserialize_with = "cpu")]
    pub cpu: Option<u64>,
}
shape!(
    /// How a pod is.
    PodStatus {
        phase: String,
        reason: Option<String>,
        message: Option<String>,
        conditions: Vec<Condition>,
        init_container_statuses: Vec<ContainerStatus>,
        container_statuses: Vec<ContainerStatus>,
    }
);
shape!(
    /// How a container is.
    ContainerStatus {
        name: String,
        ready: bool,
        restart_count: u32,
        state: State,
        last_state: State,
    }
);
shape!(
    /// A container's state: one of the three is set.
    State {
        waiting: Option<Waiting>,
        running: Option<Running>,
        terminated: Option<Terminated>,
    }
);
shape!(
    /// Not running.
    Waiting {
        reason: String,
        message: String,
    }
);
shape!(
    /// Running.
    Running {
        started_at: Option<Timestamp>,
    }
);
shape!(
    /// Ended.
    Terminated {
        reason: String,
        exit_code: i32,
        message: String,
        started_at: Option<Timestamp>,
        finished_at: Option<Timestamp>,
    }
);
