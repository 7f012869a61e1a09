//! The events about an object that tell something: from what the watch has told, otherwise read.
//!
//! The API server has no index of events. Asked for those about one object it reads all of the namespace, once for every
//! object that is asked about: in a storm that is the dearest of all reads. The watch has brought the same events before.
use super::{
    KubeCluster, Namespaces,
    observe::{News, Seen, What},
    project,
    rest::{Fault, Rest},
    slim,
};
use crate::domain::{
    object::{Kind, ObjectRef},
    view::EventView,
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Events that are kept at most, about 1 kB each. A cluster that has more of them within the API server's hour is read from.
const MOST: usize = 10_000;

/// The events about an object, by uid where it is known (names come back).
///
/// # Errors
/// When they have to be read and the cluster does not answer or does not allow it.
pub(super) async fn about(
    cluster: &KubeCluster,
    object: &ObjectRef,
) -> Result<Vec<EventView>, Fault> {
    match cluster.recent.about(object) {
        Some(events) => Ok(events),
        None => read(&cluster.reader, object).await,
    }
}

async fn read(reader: &Rest, object: &ObjectRef) -> Result<Vec<EventView>, Fault> {
    let mut fields = format!("involvedObject.name={}", object.name);
    match known_by_uid(object) {
        true => fields = format!("{fields},involvedObject.uid={}", object.uid),
        false => fields = format!("{fields},involvedObject.kind={}", object.kind),
    }
    let query = [("fieldSelector", fields.as_str()), ("limit", "100")];
    let list = reader
        .list::<slim::Event>(&slim::EVENTS, &object.namespace, &query)
        .await?;
    Ok(list.iter().map(project::event).filter(tells).collect())
}

/// The kubelet writes a node's name where its uid belongs.
fn known_by_uid(object: &ObjectRef) -> bool {
    !object.uid.is_empty() && object.kind != Kind::Node
}

/// Whether an event tells more than that all goes its way. That a container is ended for a failed probe is called normal.
fn tells(event: &EventView) -> bool {
    event.kind != "Normal" || event.reason == "Killing"
}

/// What the watch of events has told and the API server still holds. Cheap to clone; clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Recent(Arc<Mutex<Told>>);

#[derive(Debug, Default)]
struct Told {
    /// Nothing is missing: the list was complete, and the watch has delivered something since it last failed.
    complete: bool,
    /// There were more than are kept.
    overflowed: bool,
    /// By the name of the object that they are about.
    events: HashMap<String, Vec<EventView>>,
    /// The name under which an event is kept, by the event's uid.
    names: HashMap<String, String>,
}

impl Recent {
    /// Takes news of a watch in.
    pub fn take(&self, news: &News, namespaces: &Namespaces) {
        if news.watch != slim::EVENTS.plural {
            return;
        }
        let mut told = self.told();
        match &news.what {
            What::Begin => *told = Told::default(),
            What::Listed(Seen::Event(event)) => told.put(event, namespaces),
            What::Done => told.complete = true,
            What::Changed(Seen::Event(event)) => {
                told.complete = true;
                told.put(event, namespaces);
            }
            What::Gone(uid) => told.remove(uid),
            What::Failed(_) => told.complete = false,
            What::Alive | What::Listed(_) | What::Changed(_) => {}
        }
    }

    /// The events about an object; `None` when some may be missing.
    fn about(&self, object: &ObjectRef) -> Option<Vec<EventView>> {
        let told = self.told();
        if !told.complete || told.overflowed {
            return None;
        }
        let is_meant = |event: &&EventView| match known_by_uid(object) {
            true => event.about.uid == object.uid,
            false => event.about.kind == object.kind && event.about.namespace == object.namespace,
        };
        let of_name = told.events.get(&object.name);
        Some(
            of_name
                .into_iter()
                .flatten()
                .filter(is_meant)
                .cloned()
                .collect(),
        )
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // Nothing is done under the lock that could leave it half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Told {
    fn put(&mut self, event: &EventView, namespaces: &Namespaces) {
        self.remove(&event.uid);
        if self.overflowed || !tells(event) || !namespaces.covers(&event.about.namespace) {
            return;
        }
        if self.names.len() >= MOST {
            *self = Told {
                complete: self.complete,
                overflowed: true,
                ..Told::default()
            };
            return;
        }
        let name = &event.about.name;
        self.names.insert(event.uid.clone(), name.clone());
        self.events
            .entry(name.clone())
            .or_default()
            .push(event.clone());
    }

    fn remove(&mut self, uid: &str) {
        let Some(name) = self.names.remove(uid) else {
            return;
        };
        if let Some(events) = self.events.get_mut(&name) {
            events.retain(|event| event.uid != uid);
            if events.is_empty() {
                self.events.remove(&name);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::diagnosis::testkit;

    fn news(what: What) -> News {
        News {
            watch: slim::EVENTS.plural,
            what,
            version: None,
        }
    }

    fn event(uid: &str, kind: &str, reason: &str, about: ObjectRef) -> Seen {
        Seen::Event(EventView {
            uid: uid.to_owned(),
            kind: kind.to_owned(),
            ..testkit::event(reason, "", about)
        })
    }

    fn pod(name: &str, uid: &str) -> ObjectRef {
        ObjectRef::new(Kind::Pod, "shop", name, uid)
    }

    /// What is told about it, as reasons; a dash when it has to be read.
    fn told(recent: &Recent, object: &ObjectRef) -> String {
        let Some(events) = recent.about(object) else {
            return "-".to_owned();
        };
        let reasons: Vec<&str> = events.iter().map(|event| event.reason.as_str()).collect();
        reasons.join(" ")
    }

    fn take(recent: &Recent, all: impl IntoIterator<Item = What>) {
        let namespaces = Namespaces {
            exclude: vec!["sandbox".to_owned()],
            ..Namespaces::default()
        };
        for what in all {
            recent.take(&news(what), &namespaces);
        }
    }

    #[test]
    fn events_are_told_of_the_very_object_once_the_list_is_whole_and_until_they_go() {
        let (recent, web) = (Recent::default(), pod("web", "p1"));
        assert_eq!(told(&recent, &web), "-");
        let listed = [
            event("e1", "Warning", "BackOff", web.clone()),
            event("e2", "Normal", "Pulled", web.clone()),
            event("e3", "Normal", "Killing", web.clone()),
            event("e4", "Warning", "Failed", pod("web", "of the past")),
            event(
                "e5",
                "Warning",
                "NotReady",
                ObjectRef::new(Kind::Node, "", "n1", "n1"),
            ),
            event(
                "e6",
                "Warning",
                "Failed",
                ObjectRef::new(Kind::Pod, "sandbox", "x", "x"),
            ),
        ];
        take(&recent, [What::Begin]);
        take(&recent, listed.map(What::Listed));
        assert_eq!(told(&recent, &web), "-", "the list is not complete");
        take(&recent, [What::Done]);
        assert_eq!(told(&recent, &web), "BackOff Killing");
        assert_eq!(told(&recent, &pod("other", "p2")), "");
        let node = ObjectRef::new(Kind::Node, "", "n1", "another uid");
        assert_eq!(told(&recent, &node), "NotReady");
        let again = event("e1", "Warning", "BackOff", web.clone());
        take(&recent, [What::Changed(again), What::Gone("e3".to_owned())]);
        assert_eq!(told(&recent, &web), "BackOff");
        take(
            &recent,
            [What::Gone("e1".to_owned()), What::Begin, What::Done],
        );
        assert_eq!(told(&recent, &web), "");
    }

    #[test]
    fn while_the_watch_may_have_missed_something_events_are_read() {
        let (recent, web) = (Recent::default(), pod("web", "p1"));
        take(&recent, [What::Begin, What::Done]);
        take(&recent, [What::Failed("timeout".to_owned()), What::Alive]);
        assert_eq!(told(&recent, &web), "-", "what was missed is still to come");
        take(
            &recent,
            [What::Changed(event(
                "e1",
                "Warning",
                "BackOff",
                web.clone(),
            ))],
        );
        assert_eq!(told(&recent, &web), "BackOff");
    }

    #[test]
    fn of_more_events_than_are_kept_none_is_and_the_next_list_begins_anew() {
        let (recent, web) = (Recent::default(), pod("web", "p1"));
        let many = |most: usize| {
            let each = |n: usize| event(&format!("e{n}"), "Warning", "BackOff", pod("web", "p1"));
            (0..most).map(each).map(What::Listed)
        };
        take(&recent, [What::Begin]);
        take(&recent, many(MOST + 1));
        take(&recent, [What::Done]);
        assert_eq!(told(&recent, &web), "-");
        assert_eq!(recent.told().names.len(), 0);
        take(&recent, [What::Begin]);
        take(&recent, many(1));
        take(&recent, [What::Done]);
        assert_eq!(told(&recent, &web), "BackOff");
    }
}
