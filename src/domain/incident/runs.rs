//! The runs of a CronJob that failed, while its incident is open: one card for all of them.
use super::super::object::ObjectRef;
use serde::{Deserialize, Serialize};

/// How many runs are told apart: more do not overlap.
const REMEMBERED: usize = 8;

/// Failed runs of a CronJob.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Runs {
    /// The latest one: a Job.
    pub latest: ObjectRef,
    /// How many failed.
    pub failed: u64,
    /// Uids of the last ones, the latest last.
    recent: Vec<String>,
}

impl Runs {
    /// The first one.
    pub fn begin(run: &ObjectRef) -> Self {
        Self {
            latest: run.clone(),
            failed: 1,
            recent: vec![run.uid.clone()],
        }
    }

    /// A run shows that something is wrong. Whether it is another one than before.
    pub fn take(&mut self, run: &ObjectRef) -> bool {
        if self.recent.contains(&run.uid) {
            return false;
        }
        self.latest = run.clone();
        self.failed += 1;
        self.recent.push(run.uid.clone());
        if self.recent.len() > REMEMBERED {
            self.recent.remove(0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_run_counts_once_also_when_two_overlap() {
        let run = |n: u32| ObjectRef::new("Job", "shop", &format!("nightly-{n}"), &format!("u{n}"));
        let mut runs = Runs::begin(&run(1));
        let news: Vec<bool> = [1, 2, 1, 2, 3].map(|n| runs.take(&run(n))).to_vec();
        assert_eq!(news, [false, true, false, false, true]);
        assert_eq!((runs.failed, runs.latest.name.as_str()), (3, "nightly-3"));
        for n in 4..100 {
            assert!(runs.take(&run(n)));
        }
        assert_eq!(runs.failed, 99);
        assert!(runs.recent.len() <= REMEMBERED, "it does not grow for ever");
    }
}
