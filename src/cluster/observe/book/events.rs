//! Events: they tell what no state does, and are told once per count.
use super::{Book, Due, EXCLUDED, LEAVING, NODE_DOWN};
use crate::cluster::owners::{Climb, climb};
use crate::domain::{family::Family, object::Kind, symptom, view::EventView};
use crate::ports::Sighting;
use jiff::Timestamp;

const OLD: &str = "event older than the start";
const PASSED: &str = "it passed before it counted";

impl Book {
    /// Takes an event in: events tell what no state does, and are told once per count.
    pub(super) fn hear(&mut self, event: EventView, from_start: bool, now: Timestamp) {
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

    pub(super) fn tell(&mut self, event: EventView, from_start: bool, now: Timestamp) {
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
}
