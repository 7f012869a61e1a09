//! What was scraped.
use crate::sim::kube::ContainerUsage;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// A value is repeated for so long when nothing newer comes, in seconds.
const LOOK_BACK: f64 = 300.0;
/// Older points are dropped, in seconds.
const KEPT: f64 = 8.0 * 86_400.0;

/// The metrics that can be exported.
pub const METRICS: [&str; 9] = [
    "container_memory_working_set_bytes",
    "container_memory_total_active_file_bytes",
    "container_memory_rss",
    SHMEM,
    KERNEL,
    "container_memory_cache",
    "container_memory_mapped_file",
    "container_memory_swap",
    "container_cpu_usage_seconds_total",
];

const SHMEM: &str = "container_memory_shmem";
const KERNEL: &str = "container_memory_kernel_usage";

/// A run of a container.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// The runtime's id of the run.
    pub name: String,
}

/// One scrape of one container. Memory is bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Unix seconds.
    pub t: f64,
    /// Memory of the processes.
    pub anon: u64,
    /// Active page cache.
    pub file: u64,
    /// Files in memory (tmpfs), and what else is shared.
    pub shmem: u64,
    /// The container was gone: nothing is repeated from here on.
    pub stale: bool,
}

impl Point {
    /// What a metric says of it.
    fn value(&self, metric: &str) -> f64 {
        let bytes = match metric {
            "container_memory_working_set_bytes" => self.anon + self.file + self.shmem,
            "container_memory_total_active_file_bytes" | "container_memory_cache" => self.file,
            SHMEM => self.shmem,
            // Always as much.
            KERNEL => 1 << 20,
            "container_memory_rss" => self.anon,
            // A hundredth of a core, always.
            "container_cpu_usage_seconds_total" => return self.t * 0.01,
            _ => 0,
        };
        bytes as f64
    }
}

/// All series.
pub struct Store {
    series: BTreeMap<Labels, Vec<Point>>,
    alive: HashSet<Labels>,
    /// Metrics that are not exported.
    pub hidden: BTreeSet<String>,
    /// Labels that have another name.
    pub renamed: BTreeMap<&'static str, String>,
}

impl Default for Store {
    /// Exports what the kubelet's cAdvisor does: neither shared memory nor the kernel's.
    fn default() -> Self {
        Self {
            series: BTreeMap::new(),
            alive: HashSet::new(),
            hidden: [SHMEM, KERNEL].map(str::to_owned).into(),
            renamed: BTreeMap::new(),
        }
    }
}

impl Store {
    /// Takes what all containers use now.
    pub fn scrape(&mut self, t: f64, usage: &[ContainerUsage]) {
        let mut alive = HashSet::new();
        for container in usage {
            let labels = Labels {
                namespace: container.namespace.clone(),
                pod: container.pod.clone(),
                container: container.container.clone(),
                name: container.id.clone(),
            };
            let point = Point {
                t,
                anon: container.anon,
                file: container.file,
                shmem: 0,
                stale: false,
            };
            self.series.entry(labels.clone()).or_default().push(point);
            alive.insert(labels);
        }
        for gone in self.alive.difference(&alive) {
            if let Some(points) = self.series.get_mut(gone) {
                points.push(Point {
                    t,
                    anon: 0,
                    file: 0,
                    shmem: 0,
                    stale: true,
                });
            }
        }
        self.alive = alive;
        self.series.retain(|_, points| {
            let old = points.partition_point(|point| point.t < t - KEPT);
            // Now and then, so that a scrape is not a copy of everything.
            if old > 1000 {
                points.drain(..old);
            }
            !points.is_empty()
        });
    }

    /// Adds points of before.
    pub fn remember(&mut self, labels: Labels, points: impl IntoIterator<Item = Point>) {
        let known = self.series.entry(labels).or_default();
        known.extend(points);
        known.sort_by(|a, b| a.t.total_cmp(&b.t));
    }

    /// The metrics that are exported.
    pub fn metrics(&self) -> impl Iterator<Item = &'static str> {
        METRICS
            .into_iter()
            .filter(|name| !self.hidden.contains(*name))
    }

    /// All runs.
    pub fn runs(&self) -> impl Iterator<Item = (&Labels, &Vec<Point>)> {
        self.series.iter()
    }
}

/// Time and value of a metric at a time.
pub fn instant(points: &[Point], metric: &str, at: f64) -> Option<(f64, f64)> {
    let before = points.partition_point(|point| point.t <= at);
    let point = points.get(before.checked_sub(1)?)?;
    let fresh = !point.stale && point.t > at - LOOK_BACK;
    fresh.then(|| (point.t, point.value(metric)))
}

/// Times and values of a metric in the span before a time.
pub fn window(points: &[Point], metric: &str, at: f64, span: f64) -> Vec<(f64, f64)> {
    let from = points.partition_point(|point| point.t <= at - span);
    let to = points.partition_point(|point| point.t <= at);
    points[from..to]
        .iter()
        .filter(|point| !point.stale)
        .map(|point| (point.t, point.value(metric)))
        .collect()
}
