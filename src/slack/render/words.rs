//! Phrases that several messages share.
use super::{
    clean,
    mrkdwn::{Markup, markup},
};
use crate::domain::{
    action::{Action, Risk},
    diagnosis::Severity,
    incident::{Incident, IncidentId, Try},
    memory::{Tally, TrackRecord},
    object::ObjectRef,
    proposal::Proposal,
    recovery::Verdict,
    text::bytes,
};

/// Units that an owner's name may take where space is short.
const SHORT_NAME: usize = 64;

/// `shop/checkout` or `worker-1`, with the middle left out when it is very long.
pub fn short(object: &ObjectRef) -> String {
    let name = clean::cut_middle(&clean::line(&object.name), SHORT_NAME);
    if object.namespace.is_empty() {
        name
    } else {
        let namespace = clean::cut_middle(&clean::line(&object.namespace), 32);
        format!("{namespace}/{name}")
    }
}

/// The object with its kind: "Deployment `shop/checkout`".
pub fn object(object: &ObjectRef) -> Markup {
    markup!(
        "{} {}",
        clean::cut(object.kind.as_str(), 63),
        Markup::code(&short(object))
    )
}

/// What is wrong, to stand behind the owner's name.
pub fn wrong(incident: &Incident) -> &str {
    incident.wrong()
}

/// Icon and word of a severity: the colour is never the only sign.
pub fn severity(severity: Severity) -> (&'static str, &'static str) {
    match severity {
        Severity::Critical => ("🔴", "Critical"),
        Severity::Major => ("🟠", "Major"),
        Severity::Warning => ("🟡", "Warning"),
    }
}

/// The risk, with what the word means.
pub fn risk(proposal: &Proposal) -> Markup {
    match proposal.risk {
        Risk::Low => Markup::own("*Risk: low* – it can be taken back."),
        Risk::Medium if proposal.action.inverse().is_some() => Markup::own(
            "*Risk: medium* – pods are replaced or capacity changes. It can be taken back.",
        ),
        Risk::Medium => Markup::own("*Risk: medium* – pods are replaced. It cannot be taken back."),
    }
}

/// How the fix did before, as a sentence.
pub fn record(record: &TrackRecord) -> Markup {
    let elsewhere = Tally {
        successes: record
            .anywhere
            .successes
            .saturating_sub(record.here.successes),
        failures: record
            .anywhere
            .failures
            .saturating_sub(record.here.failures),
    };
    match (record.here.n(), elsewhere.n()) {
        (0, 0) => Markup::own("never tried here."),
        (0, _) => markup!(
            "never tried here. Elsewhere it {}.",
            worked(elsewhere, Markup::default())
        ),
        (_, _) => markup!("it {}.", worked_here(record.here)),
    }
}

/// "worked 4 of 5 times here — confidence 0.80, at least 0.38"
pub fn worked_here(tally: Tally) -> Markup {
    worked(tally, Markup::own(" here"))
}

/// "worked 3 of 4 times — confidence 0.75, at least 0.30", with a place behind "times".
pub fn worked(tally: Tally, place: Markup) -> Markup {
    let (successes, n) = (tally.successes, tally.n());
    let times = if n == 1 { "time" } else { "times" };
    markup!(
        "worked {} of {} {}{} — {}",
        successes,
        n,
        times,
        place,
        confidence(tally)
    )
}

fn confidence(tally: Tally) -> Markup {
    let share = tally.confidence().unwrap_or(0.0);
    markup!(
        "confidence {}, at least {}",
        format!("{share:.2}"),
        format!("{:.2}", tally.lower_bound())
    )
}

/// Who approved: "approved by @ana and @ben".
pub fn approved_by(proposal: &Proposal) -> Markup {
    let people: Vec<Markup> = proposal
        .approvals
        .iter()
        .map(|approval| Markup::user(&approval.by.id))
        .collect();
    if people.is_empty() {
        Markup::own("approved by a rule")
    } else {
        markup!("approved by {}", Markup::join(&people, " and "))
    }
}

/// What is being done: "Rolling back to revision 41".
pub fn doing(action: &Action) -> String {
    match action {
        Action::RolloutUndo { to, .. } => format!("Rolling back to revision {}", to.number),
        Action::RolloutRestart { .. } => "Restarting all pods".to_owned(),
        Action::SetMemoryLimit {
            container,
            from,
            to,
            ..
        } => {
            format!(
                "{} the memory limit of {} to {}",
                if to < from { "Lowering" } else { "Raising" },
                name(container),
                bytes(*to)
            )
        }
        Action::DeletePod { pod, .. } => format!("Deleting pod {}", name(&pod.name)),
        Action::Scale { to, .. } => format!("Scaling to {to}"),
    }
}

/// What was done: "rolled back to revision 41".
pub fn done(action: &Action) -> String {
    match action {
        Action::RolloutUndo { to, .. } => format!("rolled back to revision {}", to.number),
        Action::RolloutRestart { .. } => "restarted all pods".to_owned(),
        Action::SetMemoryLimit {
            container,
            from,
            to,
            ..
        } => {
            format!(
                "{} the memory limit of {} to {}",
                if to < from { "lowered" } else { "raised" },
                name(container),
                bytes(*to)
            )
        }
        Action::DeletePod { pod, .. } => format!("deleted pod {}", name(&pod.name)),
        Action::Scale { to, .. } => format!("scaled to {to}"),
    }
}

/// What was tried; as what was done only if it was.
pub fn tried(tried: &Try) -> String {
    match tried.verdict {
        Verdict::Failed => format!("“{}”", tried.action.label()),
        _ => done(&tried.action),
    }
}

fn name(name: &str) -> String {
    clean::cut_middle(&clean::line(name), SHORT_NAME)
}

/// Icon and words of a verdict.
pub fn verdict(verdict: Verdict) -> (&'static str, &'static str) {
    match verdict {
        Verdict::Recovered => ("✅", "Recovered"),
        Verdict::RecoveredByItself => ("✅", "Cleared by itself"),
        Verdict::Ineffective => ("❌", "The fix did not help"),
        Verdict::Failed => ("❌", "The fix could not be made"),
        Verdict::Regressed => ("🔻", "Worse after the fix"),
        Verdict::Reverted => ("🔄", "The fix was taken back"),
        Verdict::TargetGone => ("⚪", "The object is gone"),
        Verdict::Inconclusive => ("❔", "Cannot tell whether it helped"),
    }
}

/// "Third time in 24 h, after H12, H9"
pub fn previous(before: &[IncidentId]) -> Markup {
    if before.is_empty() {
        return Markup::default();
    }
    let ids: Vec<Markup> = before
        .iter()
        .take(5)
        .map(|id| Markup::plain(&id.to_string()))
        .collect();
    let more = if before.len() > 5 { ", …" } else { "" };
    markup!(
        "{} time in 24 h, after {}{}",
        ordinal(before.len() + 1),
        Markup::join(&ids, ", "),
        more
    )
}

fn ordinal(n: usize) -> String {
    let words = ["First", "Second", "Third", "Fourth", "Fifth", "Sixth"];
    match (words.get(n - 1), n % 10, n % 100) {
        (Some(word), _, _) => (*word).to_owned(),
        (None, 1, rest) if rest != 11 => format!("{n}st"),
        (None, 2, rest) if rest != 12 => format!("{n}nd"),
        (None, 3, rest) if rest != 13 => format!("{n}rd"),
        (None, _, _) => format!("{n}th"),
    }
}

/// Somebody's own words in quotes, with a space before them. Nothing when there are none.
pub fn quoted(text: &str, limit: usize) -> Markup {
    match clean::cut(&clean::line(text), limit) {
        empty if empty.is_empty() => Markup::default(),
        words => markup!(" “{}”", words),
    }
}

/// A sentence of somebody else: with a full stop, unless it ends with one already.
pub fn sentence(text: &str, limit: usize) -> Markup {
    let text = clean::cut(&clean::line(text), limit);
    if text.is_empty() || text.ends_with(['.', '!', '?', '…', ':']) {
        Markup::plain(&text)
    } else {
        Markup::plain(&format!("{text}."))
    }
}
