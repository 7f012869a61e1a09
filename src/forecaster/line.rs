//! One container of one workload over time: its series, and the runs that are alive.
use super::time::{seconds, timestamp};
use crate::domain::{
    forecast::{
        Boundary, Chart, ChartPoint, Correction, Estimate, FanPoint, Outlook, OwnerKind, Priors,
        Sample, Series, Source, Tier, Trust, Tuning, When,
    },
    object::{Kind, ObjectRef},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Live samples that may wait for the past: after that the past comes too late and is taken as that of other runs.
const PATIENCE: usize = 40;

/// Points of a picture's past, and of its future.
const PAST: usize = 240;
const FAN: usize = 24;

/// How long a limit has to last to be called enough, in seconds. A day of the clock whatever the pace of the rules is: people
/// sleep and look again by it.
const ENOUGH: f64 = 86_400.0;

/// Of two replicas that are this close in time the one stays that was told: a card that names another pod at every reading helps nobody.
const AS_SOON: f64 = 1.2;

/// Whose history it is: the uid of the workload (or of its CronJob, or of a node), and the container.
pub type Key = (String, String);

/// A run that is alive.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// Its pod; the node itself for a node.
    pub pod: Arc<ObjectRef>,
    /// Restarts before it.
    pub run: u32,
    /// When it began, if that is known.
    pub began: Option<Timestamp>,
    /// When its newest sample was taken, in Unix seconds; 0 before the first.
    pub at: f64,
    /// Memory of that sample in bytes.
    pub used: f64,
    /// The limit of that sample in bytes.
    pub limit: f64,
    /// How its forecast stands.
    #[serde(skip)]
    pub tier: Tier,
}

/// A series with its runs.
pub struct Line {
    /// Whose.
    pub key: Arc<Key>,
    /// The workload, as the newest pod names it.
    pub owner: Arc<ObjectRef>,
    /// What will be reached.
    pub boundary: Boundary,
    /// What is known.
    pub series: Series,
    /// What was known of it from the start.
    pub priors: Priors,
    /// Of a node: who fills it, in words.
    pub growing: Option<String>,
    /// Runs by the number of their replica.
    pub runs: Vec<Option<Run>>,
    /// What was told last, while that is not clear.
    pub standing: Option<Box<Outlook>>,
    /// When it was last heard of, in Unix seconds.
    pub seen: f64,
    /// When its newest sample was taken before this start; 0 without a stored history.
    pub known_until: f64,
    /// Since when there is something that is not stored, in Unix seconds.
    pub dirty: Option<f64>,
    /// Its past was never read, though there may be one.
    pub lacks_past: bool,
    /// Live samples that wait for the past.
    waiting: Option<Vec<(usize, Sample)>>,
}

impl Line {
    /// One that was never seen.
    pub fn new(key: Key, owner: Arc<ObjectRef>, boundary: Boundary, priors: Priors) -> Self {
        Self {
            key: Arc::new(key),
            owner,
            boundary,
            series: Series::new(priors.clone()),
            priors,
            growing: None,
            runs: Vec::new(),
            standing: None,
            seen: 0.0,
            known_until: 0.0,
            dirty: None,
            lacks_past: false,
            waiting: None,
        }
    }

    /// From now on samples wait until the past is there.
    pub fn expect_past(&mut self) {
        self.lacks_past |= self.known_until == 0.0;
        self.waiting.get_or_insert_default();
    }

    /// Whether samples wait for the past.
    pub fn expects_past(&self) -> bool {
        self.waiting.is_some()
    }

    /// When the first of the samples that wait was taken.
    pub fn waits_since(&self) -> Option<f64> {
        Some(self.waiting.as_ref()?.first()?.1.t)
    }

    /// The past is there, or will not come: the samples that waited for it are taken in.
    pub fn catch_up(&mut self, tuning: &Tuning) {
        for (replica, sample) in self.waiting.take().unwrap_or_default() {
            self.series.observe(replica as u64, &sample, tuning);
        }
    }

    /// The template says something else, or nothing new.
    pub fn set_priors(&mut self, priors: Priors) {
        if priors != self.priors {
            self.priors = priors.clone();
            self.series.set_priors(priors);
        }
    }

    /// A place for a run: the smallest number that is free, if there is one.
    pub fn begin(&mut self, run: Run) -> Option<usize> {
        match self.runs.iter().position(Option::is_none) {
            Some(free) => {
                self.runs[free] = Some(run);
                Some(free)
            }
            None if self.runs.len() >= Series::MOST => None,
            None => {
                // Most workloads have few, and no more after a while.
                self.runs.reserve_exact(1);
                self.runs.push(Some(run));
                Some(self.runs.len() - 1)
            }
        }
    }

    /// Takes a sample of a run in.
    pub fn observe(&mut self, replica: usize, sample: Sample, tuning: &Tuning) {
        let Some(run) = self.runs.get_mut(replica).and_then(Option::as_mut) else {
            return;
        };
        (run.at, run.used, run.limit) = (sample.t, sample.used, sample.limit);
        self.seen = self.seen.max(sample.t);
        self.dirty.get_or_insert(sample.t);
        match &mut self.waiting {
            Some(waiting) if waiting.len() < PATIENCE => waiting.push((replica, sample)),
            Some(_) => {
                self.catch_up(tuning);
                self.series.observe(replica as u64, &sample, tuning);
            }
            None => self.series.observe(replica as u64, &sample, tuning),
        }
    }

    /// Judges every run that had a sample since `fresh`: the one that is nearest to its limit, with its estimate. Of runs that rise in step
    /// it stays the one that was told.
    pub fn assess(
        &mut self,
        now: f64,
        fresh: f64,
        tuning: &Tuning,
        trust: &Trust,
    ) -> Option<(usize, Estimate)> {
        if self.waiting.is_some() {
            return None;
        }
        let told = self.standing.as_ref();
        let told = told.map(|told| (told.pod.uid.clone(), told.run));
        let mut worst: Option<(usize, Estimate)> = None;
        let mut stood = None;
        for (replica, run) in self.runs.iter_mut().enumerate() {
            let Some(run) = run.as_mut().filter(|run| run.at >= fresh) else {
                continue;
            };
            let estimate = self.series.assess_with(replica as u64, now, tuning, trust);
            run.tier = estimate.tier;
            let is_told = told
                .as_ref()
                .is_some_and(|(pod, number)| *pod == run.pod.uid && *number == run.run);
            if is_told {
                stood = Some((replica, estimate.clone()));
            }
            if worst
                .as_ref()
                .is_none_or(|(_, other)| nearer(&estimate, other))
            {
                worst = Some((replica, estimate));
            }
        }
        match (worst, stood) {
            (Some((_, nearest)), Some(stood)) if is_as_near(&stood.1, &nearest) => Some(stood),
            (worst, _) => worst,
        }
    }

    /// The estimate in the words of the rest of Heal.
    pub fn outlook(
        &self,
        replica: usize,
        estimate: &Estimate,
        now: f64,
        source: Source,
    ) -> Option<Outlook> {
        let run = self.runs.get(replica)?.as_ref()?;
        let alive = self.runs.iter().flatten();
        let at = |eta: Option<f64>| eta.map(|eta| timestamp(now + eta));
        let when = at(estimate.eta_s).map(|median| When {
            earliest: at(estimate.eta_lo_s).unwrap_or(median),
            median,
            latest: at(estimate.eta_hi_s).unwrap_or(median),
        });
        Some(Outlook {
            at: timestamp(now),
            owner: (*self.owner).clone(),
            container: self.key.1.clone(),
            pod: (*run.pod).clone(),
            run: run.run,
            boundary: self.boundary,
            rising: count(alive.clone().filter(|run| run.tier != Tier::Clear)),
            replicas: count(alive),
            tier: estimate.tier,
            p: estimate.p,
            correction: Correction::default(),
            when,
            used: bytes(estimate.used),
            limit: bytes(estimate.limit),
            rate: estimate.rate,
            rising_since: timestamp(now - estimate.evidence_s),
            survived: estimate.survived.map(bytes),
            known_since: timestamp(now - estimate.history_s),
            killed_before: estimate.killed_before,
            leak_proved: estimate.leak_proved,
            needed_limit: None,
            cap: self.priors.cap.as_ref().map(|cap| cap.written.clone()),
            cap_bytes: self.priors.cap.as_ref().map(|cap| bytes(cap.bytes)),
            source,
            why: estimate.why.clone(),
            chart: Chart::default(),
        })
    }

    /// A limit in bytes that a run would not reach within a day, with 90 %; only while something is expected of it.
    pub fn needed_limit(
        &self,
        replica: usize,
        now: f64,
        tier: Tier,
        tuning: &Tuning,
    ) -> Option<u64> {
        if tier == Tier::Clear {
            return None;
        }
        let needed = self
            .series
            .needed_limit(replica as u64, now, ENOUGH, tuning);
        needed.map(|needed| bytes(needed.ceil()))
    }

    /// What to draw of a run; the future only while something is expected of it.
    pub fn chart(&self, replica: usize, now: f64, tier: Tier, tuning: &Tuning) -> Chart {
        let past = self.series.history(replica as u64, now, PAST, tuning);
        let fan = if tier == Tier::Clear {
            Vec::new()
        } else {
            self.series.fan(replica as u64, now, FAN, tuning)
        };
        Chart {
            past: past
                .into_iter()
                .map(|(t, mean, max)| ChartPoint {
                    t: t as i64,
                    mean: bytes(mean),
                    max: bytes(max),
                })
                .collect(),
            fan: fan
                .into_iter()
                .map(|(t, low, median, high)| FanPoint {
                    t: t as i64,
                    low: bytes(low),
                    median: bytes(median),
                    high: bytes(high),
                })
                .collect(),
        }
    }

    /// Whether the standing forecast is about this run.
    pub fn stands_for(&self, run: &Run) -> bool {
        let standing = self.standing.as_ref();
        standing.is_some_and(|told| told.pod.uid == run.pod.uid && told.run == run.run)
    }

    /// Whether there is something new to tell: another tier, another expectation, or a while has passed.
    pub fn is_news(&self, outlook: &Outlook, refresh: f64) -> bool {
        let Some(told) = &self.standing else {
            return outlook.tier != Tier::Clear;
        };
        if told.tier != outlook.tier || told.pod.uid != outlook.pod.uid || told.run != outlook.run {
            return true;
        }
        let left = |of: &Outlook| {
            let median = of.when?.median;
            Some(seconds(median) - seconds(outlook.at))
        };
        let moved = match (left(told), left(outlook)) {
            (Some(before), Some(now)) => (now - before).abs() > 0.1 * before.abs().max(60.0),
            (before, now) => before.is_some() != now.is_some(),
        };
        moved || seconds(outlook.at) - seconds(told.at) >= refresh
    }

    /// Keeps what was told, without its picture; a clear one ends the matter.
    pub fn told(&mut self, outlook: &Outlook) {
        // The tier has to survive a restart: somebody was told.
        self.dirty = Some(0.0);
        self.standing = (outlook.tier != Tier::Clear).then(|| {
            Box::new(Outlook {
                chart: Chart::default(),
                ..outlook.clone()
            })
        });
    }
}

/// Seconds that are left; a time that is not known is never.
fn eta(of: &Estimate) -> f64 {
    of.eta_s.unwrap_or(f64::INFINITY)
}

/// As loud, and nearly as soon.
fn is_as_near(one: &Estimate, nearest: &Estimate) -> bool {
    let soon = eta(one) <= AS_SOON * eta(nearest);
    one.tier == nearest.tier && one.tier > Tier::Clear && soon
}

/// Louder, then sooner, then fuller.
fn nearer(one: &Estimate, other: &Estimate) -> bool {
    let level = |of: &Estimate| of.used / of.limit.max(1.0);
    let order = one
        .tier
        .cmp(&other.tier)
        .then_with(|| eta(other).total_cmp(&eta(one)))
        .then_with(|| level(one).total_cmp(&level(other)));
    order.is_gt()
}

/// Whether a workload is meant to end.
pub fn kind(owner: &ObjectRef, line: &ObjectRef) -> OwnerKind {
    if owner.kind == Kind::Job || line.kind == Kind::CronJob {
        OwnerKind::Job
    } else {
        OwnerKind::Service
    }
}

fn bytes(value: f64) -> u64 {
    // The cast saturates, and turns what is no number into zero.
    value as u64
}

fn count<T>(of: impl Iterator<Item = T>) -> u32 {
    u32::try_from(of.count()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replica_whose_time_is_not_known_gives_way_to_one_whose_time_is() {
        let at = |eta_s| Estimate {
            tier: Tier::Page,
            eta_s,
            ..Estimate::default()
        };
        let told = |one, nearest| is_as_near(&at(one), &at(nearest));
        assert!(told(Some(1200.0), Some(1000.0)));
        assert!(!told(Some(1201.0), Some(1000.0)));
        assert!(!told(None, Some(1000.0)));
        assert!(told(None, None));
    }
}
