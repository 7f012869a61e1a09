//! All that forecasts know: pods, nodes, series. Takes news and readings in and says what there is to tell. Synchronous and
//! without a clock.
use super::{
    Options,
    line::{Key, Line, Run, kind},
    oddities::Oddities,
    pods::{Place, Pod, Pods, Tracked},
    time::{seconds, timestamp},
};
use crate::{
    domain::{
        forecast::{Boundary, Correction, Exit, Priors, RunEnd, Source, Tier},
        object::ObjectRef,
    },
    ports::{ContainerFact, EndFact, PodFact, PodNews, Sighting},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A run that ended with exit code 137 was killed for its memory if it was this full: a kill can hide behind it.
const FULL: f64 = 0.97;
/// What was not heard of for so long is forgotten, in seconds.
const FORGOTTEN: f64 = 7.0 * 86_400.0;
/// More lines than this are not kept: at some 2 KiB each, that is the memory that there is for them.
const MOST: usize = 250_000;

/// The state.
pub struct Ledger {
    pub(super) options: Options,
    pub(super) pods: Pods,
    pub(super) lines: Vec<Option<Line>>,
    free: Vec<usize>,
    pub(super) index: HashMap<Arc<Key>, usize>,
    /// Lines with a run that has had a reading since the last assessment.
    pub(super) stirred: HashSet<usize>,
    /// Runs that a stored line knows, by uid of the pod and container, until the watch has told of the pod.
    restored: HashMap<(String, String), Place>,
    /// What is usual for workloads.
    pub(super) oddities: Oddities,
    /// A past may still come.
    pub(super) expecting: bool,
    /// When it began: older ends are history.
    pub(super) began: f64,
    pub(super) source: Source,
    /// What earlier forecasts came to.
    pub(super) correction: Correction,
    pub(super) out: Vec<Sighting>,
}

impl Ledger {
    /// Nothing known. `now` in Unix seconds.
    pub fn new(options: Options, now: f64) -> Self {
        Self {
            options,
            pods: Pods::default(),
            lines: Vec::new(),
            free: Vec::new(),
            index: HashMap::new(),
            stirred: HashSet::new(),
            restored: HashMap::new(),
            oddities: Oddities::default(),
            expecting: options.backfill > 0.0,
            began: now,
            source: Source::Prometheus,
            correction: Correction::default(),
            out: Vec::new(),
        }
    }

    /// What earlier forecasts came to: applied from now on.
    pub fn correct(&mut self, correction: Correction) {
        self.correction = correction;
    }

    /// What there is to tell since the last call.
    pub fn sightings(&mut self) -> Vec<Sighting> {
        std::mem::take(&mut self.out)
    }

    /// The line of a key, if there is one.
    pub fn line(&self, key: &Key) -> Option<&Line> {
        self.lines[*self.index.get(key)?].as_ref()
    }

    pub(super) fn line_mut(&mut self, at: usize) -> Option<&mut Line> {
        self.lines.get_mut(at)?.as_mut()
    }

    /// Puts a line that was stored, or a new one, in its place.
    pub fn insert(&mut self, line: Line) -> usize {
        let key = line.key.clone();
        let runs: Vec<(usize, String)> = line
            .runs
            .iter()
            .enumerate()
            .filter_map(|(replica, run)| Some((replica, run.as_ref()?.pod.uid.clone())))
            .collect();
        let at = match self.free.pop() {
            Some(at) => {
                self.lines[at] = Some(line);
                at
            }
            None => {
                self.lines.push(Some(line));
                self.lines.len() - 1
            }
        };
        for (replica, uid) in runs {
            let place = Place {
                series: at,
                replica,
            };
            self.restored.insert((uid, key.1.clone()), place);
        }
        self.index.insert(key, at);
        at
    }

    /// All pods were told: runs that a stored line knows and that no pod took up have ended, nobody knows how.
    fn drop_the_vanished(&mut self, now: f64) {
        let restored = std::mem::take(&mut self.restored);
        for ((uid, container), place) in restored {
            let Some(line) = self.line_mut(place.series) else {
                continue;
            };
            // A node's runs are no pods.
            if line.boundary == Boundary::Node {
                continue;
            }
            let owner = line.owner.clone();
            let run = line.runs.get(place.replica).and_then(Option::as_ref);
            let Some(pod) = run.map(|run| run.pod.clone()).filter(|pod| pod.uid == uid) else {
                continue;
            };
            let pod = Pod {
                pod,
                line: owner.clone(),
                owner,
                node: None,
                containers: vec![Tracked {
                    place: Some(place),
                    ..Tracked::new(ContainerFact {
                        name: container,
                        limit: None,
                        cpu_limit: None,
                        cap: None,
                        restarts: 0,
                        running: None,
                        end: None,
                    })
                }],
            };
            self.gone(&pod, now);
        }
    }

    /// Ends all runs of a line.
    fn end_all(&mut self, at: usize, now: f64) {
        let tuning = self.options.tuning;
        let Some(line) = self.line_mut(at) else {
            return;
        };
        for replica in 0..line.runs.len() {
            if line.runs[replica].take().is_some() {
                line.series
                    .ended(replica as u64, now, Exit::Unknown, &tuning);
            }
        }
        self.stirred.insert(at);
    }

    /// Forgets what was not heard of for a week. Gives the keys.
    pub fn forget(&mut self, now: f64) -> Vec<Key> {
        let mut keys = Vec::new();
        for at in 0..self.lines.len() {
            let old =
                |line: &Line| line.seen < now - FORGOTTEN && line.runs.iter().all(Option::is_none);
            if let Some(line) = self.lines[at].take_if(|line| old(line)) {
                self.index.remove(&line.key);
                self.free.push(at);
                self.stirred.remove(&at);
                keys.push(Arc::unwrap_or_clone(line.key));
            }
        }
        self.pods.refs.forget_unused();
        keys
    }

    /// Takes news of the watches in.
    pub fn news(&mut self, news: PodNews, now: f64) {
        match news {
            PodNews::Pod(fact) => self.pod(&fact, now),
            PodNews::PodGone(uid) => {
                if let Some(pod) = self.pods.remove(&uid) {
                    self.gone(&pod, now);
                }
            }
            PodNews::Node(fact) => {
                let known = self.pods.nodes.insert(fact.node.name.clone(), fact.clone());
                let same = known.filter(|known| known.node.uid == fact.node.uid);
                if fact.is_short {
                    self.evicts(&fact.node, same.map(|known| known.is_short), now);
                }
            }
            PodNews::NodeGone(uid) => {
                self.pods.nodes.retain(|_, fact| fact.node.uid != uid);
                if let Some(at) = self.index.get(&(uid, String::new())).copied() {
                    self.end_all(at, now);
                }
            }
            PodNews::Listed => self.drop_the_vanished(now),
        }
    }

    /// The memory of a node is used up: what was told of it came true, and what fills it from here on is another run.
    fn evicts(&mut self, node: &ObjectRef, before: Option<bool>, now: f64) {
        let tuning = self.options.tuning;
        let key = (node.uid.clone(), String::new());
        let Some(at) = self.index.get(&key).copied() else {
            return;
        };
        let Some(line) = self.line_mut(at) else {
            return;
        };
        let Some(run) = line.runs.first().and_then(Option::clone) else {
            return;
        };
        // What was so when it was seen first may be old, unless it was told.
        let is_new = before.map_or_else(|| line.stands_for(&run), |short| !short);
        if !is_new {
            return;
        }
        line.series.ended(0, now, Exit::OomKilled, &tuning);
        line.dirty.get_or_insert(now);
        line.runs[0] = Some(Run {
            run: run.run.saturating_add(1),
            at: 0.0,
            used: 0.0,
            ..run.clone()
        });
        self.stirred.insert(at);
        self.out.push(Sighting::RunEnded(RunEnd {
            owner: node.clone(),
            container: String::new(),
            pod: node.clone(),
            run: run.run,
            began: run.began,
            at: timestamp(now),
            oom: true,
            unseen: false,
            limit: Some(run.limit as u64),
        }));
    }

    fn pod(&mut self, fact: &PodFact, now: f64) {
        let mut pod = self.pods.renewed(fact);
        for tracked in &mut pod.containers {
            self.container(fact, tracked, now);
        }
        if fact.finished {
            self.pods.remove(&fact.pod.uid);
            self.gone(&pod, now);
        } else if let Some(namesake) = self.pods.put(pod) {
            self.gone(&namesake, now);
        }
    }

    /// Brings a container's line and run in step with what the watch says.
    fn container(&mut self, fact: &PodFact, tracked: &mut Tracked, now: f64) {
        let container = tracked.fact.clone();
        if tracked.place.is_none() && !self.restored.is_empty() {
            let known = (fact.pod.uid.clone(), container.name.clone());
            tracked.place = self.restored.remove(&known);
        }
        if let Some(end) = &container.end
            && tracked.ended.is_none_or(|ended| ended < end.run)
        {
            let known = self.run_of(tracked).map(|run| run.run);
            if known.is_none_or(|run| run <= end.run) {
                self.ended(fact, tracked, Some(end.as_ref()), now);
            }
            tracked.ended = Some(end.run);
            self.restarted(fact, end);
        }
        let stale = self
            .run_of(tracked)
            .is_some_and(|run| run.run < container.restarts);
        if stale {
            self.ended(fact, tracked, None, now);
        }
        if let (Some(began), Some(limit)) = (container.running, container.limit) {
            let priors = Priors {
                owner: kind(&fact.owner, &fact.line),
                cap: container.cap.clone(),
            };
            let key = (fact.line.uid.clone(), container.name.clone());
            let at = match self.index.get(&key) {
                Some(at) => {
                    let at = *at;
                    let old = |line: &&Line| self.wants_past(line, now) && line.seen < self.began;
                    let wants = self.lines[at].as_ref().filter(old).is_some();
                    if let Some(line) = self.line_mut(at).filter(|_| wants) {
                        line.expect_past();
                    }
                    at
                }
                None if self.index.len() >= MOST => {
                    self.out.push(Sighting::Suppressed {
                        reason: "more containers than can be forecast".to_owned(),
                        count: 1,
                    });
                    return;
                }
                None => {
                    let owner = self.pods.refs.share(&fact.owner);
                    let mut line = Line::new(key, owner, Boundary::Limit, priors.clone());
                    if self.wants_past(&line, now) {
                        line.expect_past();
                    }
                    self.insert(line)
                }
            };
            let refs = &mut self.pods.refs;
            let (owner, pod) = (refs.share(&fact.owner), refs.share(&fact.pod));
            let Some(line) = self.line_mut(at) else {
                return;
            };
            line.set_priors(priors);
            line.owner = owner;
            line.seen = line.seen.max(now);
            let kept = tracked.place.filter(|place| place.series == at);
            let replica = kept.map(|place| place.replica);
            let replica = replica.or_else(|| {
                if container.restarts == 0 {
                    line.series.renewed(now);
                }
                line.begin(Run {
                    pod: pod.clone(),
                    run: container.restarts,
                    began,
                    at: 0.0,
                    used: 0.0,
                    limit: limit as f64,
                    tier: Tier::Clear,
                })
            });
            // One too many: it is counted with every round of readings.
            let Some(replica) = replica else {
                tracked.place = None;
                return;
            };
            if let Some(run) = line.runs.get_mut(replica).and_then(Option::as_mut) {
                run.pod = pod;
                run.began = began.or(run.began);
                run.limit = limit as f64;
            }
            tracked.place = Some(Place {
                series: at,
                replica,
            });
        }
        if container.limit.is_none() && tracked.place.is_some() {
            self.ended(fact, tracked, None, now);
        }
    }

    /// The run of a container that is under way, as far as its line knows.
    fn run_of(&self, tracked: &Tracked) -> Option<&Run> {
        let place = tracked.place?;
        let line = self.lines.get(place.series)?.as_ref()?;
        line.runs.get(place.replica)?.as_ref()
    }

    /// The run of a container ended; `end` tells how, if that is known.
    fn ended(&mut self, fact: &PodFact, tracked: &mut Tracked, end: Option<&EndFact>, now: f64) {
        let at = end.and_then(|end| end.at).map_or(now, seconds).min(now);
        let place = tracked.place.take();
        let run = place.and_then(|place| {
            let line = self.line_mut(place.series)?;
            line.runs.get_mut(place.replica)?.take()
        });
        // Restarted more than once since somebody looked: only of the last of those runs is known how it ended.
        let last = end.map_or(tracked.fact.restarts, |end| end.run);
        let unseen = run.as_ref().is_some_and(|run| run.run < last);
        let full = run
            .as_ref()
            .is_some_and(|run| !unseen && run.used >= FULL * run.limit && run.limit > 0.0);
        let oom =
            end.is_some_and(|end| is_oom(end) || (end.exit_code == 137 && full && !fact.leaving));
        let exit = end.map_or(Exit::Unknown, |end| exit_of(end, oom, fact.leaving));
        let mut stands = false;
        if let (Some(place), Some(run)) = (place, &run) {
            let tuning = self.options.tuning;
            if let Some(line) = self.line_mut(place.series) {
                line.catch_up(&tuning);
                line.series.ended(place.replica as u64, at, exit, &tuning);
                line.dirty.get_or_insert(now);
                stands = line.stands_for(run);
            }
            self.stirred.insert(place.series);
        }
        let ended = |pod: &ObjectRef, run, began| RunEnd {
            owner: fact.owner.clone(),
            container: tracked.fact.name.clone(),
            pod: pod.clone(),
            run,
            began,
            at: timestamp(at),
            oom: false,
            unseen: false,
            limit: tracked.fact.limit,
        };
        if let Some(run) = run.as_ref().filter(|_| stands && (unseen || !oom)) {
            self.out.push(Sighting::RunEnded(RunEnd {
                unseen,
                ..ended(&run.pod, run.run, run.began)
            }));
        }
        // A kill that nobody could have foreseen counts, too, unless it is older than this watch.
        let seen = run.as_ref().filter(|_| !unseen);
        if let Some(end) = end.filter(|_| oom && (seen.is_some() || at >= self.began)) {
            let began = end.began.or(seen.and_then(|run| run.began));
            self.out.push(Sighting::RunEnded(RunEnd {
                oom: true,
                ..ended(&fact.pod, end.run, began)
            }));
        }
    }

    /// A pod is gone, and all runs of its containers with it.
    fn gone(&mut self, pod: &Pod, now: f64) {
        let fact = PodFact {
            pod: (*pod.pod).clone(),
            owner: (*pod.owner).clone(),
            line: (*pod.line).clone(),
            node: None,
            leaving: true,
            finished: true,
            containers: Vec::new(),
        };
        for tracked in &pod.containers {
            let mut tracked = tracked.clone();
            if tracked.place.is_some() {
                self.ended(&fact, &mut tracked, None, now);
            }
        }
    }
}

/// The kernel killed it for its memory: the runtime says so.
fn is_oom(end: &EndFact) -> bool {
    end.reason == "OOMKilled"
}

/// How a run ended, for its series. `oom` when there is other proof of a kill for memory than the runtime's word; a pod that
/// leaves ends its containers by signals, which tells nothing.
pub(super) fn exit_of(end: &EndFact, oom: bool, leaving: bool) -> Exit {
    if oom || is_oom(end) {
        Exit::OomKilled
    } else if end.exit_code == 0 {
        Exit::Completed
    } else if leaving {
        Exit::Unknown
    } else {
        Exit::Error
    }
}
