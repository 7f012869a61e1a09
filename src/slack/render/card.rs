//! The card: the one message of an incident, as a projection of its state. It is made to be decided on from a phone at night:
//! what is wrong first, then why, then the fix, then the buttons.
use super::{
    Message,
    block::Blocks,
    clean, closed, forecast,
    mrkdwn::{Markup, markup},
    offer,
    parts::{cause, footer, headline, history, menu, place, title},
    waiting, words,
};
use crate::domain::{
    incident::{Execution, Incident, State},
    recovery::{Tracking, later},
    text::duration,
};
use jiff::{SignedDuration, Timestamp};

/// Runs the action on offer.
pub const APPROVE: &str = "approve";
/// Opens the dialog that asks why not.
pub const DISMISS: &str = "dismiss";
/// The menu; the values of its options are `what|token`.
pub const MORE: &str = "more";
/// Gathers the evidence again.
pub const CHECK_AGAIN: &str = "check_again";
/// What the options of [`MORE`] stand for, as the first half of their values, with their labels.
pub const MENU: [(&str, &str); 5] = [
    ("details", "Details"),
    ("silence_1h", "Silence for 1 hour"),
    ("silence_4h", "Silence for 4 hours"),
    ("silence_1d", "Silence for 1 day"),
    (CHECK_AGAIN, "Check again"),
];

/// What a card shows beside its incident.
#[derive(Clone, Copy, Debug, Default)]
pub struct Extras<'a> {
    /// Who paused all actions, if they are paused.
    pub paused: Option<&'a str>,
    /// The file of the forecast's picture, if it is there.
    pub picture: Option<&'a str>,
}

/// The card of an incident, without a picture. `paused` is who paused all actions, if they are paused. Apart from an offer that has run out, the
/// card does not depend on `now`: ages are kept current by Slack itself.
pub fn card(incident: &Incident, paused: Option<&str>, now: Timestamp) -> Message {
    let extras = Extras {
        paused,
        picture: None,
    };
    card_with(incident, extras, now)
}

/// The card of an incident with all that belongs to it. See [`card()`].
pub fn card_with(incident: &Incident, extras: Extras<'_>, now: Timestamp) -> Message {
    let picture = extras.picture;
    match &incident.state {
        State::Inspecting { .. } => diagnosing(
            incident,
            picture,
            "Heal is gathering the evidence: container states, logs, events and past revisions.",
        ),
        State::Preparing { .. } => diagnosing(
            incident,
            picture,
            "Heal is asking the cluster what a fix would change, without changing anything.",
        ),
        State::Proposed { proposal } => offer::card(incident, proposal, extras, now),
        State::Waiting { why } => waiting::card(incident, why, picture),
        State::Executing { execution } => executing(incident, execution, picture),
        State::Verifying {
            execution,
            tracking,
        } => verifying(incident, execution, tracking, picture),
        State::Closed {
            verdict,
            detail,
            at,
            execution,
        } => closed::card(incident, *verdict, detail, *at, execution.as_ref()),
    }
}

fn diagnosing(incident: &Incident, picture: Option<&str>, doing: &'static str) -> Message {
    let mut blocks = Blocks::default();
    blocks.header(&title("🔎 Diagnosing", incident));
    blocks.context([place(incident), history(incident)]);
    forecast::part(&mut blocks, incident, picture);
    let mut body = Markup::own(doing);
    if incident.diagnosis.is_none() && !clean::line(&incident.latest.message).is_empty() {
        body.line(markup!(
            "Latest signal: {} – {}",
            clean::cut(&incident.latest.reason, 80),
            words::sentence(&incident.latest.message, 300)
        ));
    }
    blocks.section(body);
    if let Some(diagnosis) = &incident.diagnosis {
        cause(&mut blocks, incident, diagnosis);
    }
    blocks.context([footer(incident, Markup::default())]);
    let text = markup!(
        "Diagnosing: {}. {}No decision is needed yet. {}",
        headline(incident),
        forecast::spoken(incident),
        incident.id
    );
    Message::new(text, blocks)
}

fn executing(incident: &Incident, execution: &Execution, picture: Option<&str>) -> Message {
    let action = &execution.proposal.action;
    let mut blocks = Blocks::default();
    blocks.header(&title("⏳ Running the fix", incident));
    blocks.context([place(incident), history(incident)]);
    blocks.section_with(
        markup!(
            "*{}*\n{} at {}.",
            words::doing(action),
            words::approved_by(&execution.proposal).capitalised(),
            Markup::clock(execution.decided)
        ),
        menu(incident),
    );
    blocks.preformatted("", &action.kubectl());
    forecast::part(&mut blocks, incident, picture);
    blocks.context([footer(incident, Markup::default())]);
    let text = markup!(
        "Running the fix: {}. {}{}, {}. Command: {}\nNo decision is needed. {}",
        headline(incident),
        forecast::spoken(incident),
        words::doing(action),
        words::approved_by(&execution.proposal),
        action.kubectl(),
        incident.id
    );
    Message::new(text, blocks)
}

fn verifying(
    incident: &Incident,
    execution: &Execution,
    tracking: &Tracking,
    picture: Option<&str>,
) -> Message {
    let action = &execution.proposal.action;
    let mut blocks = Blocks::default();
    blocks.header(&title("⏳ Checking the fix", incident));
    blocks.context([place(incident), history(incident)]);
    let done = markup!(
        "*{}*, {} at {}.",
        Markup::plain(&words::done(action)).capitalised(),
        words::approved_by(&execution.proposal),
        Markup::clock(execution.decided)
    );
    let mut body = done.clone();
    if !tracking.summary.is_empty() {
        body.line(markup!("Now: {}", words::sentence(&tracking.summary, 300)));
    }
    body.line(progress(tracking));
    blocks.section_with(body, menu(incident));
    forecast::part(&mut blocks, incident, picture);
    blocks.context([footer(incident, Markup::default())]);
    let text = markup!(
        "Checking the fix: {}. {}{} {} No decision is needed. {}",
        headline(incident),
        forecast::spoken(incident),
        done,
        progress(tracking),
        incident.id
    );
    Message::new(text, blocks)
}

/// How far a recovery is, and what it waits for.
fn progress(tracking: &Tracking) -> Markup {
    let mut text = match tracking.clear_since {
        Some(since) => clear_until(since, tracking.soak),
        None => markup!(
            "Not clear yet. Heal gives it until {}.",
            Markup::clock(tracking.deadline)
        ),
    };
    if tracking.relapses > 0 {
        let times = match tracking.relapses {
            1 => "once".to_owned(),
            n => format!("{n} times"),
        };
        text.line(markup!("It was clear and broke again {}.", times));
    }
    text
}

/// "Clear since 03:15. It counts as recovered if it stays clear until 03:17."
pub fn clear_until(since: Timestamp, soak: SignedDuration) -> Markup {
    // Clocks show minutes: the two times of a short soak would look the same.
    if soak < SignedDuration::from_mins(2) {
        return markup!(
            "Clear now. It counts as recovered once it has stayed clear for {}.",
            duration(soak)
        );
    }
    markup!(
        "Clear since {}. It counts as recovered if it stays clear until {}.",
        Markup::clock(since),
        Markup::clock(later(since, soak))
    )
}
