//! Memory figures: what a source of them gives, and what the watches tell about the containers that they are of.
use crate::domain::{
    forecast::{Cap, Source},
    object::ObjectRef,
};
use futures::future::BoxFuture;
use jiff::Timestamp;
use thiserror::Error;

/// One reading of one container. Times are Unix seconds, memory is bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    /// The pod's namespace.
    pub namespace: String,
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// When it was taken, by the source's own time stamp.
    pub at: f64,
    /// Memory that cannot be reclaimed, as nearly as the source knows it.
    pub used: f64,
    /// CPU in cores, where it is known.
    pub cpu: Option<f64>,
}

/// What a source answered for the whole cluster. Each container occurs at most once.
#[derive(Clone, Debug, PartialEq)]
pub struct Readings {
    /// Which source, and how far its figures are to be trusted.
    pub source: Source,
    /// Another source should have answered and did not; this is what it said.
    pub trouble: Option<String>,
    /// All containers.
    pub containers: Vec<Reading>,
}

/// A part of the past that is asked for: one namespace, one span. Unix seconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// The namespace.
    pub namespace: String,
    /// Its beginning.
    pub from: i64,
    /// Its end.
    pub to: i64,
    /// Length of one step.
    pub step: i64,
}

/// The past of one run of a container: one cgroup, told apart from the one before and after it where the source can.
#[derive(Clone, Debug, PartialEq)]
pub struct PastRun {
    /// The pod's name.
    pub pod: String,
    /// The container's name.
    pub container: String,
    /// What tells this run from others of the same container; empty when the source cannot.
    pub run: String,
    /// One point per step, oldest first; steps without figures are missing.
    pub points: Vec<PastPoint>,
}

/// One step of the past.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PastPoint {
    /// Its end in Unix seconds.
    pub t: f64,
    /// Mean in bytes.
    pub mean: f64,
    /// Maximum in bytes.
    pub max: f64,
    /// Mean of CPU in cores, where it is known.
    pub cpu: Option<f32>,
}

/// Why a source gave no figures.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UsageError {
    /// Credentials are missing or wrong, or the account may not read them: waiting does not help.
    #[error("{0}")]
    Refused(String),
    /// It is not the service that it should be: a wrong address.
    #[error("{0}")]
    Wrong(String),
    /// More than can be taken in at once: asking for less helps.
    #[error("{0}")]
    TooMuch(String),
    /// No answer (in time), or a failure of its own: waiting may help.
    #[error("{0}")]
    Away(String),
}

/// Where memory figures come from.
pub trait UsageSource: Send + Sync {
    /// The newest figures of all containers.
    fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>>;
    /// The past of a namespace; nothing from a source that keeps none.
    fn past(&self, span: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>>;
    /// Whether it keeps a past at all.
    fn has_past(&self) -> bool;
}

/// What the watches tell about containers.
#[derive(Clone, Debug, PartialEq)]
pub enum PodNews {
    /// A pod is new or changed.
    Pod(Box<PodFact>),
    /// The pod with this uid is gone.
    PodGone(String),
    /// A node is new or changed.
    Node(NodeFact),
    /// The node with this uid is gone.
    NodeGone(String),
    /// The list of pods is complete: what was not in it does not exist.
    Listed,
}

/// A pod, as far as forecasts need it.
#[derive(Clone, Debug, PartialEq)]
pub struct PodFact {
    /// The pod.
    pub pod: ObjectRef,
    /// Who has the problem when it fails.
    pub owner: ObjectRef,
    /// Whose history is its history: the owner, or the CronJob that made the owner.
    pub line: ObjectRef,
    /// The node's name, once it is bound to one.
    pub node: Option<String>,
    /// Its deletion was asked for, or a disruption announced: it goes on purpose.
    pub leaving: bool,
    /// It ended and will not come back.
    pub finished: bool,
    /// Its containers, init containers left out.
    pub containers: Vec<ContainerFact>,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq)]
pub struct ContainerFact {
    /// Its name.
    pub name: String,
    /// Memory limit in bytes.
    pub limit: Option<u64>,
    /// CPU limit in cores.
    pub cpu_limit: Option<f64>,
    /// What its program caps itself with.
    pub cap: Option<Cap>,
    /// Restarts so far: the number of the run.
    pub restarts: u32,
    /// It runs; since when, if that is told.
    pub running: Option<Option<Timestamp>>,
    /// How the newest run ended that has ended. Boxed, because most never did.
    pub end: Option<Box<EndFact>>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub struct EndFact {
    /// Which run: restarts before it.
    pub run: u32,
    /// `OOMKilled`, `Completed`, `Error`, …
    pub reason: String,
    /// The exit code.
    pub exit_code: i32,
    /// When the run began.
    pub began: Option<Timestamp>,
    /// When it ended.
    pub at: Option<Timestamp>,
}

/// A node.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeFact {
    /// The node.
    pub node: ObjectRef,
    /// Memory that pods may use together, in bytes: the kubelet evicts when they reach it.
    pub allocatable: u64,
    /// They have reached it: the kubelet evicts.
    pub is_short: bool,
}
