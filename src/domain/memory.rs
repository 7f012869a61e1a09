//! The memory of which fixes work: `confidence = successes / (successes + failures)`, with n and a lower bound.
use super::{action::ActionKind, object::ObjectRef};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;

/// The 97.5 % quantile of the normal distribution: a two-sided interval of 95 %.
const Z95: f64 = 1.959_963_984_540_054;

/// How often something worked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Verified recoveries.
    pub successes: u32,
    /// Verdicts of executed actions that were not recoveries.
    pub failures: u32,
}

impl Tally {
    /// Number of verdicts.
    pub fn n(self) -> u32 {
        self.successes + self.failures
    }

    /// `successes / (successes + failures)`; nothing while there is no verdict.
    pub fn confidence(self) -> Option<f64> {
        (self.n() > 0).then(|| f64::from(self.successes) / f64::from(self.n()))
    }

    /// The lower end of Wilson's score interval at 95 % (E. B. Wilson, 1927): what the share is at least, given how few
    /// trials there were. 0 without a trial.
    pub fn lower_bound(self) -> f64 {
        let Some(p) = self.confidence() else {
            return 0.0;
        };
        let n = f64::from(self.n());
        let z2 = Z95 * Z95;
        let centre = p + z2 / (2.0 * n);
        let margin = Z95 * (p * (1.0 - p) / n + z2 / (4.0 * n * n)).sqrt();
        ((centre - margin) / (1.0 + z2 / n)).max(0.0)
    }

    fn add(&mut self, success: bool) {
        if success {
            self.successes += 1
        } else {
            self.failures += 1
        }
    }
}

/// The record of one action against one signature: on this workload, and anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrackRecord {
    /// On this very workload.
    pub here: Tally,
    /// On all workloads, this one included.
    pub anywhere: Tally,
}

impl TrackRecord {
    /// What proposals are ranked by: the record here when there is one, otherwise anywhere.
    pub fn rank(&self) -> f64 {
        if self.here.n() > 0 {
            self.here.lower_bound()
        } else {
            self.anywhere.lower_bound()
        }
    }
}

/// One line of the memory, for listings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Signature id.
    pub signature: String,
    /// Action.
    pub action: ActionKind,
    /// `cluster/Kind/namespace/name`.
    pub workload: String,
    /// Its tally.
    pub tally: Tally,
}

/// All verdicts of executed actions, tallied.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    here: HashMap<(String, ActionKind, String), Tally>,
    anywhere: HashMap<(String, ActionKind), Tally>,
}

impl Memory {
    /// The name under which a workload is remembered: it survives deletion and re-creation, so it has no uid.
    pub fn workload(cluster: &str, owner: &ObjectRef) -> String {
        format!(
            "{cluster}/{}/{}/{}",
            owner.kind, owner.namespace, owner.name
        )
    }

    /// Adds one verdict.
    pub fn learn(&mut self, signature: &str, action: ActionKind, workload: &str, success: bool) {
        self.here
            .entry((signature.to_owned(), action, workload.to_owned()))
            .or_default()
            .add(success);
        self.anywhere
            .entry((signature.to_owned(), action))
            .or_default()
            .add(success);
    }

    /// The record of an action against a signature on a workload.
    pub fn record(&self, signature: &str, action: ActionKind, workload: &str) -> TrackRecord {
        TrackRecord {
            here: self
                .here
                .get(&(signature.to_owned(), action, workload.to_owned()))
                .copied()
                .unwrap_or_default(),
            anywhere: self
                .anywhere
                .get(&(signature.to_owned(), action))
                .copied()
                .unwrap_or_default(),
        }
    }

    /// All entries, the most tried first.
    pub fn entries(&self) -> Vec<Entry> {
        let mut entries: Vec<Entry> = self
            .here
            .iter()
            .map(|((signature, action, workload), tally)| Entry {
                signature: signature.clone(),
                action: *action,
                workload: workload.clone(),
                tally: *tally,
            })
            .collect();
        entries.sort_by(|a, b| {
            (b.tally.n(), &a.signature, a.action, &a.workload).cmp(&(
                a.tally.n(),
                &b.signature,
                b.action,
                &b.workload,
            ))
        });
        entries
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_lower_bound_is_wilsons() {
        // Reference values: 4 of 5 → 0.3755, 1 of 1 → 0.2065, 0 of 3 → 0.
        let bound = |successes, failures| {
            Tally {
                successes,
                failures,
            }
            .lower_bound()
        };
        assert!((bound(4, 1) - 0.3755).abs() < 1e-4);
        assert!((bound(1, 0) - 0.2065).abs() < 1e-4);
        assert!(bound(0, 3).abs() < 1e-12);
        assert_eq!(Tally::default().confidence(), None);
    }

    #[test]
    fn a_workloads_own_record_ranks_before_that_of_others() {
        let mut memory = Memory::default();
        memory.learn(
            "oom.container",
            ActionKind::SetMemoryLimit,
            "c/Deployment/a/x",
            true,
        );
        memory.learn(
            "oom.container",
            ActionKind::SetMemoryLimit,
            "c/Deployment/a/y",
            false,
        );
        let x = memory.record(
            "oom.container",
            ActionKind::SetMemoryLimit,
            "c/Deployment/a/x",
        );
        let y = memory.record(
            "oom.container",
            ActionKind::SetMemoryLimit,
            "c/Deployment/a/y",
        );
        let z = memory.record(
            "oom.container",
            ActionKind::SetMemoryLimit,
            "c/Deployment/a/z",
        );
        assert_eq!(
            z.anywhere,
            Tally {
                successes: 1,
                failures: 1
            }
        );
        assert!(x.rank() > z.rank() && z.rank() > y.rank());
    }

    proptest! {
        #[test]
        fn the_lower_bound_never_exceeds_the_confidence(successes in 0u32..500, failures in 0u32..500) {
            let tally = Tally { successes, failures };
            prop_assert!(tally.lower_bound() <= tally.confidence().unwrap_or(0.0) + 1e-12);
            let more = Tally { successes: successes + 1, failures };
            prop_assert!(more.lower_bound() >= tally.lower_bound() - 1e-12);
        }
    }
}
