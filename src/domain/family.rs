//! The families of failure: the coarse "what kind of trouble", known from a signal alone. Signatures refine them.
use serde::{Deserialize, Serialize};
use std::fmt;

/// A family of failures. Together with cluster and owner it is the key of an incident.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// A container was killed at its memory limit.
    Oom,
    /// A container will be killed at its memory limit, or a node will run out of memory: nothing is broken yet.
    Forecast,
    /// A container ends again and again.
    Crash,
    /// The runtime could not start a container (command not found, exec format, mounts).
    Start,
    /// An image cannot be had.
    Image,
    /// A ConfigMap, Secret or key is missing.
    Config,
    /// A pod fits on no node.
    Scheduling,
    /// A liveness, readiness or startup probe fails.
    Probe,
    /// A Job gave up.
    Job,
    /// The API server refuses to create pods (quota, admission).
    Admission,
    /// A node is not ready.
    Node,
    /// The kubelet evicted pods.
    Eviction,
    /// A rollout does not finish, and nothing more specific is known.
    Rollout,
}

impl Family {
    /// All families, in the order in which they are listed to people.
    pub const ALL: [Family; 13] = [
        Family::Oom,
        Family::Forecast,
        Family::Crash,
        Family::Start,
        Family::Image,
        Family::Config,
        Family::Scheduling,
        Family::Probe,
        Family::Job,
        Family::Admission,
        Family::Node,
        Family::Eviction,
        Family::Rollout,
    ];

    /// The name in keys, metrics and configuration.
    pub fn as_str(self) -> &'static str {
        match self {
            Family::Oom => "oom",
            Family::Forecast => "forecast",
            Family::Crash => "crash",
            Family::Start => "start",
            Family::Image => "image",
            Family::Config => "config",
            Family::Scheduling => "scheduling",
            Family::Probe => "probe",
            Family::Job => "job",
            Family::Admission => "admission",
            Family::Node => "node",
            Family::Eviction => "eviction",
            Family::Rollout => "rollout",
        }
    }

    /// How a person would say it, after the name of the owner: "checkout …".
    pub fn headline(self) -> &'static str {
        match self {
            Family::Oom => "runs out of memory",
            Family::Forecast => "is running out of memory",
            Family::Crash => "is crash-looping",
            Family::Start => "cannot start",
            Family::Image => "cannot pull its image",
            Family::Config => "misses configuration",
            Family::Scheduling => "fits on no node",
            Family::Probe => "fails its probe",
            Family::Job => "failed",
            Family::Admission => "may not create pods",
            Family::Node => "is not ready",
            Family::Eviction => "was evicted",
            Family::Rollout => "does not finish its rollout",
        }
    }

    /// A weak family is a consequence that several causes have. Its signals join any open incident of the owner, and an
    /// incident of it gives way to a more specific family.
    pub fn is_weak(self) -> bool {
        matches!(self, Family::Rollout | Family::Probe | Family::Crash)
    }

    /// Whether a signal of family `new` for the same owner belongs to an open incident of family `open`.
    ///
    /// One problem shows itself in several families (a failing liveness probe becomes a crash loop, every broken rollout
    /// ends in a missed deadline): the engineer wants one card for it. A forecast and the kill that it is about are one story;
    /// whatever else is wrong now is another one than what has not happened yet.
    pub fn joins(new: Family, open: Family) -> bool {
        match (new, open) {
            (Family::Oom, Family::Forecast) | (Family::Forecast, Family::Oom) => true,
            (Family::Forecast, _) | (_, Family::Forecast) => new == open,
            _ => new == open || new.is_weak() || open.is_weak(),
        }
    }

    /// Whether a symptom of this family, seen while the fix of an incident is followed, speaks against that fix. Before a
    /// forecast nothing was broken: whatever is afterwards came with the fix.
    pub fn spoils(symptom: Family, incident: Family) -> bool {
        incident == Family::Forecast || Family::joins(symptom, incident)
    }

    /// The family an incident has after a signal of `new` joined it: the more specific one wins, and what is broken wins over
    /// what will be.
    pub fn merged(open: Family, new: Family) -> Family {
        fn rank(family: Family) -> u8 {
            match family {
                Family::Forecast => 0,
                Family::Rollout => 1,
                Family::Probe => 2,
                Family::Crash => 3,
                _ => 4,
            }
        }
        if rank(new) > rank(open) { new } else { open }
    }
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
