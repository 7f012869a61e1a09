//! Pods that fit on no node.
use crate::domain::{diagnosis::testkit::*, family::Family};

fn pending(text: &str) -> World {
    World::deployment(Family::Scheduling).pod(|pod| {
        pod.phase = "Pending".into();
        pod.node = None;
        pod.containers.clear();
        pod.unschedulable = Some((text.into(), ago(120)));
    })
}

#[test]
fn the_reasons_of_the_scheduler_are_known() {
    let rows = [
        (
            "0/4 nodes are available: 1 node(s) had untolerated taint(s), 3 Insufficient cpu.",
            "sched.cpu",
        ),
        (
            "0/4 nodes are available: 4 Insufficient memory.",
            "sched.memory",
        ),
        (
            "0/3 nodes are available: 3 Insufficient nvidia.com/gpu.",
            "sched.extended",
        ),
        (
            "0/1 nodes are available: 1 Too many pods.",
            "sched.too_many_pods",
        ),
        (
            "0/4 nodes are available: 4 node(s) were unschedulable. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
            "sched.all_cordoned",
        ),
        (
            "0/3 nodes are available: 3 node(s) had untolerated taint {dedicated: gpu}.",
            "sched.taint",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.",
            "sched.selector_affinity",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match pod anti-affinity rules.",
            "sched.pod_affinity",
        ),
        (
            "0/6 nodes are available: 6 node(s) didn't match pod topology spread constraints (missing required label).",
            "sched.spread",
        ),
        (
            "0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.",
            "sched.host_port",
        ),
        (
            "0/4 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.",
            "sched.pvc_unbound",
        ),
        (
            "0/3 nodes are available: 3 node(s) didn't match PersistentVolume's node affinity.",
            "sched.volume_zone",
        ),
        (
            "0/3 nodes are available: 3 node(s) exceed max volume count.",
            "sched.volume_limit",
        ),
        (
            "0/3 nodes are available: 1 node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod.",
            "sched.rwop",
        ),
        (
            "0/2 nodes are available: 2 cannot allocate all claims.",
            "sched.dra",
        ),
        ("the scheduler is on holiday", "sched.other"),
    ];
    for (text, signature) in rows {
        assert_eq!(pending(text).diagnose().signature, signature, "{text}");
    }
}

#[test]
fn the_label_that_no_node_has_is_named_with_both_ways_out() {
    let world =
        pending("0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.")
            .workload(|workload| {
                workload
                    .node_selector
                    .insert("disktype".into(), "nvme".into());
            })
            .node("worker-1", |node| {
                node.labels.insert("disktype".into(), "ssd".into());
            })
            .node("worker-2", |_| {})
            .revisions(&["nodeSelector.disktype: nvme → ssd"]);
    insta::assert_snapshot!(world.told(), @r"
        sched.selector_affinity Major 0.93: fits on no node
        Pod checkout-new-1 fits on no node: no node has the labels that it asks for.
        - the scheduler says:
            0/2 nodes are available: 2 node(s) didn't match Pod's node affinity/selector.
        - no node has disktype=nvme
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        > Smallest change: label node worker-1 with disktype=nvme, or correct the selector; nothing else is in the way there. Nodes have disktype=ssd, the template asks for nvme.
        ");
}

#[test]
fn the_cordon_is_decisive_when_the_other_nodes_do_not_match_anyway() {
    let world = pending("0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.")
        .workload(|workload| {
            workload.node_selector.insert("pool".into(), "web".into());
        })
        .node("web-1", |node| {
            node.labels.insert("pool".into(), "web".into());
            node.unschedulable = true;
            node.taints.push("node.kubernetes.io/unschedulable=:NoSchedule".into());
        })
        .node("db-1", |node| {
            node.labels.insert("pool".into(), "db".into());
            node.requested = Some((3900, 15 << 30));
        });
    insta::assert_snapshot!(world.told(), @r"
        sched.all_cordoned Critical 0.90: fits on no node
        Pod checkout-new-1 fits on no node: the nodes are cordoned.
        - the scheduler says:
            0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.
        - 1 of 2 nodes are cordoned
        > Smallest change: kubectl uncordon web-1, when its maintenance is over. That is a person's word to give.
        ");
}

#[test]
fn a_request_larger_than_any_node_can_never_fit() {
    let world = pending("0/1 nodes are available: 1 Insufficient cpu.")
        .spec(|spec| spec.cpu_request = Some(8000))
        .node("worker-1", |_| {});
    insta::assert_snapshot!(world.told(), @r"
        sched.cpu Critical 0.95: fits on no node
        Pod checkout-new-1 fits on no node: no node has enough CPU left for its request.
        - the scheduler says:
            0/1 nodes are available: 1 Insufficient cpu.
        - asks for 8000m CPU; at most 3000m are free on one node, and the largest has 4000m
        > It can never fit: lower its request to what a node has, or add larger nodes. Node worker-1 has 3000m free.
        ");
}

#[test]
fn what_is_missing_for_a_request_is_counted() {
    let world = pending("0/1 nodes are available: 1 Insufficient memory.")
        .spec(|spec| {
            spec.memory_request = Some(2 << 30);
            spec.memory_limit = Some(2 << 30);
        })
        .node("worker-1", |node| node.requested = Some((1000, 15 << 30)));
    insta::assert_snapshot!(world.told(), @r"
        sched.memory Critical 0.95: fits on no node
        Pod checkout-new-1 fits on no node: no node has enough memory left for its request.
        - the scheduler says:
            0/1 nodes are available: 1 Insufficient memory.
        - asks for 2Gi of memory; at most 1Gi are free on one node, and the largest has 16Gi
        > Smallest change: 1Gi less memory requested, or freed on node worker-1.
        ");
}

#[test]
fn what_a_sidecar_asks_for_is_added_to_a_request() {
    let world = pending("0/1 nodes are available: 1 Insufficient memory.")
        .spec(|spec| spec.memory_request = Some(2 << 30))
        .sidecar(512 << 20)
        .node("worker-1", |node| node.requested = Some((1000, 15 << 30)));
    let told = world.told();
    assert!(told.contains("asks for 2560Mi of memory"), "{told}");
}
