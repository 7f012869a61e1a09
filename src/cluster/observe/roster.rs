//! What forecasts need to know of pods and nodes: a second, compact view of the news that the watches bring anyway.
use super::{
    book::Book,
    stream::{News, Seen, What},
};
use crate::cluster::{ClusterConfig, owners::Climb};
use crate::domain::{
    forecast::Cap,
    object::{Kind, ObjectRef},
    view::{ContainerState, ContainerView, NodeView, OwnerLink, PodView, Terminated},
};
use crate::ports::{ContainerFact, EndFact, NodeFact, PodFact, PodNews};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// Pods and nodes as they were told.
pub struct Roster {
    config: Arc<ClusterConfig>,
    /// Uids that were told and not taken back.
    pods: HashSet<String>,
    nodes: HashSet<String>,
    /// Uids of the list of pods that is being read.
    listing: Option<HashSet<String>>,
    /// What made a Job, by the Job's uid.
    jobs: HashMap<String, Option<OwnerLink>>,
    /// Pods whose controller has not been seen yet, by the controller's uid.
    waiting: HashMap<String, Vec<PodFact>>,
    /// Watches whose first list is complete, or failed: only when all of [`NEEDED`] are, pods can be told whose they are.
    answered: HashSet<&'static str>,
    /// Jobs can be watched.
    jobs_listed: bool,
    /// Pods of the first list, until then.
    early: HashMap<String, PodFact>,
}

/// The watches that tell whose a pod is.
const NEEDED: [&str; 3] = ["pods", "replicasets", "jobs"];

impl Roster {
    /// Nothing known yet.
    pub fn new(config: Arc<ClusterConfig>) -> Self {
        Self {
            config,
            pods: HashSet::new(),
            nodes: HashSet::new(),
            listing: None,
            jobs: HashMap::new(),
            waiting: HashMap::new(),
            answered: HashSet::new(),
            jobs_listed: false,
            early: HashMap::new(),
        }
    }

    /// What is to be told of this news. Before the book takes it in.
    pub fn take(&mut self, news: &News) -> Option<Heard> {
        match (&news.what, news.watch) {
            (What::Begin, "pods") => {
                self.listing = Some(HashSet::new());
                None
            }
            (What::Done, watch) => {
                self.jobs_listed |= watch == "jobs";
                NEEDED.contains(&watch).then_some(Heard::Done(watch))
            }
            (What::Failed(_), watch) => NEEDED.contains(&watch).then_some(Heard::Failed(watch)),
            (What::Listed(seen) | What::Changed(seen), _) => match seen {
                Seen::Pod(pod, caps) => {
                    if let Some(listing) = &mut self.listing {
                        listing.insert(pod.uid.clone());
                    }
                    let covered = self.config.namespaces.covers(&pod.namespace);
                    covered.then(|| Heard::Pod(Box::new(fact(pod, caps))))
                }
                Seen::Node(node) => Some(Heard::News(PodNews::Node(node_fact(node)))),
                Seen::Workload(view, _) => {
                    let uid = &view.object.uid;
                    if view.object.kind == Kind::Job {
                        let by = view.owner.clone().filter(|by| by.kind == Kind::CronJob);
                        self.jobs.insert(uid.clone(), by);
                    }
                    Some(Heard::Owner(uid.clone()))
                }
                Seen::Event(_) => None,
            },
            (What::Gone(uid), "pods") => Some(Heard::Gone(uid.clone())),
            (What::Gone(uid), "nodes") => self
                .nodes
                .contains(uid)
                .then(|| Heard::News(PodNews::NodeGone(uid.clone()))),
            (What::Gone(uid), "jobs") => {
                self.jobs.remove(uid);
                None
            }
            _ => None,
        }
    }

    /// The news in the order in which it is to be told. After the book has taken it in, because that knows the owners.
    pub fn tell(&mut self, heard: Heard, book: &Book) -> Vec<PodNews> {
        match heard {
            Heard::News(news) => {
                match &news {
                    PodNews::Node(fact) => self.nodes.insert(fact.node.uid.clone()),
                    PodNews::NodeGone(uid) => self.nodes.remove(uid),
                    _ => false,
                };
                vec![news]
            }
            Heard::Pod(fact) if !self.is_ready() => {
                self.early.insert(fact.pod.uid.clone(), *fact);
                Vec::new()
            }
            Heard::Pod(fact) => self.pod(*fact, book).into_iter().collect(),
            Heard::Owner(uid) => {
                let waiting = self.waiting.remove(&uid).unwrap_or_default();
                waiting
                    .into_iter()
                    .filter_map(|fact| self.pod(fact, book))
                    .collect()
            }
            Heard::Gone(uid) => self.gone(&uid).into_iter().collect(),
            Heard::Done(watch) => {
                let mut news = Vec::new();
                if watch == "pods" {
                    let listed = self.listing.take().unwrap_or_default();
                    self.early.retain(|uid, _| listed.contains(uid));
                    let gone: Vec<String> = self.pods.difference(&listed).cloned().collect();
                    news.extend(gone.iter().filter_map(|uid| self.gone(uid)));
                }
                news.extend(self.answered(watch, book));
                if self.is_ready() {
                    // The list is complete: a controller that was not in it is gone, or nobody's business.
                    let waiting = std::mem::take(&mut self.waiting);
                    let facts = waiting.into_values().flatten();
                    news.extend(facts.map(|fact| self.owned(fact)));
                    news.extend((watch == "pods").then_some(PodNews::Listed));
                }
                news
            }
            Heard::Failed(watch) => self.answered(watch, book),
        }
    }

    fn is_ready(&self) -> bool {
        NEEDED.iter().all(|watch| self.answered.contains(watch))
    }

    /// A watch has its list or will not have it for now. With the last of them, the pods of the first list are told.
    fn answered(&mut self, watch: &'static str, book: &Book) -> Vec<PodNews> {
        let before = self.is_ready();
        // Without pods there is nothing to be ready for.
        if watch != "pods" || self.listing.is_none() {
            self.answered.insert(watch);
        }
        if before || !self.is_ready() {
            return Vec::new();
        }
        let early = std::mem::take(&mut self.early);
        let mut news: Vec<PodNews> = early
            .into_values()
            .filter_map(|fact| self.pod(fact, book))
            .collect();
        if watch != "pods" {
            let waiting = std::mem::take(&mut self.waiting);
            news.extend(waiting.into_values().flatten().map(|fact| self.owned(fact)));
            news.push(PodNews::Listed);
        }
        news
    }

    fn gone(&mut self, uid: &str) -> Option<PodNews> {
        self.early.remove(uid);
        self.waiting.values_mut().for_each(|facts| {
            facts.retain(|fact| fact.pod.uid != uid);
        });
        self.pods
            .remove(uid)
            .then(|| PodNews::PodGone(uid.to_owned()))
    }

    fn pod(&mut self, mut fact: PodFact, book: &Book) -> Option<PodNews> {
        match book.climb(&fact.pod) {
            Climb::Top(owner) => {
                fact.owner = owner;
                let unknown = self.jobs_listed
                    && fact.owner.kind == Kind::Job
                    && !self.jobs.contains_key(&fact.owner.uid);
                if unknown && !fact.finished {
                    let waiting = self.waiting.entry(fact.owner.uid.clone()).or_default();
                    waiting.retain(|other| other.pod.uid != fact.pod.uid);
                    waiting.push(fact);
                    return None;
                }
                Some(self.owned(fact))
            }
            // A finished pod is not kept by the book; nothing is above its controller then that matters.
            Climb::Ask(missing) if missing.uid == fact.pod.uid => Some(self.owned(fact)),
            // Jobs cannot be watched: a Job is the top then.
            Climb::Ask(missing) if missing.kind == Kind::Job && !self.jobs_listed => {
                fact.owner = missing;
                Some(self.owned(fact))
            }
            Climb::Ask(missing) => {
                let waiting = self.waiting.entry(missing.uid).or_default();
                // The newest state of a pod is the one that counts.
                waiting.retain(|other| other.pod.uid != fact.pod.uid);
                waiting.push(fact);
                None
            }
        }
    }

    fn owned(&mut self, mut fact: PodFact) -> PodNews {
        fact.line = match self.jobs.get(&fact.owner.uid).and_then(Option::as_ref) {
            Some(by) => ObjectRef::new(by.kind.clone(), &fact.owner.namespace, &by.name, &by.uid),
            None => fact.owner.clone(),
        };
        if fact.line.kind == Kind::CronJob {
            fact.owner = fact.line.clone();
        }
        if fact.finished {
            self.pods.remove(&fact.pod.uid);
        } else {
            self.pods.insert(fact.pod.uid.clone());
        }
        PodNews::Pod(Box::new(fact))
    }
}

/// News that concerns forecasts.
pub enum Heard {
    /// Ready to be told.
    News(PodNews),
    /// A pod; its owner has to be found.
    Pod(Box<PodFact>),
    /// This object may be a controller that pods wait for.
    Owner(String),
    /// This watch's list is complete.
    Done(&'static str),
    /// This watch failed.
    Failed(&'static str),
    /// This pod is gone.
    Gone(String),
}

/// The owner is the controller until somebody climbs higher.
fn fact(pod: &PodView, caps: &[(String, Cap)]) -> PodFact {
    let object = pod.object();
    let owner = pod.owner.as_ref().map_or_else(
        || object.clone(),
        |link| ObjectRef::new(link.kind.clone(), &pod.namespace, &link.name, &link.uid),
    );
    let main = pod.containers.iter().filter(|container| !container.init);
    PodFact {
        line: owner.clone(),
        owner,
        node: pod.node.clone(),
        leaving: pod.deleting || pod.disruption.is_some(),
        finished: pod.is_finished(),
        containers: main.map(|of| container(of, caps)).collect(),
        pod: object,
    }
}

fn container(of: &ContainerView, caps: &[(String, Cap)]) -> ContainerFact {
    let cap = caps.iter().find(|(name, _)| *name == of.name);
    let running = matches!(of.state, ContainerState::Running { .. });
    // While a container waits to be started again, the count is still that of the run that ended.
    let ended = of.restarts.checked_sub(u32::from(running));
    ContainerFact {
        name: of.name.clone(),
        limit: of.memory_limit,
        cpu_limit: of.cpu_limit.map(|millis| millis as f64 / 1000.0),
        cap: cap.map(|(_, cap)| cap.clone()),
        restarts: of.restarts,
        running: match of.state {
            ContainerState::Running { since } => Some(since),
            _ => None,
        },
        end: ended.and_then(|run| Some(Box::new(end(run, of.last_end()?)))),
    }
}

fn end(run: u32, of: &Terminated) -> EndFact {
    EndFact {
        run,
        reason: of.reason.clone(),
        exit_code: of.exit_code,
        began: of.started,
        at: of.finished,
    }
}

fn node_fact(node: &NodeView) -> NodeFact {
    NodeFact {
        node: node.object(),
        allocatable: node.allocatable_memory,
        is_short: node.is_short_of_memory(),
    }
}

#[cfg(test)]
mod tests;
