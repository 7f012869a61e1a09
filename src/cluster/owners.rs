//! From a pod to who has the problem: the owner of the incident.
//!
//! The chain of controllers is climbed by uid, because names come back. It ends at the first object that a person would
//! change to help: Deployment, StatefulSet, DaemonSet, CronJob, a Job of its own, or a kind that Heal does not know (an Argo
//! Rollout). It goes on from a Job to its CronJob, because runs that fail one after the other are one problem; what is looked
//! into is the latest of them ([`run`]). It does not go on from a workload to the custom resource of an operator: that could
//! be neither read nor changed here. Pods without a controller, static ones included, own themselves.
use crate::domain::{
    object::{Kind, ObjectRef},
    view::OwnerLink,
};
use std::collections::HashMap;

/// Chains longer than this are no chains of Kubernetes' own.
pub const MAX_HOPS: usize = 4;

/// What is known about an object that may have a controller.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parent {
    /// Its controller, when it has one.
    pub above: Option<OwnerLink>,
    /// A pod that goes on purpose: it is being deleted, or a disruption was announced.
    pub leaving: bool,
    /// A pod that is ready.
    pub ready: bool,
    /// The node of a pod.
    pub node: Option<Box<str>>,
}

/// Pods, ReplicaSets and Jobs by uid.
pub type Known = HashMap<String, Parent>;

/// Where a climb ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Climb {
    /// At the owner.
    Top(ObjectRef),
    /// At an object that has to be read first.
    Ask(ObjectRef),
}

/// The owner of an object.
pub fn climb(object: &ObjectRef, known: &Known) -> Climb {
    let mut top = object.clone();
    for _ in 0..MAX_HOPS {
        // Everything else is where a chain ends.
        if !matches!(top.kind, Kind::Pod | Kind::ReplicaSet | Kind::Job) {
            break;
        }
        match known.get(&top.uid) {
            None => return Climb::Ask(top),
            Some(Parent { above: None, .. }) => break,
            Some(Parent {
                above: Some(link), ..
            }) if top.kind == Kind::Job && link.kind != Kind::CronJob => break,
            Some(Parent {
                above: Some(link), ..
            }) => top = ObjectRef::new(link.kind.clone(), &top.namespace, &link.name, &link.uid),
        }
    }
    Climb::Top(top)
}

/// The run of a CronJob that an object belongs to: the Job between the two.
pub fn run(object: &ObjectRef, known: &Known) -> Option<ObjectRef> {
    if object.kind == Kind::Job {
        return Some(object.clone());
    }
    let link = known.get(&object.uid)?.above.as_ref()?;
    (link.kind == Kind::Job)
        .then(|| ObjectRef::new(Kind::Job, &object.namespace, &link.name, &link.uid))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(kind: &str, uid: &str) -> OwnerLink {
        OwnerLink {
            kind: kind.into(),
            name: format!("{uid}-name"),
            uid: uid.to_owned(),
        }
    }

    fn top(controller: Option<OwnerLink>, known: &[(&str, Option<OwnerLink>)]) -> String {
        let parent = |above: &Option<OwnerLink>| Parent {
            above: above.clone(),
            ..Parent::default()
        };
        let mut all: Known = known
            .iter()
            .map(|(uid, above)| ((*uid).to_owned(), parent(above)))
            .collect();
        all.insert("p1".to_owned(), parent(&controller));
        match climb(&ObjectRef::new("Pod", "shop", "p", "p1"), &all) {
            Climb::Top(owner) => owner.to_string(),
            Climb::Ask(object) => format!("ask {object}"),
        }
    }

    #[test]
    fn the_owner_is_the_top_controller_and_of_a_run_the_cron_job() {
        let set = Some(link("ReplicaSet", "rs"));
        let lines = [
            top(None, &[]),
            top(set.clone(), &[("rs", Some(link("Deployment", "d")))]),
            top(set.clone(), &[("rs", None)]),
            top(set.clone(), &[("rs", Some(link("Rollout", "r")))]),
            top(set, &[]),
            top(Some(link("Job", "j")), &[("j", Some(link("CronJob", "c")))]),
            top(
                Some(link("Job", "j")),
                &[("j", Some(link("Workflow", "w")))],
            ),
            top(Some(link("Job", "j")), &[("j", None)]),
            top(Some(link("Job", "j")), &[]),
            top(Some(link("StatefulSet", "s")), &[]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        Pod shop/p
        Deployment shop/d-name
        ReplicaSet shop/rs-name
        Rollout shop/r-name
        ask ReplicaSet shop/rs-name
        CronJob shop/c-name
        Job shop/j-name
        Job shop/j-name
        ask Job shop/j-name
        StatefulSet shop/s-name
        ");
    }

    #[test]
    fn a_circle_of_owners_ends() {
        let circle = [
            ("a", Some(link("ReplicaSet", "b"))),
            ("b", Some(link("ReplicaSet", "a"))),
        ];
        assert_eq!(
            top(Some(link("ReplicaSet", "a")), &circle),
            "ReplicaSet shop/b-name"
        );
    }
}
