//! A forecast in the words of the rest of Heal: whose, when, why, and what to draw.
use super::{Calibration, Correction, Tier};
use crate::domain::object::ObjectRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What is to be expected of one container of one workload: of the replica that is nearest to its limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Outlook {
    /// When this was assessed.
    pub at: Timestamp,
    /// The workload, or the node for a forecast of a node's memory.
    pub owner: ObjectRef,
    /// The container; empty for a node.
    pub container: String,
    /// The pod of the replica that is nearest to its limit; the node itself for a forecast of a node.
    pub pod: ObjectRef,
    /// Restarts of that pod's container so far: identifies the run that is meant.
    pub run: u32,
    /// What will be reached.
    pub boundary: Boundary,
    /// Replicas of the workload that rise, and all of them.
    pub rising: u32,
    /// See `rising`.
    pub replicas: u32,
    /// How loudly to tell it.
    pub tier: Tier,
    /// Calibrated probability of a kill, from 0 to 1.
    pub p: f64,
    /// What earlier outcomes have changed in `p` and `when`.
    #[serde(default)]
    pub correction: Correction,
    /// When it is expected; `None` when no kill is in sight any more.
    pub when: Option<When>,
    /// Memory in use that cannot be reclaimed, in bytes.
    pub used: u64,
    /// The limit in bytes.
    pub limit: u64,
    /// Growth in bytes per second.
    pub rate: f64,
    /// Since when it grows like this.
    pub rising_since: Timestamp,
    /// The highest level that this workload is known to have survived, in bytes.
    pub survived: Option<u64>,
    /// Since when its memory is known.
    pub known_since: Timestamp,
    /// It was killed at this limit before.
    pub killed_before: bool,
    /// The memory is lost, not used: see [`Estimate`](super::Estimate).
    #[serde(default)]
    pub leak_proved: bool,
    /// A limit in bytes that would not be reached within a day, with 90 %; `None` when that is not known.
    #[serde(default)]
    pub needed_limit: Option<u64>,
    /// What the program caps itself with, as written in its command line or environment.
    pub cap: Option<String>,
    /// The same in bytes.
    #[serde(default)]
    pub cap_bytes: Option<u64>,
    /// Where the figures come from.
    pub source: Source,
    /// One plain sentence: what is seen.
    pub why: String,
    /// What to draw.
    pub chart: Chart,
}

impl Outlook {
    /// Says which series it is about: the owner's uid and the container.
    pub fn key(&self) -> (String, String) {
        (self.owner.uid.clone(), self.container.clone())
    }
}

/// When a kill is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct When {
    /// Not before this, with 95 %.
    pub earliest: Timestamp,
    /// As likely before as after this.
    pub median: Timestamp,
    /// Not after this, with 95 %.
    pub latest: Timestamp,
}

/// What will be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Boundary {
    /// The container's memory limit: the kernel kills the container.
    Limit,
    /// The node's memory less its eviction threshold: the kubelet evicts pods.
    Node,
}

/// Where the figures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Prometheus, with the page cache known: the best there is.
    Prometheus,
    /// Prometheus without a measure of the page cache: the working set may hold memory that can be reclaimed.
    PrometheusWorkingSet,
    /// `metrics.k8s.io`: working set only, no history.
    MetricsApi,
}

/// How a forecast turned out. Every forecast that was told gets one, and so does every kill that was not foreseen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The kill came while the forecast stood.
    Hit,
    /// A kill came that no forecast had told at least five minutes before.
    Miss,
    /// The kill did not come.
    False,
    /// The run ended for another reason first, an action prevented the kill, or the limit was changed: nobody can know.
    Withdrawn,
}

impl Outcome {
    /// The name in the database and in figures.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::Hit => "hit",
            Outcome::Miss => "miss",
            Outcome::False => "false",
            Outcome::Withdrawn => "withdrawn",
        }
    }
}

/// What to draw: the past as a line, the future as a fan.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// The past, oldest first, at most 240 points.
    pub past: Vec<ChartPoint>,
    /// The future, nearest first, at most 24 points; empty when nothing is to be expected.
    pub fan: Vec<FanPoint>,
}

/// The level at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChartPoint {
    /// Unix time in seconds.
    pub t: i64,
    /// Mean in bytes.
    pub mean: u64,
    /// Maximum in bytes.
    pub max: u64,
}

/// The expected level at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct FanPoint {
    /// Unix time in seconds.
    pub t: i64,
    /// 10 % are below this, in bytes.
    pub low: u64,
    /// As many below as above.
    pub median: u64,
    /// 10 % are above this.
    pub high: u64,
}

/// The end of a run of a container: the truth that forecasts are scored with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunEnd {
    /// The workload.
    pub owner: ObjectRef,
    /// The container.
    pub container: String,
    /// The pod.
    pub pod: ObjectRef,
    /// Restarts of the pod's container before this run: the run's number.
    pub run: u32,
    /// When the run began, if that is known: a kill of a run shorter than five minutes could not be foreseen in time.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub at: Timestamp,
    /// It was killed at its memory limit.
    pub oom: bool,
    /// Another run of the container began and ended before anybody looked: how this one ended is not known.
    #[serde(default)]
    pub unseen: bool,
    /// The limit in bytes.
    pub limit: Option<u64>,
}

/// Where memory figures come from right now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct SourceHealth {
    /// The source in use; `None` before the first answer.
    pub source: Option<Source>,
    /// Another source is configured and does not answer; this is what it said.
    pub error: Option<String>,
    /// When the newest samples were taken.
    pub last: Option<Timestamp>,
    /// Containers with figures.
    pub containers: u64,
    /// Running containers without figures.
    pub missing: u64,
    /// Running containers with figures that are not judged, because there are too many of their workload, or altogether.
    #[serde(default)]
    pub unwatched: u64,
    /// A workload that has such containers.
    #[serde(default)]
    pub unwatched_of: Option<ObjectRef>,
}

/// How good the forecasts of a span of time were, from recorded outcomes.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Score {
    /// Forecasts whose outcome is known (hits and falses), or that were withdrawn.
    pub made: u32,
    /// Kills that were foreseen at least five minutes before.
    pub hits: u32,
    /// Those of further replicas, after the first kill of the same forecast: a part of `hits`.
    #[serde(default)]
    pub further: u32,
    /// Kills that were not.
    pub misses: u32,
    /// Forecasts after which no kill came.
    pub falses: u32,
    /// Forecasts that nobody can judge: the run ended otherwise first, or an action prevented the kill.
    pub withdrawn: u32,
    /// Kills that an approved action prevented: a part of `withdrawn`.
    pub averted: u32,
    /// Lead times of the hits in seconds, sorted.
    pub leads: Vec<i64>,
    /// First kills that fell into the 90 % interval that was told half-way: of `right()`.
    pub covered: u32,
    /// Forecasts still standing.
    pub standing: u32,
    /// What is corrected because of these outcomes.
    pub calibration: Calibration,
}

impl Score {
    /// Forecasts that came true.
    pub fn right(&self) -> u32 {
        self.hits - self.further
    }

    /// The median of the lead times in seconds.
    pub fn median_lead(&self) -> Option<i64> {
        self.leads.get(self.leads.len() / 2).copied()
    }
}
