//! Arbitrary and hostile text: nothing panics, nothing forbidden is offered, and no text of a cluster's users becomes part of an
//! action.
use crate::domain::{
    diagnosis::{OFFER_FROM, Proof, bounded, table::permitted, testkit::*},
    family::Family,
    object::Kind,
    view::{ContainerState, ProbeSpec},
};
use proptest::prelude::*;

/// A word that must never be found in an action.
const MARK: &str = "<!channel>";

/// Texts: noise, and the words of rules with noise in the places of names.
fn text() -> impl Strategy<Value = String> {
    let templates = vec![
        "0/{n} nodes are available: {n} Insufficient cpu, {n} {x}.",
        "configmap \"{x}\" not found",
        "couldn't find key {x} in ConfigMap a/{x}",
        "exec: \"{x}\": executable file not found in $PATH",
        "exceeded quota: {x}, requested: {x}, used: {x}, limited: {x}",
        "failed quota: {x}: must specify {x}",
        "violates PodSecurity \"{x}\": {x}",
        "admission webhook \"{x}\" denied the request: {x}",
        "HTTP probe failed with statuscode: {n}",
        "Liveness probe failed: dial tcp {x}: connect: connection refused",
        "panic: {x}",
        "dial tcp {x}: connect: connection refused",
        "lookup {x} on 1.2.3.4:53: no such host",
        "listening on port {n}",
        "{x}: not found",
        "429 Too Many Requests {x}",
        "container init was OOM-killed {x}",
        "Usage of EmptyDir volume \"{x}\" exceeds the limit \"{x}\"",
        "The node was low on resource: {x}. Container {x} was using {x}, request is {x}",
        "password authentication failed {x}",
    ];
    (
        prop::sample::select(templates),
        prop_oneof![any::<String>(), Just(MARK.to_owned())],
        any::<u32>(),
        any::<bool>(),
    )
        .prop_map(|(template, noise, number, raw)| {
            if raw {
                format!("{noise}{MARK}")
            } else {
                template
                    .replace("{x}", &format!("{noise}{MARK}"))
                    .replace("{n}", &number.to_string())
            }
        })
}

fn reason() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "RunContainerError",
        "ContainerCreating",
        "OOMKilled",
        "StartError",
        "Error",
        "Completed",
        "Evicted",
    ])
}

fn world() -> impl Strategy<Value = World> {
    let kinds = vec![
        Kind::Deployment,
        Kind::StatefulSet,
        Kind::DaemonSet,
        Kind::Job,
    ];
    (
        (
            prop::sample::select(kinds),
            prop::sample::select(Family::ALL.to_vec()),
        ),
        (reason(), reason(), any::<i32>(), any::<u32>(), 0..4),
        prop::collection::vec(text(), 6),
        (any::<u64>(), any::<i32>(), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (kind, family),
                (waits, ended_by, code, restarts, shape),
                texts,
                (limit, desired, ready, new),
            )| {
                let end = ended(ended_by, code, &texts[1]);
                let diff = [texts[5].as_str(), "containers[app].image: a → b"];
                let mut world = World::of(kind, family)
                    .signal(waits, &texts[0])
                    .spec(|spec| {
                        spec.memory_limit = Some(limit);
                        spec.liveness = Some(ProbeSpec {
                            port: Some(texts[2].clone()),
                            period: desired,
                            failures: desired,
                            initial_delay: desired,
                            ..ProbeSpec::default()
                        });
                    })
                    .pod(|pod| {
                        pod.ready = ready;
                        pod.template_hash = Some(if new { "new" } else { "other" }.into());
                        pod.message = Some(texts[2].clone());
                        if shape == 3 {
                            pod.phase = "Failed".into();
                            pod.reason = Some(waits.into());
                            pod.unschedulable = Some((texts[4].clone(), ago(100)));
                        }
                        let container = &mut pod.containers[0];
                        container.restarts = restarts;
                        container.probed = true;
                        container.memory_limit = Some(limit);
                        container.image = texts[3].clone();
                        container.state = match shape {
                            0 => waiting(waits, &texts[4]),
                            1 => ContainerState::Terminated(end.clone()),
                            _ => ContainerState::Running {
                                since: Some(ago(5)),
                            },
                        };
                        container.last = Some(end);
                    })
                    .log(&texts.join("\n"))
                    .event("Unhealthy", &texts[3])
                    .event("FailedMount", &texts[4])
                    .event("FailedCreate", &texts[2])
                    .event("Killing", "Container app failed liveness probe")
                    .node("worker-1", |node| {
                        node.taints.push(texts[1].clone());
                        node.allocatable_memory = limit;
                    })
                    .revisions(&diff)
                    .workload(|workload| {
                        workload.desired = desired;
                        workload.conditions.push(condition(
                            "ReplicaFailure",
                            "True",
                            "FailedCreate",
                            &texts[0],
                        ));
                        workload
                            .conditions
                            .push(condition("Failed", "True", waits, &texts[0]));
                    });
                world.evidence.gaps = if ready { vec![] } else { texts };
                world
            },
        )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn no_evidence_makes_a_diagnosis_panic_or_offer_what_is_forbidden(world in world()) {
        let diagnosis = world.diagnose();
        prop_assert!((0.0..=1.0).contains(&diagnosis.confidence));
        prop_assert!(diagnosis.candidates.is_empty() || diagnosis.confidence >= OFFER_FROM);
        for candidate in &diagnosis.candidates {
            let kind = candidate.action.kind();
            prop_assert!(permitted(diagnosis.family, &diagnosis.signature, kind).is_ok());
            let written = serde_json::to_string(candidate).unwrap();
            prop_assert!(!written.contains("channel"), "{}", written);
            prop_assert!(candidate.action.label().chars().count() <= 30);
        }
        for proof in &diagnosis.proof {
            if let Proof::Log { lines, .. } = proof {
                prop_assert!(lines.len() <= 8);
            }
        }
    }
}

#[test]
fn lines_that_nearly_match_many_patterns_are_taken_for_none() {
    let log = "dial tcp 10.0.0.5:5432: i/o, x509 something, listening on nothing in particular; lookup failed\n";
    let world = World::deployment(Family::Rollout)
        .crash_loop("Error", 1)
        .log(&log.repeat(200))
        .revisions(&["containers[app].image: a → b"]);
    let plain = World::deployment(Family::Rollout)
        .crash_loop("Error", 1)
        .log("ended\n")
        .revisions(&["containers[app].image: a → b"]);
    assert_eq!(world.diagnose().signature, plain.diagnose().signature);
}

#[test]
fn a_pattern_that_would_make_long_logs_expensive_is_refused() {
    // The engine needs time in proportion to the size of the pattern times the length of the text: both have a bound.
    assert!(bounded(r"(?i)address already in use").is_ok());
    assert!(bounded(r"(?:\w{1,100}:){100}").is_err());
}
