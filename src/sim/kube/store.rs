//! The objects, one global resource version, and the history that watches and controllers read.
//!
//! Everything is synchronous under one lock that is never held across an await: a change is visible to the next reader, and
//! everyone who waits on [`Store::pulse`] wakes at once.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use serde_json::{Value, json};
use tokio::sync::watch;

use super::{
    names::Names,
    object,
    resources::Resource,
    status::ApiError,
    time::{Clock, seconds},
};

/// What a change did to its object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One entry of the history.
#[derive(Debug, Clone)]
pub(super) struct Change {
    pub(super) version: u64,
    pub(super) kind: ChangeKind,
    pub(super) resource: &'static Resource,
    pub(super) object: Arc<Value>,
    /// The object before a modification.
    pub(super) previous: Option<Arc<Value>>,
}

/// What waiters are woken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pulse {
    /// The newest resource version.
    pub(super) version: u64,
    /// Counts how often open watches were cut.
    pub(super) cuts: u64,
    /// Counts how often open watches fell silent.
    pub(super) mutes: u64,
}

type Table = BTreeMap<(String, String), Arc<Value>>;

#[derive(Debug, Default)]
struct Inner {
    version: u64,
    /// Resource versions below this one are too old to watch from.
    floor: u64,
    tables: HashMap<&'static str, Table>,
    history: VecDeque<Change>,
}

impl Inner {
    /// The changes after a version, oldest first; an error when history no longer reaches back that far.
    fn later_than(
        &self,
        version: u64,
    ) -> Result<impl DoubleEndedIterator<Item = &Change>, ApiError> {
        if version < self.floor {
            let message = format!("too old resource version: {version} ({})", self.floor);
            return Err(ApiError::expired(message));
        }
        let start = self
            .history
            .partition_point(|change| change.version <= version);
        Ok(self.history.range(start..))
    }
}

/// The store of all objects.
pub(super) struct Store {
    inner: Mutex<Inner>,
    pulse: watch::Sender<Pulse>,
    history_limit: usize,
    pub(super) names: Names,
    pub(super) clock: Clock,
}

/// A page of objects in key order.
pub(super) struct Page {
    pub(super) items: Vec<Arc<Value>>,
    pub(super) version: u64,
}

impl Store {
    pub(super) fn new(clock: Clock, seed: u64, history_limit: usize) -> Self {
        // A version well above zero: "0" and "" mean something else to a watch.
        let first = 1000;
        let inner = Inner {
            version: first,
            floor: first,
            ..Inner::default()
        };
        let (pulse, _) = watch::channel(Pulse {
            version: first,
            cuts: 0,
            mutes: 0,
        });
        Self {
            inner: Mutex::new(inner),
            pulse,
            history_limit,
            names: Names::new(seed),
            clock,
        }
    }

    /// Now, as object timestamps are written.
    pub(super) fn now(&self) -> String {
        seconds((self.clock)())
    }

    /// A receiver that wakes on every change and on every cut of watches.
    pub(super) fn pulse(&self) -> watch::Receiver<Pulse> {
        self.pulse.subscribe()
    }

    /// Ends every open watch.
    pub(super) fn cut_watches(&self) {
        self.pulse.send_modify(|pulse| pulse.cuts += 1);
    }

    /// Lets every open watch say nothing more, and not end either.
    pub(super) fn mute_watches(&self) {
        self.pulse.send_modify(|pulse| pulse.mutes += 1);
    }

    /// Makes every resource version handed out so far too old to watch from.
    pub(super) fn expire_history(&self) {
        let mut inner = super::lock(&self.inner);
        inner.version += 1;
        inner.floor = inner.version;
        inner.history.clear();
        let version = inner.version;
        drop(inner);
        self.pulse.send_modify(|pulse| pulse.version = version);
    }

    pub(super) fn version(&self) -> u64 {
        super::lock(&self.inner).version
    }

    pub(super) fn get(
        &self,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        let inner = super::lock(&self.inner);
        inner
            .tables
            .get(resource.plural)?
            .get(&(namespace.to_owned(), name.to_owned()))
            .cloned()
    }

    /// All objects of a namespace (or of all), in key order.
    pub(super) fn list(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Arc<Value>> {
        self.page(resource, namespace).items
    }

    /// All objects, with the version they were read at.
    pub(super) fn page(&self, resource: &Resource, namespace: Option<&str>) -> Page {
        let inner = super::lock(&self.inner);
        let items = match inner.tables.get(resource.plural) {
            Some(table) => range(table, namespace, None),
            None => Vec::new(),
        };
        Page {
            items,
            version: inner.version,
        }
    }

    /// All objects after a key as they were at an earlier version; an error when history no longer reaches back that far.
    pub(super) fn page_at(
        &self,
        resource: &Resource,
        namespace: Option<&str>,
        version: u64,
        after: (String, String),
    ) -> Result<Page, ApiError> {
        let inner = super::lock(&self.inner);
        let table = inner.tables.get(resource.plural);
        let mut table = table.cloned().unwrap_or_default();
        // Newest first: each change is taken back.
        let later = inner.later_than(version)?.rev();
        for change in later.filter(|change| change.resource == resource) {
            match &change.previous {
                Some(previous) => table.insert(key(previous), Arc::clone(previous)),
                None => table.remove(&key(&change.object)),
            };
        }
        Ok(Page {
            items: range(&table, namespace, Some(after)),
            version,
        })
    }

    /// The changes after a version, oldest first; an error when history no longer reaches back that far.
    pub(super) fn changes_since(&self, version: u64) -> Result<Vec<Change>, ApiError> {
        let inner = super::lock(&self.inner);
        Ok(inner.later_than(version)?.cloned().collect())
    }

    /// Stores a new object; sets uid, creation time, generation and version.
    pub(super) fn create(
        &self,
        resource: &'static Resource,
        mut object: Value,
    ) -> Result<Arc<Value>, ApiError> {
        self.complete_new(resource, &mut object);
        let key = key(&object);
        let mut inner = super::lock(&self.inner);
        if inner
            .tables
            .get(resource.plural)
            .is_some_and(|table| table.contains_key(&key))
        {
            return Err(ApiError::already_exists(resource, &key.1));
        }
        let object = self.record(&mut inner, resource, ChangeKind::Added, object, None);
        inner
            .tables
            .entry(resource.plural)
            .or_default()
            .insert(key, Arc::clone(&object));
        Ok(object)
    }

    /// What `create` would fill in, for dry runs too.
    pub(super) fn complete_new(&self, resource: &Resource, object: &mut Value) {
        object["apiVersion"] = json!(resource.api_version());
        object["kind"] = json!(resource.kind);
        if !object["metadata"].is_object() {
            object["metadata"] = json!({});
        }
        let metadata = &mut object["metadata"];
        if metadata["name"].as_str().unwrap_or("").is_empty() {
            let prefix = metadata["generateName"].as_str().unwrap_or("").to_owned();
            metadata["name"] = json!(format!("{prefix}{}", self.names.suffix()));
        }
        metadata["uid"] = json!(self.names.uid());
        metadata["creationTimestamp"] = json!(self.now());
        if resource.generation {
            metadata["generation"] = json!(1);
        }
        if !resource.namespaced
            && let Some(fields) = metadata.as_object_mut()
        {
            fields.remove("namespace");
        }
        object::omit_zeros(object);
    }

    /// What `update` would store: the edited copy, with identity kept and the generation counted.
    pub(super) fn preview(
        resource: &Resource,
        old: &Value,
        edit: impl FnOnce(&mut Value) -> Result<(), ApiError>,
    ) -> Result<Value, ApiError> {
        let mut new = old.clone();
        edit(&mut new)?;
        // An edit may count a generation by itself; nothing else is taken from it.
        let generation = object::int(old, "/metadata/generation").unwrap_or(1);
        let counted = object::int(&new, "/metadata/generation") == Some(generation + 1);
        for field in [
            "name",
            "namespace",
            "uid",
            "creationTimestamp",
            "generation",
            "resourceVersion",
        ] {
            match old["metadata"].get(field) {
                Some(value) => new["metadata"][field] = value.clone(),
                None => drop(
                    new["metadata"]
                        .as_object_mut()
                        .map(|metadata| metadata.remove(field)),
                ),
            }
        }
        object::omit_zeros(&mut new);
        if resource.generation && (counted || new["spec"] != old["spec"]) {
            new["metadata"]["generation"] = json!(generation + 1);
        }
        Ok(new)
    }

    /// Edits an object in place. An edit that changes nothing makes no new version. An object that waits only for its
    /// finalizers goes when the last one is removed.
    pub(super) fn update(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
        edit: impl FnOnce(&mut Value) -> Result<(), ApiError>,
    ) -> Result<Arc<Value>, ApiError> {
        let key = (namespace.to_owned(), name.to_owned());
        let mut inner = super::lock(&self.inner);
        let old = inner
            .tables
            .get(resource.plural)
            .and_then(|table| table.get(&key))
            .cloned();
        let old = old.ok_or_else(|| ApiError::not_found(resource, name))?;
        let new = Self::preview(resource, &old, edit)?;
        if new == *old {
            return Ok(old);
        }
        let finished = object::is_deleting(&new)
            && object::list(&new, "/metadata/finalizers").is_empty()
            && !object::list(&old, "/metadata/finalizers").is_empty();
        let kind = if finished {
            ChangeKind::Deleted
        } else {
            ChangeKind::Modified
        };
        let new = self.record(&mut inner, resource, kind, new, Some(old));
        let table = inner.tables.entry(resource.plural).or_default();
        if finished {
            table.remove(&key);
        } else {
            table.insert(key, Arc::clone(&new));
        }
        Ok(new)
    }

    /// Takes an object away; `None` when it was not there.
    pub(super) fn remove(
        &self,
        resource: &'static Resource,
        namespace: &str,
        name: &str,
    ) -> Option<Arc<Value>> {
        let mut inner = super::lock(&self.inner);
        let table = inner.tables.get_mut(resource.plural)?;
        let old = table.remove(&(namespace.to_owned(), name.to_owned()))?;
        let gone = (*old).clone();
        Some(self.record(&mut inner, resource, ChangeKind::Deleted, gone, Some(old)))
    }

    fn record(
        &self,
        inner: &mut Inner,
        resource: &'static Resource,
        kind: ChangeKind,
        mut object: Value,
        previous: Option<Arc<Value>>,
    ) -> Arc<Value> {
        inner.version += 1;
        let version = inner.version;
        object["metadata"]["resourceVersion"] = json!(version.to_string());
        let object = Arc::new(object);
        inner.history.push_back(Change {
            version,
            kind,
            resource,
            object: Arc::clone(&object),
            previous,
        });
        if inner.history.len() > self.history_limit
            && let Some(dropped) = inner.history.pop_front()
        {
            inner.floor = dropped.version;
        }
        self.pulse.send_modify(|pulse| pulse.version = version);
        object
    }
}

/// The objects of a table after a key.
fn range(
    table: &Table,
    namespace: Option<&str>,
    after: Option<(String, String)>,
) -> Vec<Arc<Value>> {
    use std::ops::Bound;
    let start = match (after, namespace) {
        (Some(key), _) => Bound::Excluded(key),
        (None, Some(namespace)) => Bound::Included((namespace.to_owned(), String::new())),
        (None, None) => Bound::Unbounded,
    };
    table
        .range((start, Bound::Unbounded))
        .take_while(|((ns, _), _)| namespace.is_none_or(|wanted| wanted == ns))
        .map(|(_, object)| Arc::clone(object))
        .collect()
}

fn key(object: &Value) -> (String, String) {
    (
        object::namespace(object).to_owned(),
        object::name(object).to_owned(),
    )
}
