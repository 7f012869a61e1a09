//! A cluster of many containers, each of which has lived for a week: what is stored of it, what the watches tell of it, and what
//! Prometheus answers about it.
use super::rng::Rng;
use crate::{
    domain::{
        forecast::{Boundary, Past, Priors, Sample, Series, Tuning},
        object::{Kind, ObjectRef},
    },
    ports::{ContainerFact, NodeFact, PodFact},
    store::SeriesRow,
    usage::prometheus::Labels,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use std::fmt::Write;

/// Seconds between two readings.
pub const INTERVAL: f64 = 30.0;
/// Pods of a workload.
pub const REPLICAS: u64 = 3;
/// A week in steps of five minutes, as the back-fill brings it.
const PAST: u32 = 7 * 288;
const STEP: f64 = 300.0;
/// So many different pasts; the workloads take turns with them.
const PASTS: u64 = 100;
const LIMIT: u64 = 512 << 20;
/// Pods of a node.
const PER_NODE: u64 = 100;

/// The cluster. Its time begins at 0.
pub struct Fleet {
    containers: u64,
    /// What is stored of the workloads, in turns.
    pasts: Vec<Vec<u8>>,
}

impl Fleet {
    /// One of so many containers.
    pub fn of(containers: u64, tuning: &Tuning) -> Self {
        let pasts = PASTS.min(containers.div_ceil(REPLICAS));
        Self {
            containers,
            pasts: (0..pasts).map(|k| lived(k, tuning).to_bytes()).collect(),
        }
    }

    /// Bytes that are stored per container, without what it is about.
    pub fn stored_bytes(&self) -> u64 {
        let all: usize = self.pasts.iter().map(Vec::len).sum();
        all as u64 / (self.pasts.len() as u64 * REPLICAS).max(1)
    }

    fn past(&self, workload: u64) -> usize {
        (workload % self.pasts.len() as u64) as usize
    }

    /// What is stored of all workloads.
    pub fn rows(&self) -> impl Iterator<Item = SeriesRow> {
        (0..self.containers.div_ceil(REPLICAS)).map(|workload| SeriesRow {
            owner: owner(workload).uid,
            container: CONTAINER.to_owned(),
            seen: 0.0,
            about: json!({"owner": owner(workload), "boundary": Boundary::Limit}).to_string(),
            state: self.pasts[self.past(workload)].clone(),
        })
    }

    /// What the watches tell of all pods.
    pub fn pods(&self) -> impl Iterator<Item = PodFact> {
        (0..self.containers).map(|number| {
            let owner = owner(number / REPLICAS);
            PodFact {
                pod: ObjectRef::new(Kind::Pod, &namespace(number), &pod(number), &uid(8, number)),
                line: owner.clone(),
                owner,
                node: Some(node(number / PER_NODE)),
                leaving: false,
                finished: false,
                containers: vec![ContainerFact {
                    name: CONTAINER.to_owned(),
                    limit: Some(LIMIT),
                    cpu_limit: Some(1.0),
                    cap: None,
                    restarts: 0,
                    running: Some(Some(
                        Timestamp::UNIX_EPOCH - SignedDuration::from_hours(7 * 24),
                    )),
                    end: None,
                }],
            }
        })
    }

    /// What the watches tell of all nodes: their pods may together use a little more than there is.
    pub fn nodes(&self) -> impl Iterator<Item = NodeFact> {
        (0..self.containers.div_ceil(PER_NODE)).map(|number| NodeFact {
            node: ObjectRef::new(Kind::Node, "", &node(number), &uid(2, number)),
            allocatable: LIMIT * PER_NODE * 9 / 10,
            is_short: false,
        })
    }

    /// What Prometheus answers about all containers, with the labels that Heal asks for.
    pub fn answer(&self, of: Of, text: &mut String, labels: &Labels, now: f64, rng: &mut Rng) {
        text.clear();
        text.push_str(r#"{"status":"success","data":{"resultType":"vector","result":["#);
        for number in 0..self.containers {
            let comma = if number == 0 { "" } else { "," };
            let value = match of {
                Of::Taken => ((now - rng.between(0.0, INTERVAL)) * 1e3).round() / 1e3,
                // About where the past of this container left off.
                Of::Used => (LIMIT as f64
                    * (usual(self.past(number / REPLICAS) as u64) + 0.01 * rng.normal()))
                .round(),
                Of::Cpu => rng.between(0.0, 1.0),
            };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                r#"{comma}{{"metric":{{"{}":"{}","{}":"{}","{}":"{CONTAINER}","{}":"{number:064x}"}},"value":[{now},"{value}"]}}"#,
                labels.namespace,
                namespace(number),
                labels.pod,
                pod(number),
                labels.container,
                labels.run,
            );
        }
        text.push_str("]}}");
    }
}

/// What is asked for in one interval.
#[derive(Clone, Copy)]
pub enum Of {
    /// When memory was taken.
    Taken,
    /// Memory.
    Used,
    /// CPU.
    Cpu,
}

const CONTAINER: &str = "main";

/// The usual level of a workload with this past, as a share of the limit.
fn usual(past: u64) -> f64 {
    Rng::new(&[past]).between(0.1, 0.9)
}

/// A workload whose replicas have lived for a week, and were then watched for two hours.
fn lived(past: u64, tuning: &Tuning) -> Series {
    let limit = LIMIT as f64;
    let level = usual(past);
    let mut rng = Rng::new(&[past, 1]);
    let mut series = Series::new(Priors::default());
    let watched = -2.0 * 3600.0;
    for replica in 0..REPLICAS {
        for step in 0..PAST {
            let mean = limit * (level + 0.01 * rng.normal());
            series.remember(
                replica,
                &Past {
                    t: watched - STEP * f64::from(PAST - 1 - step),
                    span: STEP,
                    mean,
                    max: mean * 1.01,
                    limit,
                },
                tuning,
            );
        }
        let mut t = watched + INTERVAL;
        while t <= 0.0 {
            series.observe(
                replica,
                &Sample {
                    t,
                    used: limit * (level + 0.01 * rng.normal()),
                    limit,
                    cpu: None,
                },
                tuning,
            );
            t += INTERVAL;
        }
    }
    series
}

fn owner(workload: u64) -> ObjectRef {
    ObjectRef::new(
        Kind::Deployment,
        &namespace(workload * REPLICAS),
        &format!("service-{workload:06}"),
        &uid(4, workload),
    )
}

/// A uid as long as they are.
fn uid(kind: u64, number: u64) -> String {
    format!("{kind:08x}-0000-4000-8000-{number:012x}")
}

/// All pods of a workload are in the same one.
fn namespace(number: u64) -> String {
    format!("team-{:03}", number / REPLICAS % 400)
}

fn node(number: u64) -> String {
    format!("node-{number:04}")
}

fn pod(number: u64) -> String {
    format!("service-{:06}-7d9c5b8f6d-{:05x}", number / REPLICAS, number)
}
