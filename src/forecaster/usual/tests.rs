use super::super::Options;
use super::super::time::timestamp;
use super::*;
use crate::{
    domain::forecast::Source,
    ports::{ContainerFact, PodFact, PodNews, Reading, Sighting},
};

const DAY: i64 = 86_400;
/// A Monday, in the year 2025.
const MONDAY: i64 = 1_736_121_600;

fn pod(name: &str) -> PodFact {
    let container = |name: &str| ContainerFact {
        name: name.to_owned(),
        limit: Some(1 << 30),
        cpu_limit: Some(0.5),
        cap: None,
        restarts: 0,
        running: Some(Some(timestamp((MONDAY - 3600) as f64))),
        end: None,
    };
    let shop = ObjectRef::new("Deployment", "shop", "checkout", "u1");
    PodFact {
        pod: ObjectRef::new("Pod", "shop", name, name),
        owner: shop.clone(),
        line: shop,
        node: None,
        leaving: false,
        finished: false,
        containers: vec![container("app"), container("proxy")],
    }
}

/// Cores of a container: more by day, no two steps alike.
fn cores(t: i64) -> f64 {
    let noise = ((t / 60 * 7919) % 97) as f64 / 97.0 - 0.5;
    let hour = (t % DAY) as f64 / DAY as f64 * std::f64::consts::TAU;
    (0.15 - 0.05 * hour.cos()) * (1.0 + 0.1 * noise)
}

fn bytes(t: i64) -> f64 {
    3e8 + cores(t) * 1e8
}

/// The last week of two pods, and of one that is gone, in such steps.
fn found(step: i64) -> Found {
    let mut runs = Vec::new();
    for pod in ["checkout-7d9f8b6c5d-x2x4z", "checkout-1", "checkout-2"] {
        for container in ["app", "proxy"] {
            let point = |t: i64| PastPoint {
                t: t as f64,
                mean: bytes(t),
                max: bytes(t),
                cpu: Some(cores(t) as f32),
            };
            let from = MONDAY - 7 * DAY;
            runs.push(PastRun {
                pod: pod.to_owned(),
                container: container.to_owned(),
                run: "r".to_owned(),
                points: (from..=MONDAY).step_by(step as usize).map(point).collect(),
            });
        }
    }
    Found {
        namespace: "shop".to_owned(),
        step: step as f64,
        runs,
        error: None,
    }
}

/// A ledger with two pods that took this past in.
fn ledger(found: &Found) -> Ledger {
    let mut ledger = Ledger::new(Options::default(), MONDAY as f64);
    for name in ["checkout-1", "checkout-2"] {
        ledger.news(PodNews::Pod(Box::new(pod(name))), MONDAY as f64);
    }
    for before in ledger.before(found) {
        ledger.remember_usual(&before, found, MONDAY as f64);
    }
    ledger
}

/// What is told while an hour passes in which both pods need so many cores more.
fn told(ledger: &mut Ledger, more: f64) -> Vec<String> {
    let mut told = Vec::new();
    for minute in 1..60 {
        let t = MONDAY + minute * 60;
        for pod in ["checkout-1", "checkout-2"] {
            for container in ["app", "proxy"] {
                let reading = Reading {
                    namespace: "shop".to_owned(),
                    pod: pod.to_owned(),
                    container: container.to_owned(),
                    at: t as f64,
                    used: bytes(t),
                    cpu: Some(cores(t) + more),
                };
                ledger.reading(&reading, Source::Prometheus, t as f64);
            }
        }
        ledger.look_for_the_unusual(t as f64);
        for sighting in ledger.sightings() {
            if let Sighting::Unusual(unusual) = sighting {
                told.extend(unusual.anomalies.into_iter().map(|one| one.why));
            }
        }
    }
    told.dedup();
    told
}

#[test]
fn what_is_unusual_is_told_on_the_first_day_when_the_past_is_known() {
    let past = found(300);
    let first = told(&mut ledger(&past), 0.2).into_iter().next();
    insta::assert_snapshot!(first.unwrap_or_default(), @"CPU is at 60 % of its limit; usual at this hour is 19 % to 21 %");
    assert_eq!(told(&mut ledger(&past), 0.0), [""; 0], "as usual");
    let nothing = Found {
        runs: vec![],
        ..past
    };
    assert_eq!(told(&mut ledger(&nothing), 0.2), [""; 0], "no past");
}

#[test]
fn hours_as_steps_tell_what_is_usual_too() {
    assert_ne!(told(&mut ledger(&found(3600)), 0.2), [""; 0]);
    assert_eq!(told(&mut ledger(&found(3600)), 0.0), [""; 0]);
}

#[test]
fn a_pod_counts_when_all_its_containers_have_figures_and_it_has_settled() {
    let mut past = found(300);
    past.runs.truncate(3);
    let ledger = ledger(&past);
    let before = ledger.before(&past);
    let [before] = before.as_slice() else {
        panic!("{} workloads", before.len());
    };
    let runs = before.runs.iter().map(|run| &past.runs[*run]);
    let steps = steps(runs, before.containers);
    let all = 7 * 288 + 1;
    assert_eq!(steps.len(), all - 2, "all but its first ten minutes");
    let (t, used) = steps.iter().next().unwrap();
    assert_eq!(used.count, 1, "the other pod lacks its proxy");
    assert!((used.memory - 2.0 * bytes(*t)).abs() < 1.0);
}

#[test]
fn what_was_watched_for_days_is_not_replaced_and_what_is_new_is_stored_soon() {
    let past = found(300);
    let mut known = ledger(&past);
    assert_eq!(known.unsaved_habits(MONDAY as f64 + 60.0, false).len(), 1);
    let stored = known.unsaved_habits(MONDAY as f64 + 60.0, true);
    assert_eq!(stored.len(), 0, "once");
    let lower = Found {
        runs: past
            .runs
            .iter()
            .map(|run| PastRun {
                points: run
                    .points
                    .iter()
                    .map(|point| PastPoint {
                        cpu: Some(0.4),
                        ..*point
                    })
                    .collect(),
                ..run.clone()
            })
            .collect(),
        ..past
    };
    for before in known.before(&lower) {
        known.remember_usual(&before, &lower, MONDAY as f64);
    }
    assert_ne!(told(&mut known, 0.2), [""; 0], "0.4 cores are not usual");
}
