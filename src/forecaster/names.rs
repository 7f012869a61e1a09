//! Whose pod it was: controllers name their pods by patterns, which are all that is left of a pod that is gone.
use super::pods::Pod;
use crate::domain::object::{Kind, ObjectRef};
use std::{collections::HashMap, sync::Arc};

/// The workloads of a namespace by kind and name; a name that two of a kind have had is nobody's.
pub struct Owners(HashMap<(Kind, String), Option<Arc<ObjectRef>>>);

impl Owners {
    /// The workloads of these pods.
    pub fn of<'a>(pods: impl Iterator<Item = &'a Pod>) -> Self {
        let mut owners: HashMap<(Kind, String), Option<Arc<ObjectRef>>> = HashMap::new();
        for pod in pods {
            let line = &pod.line;
            let known = owners
                .entry((line.kind.clone(), line.name.clone()))
                .or_insert_with(|| Some(line.clone()));
            if known.as_ref().is_some_and(|known| known.uid != line.uid) {
                *known = None;
            }
        }
        Self(owners)
    }

    /// The uid of the one workload that a pod with this name can have belonged to.
    pub fn of_pod(&self, pod: &str) -> Option<&String> {
        let mut found: Option<&Arc<ObjectRef>> = None;
        for (kind, name) in candidates(pod) {
            if let Some(Some(owner)) = self.0.get(&(kind, name.to_owned())) {
                if found.is_some() {
                    return None;
                }
                found = Some(owner);
            }
        }
        found.map(|owner| &owner.uid)
    }
}

/// The controllers that may have given this name, with what would be theirs.
fn candidates(pod: &str) -> Vec<(Kind, &str)> {
    let mut all = Vec::new();
    let Some((rest, last)) = pod.rsplit_once('-') else {
        return all;
    };
    if !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit()) {
        all.push((Kind::StatefulSet, rest));
    }
    if last.len() == 5 && is_random(last) {
        all.push((Kind::DaemonSet, rest));
        all.push((Kind::Job, rest));
        if let Some((name, middle)) = rest.rsplit_once('-') {
            if (6..=10).contains(&middle.len()) && is_random(middle) {
                all.push((Kind::Deployment, name));
            }
            if (8..=11).contains(&middle.len()) && middle.bytes().all(|b| b.is_ascii_digit()) {
                all.push((Kind::CronJob, name));
            }
        }
    }
    all
}

/// Made of the letters that Kubernetes uses for random names: no vowels, nothing that looks like something else.
fn is_random(text: &str) -> bool {
    text.bytes()
        .all(|byte| b"bcdfghjklmnpqrstvwxz2456789".contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owners(of: &[(&str, &str)]) -> Owners {
        let pods: Vec<Pod> = of
            .iter()
            .enumerate()
            .map(|(number, (kind, name))| {
                let line = ObjectRef::new(*kind, "shop", name, &format!("{kind}/{name}"));
                let line = Arc::new(line);
                let pod = ObjectRef::new("Pod", "shop", &number.to_string(), &number.to_string());
                Pod {
                    pod: Arc::new(pod),
                    owner: line.clone(),
                    line,
                    node: None,
                    containers: Vec::new(),
                }
            })
            .collect();
        Owners::of(pods.iter())
    }

    #[test]
    fn a_pod_that_is_gone_is_known_by_its_name_when_only_one_can_have_made_it() {
        let owners = owners(&[
            ("Deployment", "checkout"),
            ("StatefulSet", "db"),
            ("DaemonSet", "agent"),
            ("CronJob", "report"),
            ("DaemonSet", "twin-7d9f8b6c5d"),
            ("Deployment", "twin"),
        ]);
        let of = |pod| owners.of_pod(pod).map_or("nobody", String::as_str);
        let lines = [
            "checkout-7d9f8b6c5d-x2x4z",
            "db-12",
            "agent-x2x4z",
            "report-29384756-x2x4z",
            "twin-7d9f8b6c5d-x2x4z",
            "other-7d9f8b6c5d-x2x4z",
            "checkout",
            "",
        ]
        .map(|pod| format!("{pod}: {}", of(pod)));
        insta::assert_snapshot!(lines.join("\n"), @r"
        checkout-7d9f8b6c5d-x2x4z: Deployment/checkout
        db-12: StatefulSet/db
        agent-x2x4z: DaemonSet/agent
        report-29384756-x2x4z: CronJob/report
        twin-7d9f8b6c5d-x2x4z: nobody
        other-7d9f8b6c5d-x2x4z: nobody
        checkout: nobody
        : nobody
        ");
    }
}
