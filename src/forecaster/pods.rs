//! Which pods and nodes there are, and where the readings of their containers belong.
use super::refs::{ByName, ByUid, Refs};
use crate::{
    domain::{forecast::Source, object::ObjectRef},
    ports::{ContainerFact, NodeFact, PodFact},
};
use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

/// A container of a pod that exists.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// What the watch says.
    pub fact: ContainerFact,
    /// Where its history is; `None` for one without a limit.
    pub place: Option<Place>,
    /// The newest run whose end was dealt with.
    pub ended: Option<u32>,
    /// When the newest reading was taken, in Unix seconds; 0 before the first.
    pub at: f64,
    /// Memory of that reading in bytes.
    pub used: f64,
    /// Page cache that the source of the newest reading counts and the one before it did not, in bytes.
    pub cache: f64,
    /// Where the newest reading came from.
    pub source: Option<Source>,
    /// The same as a slow average: the difference to `used` is recent growth.
    pub slow: f64,
    /// CPU of that reading in cores, where it is known.
    pub cpu: Option<f64>,
}

impl Tracked {
    /// A container without a reading so far.
    pub fn new(fact: ContainerFact) -> Self {
        Self {
            fact,
            place: None,
            ended: None,
            at: 0.0,
            used: 0.0,
            cache: 0.0,
            source: None,
            cpu: None,
            slow: 0.0,
        }
    }
}

/// Where the history of a run is: the series, and the number of the replica in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Index of the series.
    pub series: usize,
    /// Number of the replica.
    pub replica: usize,
}

/// A pod that exists.
#[derive(Clone, Debug)]
pub struct Pod {
    /// The pod.
    pub pod: Arc<ObjectRef>,
    /// Who has the problem when it fails.
    pub owner: Arc<ObjectRef>,
    /// Whose history is its history.
    pub line: Arc<ObjectRef>,
    /// Its node.
    pub node: Option<String>,
    /// Its containers.
    pub containers: Vec<Tracked>,
}

/// All pods and nodes.
#[derive(Default)]
pub struct Pods {
    /// By namespace and name: readings name nothing else. Boxed, because up to half of a map is empty.
    named: HashMap<String, HashMap<ByName, Box<Pod>>>,
    /// By uid: the watch names nothing else of a pod that is gone.
    uids: HashSet<ByUid>,
    /// What is named here and elsewhere.
    pub refs: Refs,
    /// By name.
    pub nodes: HashMap<String, NodeFact>,
}

impl Pods {
    /// The pod with this name.
    pub fn get_mut(&mut self, namespace: &str, name: &str) -> Option<&mut Pod> {
        Some(&mut **self.named.get_mut(namespace)?.get_mut(name)?)
    }

    /// The pod with this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Pod> {
        Some(&**self.named.get(namespace)?.get(name)?)
    }

    /// The pods of a namespace.
    pub fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &Pod> {
        self.named
            .get(namespace)
            .into_iter()
            .flat_map(HashMap::values)
            .map(Box::as_ref)
    }

    /// The namespaces that have pods.
    pub fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.named.keys()
    }

    /// All pods.
    pub fn iter(&self) -> impl Iterator<Item = &Pod> {
        let pods = self.named.values().flat_map(HashMap::values);
        pods.map(Box::as_ref)
    }

    /// Takes the place of what is known of a pod. A pod of the same name with another uid is a past one: it is given back.
    pub fn put(&mut self, pod: Pod) -> Option<Box<Pod>> {
        let this = pod.pod.clone();
        self.uids.replace(ByUid(this.clone()));
        if !self.named.contains_key(&this.namespace) {
            self.named.insert(this.namespace.clone(), HashMap::new());
        }
        let namesakes = self.named.get_mut(&this.namespace)?;
        // Taken out first: a map keeps the key that it has, and with it the pod that was.
        let before = namesakes.remove(this.name.as_str());
        namesakes.insert(ByName(this.clone()), Box::new(pod));
        let before = before.filter(|before| before.pod.uid != this.uid)?;
        self.uids.remove(before.pod.uid.as_str());
        Some(before)
    }

    /// Forgets a pod.
    pub fn remove(&mut self, uid: &str) -> Option<Box<Pod>> {
        let ByUid(pod) = self.uids.take(uid)?;
        let pods = self.named.get_mut(&pod.namespace)?;
        let gone = pods.remove(pod.name.as_str());
        if pods.is_empty() {
            self.named.remove(&pod.namespace);
        }
        gone
    }

    /// The containers of a fact, with what was known of them before.
    pub fn renewed(&mut self, fact: &PodFact) -> Pod {
        let old = self
            .get(&fact.pod.namespace, &fact.pod.name)
            .filter(|old| old.pod.uid == fact.pod.uid);
        let containers = fact.containers.iter().map(|container| {
            let known = old.and_then(|old| {
                old.containers
                    .iter()
                    .find(|known| known.fact.name == container.name)
            });
            match known {
                Some(known) => Tracked {
                    fact: container.clone(),
                    ..known.clone()
                },
                None => Tracked::new(container.clone()),
            }
        });
        let containers = containers.collect();
        Pod {
            pod: self.refs.share(&fact.pod),
            owner: self.refs.share(&fact.owner),
            line: self.refs.share(&fact.line),
            node: fact.node.clone(),
            containers,
        }
    }
}
