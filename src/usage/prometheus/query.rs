//! The questions: PromQL texts.
//!
//! Which memory counts: what cannot be reclaimed, for that is what the kernel compares with the limit once the page cache is
//! gone. The working set still holds the active page cache, so it is taken off where it is exported; the resident set alone
//! misses tmpfs and socket buffers.
use std::fmt::Write as _;

const WORKING_SET: &str = "container_memory_working_set_bytes";
const ACTIVE_FILE: &str = "container_memory_total_active_file_bytes";
const RSS: &str = "container_memory_rss";
const SHMEM: &str = "container_memory_shmem";
const KERNEL: &str = "container_memory_kernel_usage";
const CACHE: &str = "container_memory_cache";
const MAPPED: &str = "container_memory_mapped_file";
const SWAP: &str = "container_memory_swap";
const CPU: &str = "container_cpu_usage_seconds_total";

/// How series are labelled. The defaults are those of kube-prometheus-stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod.
    pub pod: String,
    /// The container.
    pub container: String,
    /// What tells one run of a container from the next: the runtime's id of it.
    pub run: String,
    /// A further matcher, such as `cluster="prod-eu"`; empty for none.
    pub matcher: String,
}

impl Default for Labels {
    fn default() -> Self {
        Self {
            namespace: "namespace".to_owned(),
            pod: "pod".to_owned(),
            container: "container".to_owned(),
            run: "name".to_owned(),
            matcher: String::new(),
        }
    }
}

/// What the working set is corrected with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Measure {
    /// Working set without the active page cache.
    ActiveFile,
    /// Resident set, shared memory and what else of the kernel's is exported.
    Parts {
        /// The kernel's own memory is exported.
        kernel: bool,
    },
    /// Working set without the cache that is not mapped, and at least the resident set.
    Cache,
    /// Working set as it is.
    #[default]
    WorkingSet,
}

/// What is exported, found out by [`Labels::probe`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// The best measure.
    pub measure: Measure,
    /// Some container uses swap.
    pub swap: bool,
    /// CPU time is there.
    pub cpu: bool,
}

impl Exported {
    /// The best that these metrics allow; `None` when not even the working set is there.
    pub fn of<'a>(names: impl Iterator<Item = &'a str> + Clone) -> Option<Self> {
        let has = |name: &str| names.clone().any(|known| known == name);
        if !has(WORKING_SET) {
            return None;
        }
        let measure = if has(ACTIVE_FILE) {
            Measure::ActiveFile
        } else if has(RSS) && has(SHMEM) {
            Measure::Parts {
                kernel: has(KERNEL),
            }
        } else if has(RSS) && has(CACHE) && has(MAPPED) {
            Measure::Cache
        } else {
            Measure::WorkingSet
        };
        Some(Self {
            measure,
            swap: false,
            cpu: has(CPU),
        })
    }

    /// What is measured, in words.
    pub fn words(&self) -> &'static str {
        match self.measure {
            Measure::ActiveFile => "working set without active page cache",
            Measure::Parts { .. } => "resident, shared and kernel memory",
            Measure::Cache => "working set without unmapped page cache",
            Measure::WorkingSet => "working set, which may hold page cache",
        }
    }
}

impl Labels {
    /// Which of the metrics are exported.
    pub fn probe(&self) -> String {
        let names = [
            WORKING_SET,
            ACTIVE_FILE,
            RSS,
            SHMEM,
            KERNEL,
            CACHE,
            MAPPED,
            CPU,
        ]
        .join("|");
        let of = self.selector(&format!("__name__=~\"{names}\""));
        format!("count by (__name__) ({of})")
    }

    /// How many containers use swap.
    pub fn probe_swap(&self) -> String {
        format!("count({SWAP}{} > 0)", self.selector(""))
    }

    /// Memory of all containers that cannot be reclaimed.
    pub fn used(&self, exported: Exported) -> String {
        let of = self.selector("");
        let metric = |name: &str| format!("{name}{of}");
        let working_set = metric(WORKING_SET);
        let sum = match exported.measure {
            Measure::ActiveFile => format!("{working_set} - {}", metric(ACTIVE_FILE)),
            Measure::Parts { kernel: true } => {
                format!("{} + {} + {}", metric(RSS), metric(SHMEM), metric(KERNEL))
            }
            Measure::Parts { kernel: false } => format!("{} + {}", metric(RSS), metric(SHMEM)),
            Measure::Cache => {
                let (cache, mapped, rss) = (metric(CACHE), metric(MAPPED), metric(RSS));
                format!("({working_set} - {cache} + {mapped} > {rss}) or {rss}")
            }
            Measure::WorkingSet => working_set.clone(),
        };
        let sum = if exported.swap {
            format!("({sum}) + {}", metric(SWAP))
        } else {
            sum
        };
        if sum == working_set {
            return self.best(&sum);
        }
        // Nodes of another version may not export everything: better the working set than nothing. Container by container, for
        // the kubelet's other endpoint (/metrics/resource) has the working set again, without anything to correct it with.
        let Self {
            namespace,
            pod,
            container,
            ..
        } = self;
        format!(
            "{} or on ({namespace}, {pod}, {container}) {}",
            self.best(&sum),
            self.best(&working_set)
        )
    }

    /// When those figures were taken. A metric that is gone is repeated for five minutes, under its old time.
    pub fn taken(&self) -> String {
        self.best(&format!("timestamp({WORKING_SET}{})", self.selector("")))
    }

    /// CPU of all containers in cores.
    pub fn cpu(&self) -> String {
        self.best(&format!("rate({CPU}{}[2m])", self.selector("")))
    }

    /// Mean and maximum per step of a namespace's past, as two queries.
    pub fn past(&self, exported: Exported, namespace: &str, step: i64) -> [String; 2] {
        let own = format!("{}={}", self.namespace, quoted(namespace));
        let of = self.selector(&own);
        ["avg", "max"].map(|first| {
            let over =
                |function: &str, name: &str| format!("{function}_over_time({name}{of}[{step}s])");
            let working_set = over(first, WORKING_SET);
            let sum = match exported.measure {
                Measure::ActiveFile => format!("{working_set} - {}", over("avg", ACTIVE_FILE)),
                Measure::Parts { kernel } => {
                    let mut sum = format!("{} + {}", over(first, RSS), over(first, SHMEM));
                    if kernel {
                        // Writing to a String does not fail.
                        let _ = write!(sum, " + {}", over(first, KERNEL));
                    }
                    sum
                }
                Measure::Cache => {
                    let (cache, mapped) = (over("avg", CACHE), over("avg", MAPPED));
                    let rss = over(first, RSS);
                    format!("({working_set} - {cache} + {mapped} > {rss}) or {rss}")
                }
                Measure::WorkingSet => working_set,
            };
            let sum = if exported.swap {
                format!("({sum}) + {}", over(first, SWAP))
            } else {
                sum
            };
            self.best(&sum)
        })
    }

    /// CPU in cores per step of a namespace's past.
    pub fn past_cpu(&self, namespace: &str, step: i64) -> String {
        let own = format!("{}={}", self.namespace, quoted(namespace));
        // A rate needs two scrapes.
        let window = step.max(120);
        let of = self.selector(&own);
        self.best(&format!("rate({CPU}{of}[{window}s])"))
    }

    /// One value for each run of a container: two scrapers of the same container agree but for noise.
    fn best(&self, of: &str) -> String {
        let Self {
            namespace,
            pod,
            container,
            run,
            ..
        } = self;
        format!("max by ({namespace}, {pod}, {container}, {run}) ({of})")
    }

    /// Containers only: neither the sums of pods and slices nor the pause containers.
    fn selector(&self, first: &str) -> String {
        let container = format!("{0}!=\"\", {0}!=\"POD\"", self.container);
        let matchers: Vec<&str> = [first, &container, &self.matcher]
            .into_iter()
            .filter(|matcher| !matcher.trim().is_empty())
            .collect();
        format!("{{{}}}", matchers.join(", "))
    }
}

/// A text as PromQL reads it.
fn quoted(text: &str) -> String {
    // Names of namespaces need no escapes; anything else is escaped as JSON is, which PromQL reads, too.
    serde_json::Value::from(text).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exported(names: &[&str]) -> Exported {
        Exported::of(names.iter().copied()).unwrap()
    }

    #[test]
    fn the_best_measure_that_is_exported_is_taken() {
        let all = [WORKING_SET, RSS, CACHE, MAPPED, ACTIVE_FILE];
        let measures = [
            exported(&all).measure,
            exported(&[WORKING_SET, RSS, SHMEM]).measure,
            exported(&all[..4]).measure,
            exported(&all[..3]).measure,
        ];
        assert_eq!(
            measures,
            [
                Measure::ActiveFile,
                Measure::Parts { kernel: false },
                Measure::Cache,
                Measure::WorkingSet
            ]
        );
        assert_eq!(Exported::of(["up"].into_iter()), None);
    }

    #[test]
    fn the_past_is_measured_like_the_present_with_and_without_kernel_memory_and_swap() {
        let parts = exported(&[WORKING_SET, RSS, SHMEM]);
        let all = Exported {
            swap: true,
            ..exported(&[WORKING_SET, RSS, SHMEM, KERNEL])
        };
        let labels = Labels::default();
        let lines = [
            labels.used(parts),
            labels.past(parts, "shop", 300)[0].clone(),
            labels.used(all),
            labels.past(all, "shop", 300)[1].clone(),
        ];
        let by = "max by (namespace, pod, container, name)";
        let text = lines.join("\n").replace(by, "best");
        insta::assert_snapshot!(text.replace("container!=\"\", container!=\"POD\"", "…"), @r#"
        best (container_memory_rss{…} + container_memory_shmem{…}) or on (namespace, pod, container) best (container_memory_working_set_bytes{…})
        best (avg_over_time(container_memory_rss{namespace="shop", …}[300s]) + avg_over_time(container_memory_shmem{namespace="shop", …}[300s]))
        best ((container_memory_rss{…} + container_memory_shmem{…} + container_memory_kernel_usage{…}) + container_memory_swap{…}) or on (namespace, pod, container) best (container_memory_working_set_bytes{…})
        best ((max_over_time(container_memory_rss{namespace="shop", …}[300s]) + max_over_time(container_memory_shmem{namespace="shop", …}[300s]) + max_over_time(container_memory_kernel_usage{namespace="shop", …}[300s])) + max_over_time(container_memory_swap{namespace="shop", …}[300s]))
        "#);
    }

    #[test]
    fn the_questions_are_what_a_person_would_ask() {
        let labels = Labels {
            matcher: "cluster=\"eu\"".to_owned(),
            ..Labels::default()
        };
        let best = exported(&[WORKING_SET, ACTIVE_FILE]);
        let cache = Exported {
            swap: true,
            ..exported(&[WORKING_SET, RSS, CACHE, MAPPED])
        };
        let [mean, max] = labels.past(best, "shop", 300);
        let lines = [
            Labels::default().used(Exported::default()),
            labels.used(best),
            Labels::default().used(cache),
            labels.taken(),
            labels.cpu(),
            mean,
            max,
            labels.past_cpu("shop", 300),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r#"
        max by (namespace, pod, container, name) (container_memory_working_set_bytes{container!="", container!="POD"})
        max by (namespace, pod, container, name) (container_memory_working_set_bytes{container!="", container!="POD", cluster="eu"} - container_memory_total_active_file_bytes{container!="", container!="POD", cluster="eu"}) or on (namespace, pod, container) max by (namespace, pod, container, name) (container_memory_working_set_bytes{container!="", container!="POD", cluster="eu"})
        max by (namespace, pod, container, name) (((container_memory_working_set_bytes{container!="", container!="POD"} - container_memory_cache{container!="", container!="POD"} + container_memory_mapped_file{container!="", container!="POD"} > container_memory_rss{container!="", container!="POD"}) or container_memory_rss{container!="", container!="POD"}) + container_memory_swap{container!="", container!="POD"}) or on (namespace, pod, container) max by (namespace, pod, container, name) (container_memory_working_set_bytes{container!="", container!="POD"})
        max by (namespace, pod, container, name) (timestamp(container_memory_working_set_bytes{container!="", container!="POD", cluster="eu"}))
        max by (namespace, pod, container, name) (rate(container_cpu_usage_seconds_total{container!="", container!="POD", cluster="eu"}[2m]))
        max by (namespace, pod, container, name) (avg_over_time(container_memory_working_set_bytes{namespace="shop", container!="", container!="POD", cluster="eu"}[300s]) - avg_over_time(container_memory_total_active_file_bytes{namespace="shop", container!="", container!="POD", cluster="eu"}[300s]))
        max by (namespace, pod, container, name) (max_over_time(container_memory_working_set_bytes{namespace="shop", container!="", container!="POD", cluster="eu"}[300s]) - avg_over_time(container_memory_total_active_file_bytes{namespace="shop", container!="", container!="POD", cluster="eu"}[300s]))
        max by (namespace, pod, container, name) (rate(container_cpu_usage_seconds_total{namespace="shop", container!="", container!="POD", cluster="eu"}[300s]))
        "#);
    }
}
