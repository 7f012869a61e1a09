//! What is wrong at the moment, as far as the watches tell: turns news into sightings. Synchronous and without a clock, so
//! that the order of things can be tested.
//!
//! Only objects that show a symptom are kept; of all others just who owns them.
mod events;
mod review;
mod thing;

use super::{
    settled::Settling,
    stream::{News, Seen, What},
};
use crate::cluster::{
    ClusterConfig,
    owners::{self, Climb, Known, Parent},
};
use crate::domain::{
    family::Family,
    object::{Kind, ObjectRef},
    signal::Signal,
    symptom::Symptom,
    view::{EventView, WorkloadView},
};
use crate::ports::Sighting;
use jiff::Timestamp;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};
use thing::{Thing, is_idle, symptoms, uid};

/// The state of one cluster's watches.
pub struct Book {
    config: Arc<ClusterConfig>,
    /// Events older than this say nothing new when Heal starts.
    cutoff: Timestamp,
    watches: HashMap<&'static str, Watch>,
    known: Known,
    /// Nodes by name: uid, and whether they are ready.
    nodes: HashMap<String, (String, bool)>,
    subjects: HashMap<String, Subject>,
    /// Signals that are out, by owner.
    shown: HashMap<ObjectRef, usize>,
    /// Counts of events that were told, by event uid.
    told: HashMap<String, u32>,
    /// Events that are not mature yet, and whether they were there from the start.
    delayed: HashMap<String, (EventView, bool)>,
    /// Symptoms and events that wait until an owner is known, by the uid to be read.
    waiting: HashMap<String, Waiting>,
    /// A set, so that what is due twice at one time is looked at once.
    timers: BTreeSet<(Timestamp, Due)>,
    settling: Settling,
    suppressed: BTreeMap<&'static str, u64>,
    out: Vec<Sighting>,
    asks: Vec<ObjectRef>,
}

#[derive(Default)]
struct Watch {
    /// Uids of the list that is being read; `None` while there is none.
    listing: Option<HashSet<String>>,
    /// What was there before and is not known to be gone.
    uids: HashSet<String>,
    /// A list was complete once: what comes later is news.
    started: bool,
}

#[derive(Default)]
struct Waiting {
    subjects: HashSet<String>,
    events: Vec<(EventView, bool)>,
}

/// Something that wants to be looked at again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    /// A subject whose symptom may be mature now.
    Subject(String),
    /// An event that may be mature now.
    Event(String),
    /// A workload that may have stayed healthy long enough.
    Settled(String),
    /// An owner that could not be read.
    Ask(ObjectRef),
}

struct Subject {
    thing: Thing,
    from_start: bool,
    owner: Option<ObjectRef>,
    active: Vec<Active>,
}

struct Active {
    family: Family,
    container: Option<String>,
    count: u32,
    stage: Stage,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Shown,
    Hidden,
}

const EXCLUDED: &str = "namespace is excluded";
const LEAVING: &str = "pod is being deleted";
const NODE_DOWN: &str = "pod's node is not ready";
const ABOUT_GONE: &str = "event about an object that is gone";

/// The CronJob of which this is a run that succeeded: what was wrong with earlier ones may be over.
fn succeeded_run(view: &WorkloadView) -> Option<ObjectRef> {
    let cron = view.owner.as_ref().filter(|by| by.kind == Kind::CronJob)?;
    let complete = view.condition("Complete")?.status == "True";
    complete.then(|| ObjectRef::new(Kind::CronJob, &view.object.namespace, &cron.name, &cron.uid))
}

impl Book {
    /// An empty book. Of events in the first list, those before `cutoff` are left out.
    pub fn new(config: Arc<ClusterConfig>, cutoff: Timestamp) -> Self {
        Self {
            config,
            cutoff,
            watches: HashMap::new(),
            known: Known::new(),
            nodes: HashMap::new(),
            subjects: HashMap::new(),
            shown: HashMap::new(),
            told: HashMap::new(),
            delayed: HashMap::new(),
            waiting: HashMap::new(),
            timers: BTreeSet::new(),
            settling: Settling::default(),
            suppressed: BTreeMap::new(),
            out: Vec::new(),
            asks: Vec::new(),
        }
    }

    /// Takes news in.
    pub fn take(&mut self, news: News, now: Timestamp) {
        if let What::Listed(seen) | What::Changed(seen) = &news.what
            && is_idle(seen)
        {
            // Thousands of old ReplicaSets and finished Jobs' pods own nothing that runs: not even their names are kept.
            let uid = uid(seen).to_owned();
            self.watches
                .entry(news.watch)
                .or_default()
                .uids
                .remove(&uid);
            return self.forget(&uid);
        }
        let watch = self.watches.entry(news.watch).or_default();
        match news.what {
            What::Begin => watch.listing = Some(HashSet::new()),
            What::Listed(seen) => {
                let from_start = !watch.started;
                let uid = uid(&seen).to_owned();
                watch.uids.insert(uid.clone());
                watch.listing.get_or_insert_default().insert(uid);
                self.see(seen, from_start, now);
            }
            What::Done => {
                watch.started = true;
                let listed = watch.listing.take().unwrap_or_default();
                let gone: Vec<String> = watch.uids.difference(&listed).cloned().collect();
                watch.uids = listed;
                for uid in gone {
                    self.forget(&uid);
                }
            }
            What::Changed(seen) => {
                watch.uids.insert(uid(&seen).to_owned());
                self.see(seen, false, now);
            }
            What::Gone(uid) => {
                watch.uids.remove(&uid);
                self.forget(&uid);
            }
            What::Failed(_) | What::Alive => {}
        }
    }

    /// What there is to tell since the last call.
    pub fn sightings(&mut self) -> Vec<Sighting> {
        let suppressed = std::mem::take(&mut self.suppressed);
        let counted = suppressed
            .into_iter()
            .map(|(reason, count)| Sighting::Suppressed {
                reason: reason.to_owned(),
                count,
            });
        self.out.extend(counted);
        std::mem::take(&mut self.out)
    }

    /// Who has the problem when something is wrong with this object, as far as the watches know.
    pub fn climb(&self, object: &ObjectRef) -> Climb {
        owners::climb(object, &self.known)
    }

    /// Objects whose controllers have to be read before more can be told.
    pub fn asks(&mut self) -> Vec<ObjectRef> {
        std::mem::take(&mut self.asks)
    }

    /// When [`Book::tick`] is due.
    pub fn due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Looks again at everything whose time has come.
    pub fn tick(&mut self, now: Timestamp) {
        while self.due().is_some_and(|at| at <= now) {
            let Some((_, due)) = self.timers.pop_first() else {
                return;
            };
            match due {
                Due::Subject(uid) => self.review(&uid, now),
                Due::Settled(uid) => self.settle(&uid, now),
                Due::Event(uid) => {
                    if let Some((event, from_start)) = self.delayed.remove(&uid) {
                        self.tell(event, from_start, now);
                    }
                }
                Due::Ask(object) => self.asks.push(object),
            }
        }
    }

    /// The answer to an ask: what is known about the object now; `Ok(None)` when it is gone.
    pub fn answer(
        &mut self,
        object: &ObjectRef,
        parent: Result<Option<Parent>, Timestamp>,
        now: Timestamp,
    ) {
        let gone = match parent {
            Ok(Some(parent)) => {
                self.known.insert(object.uid.clone(), parent);
                false
            }
            // The chain ends where nothing is left to climb.
            Ok(None) => {
                self.known.entry(object.uid.clone()).or_default();
                true
            }
            Err(again) => {
                self.timers.insert((again, Due::Ask(object.clone())));
                return;
            }
        };
        let waiting = self.waiting.remove(&object.uid).unwrap_or_default();
        for uid in waiting.subjects {
            self.review(&uid, now);
        }
        for (event, from_start) in waiting.events {
            if gone && event.about.uid == object.uid {
                self.count(ABOUT_GONE);
            } else {
                self.hear(event, from_start, now);
            }
        }
        let watched = self
            .watches
            .values()
            .any(|watch| watch.uids.contains(&object.uid));
        if gone && !watched {
            self.known.remove(&object.uid);
        }
    }

    fn see(&mut self, seen: Seen, from_start: bool, now: Timestamp) {
        match seen {
            Seen::Pod(pod, _) => {
                self.settling.pod(&pod);
                self.know(
                    &pod.uid,
                    Parent {
                        above: pod.owner.clone(),
                        leaving: pod.deleting || pod.disruption.is_some(),
                        ready: pod.ready,
                        node: pod.node.as_deref().map(Box::from),
                    },
                    now,
                );
                self.keep(pod.uid.clone(), Thing::Pod(pod), from_start, now);
            }
            Seen::Workload(view, told) => {
                let uid = view.object.uid.clone();
                if matches!(view.object.kind, Kind::ReplicaSet | Kind::Job) {
                    let parent = Parent {
                        above: view.owner.clone(),
                        ..Parent::default()
                    };
                    self.know(&uid, parent, now);
                }
                if let Some(at) = self.settling.workload(&view, told.revision, now) {
                    self.timers.insert((at, Due::Settled(uid.clone())));
                }
                if let Some(cron) = succeeded_run(&view).filter(|_| !from_start) {
                    self.out.push(Sighting::LooksClear(cron));
                }
                // A ReplicaSet's trouble is its Deployment's, which says so itself.
                if view.object.kind != Kind::ReplicaSet || view.owner.is_none() {
                    self.keep(uid, Thing::Workload(view), from_start, now);
                }
            }
            Seen::Node(node) => {
                let ready = node.ready == "True";
                let before = self
                    .nodes
                    .insert(node.name.clone(), (node.uid.clone(), ready));
                let name = node.name.clone();
                self.keep(node.uid.clone(), Thing::Node(node), from_start, now);
                if ready && before.is_some_and(|(_, before)| !before) {
                    self.review_pods_of(&name, now);
                }
            }
            Seen::Event(event) => self.hear(event, from_start, now),
        }
    }

    /// What the node's trouble covered may show again.
    fn review_pods_of(&mut self, node: &str, now: Timestamp) {
        let of_node = |subject: &Subject| matches!(&subject.thing, Thing::Pod(pod) if pod.node.as_deref() == Some(node));
        let pods: Vec<String> = self
            .subjects
            .iter()
            .filter(|(_, subject)| of_node(subject))
            .map(|(uid, _)| uid.clone())
            .collect();
        for uid in pods {
            self.review(&uid, now);
        }
    }

    fn know(&mut self, uid: &str, parent: Parent, now: Timestamp) {
        self.known.insert(uid.to_owned(), parent);
        if let Some(waiting) = self.waiting.remove(uid) {
            for subject in waiting.subjects {
                self.review(&subject, now);
            }
            for (event, from_start) in waiting.events {
                self.hear(event, from_start, now);
            }
        }
    }

    fn keep(&mut self, uid: String, thing: Thing, from_start: bool, now: Timestamp) {
        match self.subjects.get_mut(&uid) {
            Some(subject) => subject.thing = thing,
            None => {
                if symptoms(&thing, &self.config).is_empty() {
                    return;
                }
                let subject = Subject {
                    thing,
                    from_start,
                    owner: None,
                    active: Vec::new(),
                };
                self.subjects.insert(uid.clone(), subject);
            }
        }
        self.review(&uid, now);
    }

    fn ask(&mut self, object: ObjectRef) -> &mut Waiting {
        let uid = object.uid.clone();
        if !self.waiting.contains_key(&uid) {
            self.asks.push(object);
        }
        self.waiting.entry(uid).or_default()
    }

    fn settle(&mut self, uid: &str, now: Timestamp) {
        match self.settling.check(uid, now) {
            super::settled::Check::Told(sighting) => self.out.push(*sighting),
            super::settled::Check::Again(at) => {
                self.timers.insert((at, Due::Settled(uid.to_owned())));
            }
            super::settled::Check::Nothing => {}
        }
    }

    fn forget(&mut self, uid: &str) {
        self.known.remove(uid);
        self.told.remove(uid);
        self.delayed.remove(uid);
        self.settling.forget(uid);
        if let Some(subject) = self.subjects.remove(uid) {
            if let Thing::Node(node) = &subject.thing {
                self.nodes.remove(&node.name);
            }
            self.clear(subject);
        }
    }

    fn clear(&mut self, subject: Subject) {
        let Some(owner) = subject.owner else { return };
        for active in subject.active {
            if active.stage == Stage::Shown {
                self.hide(&owner);
            }
        }
    }

    fn count(&mut self, reason: &'static str) {
        *self.suppressed.entry(reason).or_default() += 1;
    }

    fn signal(
        &self,
        uid: &str,
        owner: &ObjectRef,
        subject: &ObjectRef,
        symptom: &Symptom,
        from_start: bool,
    ) -> Signal {
        let cluster = &self.config.name;
        let container = symptom.container.as_deref().unwrap_or_default();
        Signal {
            cluster: cluster.clone(),
            key: format!(
                "{cluster}/{uid}/{container}/{}/{}",
                symptom.family, symptom.count
            ),
            at: symptom.since,
            owner: owner.clone(),
            run: (owner.kind == Kind::CronJob)
                .then(|| owners::run(subject, &self.known))
                .flatten(),
            subject: subject.clone(),
            family: symptom.family,
            container: symptom.container.clone(),
            reason: symptom.reason.clone(),
            message: symptom.message.clone(),
            from_start,
        }
    }
}
