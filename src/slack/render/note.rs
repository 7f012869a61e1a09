//! What is said in an incident's thread: one short paragraph each.
use super::{
    Message,
    card::clear_until,
    forecast,
    mrkdwn::{Markup, markup},
    words,
};
use crate::domain::{
    action::Action,
    forecast::Boundary,
    incident::{Incident, Note},
    memory::TrackRecord,
    policy::Person,
    recovery::Verdict,
    text::duration,
};
use jiff::SignedDuration;

/// A message for the thread of an incident.
pub fn note(incident: &Incident, note: &Note) -> Message {
    Message::paragraph(match note {
        Note::FirstApproval { by, needed } => markup!(
            "👥 {} approved. It needs {} people: one more has to approve.",
            Markup::user(&by.id),
            *needed
        ),
        Note::Approved { by, action } => approved(by, action),
        Note::Applied { action, soak } => markup!(
            "🔧 Done: {}. Now it has to stay clear for {} before Heal calls it recovered.",
            words::done(action),
            duration(*soak)
        ),
        Note::NotDone { action, why } => markup!(
            "✋ Not done: “{}”. {} Nothing was changed.",
            action.label(),
            words::sentence(why, 600).capitalised()
        ),
        Note::Unclear { action, why } => markup!(
            "❔ The cluster did not answer, so it is not known whether the change was made: “{}”. {} Heal looks at it again.",
            action.label(),
            words::sentence(why, 600).capitalised()
        ),
        Note::KillCame {
            forecast,
            at,
            expected,
        } => {
            let told = incident.forecast.as_deref();
            let what = match told.map(|told| told.boundary) {
                Some(Boundary::Node) => "The shortage of memory",
                _ => "The kill",
            };
            let text = markup!(
                "💥 {} that was forecast at {} came at {}.",
                what,
                Markup::clock(*forecast),
                Markup::clock(*at)
            );
            match expected {
                Some((from, to)) => markup!(
                    "{} It was expected between {} and {}.",
                    text,
                    Markup::clock(*from),
                    Markup::clock(*to)
                ),
                None => text,
            }
        }
        Note::Progress { summary, clear, .. } => {
            let mut text = markup!("⏳ {}", words::sentence(summary, 600).capitalised());
            if let Some((since, soak)) = clear {
                text = markup!("{} {}", text, clear_until(*since, *soak));
            }
            text
        }
        Note::Verdict {
            verdict,
            detail,
            took,
            action,
            record,
        } => ended(
            incident,
            *verdict,
            detail,
            *took,
            action.as_ref(),
            record.as_ref(),
        ),
        Note::Dismissed {
            by,
            reason,
            comment,
        } => {
            markup!(
                "🚫 {} dismissed the fix: {}.{} Nothing was changed.",
                Markup::user(&by.id),
                reason.label().to_lowercase(),
                words::quoted(comment, 500)
            )
        }
        Note::Expired { action } => markup!(
            "⌛ Nobody decided in time, so the offer “{}” ran out. Nothing was changed. Check again on the card makes a fresh offer.",
            action.label()
        ),
        Note::NewCause { headline, cause } => markup!(
            "🔎 Heal looked again, and the cause is another one: {} {} {}",
            words::short(&incident.owner),
            words::sentence(headline, 200),
            words::sentence(cause, 600)
        ),
    })
}

fn approved(by: &[Person], action: &Action) -> Markup {
    let people: Vec<Markup> = by.iter().map(|person| Markup::user(&person.id)).collect();
    let who = if people.is_empty() {
        Markup::own("A rule")
    } else {
        Markup::join(&people, " and ")
    };
    markup!(
        "👍 {} approved “{}”. {}",
        who,
        action.label(),
        action.effect()
    )
}

fn ended(
    incident: &Incident,
    verdict: Verdict,
    detail: &str,
    took: SignedDuration,
    action: Option<&Action>,
    record: Option<&TrackRecord>,
) -> Markup {
    let (icon, word) = words::verdict(verdict);
    let ahead = forecast::is_ahead(incident);
    let word = match verdict {
        Verdict::RecoveredByItself if ahead => {
            format!("The growth stopped after {}", duration(took))
        }
        Verdict::Recovered => format!("{word} in {}", duration(took)),
        Verdict::RecoveredByItself => format!("{word} after {}", duration(took)),
        _ => word.to_owned(),
    };
    let detail = match verdict {
        // The words of the verdict say it all.
        Verdict::TargetGone => Markup::default(),
        _ => markup!(" {}", words::sentence(detail, 600).capitalised()),
    };
    let mut text = markup!(
        "{} *{}: {}.*{}",
        Markup::own(icon),
        word,
        words::short(&incident.owner),
        detail
    );
    // A fix that was never made has nothing to be remembered by.
    let made = !matches!(verdict, Verdict::Failed | Verdict::RecoveredByItself);
    if let Some(action) = action.filter(|_| made) {
        text = markup!("{} What was done: {}.", text, words::done(action));
    }
    if let Some(record) = record.filter(|record| record.here.n() > 0 && verdict.lesson().is_some())
    {
        text = markup!(
            "{} Remembered: it {}.",
            text,
            words::worked_here(record.here)
        );
    }
    text
}
