//! Refused pods, Jobs, nodes, evictions, rollouts.
use crate::domain::{
    action::ActionKind,
    diagnosis::{Severity, testkit::*},
    family::Family,
    object::{Kind, ObjectRef},
    view::{ContainerState, JobCounts},
};

fn refused(text: &str) -> World {
    World::deployment(Family::Admission)
        .workload(|workload| {
            workload.replicas = 1;
            workload
                .conditions
                .push(condition("ReplicaFailure", "True", "FailedCreate", text));
        })
        .revisions(&["containers[app].resources.limits.memory: 2Gi → 1Gi"])
}

#[test]
fn refusals_are_told_apart() {
    let rows = [
        (
            r#"pods "a-1" is forbidden: exceeded quota: mem, requested: limits.memory=2Gi, used: limits.memory=3Gi, limited: limits.memory=4Gi"#,
            "adm.quota",
            true,
        ),
        (
            r#"pods "a-1" is forbidden: exceeded quota: cpu-quota, requested: requests.cpu=1, used: requests.cpu=10, limited: requests.cpu=10"#,
            "adm.quota",
            false,
        ),
        (
            r#"pods "a-1" is forbidden: failed quota: compute-quota: must specify limits.cpu for: api-server"#,
            "adm.quota_must_specify",
            false,
        ),
        (
            r#"pods "a" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi"#,
            "adm.limitrange",
            true,
        ),
        (
            r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false"#,
            "adm.psa",
            false,
        ),
        (
            r#"admission webhook "validate.kyverno.svc-fail" denied the request: resource Pod/ns/a was blocked"#,
            "adm.webhook_denied",
            true,
        ),
        (
            r#"Internal error occurred: failed calling webhook "x.svc": failed to call webhook: Post "https://x.ns.svc:443/validate?timeout=10s": no endpoints available for service "x""#,
            "adm.webhook_unreachable",
            false,
        ),
        (
            r#"pods "a" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no latest tag"#,
            "adm.vap",
            true,
        ),
        (
            r#"pods "f-" is forbidden: error looking up service account boutique/frontend: serviceaccount "frontend" not found"#,
            "adm.serviceaccount",
            false,
        ),
        (
            r#"pods "a" is forbidden: no PriorityClass with name high was found"#,
            "adm.priorityclass",
            false,
        ),
        (
            r#"pods "a" is forbidden: unable to create new content in namespace x because it is being terminated"#,
            "adm.ns_terminating",
            false,
        ),
        (
            r#"Pod "a" is invalid: spec.containers[0].resources.requests: Invalid value: "2Gi": must be less than or equal to memory limit of 1Gi"#,
            "adm.invalid_spec",
            true,
        ),
    ];
    for (text, signature, undo) in rows {
        let diagnosis = refused(text).diagnose();
        assert_eq!(diagnosis.signature, signature, "{text}");
        let offered: Vec<_> = diagnosis
            .candidates
            .iter()
            .map(|c| c.action.kind())
            .collect();
        let expected = if undo {
            vec![ActionKind::RolloutUndo]
        } else {
            vec![]
        };
        assert_eq!(offered, expected, "{text}");
    }
}

#[test]
fn pod_security_says_what_never_to_do() {
    insta::assert_snapshot!(refused(r#"pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)"#).told(), @r#"
        adm.psa Major 0.98: may not create pods
        New pods are refused: Pod Security level restricted:latest of the namespace forbids: allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false).
        - the API server says:
            pods "a" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "app" must set securityContext.allowPrivilegeEscalation=false)
        - 1 of 3 pods are there
        > Fix the securityContext, or the namespace's label. Do not restart anything: running pods would not come back.
        "#);
}

#[test]
fn a_full_quota_tells_its_numbers() {
    insta::assert_snapshot!(refused(r#"pods "a-1" is forbidden: exceeded quota: cpu-quota, requested: requests.cpu=1, used: requests.cpu=10, limited: requests.cpu=10"#).told(), @r#"
        adm.quota Major 0.98: may not create pods
        New pods are refused: quota cpu-quota is used up (asked for requests.cpu=1, used requests.cpu=10 of requests.cpu=10).
        - the API server says:
            pods "a-1" is forbidden: exceeded quota: cpu-quota, requested: requests.cpu=1, used: requests.cpu=10, limited: requests.cpu=10
        - 1 of 3 pods are there
        > Raise the quota, or free what other workloads of the namespace hold.
        "#);
}

fn job() -> World {
    World::of(Kind::Job, Family::Job).workload(|workload| {
        workload.job = Some(JobCounts {
            failed: 3,
            succeeded: 0,
            backoff_limit: 2,
        });
        workload.conditions.push(condition(
            "Failed",
            "True",
            "BackoffLimitExceeded",
            "Job has reached the specified backoff limit",
        ));
    })
}

#[test]
fn a_job_gives_up_for_the_reason_of_its_pods() {
    let world = job().pod(|pod| {
        pod.phase = "Failed".into();
        pod.containers[0].state = ContainerState::Terminated(ended("OOMKilled", 137, ""));
    });
    insta::assert_snapshot!(world.told(), @r"
        job.backoff_limit Warning 0.95: failed
        The Job gave up: its pods failed more often than backoffLimit allows. Container app was killed at its memory limit of 256Mi.
        - condition Failed, BackoffLimitExceeded: Job has reached the specified backoff limit
        - 3 failed and 0 succeeded, backoffLimit 2
        - Container app of pod checkout-new-1: exit code 137, reason OOMKilled, 3 s after its start
        > The template of a Job cannot be changed: raise the limit in its manifest. Mend the cause, then create the Job again; Heal does not, because it might do its work twice.
        ");
}

#[test]
fn a_job_whose_pods_are_gone_says_so() {
    let diagnosis = job().diagnose();
    assert_eq!(diagnosis.severity, Severity::Warning);
    insta::assert_snapshot!(told(&diagnosis), @r"
        job.backoff_limit Warning 0.75: failed
        The Job gave up: its pods failed more often than backoffLimit allows.
        - condition Failed, BackoffLimitExceeded: Job has reached the specified backoff limit
        - 3 failed and 0 succeeded, backoffLimit 2
        - its pods are gone: their logs cannot be read any more
        > Mend the cause, then create the Job again; Heal does not, because it might do its work twice.
        ");
}

fn node_case(change: impl FnOnce(&mut crate::domain::view::NodeView)) -> World {
    let mut world = World::deployment(Family::Node);
    let mut node = node("worker-1");
    change(&mut node);
    world.owner = ObjectRef::new(Kind::Node, "", "worker-1", &node.uid);
    world.evidence.workload = None;
    world.evidence.node = Some(node);
    world.evidence.pod_count = 12;
    world
}

#[test]
fn nodes_fail_in_known_ways() {
    let rows = [
        (
            "Unknown",
            "NodeStatusUnknown",
            "Kubelet stopped posting node status.",
            "node.not_ready_kubelet",
        ),
        (
            "False",
            "KubeletNotReady",
            "PLEG is not healthy: pleg was last seen active 3m11s ago; threshold is 3m0s",
            "node.not_ready_runtime",
        ),
        (
            "False",
            "KubeletNotReady",
            "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized",
            "node.not_ready_network",
        ),
    ];
    for (ready, reason, message, signature) in rows {
        let world = node_case(|node| {
            node.ready = ready.into();
            node.reason = reason.into();
            node.message = message.into();
            node.since = Some(ago(300));
        });
        assert_eq!(world.diagnose().signature, signature);
        assert_eq!(world.diagnose().severity, Severity::Critical);
    }
    insta::assert_snapshot!(node_case(|node| node.pressure.push("DiskPressure".into())).told(), @r"
        node.pressure Major 0.97: is under pressure
        Node worker-1 has DiskPressure: it takes no new pods and evicts those that use most.
        - 12 pods on this node
        > Free what it is short of, and give the largest users requests and limits. The condition stays for five minutes after it is better.
        ");
}

#[test]
fn an_evicted_pod_is_only_swept_up_when_its_replacement_works() {
    let evicted = |available: i32| {
        World::deployment(Family::Eviction)
            .workload(|workload| workload.available = available)
            .pod(|pod| {
                pod.phase = "Failed".into();
                pod.reason = Some("Evicted".into());
                pod.message = Some("The node was low on resource: ephemeral-storage. Threshold quantity: 10%, available: 8%. Container app was using 9Gi, request is 0, has larger consumption of ephemeral-storage. ".into());
            })
    };
    insta::assert_snapshot!(evicted(3).told(), @r"
        evict.node_pressure Warning 0.97: was evicted
        The kubelet evicted a pod: its node was short of ephemeral-storage.
        - the kubelet says:
            The node was low on resource: ephemeral-storage. Threshold quantity: 10%, available: 8%. Container app was using 9Gi, request is 0, has larger consumption of ephemeral-storage.
        - container app used 9Gi, its request is 0
        - 1 pod evicted and left behind
        $ kubectl delete pod checkout-new-1 -n shop
          Its replacement works: the evicted pod is only a record, and keeps nothing running.
          ! Its status and message go with it.
        > Free it on the node, and give its largest users requests: pods above their request go first.
        ");
    assert!(evicted(2).diagnose().candidates.is_empty());
}

#[test]
fn a_volume_beyond_its_own_limit_is_not_the_nodes_fault() {
    let world = World::deployment(Family::Eviction).signal(
        "Evicted",
        "Usage of EmptyDir volume \"tmp\" exceeds the limit \"100Mi\". ",
    );
    insta::assert_snapshot!(world.told(), @r#"
        evict.ephemeral_limit Critical 0.97: was evicted
        The kubelet evicted a pod: emptyDir volume tmp grew beyond its limit of 100Mi.
        - the kubelet says:
            Usage of EmptyDir volume "tmp" exceeds the limit "100Mi".
        > Raise the limit, or stop what fills the disk: logs and temporary files are the usual reasons.
        "#);
}

#[test]
fn a_rollout_without_any_other_sign_offers_nothing() {
    let world = World::deployment(Family::Rollout)
        .workload(|workload| {
            workload.conditions.push(condition(
                "Progressing",
                "False",
                "ProgressDeadlineExceeded",
                "ReplicaSet \"checkout-new\" has timed out progressing.",
            ));
        })
        .revisions(&["containers[app].image: a → b"])
        .pod(|_| {});
    insta::assert_snapshot!(world.told(), @r#"
        rollout.deadline Major 0.60: does not finish its rollout
        The rollout made no progress within its deadline, and its pods do not say why.
        - 3 of 3 pods have the new template, 2 are available
        - ProgressDeadlineExceeded: ReplicaSet "checkout-new" has timed out progressing.
        > Look at the newest pods. If the change is to blame, roll it back by hand.
        "#);
}

#[test]
fn an_init_container_that_waits_for_a_missing_service_is_named() {
    let world = World::deployment(Family::Rollout)
        .pod(|pod| {
            pod.phase = "Pending".into();
            pod.containers[0].init = true;
            pod.containers[0].state = ContainerState::Running {
                since: Some(ago(560)),
            };
        })
        .log("waiting for db\nnc: bad address 'db-primary'")
        .revisions(&["initContainers[app].command: a → b"]);
    insta::assert_snapshot!(world.told(), @r"
        init.hanging Major 0.92: waits for an init container
        Init container app of pod checkout-new-1 has been running for 9 min and does not end, so the pod does not start: host name db-primary does not resolve.
        - log of app:
            waiting for db
            nc: bad address 'db-primary'
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > It usually waits for a service: does the one exist that it names?
        ");
}

#[test]
fn what_nobody_knows_is_called_unknown() {
    let world = World::deployment(Family::Crash)
        .signal("Strange", "never seen before")
        .pod(|_| {});
    insta::assert_snapshot!(world.told(), @r"
        unknown.crash Critical 0.20: is crash-looping
        No known cause fits what the cluster shows. Here is what it says; a person has to look.
        - Strange: never seen before
        ");
}
