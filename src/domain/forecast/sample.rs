//! What goes in: one reading of one container, or a summary of many.

/// One reading of one container.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// When, in seconds.
    pub t: f64,
    /// Memory that cannot be reclaimed, in bytes: what the kernel compares with the limit once the page cache is gone.
    pub used: f64,
    /// The limit in bytes.
    pub limit: f64,
    /// CPU in cores, where it is known.
    pub cpu: Option<f64>,
}

/// A summary of a span of time before Heal watched: one step of a back-fill.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Past {
    /// The end of the span, in seconds.
    pub t: f64,
    /// How long the span is, in seconds.
    pub span: f64,
    /// Mean of the memory that cannot be reclaimed, in bytes.
    pub mean: f64,
    /// Its maximum.
    pub max: f64,
    /// The limit in bytes.
    pub limit: f64,
}

/// How a run of a container ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Killed at the memory limit.
    OomKilled,
    /// Ended by itself, with success.
    Completed,
    /// Ended with an error that is not known to be about memory.
    Error,
    /// It ended, nothing tells how: replaced by a rollout, evicted, deleted.
    Unknown,
}
