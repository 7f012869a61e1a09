//! Which revisions were healthy: a workload that has been completely rolled out and available for a while proves that its
//! revision works, which is what a later rollback is chosen by.
use crate::domain::{
    object::{Kind, ObjectRef},
    view::{PodView, WorkloadView},
};
use crate::ports::Sighting;
use jiff::{SignedDuration, Timestamp};
use std::collections::HashMap;

/// How long a workload must stay healthy before its revision counts as such.
pub const STEADY: SignedDuration = SignedDuration::from_secs(10);

/// Workloads and how long they have been healthy.
#[derive(Default)]
pub struct Settling {
    workloads: HashMap<String, Workload>,
    /// Newest ReplicaSet of each Deployment, by the Deployment's uid: number of the revision, name.
    replica_sets: HashMap<String, (i64, String)>,
    /// Template hash of the newest pod of each DaemonSet, by its uid.
    hashes: HashMap<String, (Timestamp, String)>,
}

struct Workload {
    object: ObjectRef,
    revision: Option<String>,
    healthy_since: Option<Timestamp>,
    told: Option<String>,
}

/// What a check found.
pub enum Check {
    /// This is to be told.
    Told(Box<Sighting>),
    /// Look again then.
    Again(Timestamp),
    /// Nothing new.
    Nothing,
}

impl Settling {
    /// A workload as it is now. Returns when to check it, if it has just become healthy.
    pub fn workload(
        &mut self,
        view: &WorkloadView,
        revision: Option<String>,
        now: Timestamp,
    ) -> Option<Timestamp> {
        match (&view.object.kind, &view.owner, view.revision) {
            (Kind::Deployment | Kind::StatefulSet | Kind::DaemonSet, ..) => {}
            (Kind::ReplicaSet, Some(owner), Some(number)) if view.desired > 0 => {
                let entry = self.replica_sets.entry(owner.uid.clone()).or_default();
                if number >= entry.0 {
                    *entry = (number, view.object.name.clone());
                }
                return None;
            }
            _ => return None,
        }
        let entry = self
            .workloads
            .entry(view.object.uid.clone())
            .or_insert_with(|| Workload {
                object: view.object.clone(),
                revision: None,
                healthy_since: None,
                told: None,
            });
        entry.revision = revision.filter(|name| !name.is_empty());
        let healthy = view.is_rolled_out() && view.desired > 0 && view.available >= view.desired;
        if !healthy {
            entry.healthy_since = None;
            return None;
        }
        if entry.healthy_since.is_some() {
            return None;
        }
        entry.healthy_since = Some(now);
        now.checked_add(STEADY).ok()
    }

    /// A pod as it is now: pods of DaemonSets carry the only name of their revision that a watch sees.
    pub fn pod(&mut self, pod: &PodView) {
        let Some(owner) = pod.owner.as_ref().filter(|o| o.kind == Kind::DaemonSet) else {
            return;
        };
        if let Some(hash) = &pod.template_hash {
            let entry = self.hashes.entry(owner.uid.clone()).or_default();
            if pod.created >= entry.0 {
                *entry = (pod.created, hash.clone());
            }
        }
    }

    /// Whether the workload has stayed healthy long enough for its revision to be told, once.
    pub fn check(&mut self, uid: &str, now: Timestamp) -> Check {
        let revision = self.revision(uid);
        let Some(workload) = self.workloads.get_mut(uid) else {
            return Check::Nothing;
        };
        let Some(steady) = workload
            .healthy_since
            .and_then(|since| since.checked_add(STEADY).ok())
        else {
            return Check::Nothing;
        };
        if now < steady {
            return Check::Again(steady);
        }
        let Some(revision) = revision else {
            // Its ReplicaSet or pods were not seen yet: another watch is behind.
            return now.checked_add(STEADY).map_or(Check::Nothing, Check::Again);
        };
        if workload.told.as_ref() == Some(&revision) {
            return Check::Nothing;
        }
        workload.told = Some(revision.clone());
        Check::Told(Box::new(Sighting::RevisionHealthy {
            owner: workload.object.clone(),
            revision,
            at: now,
        }))
    }

    fn revision(&self, uid: &str) -> Option<String> {
        let workload = self.workloads.get(uid)?;
        match workload.object.kind {
            Kind::Deployment => self.replica_sets.get(uid).map(|(_, name)| name.clone()),
            Kind::DaemonSet => self
                .hashes
                .get(uid)
                .map(|(_, hash)| format!("{}-{hash}", workload.object.name)),
            _ => workload.revision.clone(),
        }
    }

    /// The object is gone.
    pub fn forget(&mut self, uid: &str) {
        self.workloads.remove(uid);
        self.replica_sets.remove(uid);
        self.hashes.remove(uid);
    }
}
