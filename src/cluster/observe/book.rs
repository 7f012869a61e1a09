//! What is wrong at the moment, as far as the watches tell: turns news into sightings. Synchronous and without a clock, so
//! that the order of things can be tested.
//!
//! Only objects that show a symptom are kept; of all others just who owns them.
use super::{
    settled::Settling,
    stream::{News, Seen, What},
};
use crate::cluster::{
    ClusterConfig,
    owners::{Climb, Known, Parent, climb},
};
use crate::domain::{
    family::Family,
    object::{Kind, ObjectRef},
    signal::Signal,
    symptom::{self, Symptom},
    view::{ContainerState, EventView, NodeView, PodView, Terminated, WorkloadView},
};
use crate::ports::Sighting;
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

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

enum Thing {
    Pod(PodView),
    Workload(Box<WorkloadView>),
    Node(NodeView),
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

/// A run shorter than this says nothing, however soon the one before it failed.
const SHORTEST_RUN: SignedDuration = SignedDuration::from_secs(10);

const OLD: &str = "event older than the start";
const EXCLUDED: &str = "namespace is excluded";
const LEAVING: &str = "pod is being deleted";
const PLANNED: &str = "pod is disrupted on purpose";
const NODE_DOWN: &str = "pod's node is not ready";
const PASSED: &str = "it passed before it counted";
const ABOUT_GONE: &str = "event about an object that is gone";

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
            Seen::Pod(pod) => {
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
            Seen::Workload(view, revision) => {
                let uid = view.object.uid.clone();
                if view.object.kind == Kind::ReplicaSet {
                    let parent = Parent {
                        above: view.owner.clone(),
                        ..Parent::default()
                    };
                    self.know(&uid, parent, now);
                }
                if let Some(at) = self.settling.workload(&view, revision, now) {
                    self.timers.insert((at, Due::Settled(uid.clone())));
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

    /// Compares what is wrong with a subject now with what was told about it.
    fn review(&mut self, uid: &str, now: Timestamp) {
        let Some(mut subject) = self.subjects.remove(uid) else {
            return;
        };
        let mut symptoms = symptoms(&subject.thing, &self.config);
        if let Thing::Pod(pod) = &subject.thing {
            symptoms.retain(|symptom| {
                let over = outlived_at(pod, symptom);
                if let Some(at) = over.filter(|at| *at > now) {
                    self.timers.insert((at, Due::Subject(uid.to_owned())));
                }
                over.is_none_or(|at| at > now)
            });
        }
        if symptoms.is_empty() && subject.active.is_empty() {
            return;
        }
        let object = object(&subject.thing);
        let owner = match subject.owner.clone() {
            Some(owner) => owner,
            None => match climb(&object, &self.known) {
                Climb::Top(owner) => owner,
                Climb::Ask(missing) => {
                    self.ask(missing).subjects.insert(uid.to_owned());
                    self.subjects.insert(uid.to_owned(), subject);
                    return;
                }
            },
        };
        subject.owner = Some(owner.clone());
        let mut before = std::mem::take(&mut subject.active);
        for symptom in symptoms {
            let same = |a: &Active| a.family == symptom.family && a.container == symptom.container;
            let old = before
                .iter()
                .position(same)
                .map(|at| before.swap_remove(at));
            let old_stage = old.as_ref().map_or(Stage::Waiting, |old| old.stage);
            let hidden = self.hidden(&subject.thing, symptom.family);
            let stage = if symptom.mature > now && old_stage != Stage::Shown {
                let due = Due::Subject(uid.to_owned());
                self.timers.insert((symptom.mature, due));
                Stage::Waiting
            } else if let Some(reason) = hidden {
                if old_stage == Stage::Waiting {
                    self.count(reason);
                }
                Stage::Hidden
            } else {
                let rose = old.as_ref().is_none_or(|old| symptom.count > old.count);
                if old_stage != Stage::Shown || rose {
                    let signal = self.signal(uid, &owner, &object, &symptom, subject.from_start);
                    self.out.push(Sighting::Signal(signal));
                }
                Stage::Shown
            };
            if stage == Stage::Shown && old_stage != Stage::Shown {
                *self.shown.entry(owner.clone()).or_default() += 1;
            }
            if stage != Stage::Shown && old_stage == Stage::Shown {
                self.hide(&owner);
            }
            subject.active.push(Active {
                family: symptom.family,
                container: symptom.container,
                count: symptom.count,
                stage,
            });
        }
        for gone in before {
            if gone.stage != Stage::Shown {
                continue;
            }
            match between_crashes(&subject.thing, &gone).filter(|until| *until > now) {
                Some(until) => {
                    self.timers.insert((until, Due::Subject(uid.to_owned())));
                    subject.active.push(gone);
                }
                None => self.hide(&owner),
            }
        }
        // From now on it is news, whatever it shows next.
        subject.from_start = false;
        if !subject.active.is_empty() {
            self.subjects.insert(uid.to_owned(), subject);
        }
    }

    /// Takes an event in: events tell what no state does, and are told once per count.
    fn hear(&mut self, event: EventView, from_start: bool, now: Timestamp) {
        let Some(symptom) = symptom::of_event(&event) else {
            return;
        };
        if from_start && event.at < self.cutoff {
            return self.count(OLD);
        }
        if symptom.mature <= now || self.told.contains_key(&event.uid) {
            return self.tell(event, from_start, now);
        }
        // A repeat moves the event's time on, but not the wait that its first sight began.
        let uid = event.uid.clone();
        let first = self.delayed.insert(uid.clone(), (event, from_start));
        if first.is_none() {
            self.timers.insert((symptom.mature, Due::Event(uid)));
        }
    }

    fn tell(&mut self, event: EventView, from_start: bool, now: Timestamp) {
        let Some(symptom) = symptom::of_event(&event) else {
            return;
        };
        if !self.config.namespaces.covers(&event.about.namespace) {
            return self.count(EXCLUDED);
        }
        let mut about = event.about.clone();
        if about.kind == Kind::Node {
            // The kubelet writes the node's name where its uid belongs.
            if let Some((uid, _)) = self.nodes.get(&about.name) {
                about.uid.clone_from(uid);
            }
            about.namespace.clear();
        }
        let owner = match climb(&about, &self.known) {
            Climb::Top(owner) => owner,
            Climb::Ask(missing) => {
                self.ask(missing).events.push((event, from_start));
                return;
            }
        };
        if let Some(parent) = self.known.get(&about.uid) {
            let down = parent
                .node
                .as_deref()
                .is_some_and(|node| self.is_down(node));
            // What was a wait for something missing is over when the pod is ready.
            let over = parent.ready && symptom.mature > symptom.since && event.at < now;
            let reason = match symptom.family {
                _ if parent.leaving => Some(LEAVING),
                Family::Probe if down => Some(NODE_DOWN),
                Family::Config if over => Some(PASSED),
                _ => None,
            };
            if let Some(reason) = reason {
                return self.count(reason);
            }
        }
        let told = self.told.entry(event.uid.clone()).or_insert(0);
        if event.count > *told {
            *told = event.count;
            let signal = self.signal(&event.uid, &owner, &about, &symptom, from_start);
            self.out.push(Sighting::Signal(signal));
        }
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

    /// One of the owner's signals is not true any more.
    fn hide(&mut self, owner: &ObjectRef) {
        let Some(count) = self.shown.get_mut(owner) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.shown.remove(owner);
            self.out.push(Sighting::LooksClear(owner.clone()));
        }
    }

    fn hidden(&self, thing: &Thing, family: Family) -> Option<&'static str> {
        if !self.config.namespaces.covers(&object(thing).namespace) {
            return Some(EXCLUDED);
        }
        let Thing::Pod(pod) = thing else { return None };
        let down = pod.node.as_deref().is_some_and(|node| self.is_down(node));
        if pod.deleting {
            Some(LEAVING)
        } else if pod
            .disruption
            .as_deref()
            .is_some_and(|why| why != "TerminationByKubelet")
        {
            // The kubelet's own eviction is trouble, not a plan.
            Some(PLANNED)
        } else if down && family == Family::Probe {
            Some(NODE_DOWN)
        } else {
            None
        }
    }

    fn is_down(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|(_, ready)| !ready)
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
            subject: subject.clone(),
            family: symptom.family,
            container: symptom.container.clone(),
            reason: symptom.reason.clone(),
            message: symptom.message.clone(),
            from_start,
        }
    }
}

fn uid(seen: &Seen) -> &str {
    match seen {
        Seen::Pod(pod) => &pod.uid,
        Seen::Workload(view, _) => &view.object.uid,
        Seen::Node(node) => &node.uid,
        Seen::Event(event) => &event.uid,
    }
}

/// Until when a symptom that is not visible at the moment is only hidden by a run between two crashes. Without this every
/// crash loop would be clear and broken in turns.
fn between_crashes(thing: &Thing, active: &Active) -> Option<Timestamp> {
    let Thing::Pod(pod) = thing else { return None };
    if pod.deleting || pod.disruption.is_some() || pod.is_finished() {
        return None;
    }
    let name = active.container.as_ref()?;
    let container = pod.containers.iter().find(|c| &c.name == name)?;
    let failed = |end: &Terminated| end.exit_code != 0 || end.reason == "OOMKilled";
    match &container.state {
        ContainerState::Terminated(end) if failed(end) => Some(Timestamp::MAX),
        ContainerState::Running { since: Some(since) } => {
            let last = container.last.as_ref().filter(|end| failed(end))?;
            let lasted = last.finished?.duration_since(last.started?);
            since
                .checked_add(lasted.saturating_mul(2).max(SHORTEST_RUN))
                .ok()
        }
        _ => None,
    }
}

/// When a pod's symptom is history because the container runs since: it may stay in the status for ever.
fn outlived_at(pod: &PodView, symptom: &Symptom) -> Option<Timestamp> {
    let name = symptom.container.as_ref()?;
    let container = pod.containers.iter().find(|c| &c.name == name)?;
    // An unready container is in trouble now, whatever its past.
    (symptom.family != Family::Probe)
        .then(|| symptom::outlives_at(container))
        .flatten()
}

fn is_idle(seen: &Seen) -> bool {
    match seen {
        Seen::Pod(pod) => pod.phase == "Succeeded",
        Seen::Workload(view, _) => {
            view.object.kind == Kind::ReplicaSet && view.desired == 0 && view.replicas == 0
        }
        Seen::Node(_) | Seen::Event(_) => false,
    }
}

fn object(thing: &Thing) -> ObjectRef {
    match thing {
        Thing::Pod(pod) => pod.object(),
        Thing::Workload(view) => view.object.clone(),
        Thing::Node(node) => node.object(),
    }
}

fn symptoms(thing: &Thing, config: &ClusterConfig) -> Vec<Symptom> {
    match thing {
        Thing::Pod(pod) => symptom::of_pod(pod, &config.grace),
        Thing::Workload(view) => symptom::of_workload(view, &config.grace),
        Thing::Node(node) => symptom::of_node(node, &config.grace),
    }
}
