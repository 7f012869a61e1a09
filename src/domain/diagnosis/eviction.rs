//! The kubelet evicted pods. Their controller has made others: what is left is the cause, and the dead pods themselves.
use super::{
    Candidate, Case, Diagnosis,
    finding::{Finding, quote},
    pattern,
};
use crate::domain::{action::Action, family::Family, text::count, view::PodView};
use regex::Regex;
use std::sync::LazyLock;

static LOW: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r"The node was low on resource: ([a-z0-9./-]+?)\.(?:\s|$)|The node had condition: \[([A-Za-z]+)\]",
    )
});
static USING: LazyLock<Regex> =
    LazyLock::new(|| pattern(r"Container (\S+) was using (\S+?), request is (\S+?)(?:,|\.|\s|$)"));
static OWN_LIMIT: LazyLock<Regex> = LazyLock::new(|| {
    pattern(
        r#"exceeded its local ephemeral storage limit|Usage of EmptyDir volume "([^"]+)" exceeds the limit "([^"]+)"|ephemeral local storage usage exceeds the total limit"#,
    )
});

/// Evicted pods.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let evicted: Vec<&PodView> = case
        .evidence
        .pods
        .iter()
        .filter(|pod| pod.phase == "Failed" && pod.reason.as_deref() == Some("Evicted"))
        .collect();
    let event = case
        .evidence
        .events
        .iter()
        .rev()
        .find(|event| event.reason == "Evicted");
    let text = evicted
        .first()
        .and_then(|pod| pod.message.as_deref())
        .or(event.map(|event| event.note.as_str()))
        .or((case.family == Family::Eviction).then_some(case.message))?;
    if evicted.is_empty() && case.family != Family::Eviction {
        return None;
    }
    let own = OWN_LIMIT.captures(text);
    let finding = |signature: &str, cause: String| {
        Finding::new(case, Family::Eviction, signature, 0.97, cause)
            .lines("the kubelet says", vec![quote(text)])
    };
    let mut done = if let Some(found) = &own {
        let what = match (found.get(1), found.get(2)) {
            (Some(volume), Some(limit)) => format!(
                "emptyDir volume {} grew beyond its limit of {}",
                quote(volume.as_str()),
                quote(limit.as_str())
            ),
            _ => {
                "a container wrote more to its disk than its ephemeral-storage limit allows".into()
            }
        };
        finding("evict.ephemeral_limit", format!("The kubelet evicted a pod: {what}."))
            .advise("Raise the limit, or stop what fills the disk: logs and temporary files are the usual reasons.")
    } else {
        let short = LOW.captures(text).and_then(|found| {
            found
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map(|part| part.as_str().to_owned())
        });
        let what = short.map_or("its node was short of something".to_owned(), |short| {
            format!("its node was short of {}", quote(&short))
        });
        let mut done = finding("evict.node_pressure", format!("The kubelet evicted a pod: {what}."))
            .advise("Free it on the node, and give its largest users requests: pods above their request go first.");
        if let Some(found) = USING.captures(text) {
            done = done.fact(quote(&format!(
                "container {} used {}, its request is {}",
                &found[1], &found[2], &found[3]
            )));
        }
        done
    };
    if !evicted.is_empty() {
        done = done.fact(format!(
            "{} evicted and left behind",
            count(i64::try_from(evicted.len()).unwrap_or(i64::MAX), "pod")
        ));
    }
    if own.is_some() {
        done = done.offer_undo(&[
            "ephemeral",
            "sizelimit",
            "volume",
            "image",
            "command",
            "args",
            "env",
        ]);
    }
    Some(done.offer(sweep(case, &evicted)).done())
}

/// Deleting a dead pod whose replacement works: it only tidies up, and lets the incident end.
fn sweep(case: &Case<'_>, evicted: &[&PodView]) -> Option<Candidate> {
    let pod = evicted.first()?;
    let workload = case.evidence.workload.as_ref()?;
    (workload.desired > 0 && workload.available >= workload.desired && pod.owner.is_some()).then(|| {
        Candidate {
            action: Action::DeletePod {
                pod: pod.object(),
                target: workload.object.clone(),
            },
            reason: "Its replacement works: the evicted pod is only a record, and keeps nothing running."
                .to_owned(),
            warnings: vec!["Its status and message go with it.".to_owned()],
        }
    })
}
