//! Small builders of evidence for tests: a broken Deployment `shop/checkout` in a few words, and a diagnosis as text.
use super::{Case, Diagnosis, Proof, diagnose};
use crate::domain::{
    evidence::{Evidence, LogTail, Revision},
    family::Family,
    forecast::Outlook,
    object::{Kind, ObjectRef},
    view::{
        Condition, ContainerSpec, ContainerState, ContainerView, EventView, NodeView, OwnerLink,
        PodView, Terminated, WorkloadView,
    },
};
use jiff::{SignedDuration, Timestamp};

/// The moment of all tests.
pub fn now() -> Timestamp {
    "2026-11-21T03:00:00Z".parse().unwrap()
}

/// So many seconds before [`now`].
pub fn ago(seconds: i64) -> Timestamp {
    now() - SignedDuration::from_secs(seconds)
}

/// A case with everything it owns.
#[derive(Clone, Debug)]
pub struct World {
    /// The incident's owner.
    pub owner: ObjectRef,
    /// The family of its signal.
    pub family: Family,
    /// Reason and text of the signal.
    pub signal: (String, String),
    /// The evidence.
    pub evidence: Evidence,
    /// What is expected of its memory.
    pub forecast: Option<Outlook>,
    /// At which forecasts are made.
    pub pace: f64,
}

impl World {
    /// Deployment `shop/checkout` with three replicas of one container `app`, none of them available.
    pub fn deployment(family: Family) -> Self {
        Self::of(Kind::Deployment, family)
    }

    /// The same with another kind.
    pub fn of(kind: Kind, family: Family) -> Self {
        let owner = ObjectRef::new(kind, "shop", "checkout", "w1");
        let mut evidence = Evidence::empty(now());
        evidence.workload = Some(workload(&owner));
        Self {
            owner,
            family,
            signal: (String::new(), String::new()),
            evidence,
            forecast: None,
            pace: 1.0,
        }
    }

    /// The text of the signal.
    pub fn signal(mut self, reason: &str, message: &str) -> Self {
        self.signal = (reason.into(), message.into());
        self
    }

    /// Changes the workload.
    pub fn workload(mut self, change: impl FnOnce(&mut WorkloadView)) -> Self {
        change(self.evidence.workload.as_mut().unwrap());
        self
    }

    /// Changes the specification of container `app`.
    pub fn spec(self, change: impl FnOnce(&mut ContainerSpec)) -> Self {
        self.workload(|workload| change(&mut workload.containers[0]))
    }

    /// Adds a sidecar to the template that asks for so much memory, and may use no more.
    pub fn sidecar(self, memory: u64) -> Self {
        self.workload(|workload| {
            let sidecar = ContainerSpec {
                name: "proxy".into(),
                init: true,
                sidecar: true,
                memory_limit: Some(memory),
                ..ContainerSpec::default()
            };
            workload.containers.insert(0, sidecar);
        })
    }

    /// Adds a pod of the newest template with one container `app`.
    pub fn pod(mut self, change: impl FnOnce(&mut PodView)) -> Self {
        let mut pod = pod(&format!("checkout-new-{}", self.evidence.pods.len() + 1));
        change(&mut pod);
        self.evidence.pods.push(pod);
        self.evidence.pod_count += 1;
        self
    }

    /// Adds a pod whose container `app` is in this state.
    pub fn state(self, state: ContainerState) -> Self {
        self.pod(|pod| pod.containers[0].state = state)
    }

    /// Adds a pod whose container `app` crashes in a loop and ended last with this reason and exit code, 3 s after its start.
    pub fn crash_loop(self, reason: &str, exit_code: i32) -> Self {
        let end = ended(reason, exit_code, "");
        self.pod(|pod| {
            let container = &mut pod.containers[0];
            container.state = waiting(
                "CrashLoopBackOff",
                "back-off 40s restarting failed container=app",
            );
            container.last = Some(end);
            container.restarts = 4;
        })
    }

    /// The log of the previous run of container `app` in the first pod.
    pub fn log(mut self, text: &str) -> Self {
        self.evidence.logs.push(LogTail {
            pod: self.evidence.pods[0].name.clone(),
            container: "app".into(),
            previous: true,
            lines: text.lines().map(str::to_owned).collect(),
        });
        self
    }

    /// An event about the first pod's container `app` (or the owner, while there is no pod), a few seconds ago.
    pub fn event(mut self, reason: &str, note: &str) -> Self {
        let about = self
            .evidence
            .pods
            .first()
            .map_or_else(|| self.owner.clone(), PodView::object);
        self.evidence.events.push(event(reason, note, about));
        self
    }

    /// Revision 41 with this diff and two pods that are available, and revision 42 which is six minutes old and current.
    pub fn revisions(mut self, diff: &[&str]) -> Self {
        let revision = |number: i64, hash: &str, current: bool| Revision {
            number,
            name: format!("checkout-{hash}"),
            hash: hash.into(),
            created: if current { ago(360) } else { ago(500_000) },
            current,
            available: if current { 0 } else { 2 },
            seen_healthy: None,
            images: Vec::new(),
            diff: Vec::new(),
        };
        let mut old = revision(41, "old", false);
        old.diff = diff.iter().map(|line| (*line).to_owned()).collect();
        self.evidence.revisions = vec![revision(42, "new", true), old];
        self.workload(|workload| workload.available = 2)
    }

    /// Adds a node with 4 CPUs and 16Gi, of which this much is requested.
    pub fn node(mut self, name: &str, change: impl FnOnce(&mut NodeView)) -> Self {
        let mut node = node(name);
        change(&mut node);
        self.evidence.nodes.push(node);
        self
    }

    /// The diagnosis.
    pub fn diagnose(&self) -> Diagnosis {
        diagnose(&self.case())
    }

    /// The case.
    pub fn case(&self) -> Case<'_> {
        Case {
            owner: &self.owner,
            family: self.family,
            container: None,
            reason: &self.signal.0,
            message: &self.signal.1,
            evidence: &self.evidence,
            forecast: self.forecast.as_ref(),
            pace: self.pace,
            now: now(),
        }
    }

    /// The diagnosis as text.
    pub fn told(&self) -> String {
        told(&self.diagnose())
    }
}

/// A workload of three replicas.
pub fn workload(owner: &ObjectRef) -> WorkloadView {
    WorkloadView {
        object: owner.clone(),
        resource_version: "1".into(),
        generation: 7,
        observed_generation: 7,
        created: ago(9_000_000),
        desired: 3,
        replicas: 3,
        updated: 3,
        ready: 0,
        available: 0,
        paused: false,
        strategy: "RollingUpdate".into(),
        conditions: Vec::new(),
        containers: vec![ContainerSpec {
            name: "app".into(),
            image: "registry.example/checkout:2".into(),
            memory_limit: Some(256 << 20),
            memory_request: Some(256 << 20),
            cpu_request: Some(500),
            ports: vec![8080],
            ..ContainerSpec::default()
        }],
        owner: None,
        revision: Some(42),
        managed_by: None,
        last_execution: None,
        service_account: None,
        node_selector: Default::default(),
        job: None,
        max_unavailable: Some(0),
    }
}

/// A pod of the newest template that runs and is not ready, started ten minutes ago.
pub fn pod(name: &str) -> PodView {
    PodView {
        namespace: "shop".into(),
        name: name.into(),
        uid: format!("uid-{name}"),
        owner: Some(OwnerLink {
            kind: Kind::ReplicaSet,
            name: "checkout-new".into(),
            uid: "rs1".into(),
        }),
        template_hash: Some("new".into()),
        node: Some("worker-1".into()),
        phase: "Running".into(),
        reason: None,
        message: None,
        created: ago(600),
        deleting: false,
        ready: false,
        ready_changed: Some(ago(590)),
        unschedulable: None,
        disruption: None,
        containers: vec![ContainerView {
            name: "app".into(),
            init: false,
            image: "registry.example/checkout:2".into(),
            ready: false,
            restarts: 0,
            state: ContainerState::Running {
                since: Some(ago(590)),
            },
            last: None,
            memory_limit: Some(256 << 20),
            cpu_limit: None,
            probed: false,
        }],
    }
}

/// A waiting state.
pub fn waiting(reason: &str, message: &str) -> ContainerState {
    ContainerState::Waiting {
        reason: reason.into(),
        message: message.into(),
    }
}

/// An end, 10 s ago after 3 s.
pub fn ended(reason: &str, exit_code: i32, message: &str) -> Terminated {
    Terminated {
        reason: reason.into(),
        exit_code,
        message: message.into(),
        started: Some(ago(13)),
        finished: Some(ago(10)),
    }
}

/// A Warning event of the kubelet, 12 s ago.
pub fn event(reason: &str, note: &str, about: ObjectRef) -> EventView {
    EventView {
        uid: "e1".into(),
        kind: "Warning".into(),
        reason: reason.into(),
        note: note.into(),
        about,
        container: None,
        count: 1,
        at: ago(12),
        component: "kubelet".into(),
    }
}

/// A ready node with 4 CPUs and 16Gi, of which 1 CPU and 4Gi are requested.
pub fn node(name: &str) -> NodeView {
    NodeView {
        name: name.into(),
        uid: format!("uid-{name}"),
        ready: "True".into(),
        reason: "KubeletReady".into(),
        message: "kubelet is posting ready status".into(),
        since: Some(ago(90_000)),
        pressure: Vec::new(),
        unschedulable: false,
        taints: Vec::new(),
        labels: [("kubernetes.io/hostname".to_owned(), name.to_owned())].into(),
        allocatable_cpu: 4000,
        allocatable_memory: 16 << 30,
        requested: Some((1000, 4 << 30)),
    }
}

/// A true condition.
pub fn condition(kind: &str, status: &str, reason: &str, message: &str) -> Condition {
    Condition {
        kind: kind.into(),
        status: status.into(),
        reason: reason.into(),
        message: message.into(),
        since: Some(ago(120)),
    }
}

/// A diagnosis as a person would read it.
pub fn told(diagnosis: &Diagnosis) -> String {
    let mut lines = vec![
        format!(
            "{} {:?} {:.2}: {}",
            diagnosis.signature, diagnosis.severity, diagnosis.confidence, diagnosis.headline
        ),
        diagnosis.cause.clone(),
    ];
    for proof in &diagnosis.proof {
        match proof {
            Proof::Fact { text } => lines.push(format!("- {text}")),
            Proof::Log { title, lines: log } => {
                lines.push(format!("- {title}:"));
                lines.extend(log.iter().map(|line| format!("    {line}")));
            }
        }
    }
    for candidate in &diagnosis.candidates {
        lines.push(format!("$ {}", candidate.action.kubectl()));
        lines.push(format!("  {}", candidate.reason));
        lines.extend(
            candidate
                .warnings
                .iter()
                .map(|warning| format!("  ! {warning}")),
        );
    }
    if let Some(advice) = &diagnosis.advice {
        lines.push(format!("> {advice}"));
    }
    lines.join("\n")
}
