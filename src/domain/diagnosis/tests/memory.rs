//! Out of memory.
use crate::domain::{
    action::Action,
    diagnosis::testkit::*,
    evidence::Evidence,
    family::Family,
    view::{ContainerState, GitOps},
};

fn oom() -> World {
    World::deployment(Family::Oom).crash_loop("OOMKilled", 137)
}

/// The new limit in Mi for a limit in Mi, after a change of the evidence.
fn raised(limit: u64, change: impl FnOnce(&mut Evidence)) -> Option<u64> {
    let mut world = oom().spec(|spec| {
        spec.memory_limit = Some(limit << 20);
        spec.memory_request = None;
    });
    world.evidence.pods[0].containers[0].memory_limit = Some(limit << 20);
    change(&mut world.evidence);
    world
        .diagnose()
        .candidates
        .iter()
        .find_map(|candidate| match candidate.action {
            Action::SetMemoryLimit { to, .. } => Some(to >> 20),
            _ => None,
        })
}

#[test]
fn a_kill_at_the_limit_offers_a_larger_limit() {
    insta::assert_snapshot!(oom().told(), @r"
        oom.container Critical 0.98: runs out of memory
        Container app was killed at its memory limit of 256Mi.
        - Container app of pod checkout-new-1: exit code 137, reason OOMKilled, 4 restarts, 3 s after its start
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=384Mi --requests=memory=384Mi
          The container needs more than 256Mi; 384Mi leaves room to see how much.
        ");
}

#[test]
fn a_limit_that_the_newest_rollout_lowered_is_rolled_back_first() {
    let world = oom().revisions(&["containers[app].resources.limits.memory: 256Mi → 512Mi"]);
    insta::assert_snapshot!(world.told(), @r"
        oom.container Major 0.98: runs out of memory
        Container app was killed at its memory limit of 256Mi.
        - Container app of pod checkout-new-1: exit code 137, reason OOMKilled, 4 restarts, 3 s after its start
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=384Mi --requests=memory=384Mi
          The container needs more than 256Mi; 384Mi leaves room to see how much.
        ");
}

#[test]
fn the_raise_is_half_of_the_limit_rounded_and_never_more_than_twice_of_it() {
    let raises: Vec<_> = [5, 16, 20, 64, 100, 128, 256, 512, 1024, 1500]
        .into_iter()
        .map(|limit| (limit, raised(limit, |_| {}).unwrap()))
        .collect();
    assert_eq!(
        raises,
        [
            (5, 10),
            (16, 32),
            (20, 32),
            (64, 128),
            (100, 192),
            (128, 192),
            (256, 384),
            (512, 768),
            (1024, 1536),
            (1500, 2304)
        ]
    );
    assert!(raises.iter().all(|(from, to)| to <= &(from * 2)));
}

#[test]
fn a_raise_stays_within_limit_range_quota_and_nodes() {
    assert_eq!(
        raised(256, |e| e.limits.max_memory = Some(300 << 20)),
        Some(300)
    );
    // 96Mi are left for three pods: 32Mi for each.
    assert_eq!(
        raised(256, |e| e.limits.quota_memory_left = Some(96 << 20)),
        Some(288)
    );
    assert_eq!(raised(256, |e| e.limits.max_memory = Some(256 << 20)), None);
    assert_eq!(
        raised(256, |e| {
            let mut small = node("small");
            small.allocatable_memory = 320 << 20;
            e.nodes.push(small);
        }),
        Some(320)
    );
    // A typo in the unit is not mended by a factor of two.
    assert_eq!(raised(1, |_| {}), None);
}

#[test]
fn the_extra_pod_of_a_raise_needs_room_for_its_sidecars_too() {
    let warnings = |mut world: World| {
        world.evidence.limits.quota_memory_left = Some(400 << 20);
        world.diagnose().candidates.remove(0).warnings
    };
    assert_eq!(warnings(oom()), [""; 0]);
    assert_eq!(
        warnings(oom().sidecar(128 << 20)),
        ["The quota has no room for the extra pod of a rolling update: the rollout may wait."]
    );
}

#[test]
fn a_killed_child_is_a_kill_whatever_the_exit_code_says() {
    let world = World::deployment(Family::Crash).crash_loop("OOMKilled", 1);
    let diagnosis = world.diagnose();
    assert_eq!(diagnosis.signature, "oom.container");
    insta::assert_snapshot!(diagnosis.cause, @"Container app was killed at its memory limit of 256Mi. The kernel killed a child process; the container itself ended with exit code 1.");
}

#[test]
fn exit_137_without_the_reason_is_no_lack_of_memory() {
    let diagnosis = World::deployment(Family::Crash)
        .crash_loop("Error", 137)
        .diagnose();
    assert_eq!(diagnosis.signature, "crash.exit_137_error");
    assert!(diagnosis.candidates.is_empty());
}

#[test]
fn pods_with_less_than_their_template_asks_for_are_not_cured_by_a_raise() {
    let mut world = oom().revisions(&["containers[app].image: a → b"]);
    world.evidence.pods[0].containers[0].memory_limit = Some(16 << 20);
    insta::assert_snapshot!(world.told(), @r"
        adm.mutation_surprise Major 0.90: runs out of memory
        Container app was killed at its memory limit of 16Mi. The template asks for 256Mi: an admission webhook or an autoscaler lowers the limit of its pods.
        - Container app of pod checkout-new-1: exit code 137, reason OOMKilled, 4 restarts, 3 s after its start
        - limit in the template 256Mi, in pod checkout-new-1 16Mi
        > Find what changes the pods: mutating webhooks and VerticalPodAutoscalers of this namespace.
        ");
}

#[test]
fn a_limit_below_the_start_of_the_process_prefers_the_template_that_worked() {
    let world = World::deployment(Family::Oom)
        .pod(|pod| {
            pod.containers[0].state = waiting("CrashLoopBackOff", "back-off");
            pod.containers[0].memory_limit = Some(5 << 20);
            pod.containers[0].last = Some(ended(
                "StartError",
                128,
                "failed to create containerd task: container init was OOM-killed (memory limit too low?): unknown",
            ));
        })
        .spec(|spec| spec.memory_limit = Some(5 << 20))
        .revisions(&["containers[app].resources.limits.memory: 5Mi → 512Mi"]);
    insta::assert_snapshot!(world.told(), @r"
        start.memory_limit_too_low Major 0.97: cannot start within its memory limit
        Container app cannot start: its memory limit of 5Mi is too low even for the start of its process.
        - the runtime says:
            failed to create containerd task: container init was OOM-killed (memory limit too low?): unknown
        - Container app of pod checkout-new-1: exit code 128, reason StartError, 3 s after its start
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It came with revision 42; revision 41 works beside it.
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=10Mi
          The container needs more than 5Mi; 10Mi leaves room to see how much.
        ");
}

#[test]
fn runs_of_the_same_length_look_like_a_leak() {
    let leak = |minutes: i64| {
        move |pod: &mut crate::domain::view::PodView| {
            pod.created = ago(90_000);
            pod.containers[0].restarts = 1;
            pod.containers[0].state = ContainerState::Running {
                since: Some(ago(60)),
            };
            let mut end = ended("OOMKilled", 137, "");
            end.finished = Some(ago(65));
            end.started = Some(ago(65 + minutes * 60));
            pod.containers[0].last = Some(end);
        }
    };
    let world = World::deployment(Family::Oom).pod(leak(118)).pod(leak(124));
    let told = world.told();
    assert!(told.contains("runs last about 2 h"), "{told}");
    assert!(told.contains("looks like a leak"), "{told}");
    let spike = World::deployment(Family::Oom).pod(leak(118)).pod(leak(10));
    assert!(!spike.told().contains("leak"));
}

#[test]
fn whoever_applies_the_manifest_is_named_on_every_action() {
    let world = oom().revisions(&[]).workload(|workload| {
        workload.managed_by = Some(GitOps {
            tool: "Argo CD".into(),
            name: Some("shop-prod".into()),
        });
    });
    let diagnosis = world.diagnose();
    assert!(!diagnosis.candidates.is_empty());
    assert!(diagnosis.candidates.iter().all(|candidate| candidate.warnings.iter().any(|warning| warning
        == "Argo CD (shop-prod) applies this object: a direct change may be reverted; fix it in Git too.")));
}
