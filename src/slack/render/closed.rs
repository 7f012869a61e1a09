//! The card of an incident that is over.
use super::{
    Message,
    block::Blocks,
    clean, forecast,
    mrkdwn::{Markup, markup},
    parts::{headline, history, menu, title},
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
    let ahead = forecast::is_ahead(incident);
    let word = match verdict {
        // Nothing had happened: there is nothing to have recovered from.
        Verdict::Recovered if ahead => "No kill in sight".to_owned(),
        Verdict::RecoveredByItself if ahead => "The growth stopped".to_owned(),
        Verdict::Recovered => format!("{word} in {}", duration(at.duration_since(began))),
        _ => word.to_owned(),
    };
    // Where all is well, what was wrong is no longer so; elsewhere it still has to be said.
    let over = matches!(
        verdict,
        Verdict::Recovered | Verdict::RecoveredByItself | Verdict::TargetGone
    );
    let (owner, who) = if over {
        (
            format!("{icon} {word}: {}", words::short(&incident.owner)),
            markup!(
                "{} {} in cluster {}",
                clean::cut(incident.owner.kind.as_str(), 63),
                words::short(&incident.owner),
                clean::cut(&incident.cluster, 80)
            ),
        )
    } else {
        (
            title(&format!("{icon} {word}"), incident),
            headline(incident),
        )
    };
    let mut blocks = Blocks::default();
    blocks.header(&owner);
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
                words::tried(tried),
                Markup::clock(tried.at),
                words::verdict(tried.verdict).1.to_lowercase()
            )
        })
        .collect();
    let span = markup!(
        "{} · Cluster {} · {} {} · closed {}",
        incident.id,
        clean::cut(&incident.cluster, 80),
        Markup::own(if ahead {
            "forecast since"
        } else {
            "broken since"
        }),
        Markup::clock(incident.opened),
        Markup::day_and_clock(at)
    );
    blocks.context(before.into_iter().chain([span, history(incident)]));
    let text = markup!(
        "{} {}: {}. {} {}",
        Markup::own(icon),
        word,
        who,
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
    let plain = words::sentence(detail, 600);
    let detail = plain.clone().capitalised();
    let Some(execution) = execution else {
        return match verdict {
            Verdict::RecoveredByItself if forecast::is_ahead(incident) => {
                markup!("No kill came, and Heal changed nothing. {}", detail)
            }
            Verdict::RecoveredByItself => {
                markup!("It cleared without a change by Heal. {}", detail)
            }
            Verdict::TargetGone => markup!(
                "{} no longer exists, so there is nothing left to fix.",
                words::object(&incident.owner)
            ),
            _ => markup!("Heal changed nothing. {}", detail),
        };
    };
    let proposal = &execution.proposal;
    let by = words::approved_by(proposal);
    let done = words::done(&proposal.action);
    let done = markup!("{}, {}.", Markup::plain(&done).capitalised(), by);
    match verdict {
        Verdict::Recovered | Verdict::Reverted => markup!("{} {}", done, detail),
        Verdict::RecoveredByItself => markup!(
            "It cleared before the approved fix was made, so Heal changed nothing. {}",
            detail
        ),
        Verdict::Ineffective => markup!("{} The problem is still there: {}", done, plain),
        Verdict::Failed => markup!(
            "“{}” was {}, but nothing was changed: {}",
            proposal.action.label(),
            by,
            plain
        ),
        Verdict::Regressed => markup!("{} Now it is worse than before: {}", done, plain),
        Verdict::TargetGone => markup!(
            "{} Then the object was deleted, so nobody can tell whether it helped.",
            done
        ),
        Verdict::Inconclusive => {
            markup!("{} Heal cannot tell whether it helped: {}", done, plain)
        }
    }
}
