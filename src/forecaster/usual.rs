//! What the past tells of what is usual: CPU and memory of workloads from before Heal watched. Without it nothing is called unusual
//! for three days.
use super::{
    Ledger,
    line::kind,
    names,
    oddities::{STARTING, Sum},
    past::Found,
    pods::Pod,
};
use crate::{
    domain::{anomaly::Scale, forecast::OwnerKind, object::ObjectRef},
    ports::{PastPoint, PastRun},
};
use std::{collections::BTreeMap, sync::Arc};

/// A value stands for so many seconds of what is usual at the most: longer steps are taken as several.
const PIECE: f64 = 300.0;

/// A workload whose past was found.
pub struct Before {
    owner: Arc<ObjectRef>,
    /// Containers of a pod.
    containers: usize,
    cpu: Scale,
    memory: Scale,
    /// Its runs among those that were found.
    runs: Vec<usize>,
}

/// What was used at the same time.
#[derive(Clone, Copy, Default)]
struct Together {
    /// Containers of a pod, or pods of a workload.
    count: u32,
    memory: f64,
    cpu: f64,
    cpu_unknown: bool,
}

impl Together {
    fn add(&mut self, memory: f64, cpu: Option<f64>) {
        self.count += 1;
        self.memory += memory;
        self.cpu += cpu.unwrap_or(0.0);
        self.cpu_unknown |= cpu.is_none();
    }

    fn cpu(&self) -> Option<f64> {
        (!self.cpu_unknown).then_some(self.cpu)
    }
}

impl Before {
    /// The workload of a pod, as its pods are now; `None` for one that is meant to end.
    fn of(pod: &Pod) -> Option<Self> {
        let (mut cpu, mut memory) = (Sum::default(), Sum::default());
        for tracked in &pod.containers {
            cpu.add(Some(0.0), tracked.fact.cpu_limit);
            let limit = tracked.fact.limit.map(|bytes| bytes as f64);
            memory.add(Some(0.0), limit);
        }
        let is_job = kind(&pod.owner, &pod.line) == OwnerKind::Job;
        (!is_job && !pod.containers.is_empty()).then_some(Self {
            owner: pod.line.clone(),
            containers: pod.containers.len(),
            cpu: cpu.mean(1.0)?.1,
            memory: memory.mean(1.0)?.1,
            runs: Vec::new(),
        })
    }
}

impl Ledger {
    /// The workloads whose past was found.
    pub fn before(&self, found: &Found) -> Vec<Before> {
        let pods = || self.pods.of_namespace(&found.namespace);
        let owners = names::Owners::of(pods());
        let mut all: BTreeMap<String, Before> = BTreeMap::new();
        for before in pods().filter_map(Before::of) {
            all.entry(before.owner.uid.clone()).or_insert(before);
        }
        for (number, run) in found.runs.iter().enumerate() {
            let uid = match self.pods.get(&found.namespace, &run.pod) {
                Some(pod) => Some(&pod.line.uid),
                None => owners.of_pod(&run.pod),
            };
            if let Some(before) = uid.and_then(|uid| all.get_mut(uid)) {
                before.runs.push(number);
            }
        }
        all.into_values()
            .filter(|before| !before.runs.is_empty())
            .collect()
    }

    /// Takes in what was usual for a workload before, unless enough is known of it.
    pub fn remember_usual(&mut self, before: &Before, found: &Found, now: f64) {
        let Some(habits) = self.oddities.habits_to_prime(&before.owner, now) else {
            return;
        };
        let pieces = (found.step / PIECE).ceil().max(1.0) as u32;
        let runs = before.runs.iter().filter_map(|run| found.runs.get(*run));
        let steps = steps(runs, before.containers);
        let readings = steps.iter().flat_map(|(end, used)| {
            let pods = f64::from(used.count.max(1));
            let cpu = used.cpu().map(|cpu| (cpu / pods, before.cpu));
            let memory = Some((used.memory / pods, before.memory));
            let began = *end as f64 - found.step;
            (0..pieces).map(move |piece| (began + f64::from(piece) * PIECE, cpu, memory))
        });
        habits.remember(readings);
    }
}

/// What the pods of a workload used together, by the end of the step: of pods that were not just starting, and of which all
/// containers have figures.
fn steps<'a>(
    runs: impl Iterator<Item = &'a PastRun>,
    containers: usize,
) -> BTreeMap<i64, Together> {
    let mut pods: BTreeMap<&str, Vec<&PastRun>> = BTreeMap::new();
    for run in runs {
        pods.entry(&run.pod).or_default().push(run);
    }
    let mut all: BTreeMap<i64, Together> = BTreeMap::new();
    for runs in pods.values() {
        let mut pod: BTreeMap<i64, Together> = BTreeMap::new();
        for run in runs {
            let settled = run.points.first().map_or(0.0, |first| first.t) + STARTING;
            for point in run.points.iter().filter(|point| point.t >= settled) {
                let PastPoint { t, mean, cpu, .. } = *point;
                let used = pod.entry(t as i64).or_default();
                used.add(mean, cpu.map(f64::from));
            }
        }
        for (t, used) in pod {
            if used.count as usize == containers {
                all.entry(t).or_default().add(used.memory, used.cpu());
            }
        }
    }
    all
}

#[cfg(test)]
mod tests;
