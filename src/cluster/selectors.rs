//! The label selectors of watched workloads. The API server never lets one change, so what a watch told is as good as what a
//! read would tell: an inspection can ask for a workload's pods and revisions before it has read the workload.
use super::observe::{News, Seen, What};
use crate::domain::object::Kind;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Selectors by uid, per watch. Cheap to clone; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Selectors(Arc<Mutex<HashMap<&'static str, Watched>>>);

/// With how many pods are wanted.
type Watched = HashMap<String, (Box<str>, i32)>;

impl Selectors {
    /// Takes news of a watch in.
    pub fn take(&self, news: &News) {
        match &news.what {
            // Whatever is still there is listed again.
            What::Begin => drop(self.watches().remove(news.watch)),
            What::Gone(uid) => {
                if let Some(watched) = self.watches().get_mut(news.watch) {
                    watched.remove(uid);
                }
            }
            What::Listed(Seen::Workload(view, told))
            | What::Changed(Seen::Workload(view, told)) => {
                let kept = matches!(
                    view.object.kind,
                    Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet
                );
                let Some(selector) = told.selector.as_deref().filter(|_| kept) else {
                    return;
                };
                let mut watches = self.watches();
                let watched = watches.entry(news.watch).or_default();
                match watched.get_mut(&view.object.uid) {
                    Some((known, wanted)) if known.as_ref() == selector => *wanted = view.desired,
                    _ => {
                        let told = (selector.into(), view.desired);
                        watched.insert(view.object.uid.clone(), told);
                    }
                }
            }
            _ => {}
        }
    }

    /// The selector of the workload with this uid and how many pods it wants, if the watches have told it.
    pub fn of(&self, uid: &str) -> Option<(String, i32)> {
        let watches = self.watches();
        let found = watches.values().find_map(|watched| watched.get(uid));
        found.map(|(selector, wanted)| (selector.to_string(), *wanted))
    }

    fn watches(&self) -> MutexGuard<'_, HashMap<&'static str, Watched>> {
        // Nothing is done under the lock that could leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
