//! All classes, all methods, on two threads.
use super::{
    anchors::Contestant,
    busy::busy,
    case::Case,
    class::Class,
    drive::{Record, drive},
    generate::{Options, generate},
    score::Table,
};
use crate::domain::forecast::Tier;
use std::{
    sync::atomic::{AtomicU64, Ordering},
    thread,
    time::Duration,
};

/// What came of one method.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// Alarms of the lower tier: notice or page.
    pub notice: Table,
    /// Alarms of the upper tier. Only Heal has two; for the others it is empty.
    pub page: Table,
    /// Processor time in the method itself, and readings.
    pub spent: Duration,
    /// See `spent`.
    pub samples: u64,
}

impl Standing {
    fn merge(&mut self, other: &Standing) {
        self.notice.merge(&other.notice);
        self.page.merge(&other.page);
        self.spent += other.spent;
        self.samples += other.samples;
    }

    /// Microseconds per reading, assessments and history included.
    pub fn cost(&self) -> f64 {
        self.spent.as_secs_f64() * 1e6 / self.samples.max(1) as f64
    }
}

/// Lets a contestant live through a case, and adds what came of it.
pub fn live(case: &Case, contestant: &Contestant, result: &mut Standing) -> Record {
    let mut method = (contestant.fresh)(&case.priors);
    let begun = busy();
    let record = drive(case, &mut *method);
    result.spent += busy().saturating_sub(begun);
    result.samples += record.samples;
    result.notice.add(case, &record, Tier::Notice);
    result.page.add(case, &record, Tier::Page);
    record
}

const THREADS: usize = 2;

/// Lets every contestant live through `per_class` series of every class. The sums do not depend on the number of threads.
pub fn run(
    seed: u64,
    per_class: u64,
    options: Options,
    contestants: &[Contestant],
) -> Vec<Standing> {
    let next = AtomicU64::new(0);
    let all = Class::ALL.len() as u64 * per_class;
    let work = || {
        let mut results = vec![Standing::default(); contestants.len()];
        loop {
            let number = next.fetch_add(1, Ordering::Relaxed);
            if number >= all {
                return results;
            }
            let class = Class::ALL[(number / per_class) as usize];
            let case = generate(class, seed, number % per_class, options);
            for (contestant, result) in contestants.iter().zip(&mut results) {
                live(&case, contestant, result);
            }
        }
    };
    let mut results = vec![Standing::default(); contestants.len()];
    thread::scope(|scope| {
        let others: Vec<_> = (1..THREADS).map(|_| scope.spawn(work)).collect();
        let mut parts = vec![work()];
        parts.extend(others.into_iter().filter_map(|thread| thread.join().ok()));
        for part in parts {
            for (result, part) in results.iter_mut().zip(&part) {
                result.merge(part);
            }
        }
    });
    results
}
