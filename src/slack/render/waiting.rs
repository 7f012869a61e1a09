//! The card of an incident without an offer: why there is none, and what a person can do.
use super::{
    Message,
    block::{Blocks, Style, button},
    card::CHECK_AGAIN,
    forecast,
    mrkdwn::{Markup, markup},
    parts::{cause, footer, headline, history, menu, place, sign, title, token},
    words,
};
use crate::domain::{
    action::Action,
    incident::{Incident, Why},
    recovery::Verdict,
};

/// The card of an incident that waits for a person, or for the problem to go away.
pub fn card(incident: &Incident, why: &Why, picture: Option<&str>) -> Message {
    let reason = reason(incident, why);
    let advice = incident
        .diagnosis
        .as_ref()
        .and_then(|diagnosis| diagnosis.advice.as_deref())
        .map_or(Markup::default(), |advice| {
            markup!("*What you can do:* {}", words::sentence(advice, 600))
        });
    let mut blocks = Blocks::default();
    blocks.header(&title(&sign(incident), incident));
    blocks.context([place(incident), history(incident)]);
    forecast::part(&mut blocks, incident, picture);
    if let Some(diagnosis) = &incident.diagnosis {
        cause(&mut blocks, incident, diagnosis);
    }
    blocks.divider();
    let mut body = reason.clone();
    if !advice.is_empty() {
        body.line(advice.clone());
    }
    for tried in incident.tries.iter().rev().take(5) {
        body.line(markup!(
            "• Tried at {}: {} – {}",
            Markup::clock(tried.at),
            words::tried(tried),
            words::verdict(tried.verdict).1.to_lowercase()
        ));
    }
    blocks.section(body.clip(2_500));
    blocks.actions(vec![
        button(
            CHECK_AGAIN,
            "Check again",
            &token(incident),
            Style::Default,
            None,
        ),
        menu(incident),
    ]);
    let watching = Markup::own("Heal keeps watching and tells you here when it clears");
    blocks.context([footer(incident, watching)]);
    let cause = incident
        .diagnosis
        .as_ref()
        .map_or(Markup::default(), |diagnosis| {
            markup!("Cause: {} ", words::sentence(&diagnosis.cause, 600))
        });
    let text = markup!(
        "{}: {}. {}{}{} {} Nothing waits for approval. {}",
        sign(incident),
        headline(incident),
        forecast::spoken(incident),
        cause,
        reason,
        advice,
        incident.id
    );
    Message::new(text, blocks)
}

/// Why nothing is on offer.
fn reason(incident: &Incident, why: &Why) -> Markup {
    match why {
        Why::NothingSafe => Markup::own(
            "*No safe fix.* None of the changes that Heal may make would help here, so it offers none.",
        ),
        Why::Unknown => Markup::own(
            "*Unknown cause.* Heal has not seen this kind of failure before. It does not guess, so it offers no fix.",
        ),
        Why::Blind { error } => markup!(
            "*Heal cannot see enough.* Not everything could be read: {} Heal looks again by itself.",
            words::sentence(error, 500)
        ),
        // The dry run before the offer was fine; the cluster refused the change itself.
        Why::Refused { action, refusal } if failed_last(incident, action) => markup!(
            "*Nothing was changed.* “{}” was approved, and the cluster refused it: {}",
            action.label(),
            words::sentence(refusal, 500)
        ),
        Why::Refused { action, refusal } => markup!(
            "*The fix does not work here.* Heal tested “{}” without changing anything, and it cannot be done: {}",
            action.label(),
            words::sentence(refusal, 500)
        ),
        Why::Dismissed {
            by,
            at,
            reason,
            comment,
        } => {
            markup!(
                "*Dismissed* by {} at {}: {}.{}",
                Markup::user(&by.id),
                Markup::clock(*at),
                reason.label().to_lowercase(),
                words::quoted(comment, 500)
            )
        }
        Why::Expired { action, at } => markup!(
            "*Nobody decided in time.* The offer “{}” ran out at {}; the evidence is too old to act on. Check again makes a fresh offer.",
            action.label(),
            Markup::clock(*at)
        ),
        Why::Cleared => Markup::own(
            "*Nothing was changed.* It was not broken any more when the approved fix was about to run.",
        ),
        Why::NeedsHuman { detail } => markup!(
            "*This needs a person.* {}",
            words::sentence(detail, 500).capitalised()
        ),
    }
}

/// Whether this action was approved and could not be made, and nothing was tried since.
fn failed_last(incident: &Incident, action: &Action) -> bool {
    incident
        .tries
        .last()
        .is_some_and(|tried| tried.verdict == Verdict::Failed && tried.action == *action)
}
