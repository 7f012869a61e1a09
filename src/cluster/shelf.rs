//! What an inspection has just read, kept for the dry run that follows it within milliseconds.
//!
//! The dry run's patch carries the `resourceVersion` that was read, so the server refuses it when the object has moved since,
//! and it is read again: this saves requests and cannot make an offer about an older state. Changes read for themselves.
use super::revisions::Kept;
use serde_json::Value;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Longer than a commit takes, shorter than anybody would call a moment.
const FRESH: Duration = Duration::from_secs(1);

/// A workload as it was read.
#[derive(Debug)]
pub struct Held {
    /// Itself, whole.
    pub whole: Value,
    /// All that is kept of its revisions.
    pub kept: Vec<Kept>,
    at: Instant,
}

/// Workloads that were just read, by uid. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Shelf(Arc<Mutex<HashMap<String, Held>>>);

impl Shelf {
    /// Puts a workload there; what has become old goes.
    pub fn put(&self, uid: &str, whole: Value, kept: Vec<Kept>) {
        let at = Instant::now();
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|_, held| held.at.elapsed() < FRESH);
        held.insert(uid.to_owned(), Held { whole, kept, at });
    }

    /// Takes a workload away, if it is there and was read a moment ago.
    pub fn take(&self, uid: &str) -> Option<Held> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(uid).filter(|held| held.at.elapsed() < FRESH)
    }
}
