//! Labels of free text, and how many different values one may have.
use super::labels::ReasonLabel;
use prometheus_client::metrics::{counter::Counter, family::Family};
use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// How many different values a free-text label may have.
pub const FREE_VALUES: usize = 32;

/// The values that a free-text label has had.
#[derive(Default)]
pub(super) struct Values(Mutex<BTreeSet<String>>);

impl Values {
    /// The value itself while there is room for it, otherwise `other`.
    pub(super) fn bounded(&self, value: &str) -> String {
        let mut values = lock(&self.0);
        if values.contains(value) {
            return value.to_owned();
        }
        if values.len() >= FREE_VALUES || value.len() > 100 {
            return "other".to_owned();
        }
        values.insert(value.to_owned());
        value.to_owned()
    }
}

/// Counters by a free-text label.
pub(super) struct Free<L> {
    counters: Family<L, Counter>,
    values: Values,
}

impl Free<ReasonLabel> {
    /// Over these counters.
    pub(super) fn new(counters: Family<ReasonLabel, Counter>) -> Self {
        Self {
            counters,
            values: Values::default(),
        }
    }

    /// Counts so many.
    pub(super) fn add(&self, reason: &str, count: u64) {
        let reason = self.values.bounded(reason);
        self.counters
            .get_or_create(&ReasonLabel { reason })
            .inc_by(count);
    }
}

/// What a panicking thread left behind here is still a set of numbers.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
