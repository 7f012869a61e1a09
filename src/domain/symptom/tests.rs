//! Which states and events are trouble, and which are life.
use super::*;
use crate::domain::{
    diagnosis::testkit::{ago, condition, ended, event, node, now, pod, waiting, workload},
    object::{Kind, ObjectRef},
    view::{ContainerState, JobCounts, OwnerLink, PodView, WorkloadView},
};

fn one(change: impl FnOnce(&mut PodView)) -> Vec<(Family, i64)> {
    let mut pod = pod("p");
    change(&mut pod);
    of_pod(&pod, &Grace::default())
        .into_iter()
        .map(|symptom| {
            let wait = symptom.mature.duration_since(symptom.since);
            (symptom.family, wait.as_secs())
        })
        .collect()
}

fn state(state: ContainerState) -> Vec<(Family, i64)> {
    one(|pod| pod.containers[0].state = state)
}

#[test]
fn waiting_reasons_speak_for_families() {
    let rows = [
        ("CrashLoopBackOff", "", Some((Family::Crash, 0))),
        (
            "RunContainerError",
            "exec: not found",
            Some((Family::Start, 0)),
        ),
        ("CreateContainerError", "", Some((Family::Start, 0))),
        (
            "RunContainerError",
            "container init was OOM-killed (memory limit too low?)",
            Some((Family::Oom, 0)),
        ),
        ("ErrImagePull", "", Some((Family::Image, 10))),
        ("ImagePullBackOff", "", Some((Family::Image, 0))),
        ("InvalidImageName", "", Some((Family::Image, 0))),
        ("ErrImageNeverPull", "", Some((Family::Image, 0))),
        (
            "CreateContainerConfigError",
            "secret \"x\" not found",
            Some((Family::Config, 25)),
        ),
        (
            "CreateContainerConfigError",
            "failed to sync configmap cache: timed out",
            Some((Family::Config, 120)),
        ),
        ("ContainerCreating", "", None),
        ("PodInitializing", "", None),
    ];
    for (reason, message, expected) in rows {
        let found = state(waiting(reason, message));
        assert_eq!(found.first().copied(), expected, "{reason} {message}");
    }
}

#[test]
fn a_kill_at_the_limit_counts_at_once_whatever_the_exit_code() {
    for code in [0, 1, 137] {
        let end = ended("OOMKilled", code, "");
        assert_eq!(
            state(ContainerState::Terminated(end.clone())),
            [(Family::Oom, 0)]
        );
        let restarted = one(|pod| {
            pod.containers[0].state = ContainerState::Running {
                since: Some(ago(9)),
            };
            pod.containers[0].last = Some(end.clone());
            pod.containers[0].ready = true;
        });
        assert_eq!(restarted, [(Family::Oom, 0)]);
        let looping = one(|pod| {
            pod.containers[0].state = waiting("CrashLoopBackOff", "");
            pod.containers[0].last = Some(end);
        });
        assert_eq!(looping, [(Family::Oom, 0)]);
    }
}

#[test]
fn an_end_is_history_once_the_present_run_has_outlived_it() {
    let mut view = pod("p").containers.remove(0);
    view.last = Some(ended("OOMKilled", 137, ""));
    let runs = |seconds: i64| ContainerState::Running {
        since: Some(ago(seconds)),
    };
    view.state = runs(599);
    assert!(!has_outlived(&view, now()));
    view.state = runs(600);
    assert!(has_outlived(&view, now()));
    // The run before lasted an hour: ten minutes say nothing yet.
    view.last = view.last.map(|mut end| {
        end.started = Some(ago(3700));
        end.finished = Some(ago(700));
        end
    });
    assert!(!has_outlived(&view, now()));
}

#[test]
fn a_kill_of_last_month_is_history_and_a_failing_probe_never_is() {
    let mut view = pod("p");
    view.containers[0].state = ContainerState::Running {
        since: Some(ago(86_400)),
    };
    let mut end = ended("OOMKilled", 137, "");
    end.started = Some(ago(86_500));
    end.finished = Some(ago(86_401));
    view.containers[0].last = Some(end);
    let killed = of_pod(&view, &Grace::default());
    assert_eq!(killed.len(), 1);
    assert!(is_history(&killed[0], &view, now()));

    view.containers[0].last = None;
    view.containers[0].probed = true;
    let not_ready = of_pod(&view, &Grace::default());
    assert_eq!(not_ready[0].family, Family::Probe);
    assert!(!is_history(&not_ready[0], &view, now()));
}

#[test]
fn a_single_crash_that_is_restarted_is_not_news() {
    assert_eq!(state(ContainerState::Terminated(ended("Error", 1, ""))), []);
    let restarted = one(|pod| {
        pod.containers[0].last = Some(ended("Error", 1, ""));
        pod.containers[0].restarts = 1;
    });
    assert_eq!(restarted, []);
}

#[test]
fn a_running_container_is_trouble_only_with_a_failing_probe_and_after_a_while() {
    assert_eq!(one(|_| {}), []);
    let since = |pod: &mut PodView| {
        pod.containers[0].probed = true;
        pod.ready_changed = Some(ago(500));
    };
    assert_eq!(one(since), [(Family::Probe, 60)]);
    assert_eq!(
        one(|pod| {
            since(pod);
            pod.containers[0].ready = true;
        }),
        []
    );
}

#[test]
fn pods_that_go_on_purpose_have_no_symptoms() {
    let broken = |pod: &mut PodView| pod.containers[0].state = waiting("CrashLoopBackOff", "");
    let ways: [fn(&mut PodView); 3] = [
        |pod| pod.deleting = true,
        |pod| pod.disruption = Some("EvictionByEvictionAPI".into()),
        |pod| pod.phase = "Succeeded".into(),
    ];
    for way in ways {
        assert_eq!(
            one(|pod| {
                broken(pod);
                way(pod);
            }),
            []
        );
    }
}

#[test]
fn a_failed_pod_counts_when_it_was_evicted_or_when_no_job_made_it() {
    let failed = |owner: Kind, reason: Option<&str>| {
        one(|pod| {
            pod.phase = "Failed".into();
            pod.reason = reason.map(str::to_owned);
            // The kubelet marks evicted pods as disrupted.
            pod.disruption = reason.map(|_| "TerminationByKubelet".into());
            pod.owner = Some(OwnerLink {
                kind: owner,
                name: "o".into(),
                uid: "o".into(),
            });
            pod.containers[0].state = ContainerState::Terminated(ended("Error", 1, ""));
        })
    };
    assert_eq!(
        failed(Kind::ReplicaSet, Some("Evicted")),
        [(Family::Eviction, 0)]
    );
    assert_eq!(failed(Kind::ReplicaSet, Some("NodeShutdown")), []);
    assert_eq!(failed(Kind::ReplicaSet, None), [(Family::Crash, 0)]);
    assert_eq!(failed(Kind::Job, None), []);
}

#[test]
fn a_pod_without_a_node_is_given_time() {
    let found = one(|pod| {
        pod.containers.clear();
        pod.unschedulable = Some(("0/1 nodes are available: 1 Too many pods.".into(), ago(40)));
    });
    assert_eq!(found, [(Family::Scheduling, 30)]);
}

#[test]
fn conditions_of_workloads_count_for_their_present_generation_only() {
    let mut view = workload(&ObjectRef::new("Deployment", "shop", "checkout", "u"));
    let families = |view: &WorkloadView| -> Vec<Family> {
        of_workload(view, &Grace::default())
            .into_iter()
            .map(|symptom| symptom.family)
            .collect()
    };
    assert_eq!(families(&view), []);
    view.conditions = vec![
        condition(
            "Progressing",
            "False",
            "ProgressDeadlineExceeded",
            "timed out",
        ),
        condition("ReplicaFailure", "True", "FailedCreate", "forbidden"),
    ];
    assert_eq!(families(&view), [Family::Rollout, Family::Admission]);
    view.generation += 1;
    assert_eq!(families(&view), []);
    view.observed_generation += 1;
    view.available = 3;
    assert_eq!(
        families(&view),
        [Family::Admission],
        "the rollout has ended after all"
    );

    let mut job = workload(&ObjectRef::new("Job", "shop", "migrate", "u"));
    job.job = Some(JobCounts::default());
    job.conditions = vec![condition("Failed", "True", "DeadlineExceeded", "")];
    assert_eq!(families(&job), [Family::Job]);
}

#[test]
fn nodes_are_given_a_moment_and_pressure_is_not() {
    let mut view = node("worker-1");
    assert!(of_node(&view, &Grace::default()).is_empty());
    view.ready = "Unknown".into();
    view.pressure.push("DiskPressure".into());
    let waits: Vec<_> = of_node(&view, &Grace::default())
        .into_iter()
        .map(|symptom| {
            (
                symptom.reason.clone(),
                symptom.mature.duration_since(symptom.since).as_secs(),
            )
        })
        .collect();
    assert_eq!(
        waits,
        [
            ("KubeletReady".to_owned(), 20),
            ("DiskPressure".to_owned(), 0)
        ]
    );
}

#[test]
fn events_tell_only_what_states_do_not() {
    let rows = [
        (
            "Killing",
            "Pod",
            "Normal",
            "Container web failed liveness probe, will be restarted",
            1,
            Some(Family::Probe),
        ),
        (
            "Killing",
            "Pod",
            "Normal",
            "Stopping container web",
            1,
            None,
        ),
        (
            "Unhealthy",
            "Pod",
            "Warning",
            "Liveness probe failed: x",
            2,
            None,
        ),
        (
            "Unhealthy",
            "Pod",
            "Warning",
            "Liveness probe failed: x",
            3,
            Some(Family::Probe),
        ),
        (
            "Unhealthy",
            "Pod",
            "Warning",
            "Readiness probe failed: x",
            99,
            None,
        ),
        (
            "FailedCreate",
            "ReplicaSet",
            "Warning",
            "Error creating: pods \"a\" is forbidden: exceeded quota: q",
            1,
            Some(Family::Admission),
        ),
        (
            "FailedCreate",
            "StatefulSet",
            "Warning",
            "create Pod web-0 in StatefulSet web failed error: pods \"web-0\" is forbidden: violates PodSecurity \"x\"",
            1,
            Some(Family::Admission),
        ),
        (
            "FailedCreate",
            "Job",
            "Warning",
            "Error creating: etcdserver: request timed out",
            1,
            None,
        ),
        (
            "FailedCreate",
            "ReplicaSet",
            "Warning",
            "is forbidden: unable to create new content in namespace x because it is being terminated",
            1,
            None,
        ),
        (
            "Evicted",
            "Pod",
            "Warning",
            "The node was low on resource: memory.",
            1,
            Some(Family::Eviction),
        ),
        (
            "Evicted",
            "Pod",
            "Normal",
            "Evicted pod: consolidation",
            1,
            None,
        ),
        (
            "SystemOOM",
            "Node",
            "Warning",
            "System OOM encountered, victim process: java, pid: 4242",
            1,
            Some(Family::Node),
        ),
        (
            "FailedMount",
            "Pod",
            "Warning",
            "MountVolume.SetUp failed for volume \"c\" : configmap \"app\" not found",
            1,
            Some(Family::Config),
        ),
        (
            "FailedMount",
            "Pod",
            "Warning",
            "MountVolume.SetUp failed for volume \"c\" : object \"a\"/\"b\" not registered",
            1,
            None,
        ),
        (
            "BackOff",
            "Pod",
            "Warning",
            "Back-off restarting failed container",
            9,
            None,
        ),
    ];
    for (reason, kind, level, note, count, expected) in rows {
        let mut view = event(reason, note, ObjectRef::new(kind, "shop", "x", "u"));
        view.kind = level.into();
        view.count = count;
        assert_eq!(
            of_event(&view).map(|symptom| symptom.family),
            expected,
            "{reason}: {note}"
        );
    }
}

proptest::proptest! {
    #[test]
    fn no_text_makes_a_rule_panic(
        reason in ".{0,40}",
        message in ".{0,200}",
        code: i32,
        count: u32,
        finished in -9_000_000_000i64..9_000_000_000,
    ) {
        let mut view = pod("p");
        let mut end = ended(&reason, code, &message);
        end.finished = Timestamp::from_second(finished).ok();
        view.containers[0].last = Some(end.clone());
        view.containers[0].restarts = count;
        view.phase = reason.clone();
        view.reason = Some(message.clone());
        for state in [
            waiting(&reason, &message),
            ContainerState::Terminated(end.clone()),
            ContainerState::Running { since: None },
            ContainerState::Unknown,
        ] {
            view.containers[0].state = state;
            of_pod(&view, &Grace::default());
            has_outlived(&view.containers[0], now());
        }
        for name in ["Killing", "Unhealthy", "FailedCreate", "FailedMount"] {
            of_event(&event(name, &message, view.object()));
        }
    }
}
