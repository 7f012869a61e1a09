//! Workloads of all kinds as one view, so that one rule says when each of them is rolled out.
use super::{
    gitops, project,
    slim::{self, Workload},
};
use crate::{
    domain::{
        action::EXECUTION_ANNOTATION,
        object::Kind,
        view::{ContainerSpec, JobCounts, ProbeSpec, WorkloadView},
    },
    redact::redact_words,
};

/// A Deployment, ReplicaSet, StatefulSet, DaemonSet or Job.
pub fn workload(kind: &Kind, of: &Workload) -> WorkloadView {
    let (meta, spec, status) = (&of.metadata, &of.spec, &of.status);
    let generation = meta.generation.unwrap_or(0);
    let pods = pods(kind, of);
    let template = &spec.template.spec;
    let init = template
        .init_containers
        .iter()
        .map(|c| container(c, true, &template.volumes));
    let main = template
        .containers
        .iter()
        .map(|c| container(c, false, &template.volumes));
    let strategy = match kind {
        Kind::Deployment => &spec.strategy,
        _ => &spec.update_strategy,
    };
    WorkloadView {
        object: project::object(kind.clone(), meta),
        resource_version: meta.resource_version.clone().unwrap_or_default(),
        generation,
        // The Job controller does not report what it has seen.
        observed_generation: match kind {
            Kind::Job => generation,
            _ => status.observed_generation.unwrap_or(0),
        },
        created: project::created(meta),
        desired: pods.desired,
        replicas: pods.all,
        updated: pods.updated,
        ready: pods.ready,
        available: pods.available,
        paused: spec.paused || spec.suspend,
        strategy: strategy.kind.clone(),
        conditions: project::conditions(&status.conditions),
        containers: init.chain(main).collect(),
        owner: project::owner(meta),
        revision: project::annotation(meta, REVISION_ANNOTATION).and_then(|n| n.parse().ok()),
        managed_by: gitops::of(meta),
        last_execution: project::annotation(meta, EXECUTION_ANNOTATION).cloned(),
        service_account: template.service_account_name.clone(),
        node_selector: template.node_selector.clone(),
        job: (*kind == Kind::Job).then(|| JobCounts {
            failed: status.failed,
            succeeded: status.succeeded,
            backoff_limit: spec.backoff_limit.unwrap_or(6),
        }),
        max_unavailable: max_unavailable(
            kind,
            &strategy.rolling_update.max_unavailable,
            pods.desired,
        ),
    }
}

/// Where Deployments and their ReplicaSets note the number of their revision.
pub const REVISION_ANNOTATION: &str = "deployment.kubernetes.io/revision";

struct Pods {
    desired: i32,
    all: i32,
    updated: i32,
    ready: i32,
    available: i32,
}

fn pods(kind: &Kind, of: &Workload) -> Pods {
    let (spec, status) = (&of.spec, &of.status);
    let desired = spec.replicas.unwrap_or(1);
    match kind {
        Kind::DaemonSet => Pods {
            desired: status.desired_number_scheduled,
            all: status.current_number_scheduled,
            updated: status.updated_number_scheduled,
            ready: status.number_ready,
            available: status.number_available,
        },
        Kind::Job => Pods {
            desired: spec.parallelism.unwrap_or(1),
            all: status.active,
            updated: status.active,
            ready: status.ready,
            available: status.ready,
        },
        Kind::StatefulSet => Pods {
            desired,
            all: status.replicas,
            updated: updated_of_stateful_set(of),
            ready: status.ready_replicas,
            available: status.available_replicas,
        },
        Kind::ReplicaSet => Pods {
            desired,
            all: status.replicas,
            updated: status.replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
        },
        _ => Pods {
            desired,
            all: status.replicas,
            updated: status.updated_replicas,
            ready: status.ready_replicas,
            available: status.available_replicas,
        },
    }
}

/// How many pods a rolling update may take away at the same time. A share counts as Kubernetes rounds it: down for a Deployment
/// (which makes new pods first), up for the kinds that cannot.
fn max_unavailable(kind: &Kind, written: &serde_json::Value, desired: i32) -> Option<i32> {
    let deployment = match kind {
        Kind::Deployment => true,
        Kind::StatefulSet | Kind::DaemonSet => false,
        _ => return None,
    };
    let of_share = |percent: i32| {
        let hundredths = i64::from(percent.max(0)) * i64::from(desired.max(0));
        let whole = if deployment {
            hundredths / 100
        } else {
            (hundredths + 99) / 100
        };
        i32::try_from(whole).unwrap_or(i32::MAX)
    };
    let written = match written {
        serde_json::Value::Number(number) => number.as_i64().and_then(|n| i32::try_from(n).ok()),
        serde_json::Value::String(share) => share
            .strip_suffix('%')
            .and_then(|percent| percent.parse().ok())
            .map(of_share),
        _ => None,
    };
    Some(written.unwrap_or(if deployment { of_share(25) } else { 1 }))
}

/// Pods below a partition stay on the old template on purpose: they count as up to date. When both revisions are the
/// same, all pods are, whatever the counter says.
fn updated_of_stateful_set(of: &Workload) -> i32 {
    let status = &of.status;
    if !status.update_revision.is_empty() && status.update_revision == status.current_revision {
        return status.replicas;
    }
    let kept = of.spec.update_strategy.rolling_update.partition.max(0);
    status
        .updated_replicas
        .saturating_add(kept)
        .min(status.replicas)
}

fn container(of: &slim::Container, init: bool, volumes: &[slim::Volume]) -> ContainerSpec {
    let in_memory = |name: &str| {
        volumes.iter().any(|volume| {
            let dir = volume.empty_dir.as_ref();
            volume.name == name && dir.is_some_and(|dir| dir.medium == "Memory")
        })
    };
    ContainerSpec {
        name: of.name.clone(),
        init,
        sidecar: init && slim::is_sidecar(&of.restart_policy),
        image: of.image.clone(),
        command: redact_words(of.command.iter().chain(&of.args)),
        memory_limit: of.resources.limits.memory,
        memory_request: of.resources.requests.memory,
        cpu_request: of.resources.requests.cpu,
        memory_volume: of
            .volume_mounts
            .iter()
            .map(|mount| &mount.name)
            .find(|name| in_memory(name))
            .cloned(),
        ports: of.ports.iter().map(|port| port.container_port).collect(),
        liveness: of.liveness_probe.as_ref().map(probe),
        readiness: of.readiness_probe.as_ref().map(probe),
        startup: of.startup_probe.as_ref().map(probe),
    }
}

fn probe(of: &slim::Probe) -> ProbeSpec {
    let (kind, endpoint) = if let Some(http) = &of.http_get {
        ("http", Some(http))
    } else if let Some(tcp) = &of.tcp_socket {
        ("tcp", Some(tcp))
    } else if let Some(grpc) = &of.grpc {
        ("grpc", Some(grpc))
    } else {
        ("exec", None)
    };
    ProbeSpec {
        kind: kind.to_owned(),
        port: endpoint.and_then(|endpoint| match &endpoint.port {
            serde_json::Value::String(name) => Some(name.clone()),
            serde_json::Value::Number(number) => Some(number.to_string()),
            _ => None,
        }),
        path: endpoint.and_then(|endpoint| endpoint.path.as_deref().map(project::text)),
        command: of
            .exec
            .as_ref()
            .map(|exec| redact_words(&exec.command))
            .unwrap_or_default(),
        initial_delay: of.initial_delay_seconds.unwrap_or(0),
        period: of.period_seconds.unwrap_or(10),
        timeout: of.timeout_seconds.unwrap_or(1),
        failures: of.failure_threshold.unwrap_or(3),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_path_of_a_probe_is_shown_without_its_secrets() {
        let path = "/ready?token=hunter2&deep=1";
        let of = json!({"httpGet": {"path": path, "port": 8080}});
        let told = probe(&serde_json::from_value(of).unwrap());
        assert_eq!(told.path.as_deref(), Some("/ready?token=[redacted]&deep=1"));
    }
}
