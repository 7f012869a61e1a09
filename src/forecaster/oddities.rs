//! What is usual for workloads, and what is not: CPU, memory and restarts of all replicas together.
use super::{
    ledger::Ledger,
    line::kind,
    refs::ByUid,
    time::{seconds, timestamp},
};
use crate::{
    domain::{
        anomaly::{Anomaly, Habits, Metric, Restart, Scale, Unusual},
        forecast::OwnerKind,
        object::ObjectRef,
    },
    ports::{EndFact, PodFact, Sighting},
    store::{HabitsRow, ROWS},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// More workloads than this are not followed: at some 4 KiB each, that is the memory that there is for them.
const MOST: usize = 20_000;
/// What was not heard of for so long is forgotten, in seconds.
const FORGOTTEN: f64 = 8.0 * 86_400.0;
/// A pod that is younger than this is still starting, in seconds: what it uses says nothing about the workload.
pub(super) const STARTING: f64 = 600.0;
/// What stands is told again after this long, in seconds.
const REFRESH: f64 = 600.0;
/// A habit with news is stored after this long at the latest, in seconds.
const LATEST: f64 = 1800.0;
/// The version of what is stored.
const VERSION: u8 = 1;

/// All workloads by uid.
#[derive(Default)]
pub struct Oddities {
    workloads: HashMap<ByUid, Box<Workload>>,
    /// Somebody was told that there are too many.
    full: bool,
}

struct Workload {
    owner: Arc<ObjectRef>,
    habits: Habits,
    /// What was told last, and when.
    told: (f64, Vec<Anomaly>),
    seen: f64,
    /// When it was stored.
    saved: f64,
}

/// What the replicas of a workload use together.
#[derive(Default)]
struct Use {
    replicas: f64,
    cpu: Sum,
    memory: Sum,
}

/// A sum with its limits.
#[derive(Default)]
pub(super) struct Sum {
    level: f64,
    limit: f64,
    unknown: bool,
    unlimited: bool,
}

impl Sum {
    pub(super) fn add(&mut self, level: Option<f64>, limit: Option<f64>) {
        self.level += level.unwrap_or(0.0);
        self.unknown |= level.is_none();
        self.limit += limit.unwrap_or(0.0);
        self.unlimited |= limit.is_none();
    }

    /// The mean of a replica, with what it is compared with.
    pub(super) fn mean(&self, replicas: f64) -> Option<(f64, Scale)> {
        let scale = if self.unlimited {
            Scale::Own
        } else {
            Scale::Limit(self.limit / replicas)
        };
        (!self.unknown && replicas > 0.0).then_some((self.level / replicas, scale))
    }
}

impl Oddities {
    fn workload(&mut self, owner: &Arc<ObjectRef>, now: f64) -> Option<&mut Workload> {
        if !self.workloads.contains_key(owner.uid.as_str()) && self.workloads.len() >= MOST {
            return None;
        }
        let saved = self.spread(now);
        let new = || {
            Box::new(Workload {
                owner: owner.clone(),
                habits: Habits::default(),
                told: (0.0, Vec::new()),
                seen: now,
                saved,
            })
        };
        let known = self.workloads.entry(ByUid(owner.clone()));
        Some(known.or_insert_with(new))
    }

    /// When one more workload counts as stored: spread over time, so that at all times a little is to be written, and never everything.
    fn spread(&self, now: f64) -> f64 {
        now - LATEST * (self.workloads.len() as f64 * 0.618_034).fract()
    }

    /// What is known of a workload, to be told of its past; `None` when enough is known. It is stored at the next occasion, for nobody
    /// asks for that past again.
    pub(super) fn habits_to_prime(
        &mut self,
        owner: &Arc<ObjectRef>,
        now: f64,
    ) -> Option<&mut Habits> {
        let workload = self.workload(owner, now)?;
        if !workload.habits.lack_past() {
            return None;
        }
        (workload.seen, workload.saved) = (now, 0.0);
        Some(&mut workload.habits)
    }
}

impl Ledger {
    /// A run ended, and the pod goes on: its container restarts.
    pub(super) fn restarted(&mut self, fact: &PodFact, end: &EndFact) {
        let goes_on = !fact.leaving && !fact.finished;
        let job = kind(&fact.owner, &fact.line) == OwnerKind::Job;
        // What ended before this watch began was counted then, or by nobody.
        let Some(at) = end.at.map(seconds).filter(|at| *at >= self.began) else {
            return;
        };
        if !goes_on || job {
            return;
        }
        let reason = match (end.reason.as_str(), end.exit_code) {
            ("OOMKilled", _) => Restart::OomKilled,
            (_, 0) => Restart::Completed,
            _ => Restart::Error,
        };
        let line = self.pods.refs.share(&fact.line);
        if let Some(workload) = self.oddities.workload(&line, at) {
            workload.habits.restarted(at, reason);
        }
    }

    /// After all readings of an interval: takes in what workloads use, and tells what is news.
    pub fn look_for_the_unusual(&mut self, now: f64) {
        for (owner, used) in self.uses(now) {
            let Some(workload) = self.oddities.workload(&owner, now) else {
                if !std::mem::replace(&mut self.oddities.full, true) {
                    self.out.push(Sighting::Suppressed {
                        reason: "more workloads than can be followed for unusual use".to_owned(),
                        count: 1,
                    });
                }
                continue;
            };
            workload.seen = now;
            let (cpu, memory) = (
                used.cpu.mean(used.replicas),
                used.memory.mean(used.replicas),
            );
            workload.habits.observe(now, cpu, memory);
        }
        // A forecast says more about memory that rises than that it is unusual.
        let foreseen: HashSet<&str> = self
            .lines
            .iter()
            .flatten()
            .filter(|line| line.standing.is_some())
            .map(|line| line.key.0.as_str())
            .collect();
        let mut news = Vec::new();
        for workload in self.oddities.workloads.values_mut() {
            let mut anomalies = workload.habits.assess(now);
            if foreseen.contains(workload.owner.uid.as_str()) {
                anomalies.retain(|anomaly| anomaly.metric != Metric::Memory);
            }
            if is_news(&workload.told, &anomalies, now) {
                workload.told = (now, anomalies.clone());
                news.push(Unusual {
                    at: timestamp(now),
                    owner: (*workload.owner).clone(),
                    anomalies,
                });
            }
        }
        // A map has no order.
        news.sort_by(|a, b| a.owner.uid.cmp(&b.owner.uid));
        self.out.extend(news.into_iter().map(Sighting::Unusual));
        let workloads = &mut self.oddities.workloads;
        workloads.retain(|_, workload| now - workload.seen < FORGOTTEN);
    }

    /// What the workloads use now: of pods that are not just starting, and whose containers all have figures.
    fn uses(&self, now: f64) -> Vec<(Arc<ObjectRef>, Use)> {
        let fresh = self.fresh(now);
        let mut uses: HashMap<&str, (&Arc<ObjectRef>, Use)> = HashMap::new();
        for pod in self.pods.iter() {
            let settled = pod.containers.iter().all(|tracked| {
                let began = tracked.fact.running.flatten().map(seconds);
                tracked.at >= fresh && began.is_some_and(|began| now - began >= STARTING)
            });
            if !settled
                || pod.containers.is_empty()
                || kind(&pod.owner, &pod.line) == OwnerKind::Job
            {
                continue;
            }
            let (_, used) = uses
                .entry(&pod.line.uid)
                .or_insert_with(|| (&pod.line, Use::default()));
            used.replicas += 1.0;
            for tracked in &pod.containers {
                used.cpu.add(tracked.cpu, tracked.fact.cpu_limit);
                let limit = tracked.fact.limit.map(|bytes| bytes as f64);
                used.memory.add(Some(tracked.used), limit);
            }
        }
        let mut uses: Vec<(Arc<ObjectRef>, Use)> = uses
            .into_values()
            .map(|(owner, used)| (owner.clone(), used))
            .collect();
        uses.sort_by(|(a, _), (b, _)| a.uid.cmp(&b.uid));
        uses
    }

    /// How many workloads are followed, and in how many of them which metric is unusual now.
    pub fn unusual(&self) -> (usize, HashMap<Metric, u64>) {
        let mut counts = HashMap::new();
        for workload in self.oddities.workloads.values() {
            for anomaly in &workload.told.1 {
                *counts.entry(anomaly.metric).or_default() += 1;
            }
        }
        (self.oddities.workloads.len(), counts)
    }

    /// Habits that are to be stored now, [`ROWS`] at most; all when `all`. They count as stored.
    pub fn unsaved_habits(&mut self, now: f64, all: bool) -> Vec<HabitsRow> {
        let due = |workload: &Workload| all || now - workload.saved >= LATEST;
        let workloads = self.oddities.workloads.values_mut();
        workloads
            .filter(|workload| workload.seen > workload.saved && due(workload))
            .take(ROWS)
            .filter_map(|workload| {
                workload.saved = now;
                let mut state = vec![VERSION];
                state.extend(postcard::to_allocvec(&workload.habits).ok()?);
                Some(HabitsRow {
                    owner: workload.owner.uid.clone(),
                    seen: workload.seen,
                    about: serde_json::to_string(&*workload.owner).ok()?,
                    state,
                })
            })
            .collect()
    }

    /// Takes a stored row in; false when it cannot be read.
    pub fn restore_habits(&mut self, row: &HabitsRow, now: f64) -> bool {
        let Ok(owner) = serde_json::from_str::<ObjectRef>(&row.about) else {
            return false;
        };
        let Some(habits) = row
            .state
            .split_first()
            .filter(|(version, _)| **version == VERSION)
            .and_then(|(_, state)| postcard::from_bytes::<Habits>(state).ok())
        else {
            return false;
        };
        let owner = self.pods.refs.share(&owner);
        let workload = Workload {
            owner: owner.clone(),
            habits,
            told: (0.0, Vec::new()),
            seen: row.seen,
            saved: self.oddities.spread(now),
        };
        let workloads = &mut self.oddities.workloads;
        workloads.insert(ByUid(owner), Box::new(workload));
        true
    }
}

/// Whether there is something new to tell: it begins, ends, is something else, or a while has passed.
fn is_news((at, told): &(f64, Vec<Anomaly>), anomalies: &[Anomaly], now: f64) -> bool {
    let what = |anomaly: &Anomaly| (anomaly.metric, anomaly.side, anomaly.since.to_bits());
    let same = told.iter().map(what).eq(anomalies.iter().map(what));
    !same || (!anomalies.is_empty() && now - at >= REFRESH)
}

#[cfg(test)]
mod tests {
    use super::super::Options;
    use super::*;
    use crate::domain::forecast::testkit::outlook;
    use crate::ports::{ContainerFact, PodNews, Reading};

    const DAY: i64 = 1440;
    /// 1970-01-05, a Monday, in the year 2025.
    const MONDAY: f64 = 1_736_121_600.0;

    /// A Deployment with two replicas of half a core each, whose figures are read every minute.
    struct World {
        ledger: Ledger,
        minute: i64,
        restarts: u32,
        /// Memory beyond the usual, in bytes.
        more: f64,
    }

    fn shop() -> ObjectRef {
        ObjectRef::new("Deployment", "shop", "checkout", "u1")
    }

    fn at(minute: i64) -> f64 {
        MONDAY + minute as f64 * 60.0
    }

    /// Cores of one replica: more by day, no two minutes alike.
    fn usual(minute: i64) -> f64 {
        let hour = (minute % DAY) as f64 / 24.0 / 60.0;
        let noise = ((minute * 7919) % 97) as f64 / 97.0 - 0.5;
        (0.15 - 0.05 * (hour * std::f64::consts::TAU).cos()) * (1.0 + 0.1 * noise)
    }

    impl World {
        fn new() -> Self {
            let options = Options {
                backfill: 0.0,
                ..Options::default()
            };
            let mut world = Self {
                ledger: Ledger::new(options, at(0)),
                minute: 0,
                restarts: 0,
                more: 0.0,
            };
            world.watch(None);
            world.ledger.news(PodNews::Listed, at(0));
            world
        }

        /// The watch tells of both pods.
        fn watch(&mut self, end: Option<EndFact>) {
            for name in ["checkout-1", "checkout-2"] {
                let first = name == "checkout-1";
                let container = ContainerFact {
                    name: "app".into(),
                    limit: Some(1 << 30),
                    cpu_limit: Some(0.5),
                    cap: None,
                    restarts: if first { self.restarts } else { 0 },
                    running: Some(Some(timestamp(at(0) - 3600.0))),
                    end: end.clone().filter(|_| first).map(Box::new),
                };
                let fact = PodFact {
                    pod: ObjectRef::new("Pod", "shop", name, name),
                    owner: shop(),
                    line: shop(),
                    node: None,
                    leaving: false,
                    finished: false,
                    containers: vec![container],
                };
                self.ledger
                    .news(PodNews::Pod(Box::new(fact)), at(self.minute));
            }
        }

        /// Lets minutes pass; what was told is what there was to say, nothing where it was over.
        fn pass(&mut self, minutes: i64, cores: impl Fn(i64) -> f64) -> Vec<String> {
            let mut told = Vec::new();
            for minute in self.minute..self.minute + minutes {
                let now = at(minute);
                for pod in ["checkout-1", "checkout-2"] {
                    let reading = Reading {
                        namespace: "shop".into(),
                        pod: pod.into(),
                        container: "app".into(),
                        at: now,
                        used: 3e8 + usual(minute) * 1e8 + self.more,
                        cpu: Some(cores(minute)),
                    };
                    let source = crate::domain::forecast::Source::Prometheus;
                    self.ledger.reading(&reading, source, now);
                }
                self.ledger.look_for_the_unusual(now);
                for sighting in self.ledger.sightings() {
                    if let Sighting::Unusual(unusual) = sighting {
                        assert_eq!(unusual.owner, shop());
                        let why: Vec<&str> =
                            unusual.anomalies.iter().map(|one| &*one.why).collect();
                        told.push(why.join("; "));
                    }
                }
            }
            self.minute += minutes;
            told
        }

        fn restart(&mut self, reason: &str) {
            self.restarts += 1;
            self.watch(Some(EndFact {
                run: self.restarts - 1,
                reason: reason.into(),
                exit_code: 1,
                began: None,
                at: Some(timestamp(at(self.minute))),
            }));
        }
    }

    #[test]
    fn unusual_cpu_of_a_workload_is_told_once_brought_up_to_date_and_ended() {
        let mut world = World::new();
        assert_eq!(world.pass(4 * DAY, usual), [""; 0]);
        let told = world.pass(30, |minute| usual(minute) + 0.2);
        insta::assert_snapshot!(told.join("\n"), @r"
        CPU is at 60 % of its limit; usual at this hour is 19 % to 21 %
        CPU is at 60 % of its limit; usual at this hour is 19 % to 21 %
        CPU is at 60 % of its limit; usual at this hour is 19 % to 21 %
        ");
        assert_eq!(world.ledger.unusual().1.get(&Metric::Cpu), Some(&1));
        let told = world.pass(60, usual);
        assert_eq!(told.last().map(String::as_str), Some(""));
        assert_eq!(world.ledger.unusual().1.get(&Metric::Cpu), None);
    }

    #[test]
    fn a_standing_forecast_says_more_than_that_the_memory_is_unusual() {
        let mut world = World::new();
        world.pass(4 * DAY, usual);
        world.more = 4e8;
        let at = *world.ledger.index.values().next().unwrap();
        let line = world.ledger.line_mut(at).unwrap();
        line.told(&outlook("app", 7200));
        assert_eq!(world.pass(60, usual), [""; 0]);
        world.ledger.line_mut(at).unwrap().standing = None;
        let told = world.pass(30, usual);
        assert!(told[0].starts_with("memory is at"), "{told:?}");
    }

    #[test]
    fn restarts_that_are_more_frequent_than_usual_are_told_with_their_reasons() {
        let mut world = World::new();
        world.pass(4 * DAY, usual);
        let mut told = Vec::new();
        for reason in ["Error", "Error", "OOMKilled", "Error"] {
            world.restart(reason);
            told.extend(world.pass(20, usual));
        }
        insta::assert_snapshot!(told.join("\n"), @r"
        4 restarts in the last 60 min (3 × Error, 1 × OOMKilled); usual is none
        4 restarts in the last 70 min (3 × Error, 1 × OOMKilled); usual is none
        ");
    }

    #[test]
    fn what_is_usual_survives_a_restart_and_damage_begins_anew() {
        let mut world = World::new();
        world.pass(4 * DAY, usual);
        let rows = world.ledger.unsaved_habits(at(world.minute), true);
        let [row] = rows.as_slice() else {
            panic!("{} rows", rows.len());
        };
        assert!(row.state.len() < 4500, "{}", row.state.len());
        let mut other = World::new();
        let damaged = HabitsRow {
            state: row.state[..100].to_vec(),
            ..row.clone()
        };
        assert!(!other.ledger.restore_habits(&damaged, at(world.minute)));
        assert!(other.ledger.restore_habits(row, at(world.minute)));
        other.minute = world.minute;
        let more = |minute| usual(minute) + 0.2;
        assert_eq!(other.pass(30, more), world.pass(30, more));
    }
}
