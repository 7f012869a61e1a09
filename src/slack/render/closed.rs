//! The card of an incident that is over.
use super::{
    Message,
    block::Blocks,
    clean,
    mrkdwn::{Markup, markup},
    parts::{headline, history, menu},
    words,
};
use crate::domain::{
    incident::{Execution, Incident},
    recovery::Verdict,
    text::duration,
};
use jiff::Timestamp;

/// The card of an incident that is over: short when all is well, with what was tried when not.
pub fn card(
    incident: &Incident,
    verdict: Verdict,
    detail: &str,
    at: Timestamp,
    execution: Option<&Execution>,
) -> Message {
    let (icon, word) = words::verdict(verdict);
    let began = execution
        .and_then(|execution| execution.applied)
        .unwrap_or(incident.opened);
    let word = match verdict {
        Verdict::Recovered => format!("{word} in {}", duration(at.duration_since(began))),
        _ => word.to_owned(),
    };
    let mut blocks = Blocks::default();
    let owner = words::short(&incident.owner);
    blocks.header(&format!("{icon} {word}: {owner}"));
    let what = outcome(incident, verdict, detail, execution);
    blocks.section_with(what.clone(), menu(incident));
    let before: Vec<Markup> = incident
        .tries
        .iter()
        .rev()
        .skip(usize::from(execution.is_some()))
        .take(5)
        .map(|tried| {
            markup!(
                "Before that: {} at {} – {}",
                words::done(&tried.action),
                Markup::clock(tried.at),
                words::verdict(tried.verdict).1.to_lowercase()
            )
        })
        .collect();
    let span = markup!(
        "{} · Cluster {} · broken since {} · closed {}",
        incident.id,
        clean::cut(&incident.cluster, 80),
        Markup::clock(incident.opened),
        Markup::day_and_clock(at)
    );
    blocks.context(before.into_iter().chain([span, history(incident)]));
    let text = markup!(
        "{} {}: {}. {} {}",
        icon,
        word,
        headline(incident),
        what,
        incident.id
    );
    Message::new(text, blocks)
}

/// What happened, in plain words.
fn outcome(
    incident: &Incident,
    verdict: Verdict,
    detail: &str,
    execution: Option<&Execution>,
) -> Markup {
    let wrong = clean::cut(words::wrong(incident), 200);
    let detail = words::sentence(detail, 600).capitalised();
    let Some(execution) = execution else {
        return match verdict {
            Verdict::RecoveredByItself => {
                markup!("It cleared without a change by Heal. {}", detail)
            }
            Verdict::TargetGone => markup!(
                "{} no longer exists, so there is nothing left to fix. {}",
                words::object(&incident.owner),
                detail
            ),
            _ => markup!("It {}. Heal changed nothing. {}", wrong, detail),
        };
    };
    let proposal = &execution.proposal;
    let (done, by) = (words::done(&proposal.action), words::approved_by(proposal));
    let done_by = markup!("{}, {}.", Markup::plain(&done).capitalised(), by);
    match verdict {
        Verdict::Recovered => markup!("{} {}", done_by, detail),
        Verdict::RecoveredByItself => markup!(
            "The approved fix was not needed, and Heal did not make it. {}",
            detail
        ),
        Verdict::Ineffective => markup!("{} The problem is still there: {}", done_by, detail),
        Verdict::Failed => markup!(
            "Nothing was changed. “{}” was {}, and could not be made: {}",
            proposal.action.label(),
            by,
            detail
        ),
        Verdict::Regressed => markup!("{} It is worse than before: {}", done_by, detail),
        Verdict::Reverted => markup!("{} {}", done_by, detail),
        Verdict::TargetGone => markup!("{} The object is gone since. {}", done_by, detail),
        Verdict::Inconclusive => {
            markup!(
                "{} Heal could not see whether it helped: {}",
                done_by,
                detail
            )
        }
    }
}
