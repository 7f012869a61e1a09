//! The API server refuses to create pods. What runs now may be the last that runs: an action that replaces pods would lose them.
use super::{
    Case, Diagnosis,
    finding::{Finding, quote},
    pattern,
};
use crate::domain::family::Family;
use regex::{Captures, Regex};
use std::sync::LazyLock;

struct Rule {
    signature: &'static str,
    prior: f64,
    pattern: LazyLock<Regex>,
    cause: fn(&Captures<'_>) -> String,
    advice: &'static str,
    /// Parts of the template whose change can cause it; nothing when the template is not the cause.
    parts: Option<&'static [&'static str]>,
}

const RESOURCES: &[&str] = &["cpu", "memory"];

static RULES: [Rule; 12] = [
    Rule {
        signature: "adm.ns_terminating",
        prior: 0.99,
        pattern: LazyLock::new(|| pattern(r"because it is being terminated")),
        cause: |_| "the namespace is being deleted".into(),
        advice: "Nothing can be created here any more.",
        parts: None,
    },
    Rule {
        signature: "adm.quota",
        prior: 0.98,
        pattern: LazyLock::new(|| {
            pattern(
                r"exceeded quota: ([^,\s]+)(?:, requested: (\S+), used: (\S+), limited: (\S+))?",
            )
        }),
        cause: |found| {
            let part = |index: usize| found.get(index).map_or("", |part| part.as_str());
            let mut text = format!("quota {} is used up", quote(&found[1]));
            if !part(2).is_empty() {
                text += &format!(
                    " (asked for {}, used {} of {})",
                    quote(part(2)),
                    quote(part(3)),
                    quote(part(4))
                );
            }
            text
        },
        advice: "Raise the quota, or free what other workloads of the namespace hold.",
        parts: Some(RESOURCES),
    },
    Rule {
        signature: "adm.quota_must_specify",
        prior: 0.98,
        pattern: LazyLock::new(|| {
            pattern(r"failed quota: ([^:\s]+): must specify ([^\n]{1,120}?)(?: for: (\S+))?$")
        }),
        cause: |found| {
            format!(
                "quota {} wants every pod to specify {}",
                quote(&found[1]),
                quote(&found[2])
            )
        },
        advice: "Set them in the template, or add a LimitRange with defaults. Do not restart anything: running pods would not come back.",
        parts: None,
    },
    Rule {
        signature: "adm.limitrange",
        prior: 0.98,
        pattern: LazyLock::new(|| {
            pattern(
                r"((?:minimum|maximum) \S+ usage per (?:Container|Pod|PersistentVolumeClaim) is [^.\n]{1,80}|max limit to request ratio[^.\n]{0,80})",
            )
        }),
        cause: |found| {
            format!(
                "its resources are outside of the LimitRange: {}",
                quote(&found[1])
            )
        },
        advice: "Change the requests and limits of the template, or the LimitRange.",
        parts: Some(RESOURCES),
    },
    Rule {
        signature: "adm.psa",
        prior: 0.98,
        pattern: LazyLock::new(|| pattern(r#"violates PodSecurity "([^"]+)":? ?(.{0,200})"#)),
        cause: |found| {
            format!(
                "Pod Security level {} of the namespace forbids: {}",
                quote(&found[1]),
                quote(&found[2])
            )
        },
        advice: "Fix the securityContext, or the namespace's label. Do not restart anything: running pods would not come back.",
        parts: None,
    },
    Rule {
        signature: "adm.webhook_unreachable",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r#"failed calling webhook "([^"]+)""#)),
        cause: |found| {
            format!(
                "admission webhook {} does not answer, and nothing is created without it",
                quote(&found[1])
            )
        },
        advice: "Restore the service behind the webhook; every workload of the cluster may be affected. Do not restart anything: running pods would not come back.",
        parts: None,
    },
    Rule {
        signature: "adm.webhook_denied",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(r#"admission webhook "([^"]+)" denied the request:? ?(.{0,200})"#)
        }),
        cause: |found| {
            format!(
                "policy webhook {} says no: {}",
                quote(&found[1]),
                quote(&found[2])
            )
        },
        advice: "Satisfy the policy in the template.",
        parts: Some(&[]),
    },
    Rule {
        signature: "adm.vap",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(r"ValidatingAdmissionPolicy '([^']+)'.*? denied request:? ?(.{0,200})")
        }),
        cause: |found| {
            format!(
                "admission policy {} says no: {}",
                quote(&found[1]),
                quote(&found[2])
            )
        },
        advice: "Satisfy the policy in the template.",
        parts: Some(&[]),
    },
    Rule {
        signature: "adm.serviceaccount",
        prior: 0.97,
        pattern: LazyLock::new(|| {
            pattern(r#"error looking up service account \S+: serviceaccounts? "([^"]+)" not found"#)
        }),
        cause: |found| format!("its service account {} does not exist", quote(&found[1])),
        advice: "Create the service account, or correct its name.",
        parts: Some(&["serviceaccount"]),
    },
    Rule {
        signature: "adm.priorityclass",
        prior: 0.98,
        pattern: LazyLock::new(|| pattern(r"no PriorityClass with name (\S+) was found")),
        cause: |found| format!("its PriorityClass {} does not exist", quote(&found[1])),
        advice: "Create the class, or correct its name.",
        parts: Some(&["priorityclass"]),
    },
    Rule {
        signature: "adm.runtimeclass",
        prior: 0.95,
        pattern: LazyLock::new(|| pattern(r#"RuntimeClass "([^"]+)" not found"#)),
        cause: |found| format!("its RuntimeClass {} does not exist", quote(&found[1])),
        advice: "Create the class, or correct its name.",
        parts: Some(&["runtimeclass"]),
    },
    Rule {
        signature: "adm.invalid_spec",
        prior: 0.95,
        pattern: LazyLock::new(|| {
            pattern(
                r"is invalid: (.{1,200})|Invalid value: (.{1,160})|Unsupported value: (.{1,160})",
            )
        }),
        cause: |found| {
            let said = found
                .iter()
                .skip(1)
                .flatten()
                .next()
                .map_or("", |part| part.as_str());
            format!(
                "the pods that its template describes are not valid: {}",
                quote(said)
            )
        },
        advice: "Correct the field that is named.",
        parts: Some(&[]),
    },
];

/// A workload whose pods are refused.
pub(super) fn diagnose(case: &Case<'_>) -> Option<Diagnosis> {
    let condition = case
        .evidence
        .workload
        .as_ref()
        .and_then(|workload| workload.condition("ReplicaFailure"))
        .filter(|condition| condition.status == "True")
        .map(|condition| condition.message.as_str());
    let event = case
        .evidence
        .events
        .iter()
        .rev()
        .find(|event| event.reason == "FailedCreate")
        .map(|event| event.note.as_str());
    let signal = (case.family == Family::Admission).then_some(case.message);
    // An old event alone proves nothing about now: the condition or the signal has to say so, too.
    if condition.is_none() && signal.is_none() {
        return None;
    }
    let texts = [condition, signal, event];
    let (rule, text) = texts.into_iter().flatten().find_map(|text| {
        let rule = RULES.iter().find(|rule| rule.pattern.is_match(text))?;
        Some((rule, text))
    })?;
    let found = rule.pattern.captures(text)?;
    let mut finding = Finding::new(
        case,
        Family::Admission,
        rule.signature,
        rule.prior,
        format!(
            "New pods are refused: {}.",
            (rule.cause)(&found).trim_end_matches('.')
        ),
    )
    .lines("the API server says", vec![quote(text)]);
    if let Some(workload) = &case.evidence.workload {
        finding = finding.fact(format!(
            "{} of {} pods are there",
            workload.replicas, workload.desired
        ));
    }
    for quota in &case.evidence.limits.tight {
        finding = finding.detail(quote(&format!("Quota {quota}")));
    }
    finding = finding.advise(rule.advice);
    // An undo helps against a quota or a range only if the revision changed the very resource that is refused.
    let refused: Vec<&str> = ["cpu", "memory"]
        .into_iter()
        .filter(|resource| found[0].contains(resource))
        .collect();
    Some(
        match rule.parts {
            Some(RESOURCES) if refused.is_empty() => finding,
            Some(RESOURCES) => finding.offer_undo(&refused),
            Some(parts) => finding.offer_undo(parts),
            None => finding,
        }
        .done(),
    )
}
