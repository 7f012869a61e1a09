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
    /// CronJobs by the uid of their Jobs.
    jobs: HashMap<String, OwnerLink>,
    /// Pods whose controller has not been seen yet, by the controller's uid.
    waiting: HashMap<String, Vec<PodFact>>,
}

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
        }
    }

    /// What is to be told of this news. Before the book takes it in.
    pub fn take(&mut self, news: &News) -> Option<Heard> {
        match (&news.what, news.watch) {
            (What::Begin, "pods") => {
                self.listing = Some(HashSet::new());
                None
            }
            (What::Done, "pods") => Some(Heard::Listed),
            (What::Done, "replicasets") => Some(Heard::Owners),
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
                    let made_by = view.owner.as_ref();
                    if view.object.kind == Kind::Job
                        && let Some(by) = made_by.filter(|by| by.kind == Kind::CronJob)
                    {
                        self.jobs.insert(uid.clone(), by.clone());
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
            Heard::Pod(fact) => self.pod(*fact, book).into_iter().collect(),
            Heard::Owner(uid) => {
                let waiting = self.waiting.remove(&uid).unwrap_or_default();
                waiting
                    .into_iter()
                    .filter_map(|fact| self.pod(fact, book))
                    .collect()
            }
            Heard::Owners => {
                // The list is complete: a controller that was not in it is gone, or nobody's business.
                let waiting = std::mem::take(&mut self.waiting);
                let facts = waiting.into_values().flatten();
                facts.map(|fact| self.owned(fact)).collect()
            }
            Heard::Gone(uid) => self.gone(&uid).into_iter().collect(),
            Heard::Listed => {
                let listed = self.listing.take().unwrap_or_default();
                let gone: Vec<String> = self.pods.difference(&listed).cloned().collect();
                let mut news: Vec<PodNews> =
                    gone.iter().filter_map(|uid| self.gone(uid)).collect();
                news.push(PodNews::Listed);
                news
            }
        }
    }

    fn gone(&mut self, uid: &str) -> Option<PodNews> {
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
                Some(self.owned(fact))
            }
            // A finished pod is not kept by the book; nothing is above its controller then that matters.
            Climb::Ask(missing) if missing.uid == fact.pod.uid => Some(self.owned(fact)),
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
        fact.line = match self.jobs.get(&fact.owner.uid) {
            Some(by) => ObjectRef::new(
                by.kind.clone(),
                &fact.owner.namespace,
                &by.name,
                &by.uid,
            ),
            None => fact.owner.clone(),
        };
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
    /// All ReplicaSets have been listed.
    Owners,
    /// This pod is gone.
    Gone(String),
    /// All pods have been listed.
    Listed,
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
        cap: cap.map(|(_, cap)| cap.clone()),
        restarts: of.restarts,
        running: match of.state {
            ContainerState::Running { since } => Some(since),
            _ => None,
        },
        end: ended.and_then(|run| Some(end(run, of.last_end()?))),
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
    }
}
