//! From readings to what there is to tell.
use super::{
    ledger::Ledger,
    line::{Line, Run},
    pods::Tracked,
    time::timestamp,
};
use crate::{
    domain::{
        forecast::{
            Boundary, Estimate, Outlook, Priors, Sample, Source, SourceHealth, Tier, Trust,
        },
        object::ObjectRef,
    },
    ports::{Reading, Sighting},
};
use std::collections::HashMap;

/// A standing forecast is told again after this long, in seconds.
const REFRESH: f64 = 180.0;
/// Time constant of the slow average that recent growth is told by, in seconds.
const SLOW: f64 = 3600.0;
/// Figures older than this say nothing about now, in seconds, unless the interval is long.
const STALE: f64 = 180.0;
/// The clocks of nodes and of this machine may differ by so many seconds.
const SKEW: f64 = 30.0;

/// The memory of all pods of a node.
#[derive(Default)]
struct Load {
    used: f64,
    limits: u64,
    known: u32,
    missing: u32,
    /// The container without a limit that grows most: growth, pod, name.
    growing: Option<(f64, String, String)>,
    unlimited: bool,
}

impl Tracked {
    /// What of a reading is page cache that the better source would have left out: as much as there was when the worse one stepped in.
    /// Without this, every outage of the better source would look like a sudden growth of whoever reads files.
    fn cache_by(&mut self, reading: &Reading, source: Source) -> f64 {
        if source == Source::Prometheus {
            self.cache = 0.0;
        } else if self.source == Some(Source::Prometheus) {
            self.cache = (reading.used - self.used).max(0.0);
        }
        self.cache
    }
}

impl Ledger {
    /// Figures older than this are stale.
    pub(super) fn fresh(&self, now: f64) -> f64 {
        now - (3.0 * self.options.interval).max(STALE)
    }

    /// Takes one reading in. The same figure read twice counts once, and one from before the run began not at all.
    pub fn reading(&mut self, reading: &Reading, source: Source, now: f64) {
        self.source = source;
        let fresh = self.fresh(now);
        let Some(tracked) = self
            .pods
            .get_mut(&reading.namespace, &reading.pod)
            .and_then(|pod| {
                let mut all = pod.containers.iter_mut();
                all.find(|tracked| tracked.fact.name == reading.container)
            })
        else {
            return;
        };
        let began = tracked
            .fact
            .running
            .flatten()
            .map_or(0.0, super::time::seconds);
        let usable = reading.used.is_finite() && reading.used >= 0.0 && reading.at.is_finite();
        let alive = tracked.fact.running.is_some() && reading.at >= began;
        let news = reading.at > tracked.at && reading.at >= fresh && reading.at <= now + SKEW;
        if !(usable && alive && news) {
            return;
        }
        let used = (reading.used - tracked.cache_by(reading, source)).max(0.0);
        let pace = 1.0 - (-(reading.at - tracked.at) / SLOW).exp();
        tracked.slow = if tracked.at == 0.0 {
            used
        } else {
            tracked.slow + pace * (used - tracked.slow)
        };
        (tracked.at, tracked.used, tracked.source) = (reading.at, used, Some(source));
        tracked.cpu = reading.cpu;
        let (Some(place), Some(limit)) = (tracked.place, tracked.fact.limit) else {
            return;
        };
        let sample = Sample {
            t: reading.at,
            used,
            limit: limit as f64,
            cpu: reading.cpu,
        };
        let tuning = self.options.tuning;
        if let Some(line) = self.line_mut(place.series) {
            line.observe(place.replica, sample, &tuning);
            self.stirred.insert(place.series);
        }
    }

    /// After all readings of an interval: takes the nodes in, and says how complete the figures are.
    pub fn round(&mut self, now: f64, trouble: Option<String>) -> SourceHealth {
        let fresh = self.fresh(now);
        let mut nodes: HashMap<&str, Load> = HashMap::new();
        let mut health = SourceHealth {
            source: Some(self.source),
            error: trouble,
            ..SourceHealth::default()
        };
        let mut last: f64 = 0.0;
        for pod in self.pods.iter() {
            let mut load = pod
                .node
                .as_deref()
                .map(|name| nodes.entry(name).or_default());
            for tracked in &pod.containers {
                if tracked.fact.running.is_none() {
                    continue;
                }
                let known = tracked.at >= fresh;
                *(if known {
                    &mut health.containers
                } else {
                    &mut health.missing
                }) += 1;
                if tracked.place.is_none() && tracked.fact.limit.is_some() {
                    health.unwatched += 1;
                    health
                        .unwatched_of
                        .get_or_insert_with(|| (*pod.owner).clone());
                }
                last = last.max(tracked.at);
                let Some(load) = load.as_deref_mut() else {
                    continue;
                };
                *(if known {
                    &mut load.known
                } else {
                    &mut load.missing
                }) += 1;
                load.used += tracked.used;
                match tracked.fact.limit {
                    Some(limit) => load.limits = load.limits.saturating_add(limit),
                    None => {
                        load.unlimited = true;
                        let growth = tracked.used - tracked.slow;
                        if load
                            .growing
                            .as_ref()
                            .is_none_or(|(most, ..)| growth > *most)
                        {
                            let name = tracked.fact.name.clone();
                            load.growing = Some((growth, pod.pod.name.clone(), name));
                        }
                    }
                }
            }
        }
        health.last = (last > 0.0).then(|| timestamp(last));
        let nodes: Vec<(ObjectRef, u64, Load)> = nodes
            .into_iter()
            .filter_map(|(name, load)| {
                let fact = self.pods.nodes.get(name)?;
                Some((fact.node.clone(), fact.allocatable, load))
            })
            .collect();
        for (node, allocatable, load) in nodes {
            self.node(node, allocatable, load, now);
        }
        health
    }

    /// A node whose pods may together use more than there is.
    fn node(&mut self, node: ObjectRef, allocatable: u64, load: Load, now: f64) {
        let may_overflow = load.unlimited || load.limits > allocatable;
        // A sum with holes would fall and rise with them.
        let whole = load.known > 0 && load.missing * 10 <= load.known;
        if !may_overflow || !whole || allocatable == 0 {
            return;
        }
        let key = (node.uid.clone(), String::new());
        let node = self.pods.refs.share(&node);
        let at = match self.index.get(&key) {
            Some(at) => *at,
            None => self.insert(Line::new(
                key,
                node.clone(),
                Boundary::Node,
                Priors::default(),
            )),
        };
        let tuning = self.options.tuning;
        let Some(line) = self.line_mut(at) else {
            return;
        };
        if line.runs.iter().all(Option::is_none) {
            line.begin(Run {
                pod: node,
                run: 0,
                began: None,
                at: 0.0,
                used: 0.0,
                limit: allocatable as f64,
                tier: Tier::Clear,
            });
        }
        line.growing =
            load.growing
                .filter(|(growth, ..)| *growth > 0.0)
                .map(|(_, pod, container)| {
                    format!("Container {container} of pod {pod} has no limit and grows most.")
                });
        let sample = Sample {
            t: now,
            used: load.used,
            limit: allocatable as f64,
            cpu: None,
        };
        line.observe(0, sample, &tuning);
        self.stirred.insert(at);
    }

    /// The lines that are to be assessed.
    pub fn stirred(&mut self) -> Vec<usize> {
        let mut stirred: Vec<usize> = self.stirred.drain().collect();
        // Always in the same order: a set has none.
        stirred.sort_unstable();
        stirred
    }

    /// Assesses a line, and tells what is news.
    pub fn assess(&mut self, at: usize, now: f64) {
        let (options, source, fresh) = (self.options, self.source, self.fresh(now));
        let learned = Trust::of(source, self.correction);
        let tuning = options.tuning;
        let refresh = REFRESH * tuning.pace.clamp(0.02, 1.0);
        let Some(line) = self.line_mut(at) else {
            return;
        };
        let trust = match line.boundary {
            Boundary::Limit => learned,
            // The kubelet evicts by the working set, and what became of nodes corrects nothing.
            Boundary::Node => Trust::default(),
        };
        let assessed = line.assess(now, fresh, &tuning, &trust);
        let outlook = match &assessed {
            Some((replica, estimate)) => told(line, *replica, estimate, now, source),
            None if line.runs.iter().all(Option::is_none) => over(line, now),
            None => None,
        };
        let Some(mut outlook) = outlook else {
            return;
        };
        outlook.correction = trust.correction;
        outlook.tier = options.told_as(outlook.tier);
        if line.is_news(&outlook, refresh) {
            if let Some((replica, _)) = assessed {
                // Only for what is told: it costs as much as the assessment itself.
                outlook.needed_limit = line.needed_limit(replica, now, outlook.tier, &tuning);
                outlook.chart = line.chart(replica, now, outlook.tier, &tuning);
            }
            line.told(&outlook);
            self.out.push(Sighting::Forecast(Box::new(outlook)));
        }
    }

    /// Forecasts that stand: notices and pages.
    pub fn standing(&self) -> (u64, u64) {
        let tiers = self
            .lines
            .iter()
            .flatten()
            .filter_map(|line| Some(line.standing.as_ref()?.tier));
        tiers.fold((0, 0), |(notices, pages), tier| match tier {
            Tier::Notice => (notices + 1, pages),
            Tier::Page => (notices, pages + 1),
            Tier::Clear => (notices, pages),
        })
    }
}

fn told(
    line: &Line,
    replica: usize,
    estimate: &Estimate,
    now: f64,
    source: Source,
) -> Option<Outlook> {
    let mut outlook = line.outlook(replica, estimate, now, source)?;
    if let Some(growing) = &line.growing {
        outlook.why = format!("{} {growing}", outlook.why).trim().to_owned();
    }
    Some(outlook)
}

/// Nothing of the workload runs any more: what stood is over.
fn over(line: &Line, now: f64) -> Option<Outlook> {
    let standing = line.standing.as_ref()?;
    Some(Outlook {
        at: timestamp(now),
        tier: Tier::Clear,
        p: 0.0,
        when: None,
        rising: 0,
        replicas: 0,
        why: "The run that this was about has ended.".to_owned(),
        ..(**standing).clone()
    })
}
