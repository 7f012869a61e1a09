//! Which pods and nodes there are, and where the readings of their containers belong.
use crate::{
    domain::{forecast::Source, object::ObjectRef},
    ports::{ContainerFact, NodeFact, PodFact},
};
use std::collections::HashMap;

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
    pub pod: ObjectRef,
    /// Who has the problem when it fails.
    pub owner: ObjectRef,
    /// Whose history is its history.
    pub line: ObjectRef,
    /// Its node.
    pub node: Option<String>,
    /// Its containers.
    pub containers: Vec<Tracked>,
}

/// All pods and nodes.
#[derive(Default)]
pub struct Pods {
    /// By namespace and name: readings name nothing else.
    named: HashMap<String, HashMap<String, Pod>>,
    /// Namespace and name by uid.
    uids: HashMap<String, (String, String)>,
    /// By name.
    pub nodes: HashMap<String, NodeFact>,
}

impl Pods {
    /// The pod with this name.
    pub fn get_mut(&mut self, namespace: &str, name: &str) -> Option<&mut Pod> {
        self.named.get_mut(namespace)?.get_mut(name)
    }

    /// The pod with this name.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Pod> {
        self.named.get(namespace)?.get(name)
    }

    /// The pods of a namespace.
    pub fn of_namespace(&self, namespace: &str) -> impl Iterator<Item = &Pod> {
        self.named
            .get(namespace)
            .into_iter()
            .flat_map(HashMap::values)
    }

    /// The namespaces that have pods.
    pub fn namespaces(&self) -> impl Iterator<Item = &String> {
        self.named.keys()
    }

    /// All pods.
    pub fn iter(&self) -> impl Iterator<Item = &Pod> {
        self.named.values().flat_map(HashMap::values)
    }

    /// Takes the place of what is known of a pod. A pod of the same name with another uid is a past one: it is given back.
    pub fn put(&mut self, pod: Pod) -> Option<Pod> {
        let (namespace, name) = (pod.pod.namespace.clone(), pod.pod.name.clone());
        let uid = pod.pod.uid.clone();
        self.uids
            .insert(uid.clone(), (namespace.clone(), name.clone()));
        let before = self.named.entry(namespace).or_default().insert(name, pod)?;
        if before.pod.uid == uid {
            return None;
        }
        self.uids.remove(&before.pod.uid);
        Some(before)
    }

    /// Forgets a pod.
    pub fn remove(&mut self, uid: &str) -> Option<Pod> {
        let (namespace, name) = self.uids.remove(uid)?;
        let pods = self.named.get_mut(&namespace)?;
        let gone = pods.remove(&name);
        if pods.is_empty() {
            self.named.remove(&namespace);
        }
        gone
    }

    /// The containers of a fact, with what was known of them before.
    pub fn renewed(&self, fact: &PodFact) -> Pod {
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
        Pod {
            pod: fact.pod.clone(),
            owner: fact.owner.clone(),
            line: fact.line.clone(),
            node: fact.node.clone(),
            containers: containers.collect(),
        }
    }
}
