//! One subject: what is wrong with it now, compared with what was told about it.
use super::{
    Active, Book, Due, EXCLUDED, LEAVING, NODE_DOWN, Stage,
    thing::{Thing, between_crashes, object, outlived_at, symptoms},
};
use crate::cluster::owners::{Climb, climb};
use crate::domain::{family::Family, object::ObjectRef};
use crate::ports::Sighting;
use jiff::Timestamp;

const PLANNED: &str = "pod is disrupted on purpose";

impl Book {
    /// Compares what is wrong with a subject now with what was told about it.
    pub(super) fn review(&mut self, uid: &str, now: Timestamp) {
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

    /// One of the owner's signals is not true any more.
    pub(super) fn hide(&mut self, owner: &ObjectRef) {
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

    pub(super) fn is_down(&self, node: &str) -> bool {
        self.nodes.get(node).is_some_and(|(_, ready)| !ready)
    }
}
