//! The parts that cards of several states have in common.
use super::{
    block::{Blocks, overflow},
    card::{CHECK_AGAIN, MENU, MORE},
    clean, forecast,
    mrkdwn::{Markup, markup},
    words,
};
use crate::domain::{
    diagnosis::{Diagnosis, Proof},
    incident::{Incident, State},
};
use serde_json::Value;

/// Facts on a card; the others stand in the details.
const MAX_FACTS: usize = 5;
/// Log excerpts on a card.
const MAX_LOGS: usize = 2;
/// Units of one log line: a stack frame fits, a dumped document does not.
const LOG_LINE: usize = 240;

/// "🔴 Critical: shop/checkout is crash-looping"
pub fn title(sign: &str, incident: &Incident) -> String {
    format!(
        "{sign}: {} {}",
        words::short(&incident.owner),
        words::wrong(incident)
    )
}

/// Severity as icon and word; before the diagnosis it is not known.
pub fn sign(incident: &Incident) -> String {
    incident
        .diagnosis
        .as_ref()
        .map_or("⚪ Problem".to_owned(), |diagnosis| {
            let (icon, word) = words::severity(diagnosis.severity);
            format!("{icon} {word}")
        })
}

/// "Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times)", for the top-level text.
pub fn headline(incident: &Incident) -> Markup {
    if !incident.is_closed()
        && let Some(ahead) = forecast::headline(incident)
    {
        return ahead;
    }
    // A forecast is brought up to date, not seen again.
    let seen = if forecast::is_ahead(incident) {
        Markup::default()
    } else {
        markup!(", {}", seen(incident))
    };
    markup!(
        "{} {} {} (cluster {}, since {}{})",
        clean::cut(incident.owner.kind.as_str(), 63),
        words::short(&incident.owner),
        clean::cut(words::wrong(incident), 200),
        clean::cut(&incident.cluster, 80),
        Markup::plain(&incident.opened.strftime("%H:%M UTC").to_string()),
        seen
    )
}

/// The small line below the header: which cluster, which object, since when, how often.
pub fn place(incident: &Incident) -> Markup {
    let mut line = markup!(
        "Cluster *{}* · {}",
        clean::cut(&incident.cluster, 80),
        words::object(&incident.owner)
    );
    let opened = Markup::ago(incident.opened);
    line = if forecast::is_ahead(incident) {
        // It is brought up to date, not seen again.
        markup!("{} · forecast since {}", line, opened)
    } else {
        markup!("{} · since {} · {}", line, opened, seen(incident))
    };
    if let Some(gitops) = &incident.managed_by {
        let name = gitops.name.as_deref().unwrap_or_default();
        let name = if name.is_empty() {
            Markup::default()
        } else {
            markup!(" ({})", clean::cut(name, 80))
        };
        line = markup!(
            "{} · managed by {}{}",
            line,
            clean::cut(&gitops.tool, 40),
            name
        );
    }
    line
}

/// How often it was seen; of a CronJob, how many runs failed.
fn seen(incident: &Incident) -> Markup {
    match &incident.runs {
        None => markup!("seen {}", times(incident.signals)),
        Some(runs) => {
            let latest = clean::cut_middle(&clean::line(&runs.latest.name), 64);
            match runs.failed {
                1 => markup!("1 failed run: {}", latest),
                n => markup!("{} failed runs, the latest: {}", n, latest),
            }
        }
    }
}

fn times(n: u64) -> String {
    match n {
        1 => "once".to_owned(),
        n => format!("{n} times"),
    }
}

/// The cause and what proves it.
pub fn cause(blocks: &mut Blocks, incident: &Incident, diagnosis: &Diagnosis) {
    let mut text = markup!("*Cause:* {}", words::sentence(&diagnosis.cause, 600));
    let news = facts(diagnosis).filter(|fact| !forecast::repeats(incident, fact));
    for fact in news.take(MAX_FACTS) {
        text.line(markup!("• {}", clean::cut(&clean::line(fact), 200)));
    }
    blocks.section(text.clip(2_000));
    logs(blocks, diagnosis, MAX_LOGS);
}

/// The log excerpts that prove a diagnosis, at most so many. They are the first to go when a message gets too large.
pub fn logs(blocks: &mut Blocks, diagnosis: &Diagnosis, most: usize) {
    let logs = diagnosis.proof.iter().filter_map(|proof| match proof {
        Proof::Log { title, lines } => Some((title, lines)),
        Proof::Fact { .. } => None,
    });
    for (title, lines) in logs.take(most) {
        blocks.preformatted(&format!("{}:", capital(title)), &log(lines));
        blocks.expendable();
    }
}

/// The plain facts that prove a diagnosis.
pub fn facts(diagnosis: &Diagnosis) -> impl Iterator<Item = &str> {
    diagnosis.proof.iter().filter_map(|proof| match proof {
        Proof::Fact { text } => Some(text.as_str()),
        Proof::Log { .. } => None,
    })
}

/// Log lines as one text. A line break inside a line stays visible as such.
fn log(lines: &[String]) -> String {
    let lines: Vec<String> = lines
        .iter()
        .map(|line| clean::cut(&clean::lines(line), LOG_LINE))
        .collect();
    lines.join("\n")
}

fn capital(text: &str) -> String {
    let text = clean::line(text);
    let mut chars = text.chars();
    match chars.next() {
        Some(first) => first.to_uppercase().collect::<String>() + chars.as_str(),
        None => text,
    }
}

/// The last line: the id to type on a phone, and what comes next.
pub fn footer(incident: &Incident, next: Markup) -> Markup {
    let mut line = markup!("*{}*", incident.id);
    if !next.is_empty() {
        line = markup!("{} · {}", line, next);
    }
    if let Some(silence) = incident.muted {
        line = markup!(
            "{} · 🔕 silenced, `/heal unsilence {}` lifts it",
            line,
            silence
        );
    }
    line
}

/// Incidents of the same kind before this one, if there were any.
pub fn history(incident: &Incident) -> Markup {
    words::previous(&incident.before)
}

/// What the buttons of this card carry.
pub fn token(incident: &Incident) -> String {
    incident
        .proposal()
        .map_or_else(|| incident.token(), |proposal| proposal.token.clone())
}

/// The menu. Looking again is in it while an offer is made; without an offer that has a button of its own.
pub fn menu(incident: &Incident) -> Value {
    let can_check = matches!(incident.state, State::Proposed { .. });
    let token = token(incident);
    let options: Vec<(&str, String)> = MENU
        .into_iter()
        .filter(|(what, _)| *what != CHECK_AGAIN || can_check)
        .map(|(what, label)| (label, format!("{what}|{token}")))
        .collect();
    overflow(MORE, &options)
}
