//! How far the watches are. What they have told is true at their version, so a read that rests on it must be no older, and need be
//! no newer.
use super::observe::{News, What};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// The newest resource version that each watch has told. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub struct Versions(Arc<Mutex<HashMap<&'static str, u64>>>);

impl Versions {
    /// Takes news of a watch in.
    pub fn take(&self, news: &News) {
        if matches!(news.what, What::Begin) {
            // A store that was restored counts from an earlier version.
            self.told().remove(news.watch);
        } else if let Some(version) = news.version {
            let mut told = self.told();
            let newest = told.entry(news.watch).or_default();
            *newest = version.max(*newest);
        }
    }

    /// The newest version of the watch of this plural, if it is watched and has told any.
    pub fn of(&self, watch: &str) -> Option<u64> {
        self.told().get(watch).copied()
    }

    fn told(&self) -> MutexGuard<'_, HashMap<&'static str, u64>> {
        // Nothing is done under the lock that could leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
