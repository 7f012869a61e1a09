//! What is known of a container before it runs: who owns it, and what caps its heap.

/// Whether the workload is meant to end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OwnerKind {
    /// Runs for ever: Deployment, StatefulSet, DaemonSet, anything else.
    #[default]
    Service,
    /// Ends by itself: Job, CronJob. A first ramp to a high level is its normal work.
    Job,
}

/// A limit that the program sets itself, read from its command line or environment.
#[derive(Clone, Debug, PartialEq)]
pub struct Cap {
    /// In bytes.
    pub bytes: f64,
    /// What sets it, as written: `-Xmx512m`, `GOMEMLIMIT=400MiB`, `--maxmemory 100mb`.
    pub written: String,
}

/// What is known before the first sample.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Priors {
    /// Whether the workload is meant to end.
    pub owner: OwnerKind,
    /// What caps the part of its memory that grows.
    pub cap: Option<Cap>,
}
