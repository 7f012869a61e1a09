//! What has not happened yet.
use crate::domain::{
    action::{Action, ActionKind},
    diagnosis::testkit::*,
    evidence::Budget,
    family::Family,
    forecast::{Boundary, Outlook, testkit::outlook},
    object::Kind,
};

const MI: u64 = 1 << 20;

/// Three healthy pods with a limit of 512Mi, one of which fills up.
fn world(change: impl FnOnce(&mut Outlook)) -> World {
    let mut world = World::deployment(Family::Forecast)
        .workload(|workload| workload.available = workload.desired)
        .spec(|spec| {
            spec.memory_limit = Some(512 * MI);
            spec.memory_request = Some(256 * MI);
        })
        .pod(|pod| {
            pod.uid = "pod-1".into();
            pod.ready = true;
            pod.containers[0].memory_limit = Some(512 * MI);
        });
    let mut told = outlook("app", 6600);
    change(&mut told);
    world.forecast = Some(told);
    world
}

fn leaking(change: impl FnOnce(&mut Outlook)) -> World {
    world(|told| {
        told.rising = told.replicas;
        told.leak_proved = true;
        change(told);
    })
}

fn kinds(world: &World) -> Vec<ActionKind> {
    let candidates = world.diagnose().candidates;
    candidates.iter().map(|c| c.action.kind()).collect()
}

fn advice(world: &World) -> String {
    world.diagnose().advice.unwrap_or_default()
}

#[test]
fn growth_of_one_pod_without_a_reason_gets_more_room() {
    insta::assert_snapshot!(world(|_| {}).told(), @"
        forecast.growth Warning 0.92: is running out of memory
        Memory of app grows towards its memory limit of 512Mi, higher than it ever was, and nothing shows why.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 1 of 3 pods
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
          At this growth 768Mi lasts 4 h 11 min longer than 512Mi, and its pods start anew.
        > Look at what app keeps: caches without a bound, sessions, queues that are not drained.
        ");
}

#[test]
fn a_proved_leak_is_called_one_and_its_pods_are_restarted_in_order() {
    insta::assert_snapshot!(leaking(|_| {}).told(), @"
        forecast.leak Warning 0.92: is running out of memory
        app leaks memory: all its pods fill up towards its memory limit of 512Mi and give nothing back.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 3 of 3 pods
        $ kubectl rollout restart deployment/checkout -n shop
          It empties the memory before the kernel does. Each pod is replaced only when its successor is ready.
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
          At this growth 768Mi lasts 4 h 11 min longer than 512Mi, and its pods start anew.
        > Neither a restart nor a higher limit ends a leak: both buy time to find it.
        ");
    let load = leaking(|told| told.leak_proved = false);
    assert_eq!(load.diagnose().signature, "forecast.growth");
    let killed = world(|told| told.killed_before = true);
    assert_eq!(killed.diagnose().signature, "forecast.leak");
}

#[test]
fn a_leak_of_one_pod_of_three_is_told_as_one() {
    let one = world(|told| told.leak_proved = true);
    assert_eq!(
        one.diagnose().cause,
        "app leaks memory: it fills up towards its memory limit of 512Mi and gives nothing back."
    );
}

#[test]
fn after_a_kill_that_was_forecast_the_raise_is_as_large_as_is_known_to_be_needed() {
    let raised = |needed: Option<u64>| {
        let told = world(|told| told.needed_limit = needed.map(|needed| needed * MI)).forecast;
        let mut killed = World::deployment(Family::Oom)
            .crash_loop("OOMKilled", 137)
            .spec(|spec| {
                spec.memory_limit = Some(512 * MI);
                spec.memory_request = None;
            });
        killed.evidence.pods[0].containers[0].memory_limit = Some(512 * MI);
        killed.forecast = told;
        killed.diagnose().candidates.remove(0).action.kubectl()
    };
    let told = [None, Some(600), Some(900), Some(5000)].map(raised);
    insta::assert_snapshot!(told.join("\n"), @"
    kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
    kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
    kubectl set resources deployment/checkout -n shop -c app --limits=memory=960Mi
    kubectl set resources deployment/checkout -n shop -c app --limits=memory=1Gi
    ");
}

#[test]
fn a_raise_is_enough_for_a_day_where_it_may_be() {
    let raise = |needed: u64, hours: f64, most: Option<u64>| {
        let mut world = world(|told| {
            told.needed_limit = Some(needed * MI);
            told.rate = 112.0 * MI as f64 / (3600.0 * hours);
        });
        world.evidence.limits.max_memory = most.map(|most| most * MI);
        let raise = world.diagnose().candidates.remove(0);
        let Action::SetMemoryLimit { to, .. } = raise.action else {
            panic!("{:?}", raise.action);
        };
        format!("{}Mi. {}", to / MI, raise.reason)
    };
    let told = [
        raise(700, 9.0, None),
        raise(800, 9.0, None),
        raise(800, 2.0, None),
        raise(5000, 2.0, None),
        raise(900, 6.0, Some(800)),
    ];
    insta::assert_snapshot!(told.join("\n"), @"
        768Mi. At this growth 768Mi lasts 20 h 34 min longer than 512Mi, and its pods start anew.
        832Mi. At this growth 832Mi lasts 1 d 1 h longer than 512Mi, and its pods start anew.
        832Mi. With 90 % 832Mi lasts a day or longer, and its pods start anew.
        1024Mi. At this growth 1Gi lasts 9 h 8 min longer than 512Mi, and its pods start anew. For a day it would take 4.88 GiB.
        800Mi. At this growth 800Mi lasts 15 h 25 min longer than 512Mi, and its pods start anew. For a day it would take 900 MiB.
        ");
}

#[test]
fn growth_that_began_with_a_rollout_is_rolled_back() {
    let world = world(|told| told.rising_since = ago(400)).revisions(&[]);
    insta::assert_snapshot!(world.told(), @"
        forecast.after_rollout Warning 0.92: is running out of memory
        Memory of app grows towards its memory limit of 512Mi since the newest rollout; before it, it never was as high.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 1 of 3 pods
        - revision 42 is 6 min old; 2 pods of revision 41 are available now
        $ kubectl rollout undo deployment/checkout -n shop --to-revision=41
          It grows since revision 42 began, and 2 pods of revision 41 are available now.
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
          At this growth 768Mi lasts 4 h 11 min longer than 512Mi, and its pods start anew.
        ");
}

#[test]
fn a_rollout_is_not_blamed_without_contrast_to_the_time_before_it() {
    let signature = |change: fn(&mut Outlook), diff: &[&str]| {
        world(|told| {
            told.rising_since = ago(400);
            change(told);
        })
        .revisions(diff)
        .diagnose()
        .signature
    };
    let app = &["containers[app].image: a:2 → a:1"][..];
    assert_eq!(signature(|_| {}, app), "forecast.after_rollout");
    // The older release was not watched, was as high before, or was killed, too.
    assert_eq!(
        signature(|told| told.known_since = ago(900), app),
        "forecast.growth"
    );
    assert_eq!(
        signature(|told| told.survived = Some(390 * MI), app),
        "forecast.growth"
    );
    assert_eq!(
        signature(|told| told.killed_before = true, app),
        "forecast.leak"
    );
    // At ten times the pace a tenth of the time is watching enough.
    let mut quick = self::world(|told| {
        told.rising_since = ago(380);
        told.known_since = ago(900);
    })
    .revisions(app);
    quick.pace = 0.1;
    assert_eq!(quick.diagnose().signature, "forecast.after_rollout");
    // It grew before already.
    assert_eq!(
        signature(|told| told.rising_since = ago(9000), app),
        "forecast.growth"
    );
    // The newest revision is a restart, or a raise of the limit.
    let restart = &["metadata.annotations[restartedAt]: a → b"][..];
    let raise = &["containers[app].resources.limits.memory: 512Mi → 256Mi"][..];
    assert_eq!(signature(|_| {}, restart), "forecast.growth");
    assert_eq!(signature(|_| {}, raise), "forecast.growth");
}

#[test]
fn a_cap_that_is_as_large_as_the_limit_is_the_cause() {
    let capped = |written: &str, mib: u64| {
        world(|told| {
            told.cap = Some(written.into());
            told.cap_bytes = Some(mib * MI);
        })
    };
    let world = capped("-Xmx512m", 512);
    insta::assert_snapshot!(world.told(), @"
        forecast.cap Warning 0.92: is running out of memory
        -Xmx512m lets app grow to 512Mi, and its memory limit of 512Mi leaves no room for the rest of the process.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 1 of 3 pods
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
          At this growth 768Mi lasts 4 h 11 min longer than 512Mi, and its pods start anew.
        > Lower -Xmx512m to about three quarters of the limit, or raise the limit and leave it as it is.
        ");
    let smaller = capped("-Xmx400m", 400);
    assert_eq!(smaller.diagnose().signature, "forecast.growth");
}

#[test]
fn files_in_memory_are_not_freed_by_a_restart() {
    let world = leaking(|_| {}).spec(|spec| spec.memory_volume = Some("scratch".into()));
    insta::assert_snapshot!(world.told(), @"
        forecast.tmpfs Warning 0.92: is running out of memory
        Container app keeps files in memory (volume scratch, an emptyDir of medium Memory). They count against its memory limit of 512Mi, and stay when the container restarts.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 3 of 3 pods
        $ kubectl set resources deployment/checkout -n shop -c app --limits=memory=768Mi
          At this growth 768Mi lasts 4 h 11 min longer than 512Mi, and its pods start anew.
        > Look at what fills volume scratch, and give it a sizeLimit below the memory limit. A restart of the container frees nothing of it.
        ");
}

#[test]
fn a_node_that_fills_up_gets_no_action() {
    let mut world = World::of(Kind::Node, Family::Forecast);
    world.evidence.workload = None;
    world.evidence.node = Some(node("worker-1"));
    let mut told = outlook("", 3000);
    told.boundary = Boundary::Node;
    told.pod = node("worker-1").object();
    told.why =
        "rising 40 MiB/min for 1 h; container import of batch/loader has no limit and grows most"
            .into();
    told.limit = 15_900 * MI;
    world.forecast = Some(told);
    insta::assert_snapshot!(world.told(), @"
        forecast.node Major 0.92: is running out of memory and will evict pods
        Memory in use on node worker-1 grows towards the point where the kubelet evicts pods (15900Mi).
        - rising 40 MiB/min for 1 h; container import of batch/loader has no limit and grows most
        > Nothing is safe to do from here. Set a memory limit on the container that grows, or move pods away: cordon the node and drain it by hand.
        ");
}

#[test]
fn a_restart_that_takes_pods_away_is_not_offered() {
    use ActionKind::{RolloutRestart, SetMemoryLimit};
    assert_eq!(kinds(&leaking(|_| {})), [RolloutRestart, SetMemoryLimit]);
    let recreate = leaking(|_| {}).workload(|workload| workload.strategy = "Recreate".into());
    assert_eq!(kinds(&recreate), [SetMemoryLimit]);
    assert!(advice(&recreate).contains("would stop all its pods at the same time"));
    let single = leaking(|_| {}).workload(|workload| {
        workload.desired = 1;
        workload.available = 1;
        workload.max_unavailable = Some(1);
    });
    assert_eq!(kinds(&single), [SetMemoryLimit]);
    assert!(advice(&single).contains("would leave no pod while it lasts"));
    let short = leaking(|_| {}).workload(|workload| workload.available = 2);
    assert_eq!(kinds(&short), [SetMemoryLimit]);
    let budget = |allowed, missing| {
        let mut world =
            leaking(|_| {}).workload(|workload| workload.max_unavailable = Some(missing));
        world.evidence.budget = Some(Budget {
            name: "steady".into(),
            allowed,
        });
        kinds(&world)
    };
    assert_eq!(budget(0, 1), [SetMemoryLimit]);
    assert_eq!(budget(1, 1), [RolloutRestart, SetMemoryLimit]);
    assert_eq!(
        budget(0, 0),
        [RolloutRestart, SetMemoryLimit],
        "the new pod comes first"
    );
    let mut blind = leaking(|_| {});
    blind
        .evidence
        .gaps
        .push("disruption budgets: not allowed".into());
    assert_eq!(kinds(&blind), [SetMemoryLimit]);
}

#[test]
fn a_restart_needs_room_for_the_sidecars_of_the_extra_pod_too() {
    let with_room_for_one = |mut world: World| {
        world.evidence.limits.quota_memory_left = Some(600 * MI);
        world
    };
    let alone = with_room_for_one(leaking(|_| {}));
    assert_eq!(kinds(&alone)[0], ActionKind::RolloutRestart);
    let accompanied = with_room_for_one(leaking(|_| {}).sidecar(128 * MI));
    assert_eq!(kinds(&accompanied), [ActionKind::SetMemoryLimit]);
    let advice = advice(&accompanied);
    assert!(
        advice.contains("room for one more pod, and the quota has none"),
        "{advice}"
    );
}

#[test]
fn without_room_nothing_is_offered_and_the_card_says_where_to_look() {
    let mut world = world(|_| {});
    world.evidence.limits.max_memory = Some(512 * MI);
    insta::assert_snapshot!(world.told(), @"
        forecast.growth Warning 0.92: is running out of memory
        Memory of app grows towards its memory limit of 512Mi, higher than it ever was, and nothing shows why.
        - rising 1 MiB/min for 3 h 20 min
        - rises in 1 of 3 pods
        > The limit cannot be raised beyond 512Mi: The LimitRange of the namespace allows no more than 512Mi. Look at what app keeps: caches without a bound, sessions, queues that are not drained.
        ");
}

#[test]
fn a_kill_that_came_in_the_meantime_is_diagnosed_as_one() {
    let mut world = world(|_| {});
    let container = &mut world.evidence.pods[0].containers[0];
    container.restarts = 1;
    container.last = Some(ended("OOMKilled", 137, ""));
    assert_eq!(world.diagnose().signature, "oom.container");
    // An older kill, before the run that is meant, is none.
    world.forecast.as_mut().unwrap().run = 1;
    assert_eq!(world.diagnose().signature, "forecast.growth");
}
