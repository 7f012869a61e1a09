//! Answers to commands and clicks.
use super::{
    Message,
    block::Blocks,
    clean, foresight, modal,
    mrkdwn::{Markup, markup},
    status, words,
};
use crate::{
    domain::{
        incident::ClickReply,
        memory::Entry,
        report::{Pause, Report},
        silence::Silence,
    },
    slack::commands::{Misunderstood, USAGE, scope},
};

/// Entries of the memory in one answer.
const MAX_ENTRIES: usize = 30;

/// The answer to a command.
pub fn report(report: &Report) -> Message {
    match report {
        Report::Status(status) => status::status(status),
        Report::Incident(incident, card) => modal::details(incident, card.as_ref()),
        Report::Forecast(foresight) => foresight::foresight(foresight),
        Report::Memory(entries) => memory(entries),
        Report::Silenced(silence) => Message::paragraph(silenced(silence)),
        Report::Unsilenced(silence) => Message::paragraph(markup!(
            "🔔 Silence {} on {} is lifted. It kept {} quiet; what is still wrong gets its card now.",
            silence.id,
            Markup::code(&scope(&silence.scope)),
            incidents(silence.muted)
        )),
        Report::Paused(pause) => Message::paragraph(paused(pause)),
        Report::Resumed { by, was } => Message::paragraph(markup!(
            "▶️ *Actions can be approved again*, thanks to {}. They were paused by {} since {}.",
            Markup::user(by),
            Markup::user(&was.by),
            Markup::day_and_clock(was.since)
        )),
        Report::Refused(why) => Message::paragraph(refusal(why)),
    }
}

/// "Actions are paused by @ana since 03:12: deploy freeze."
pub fn paused(pause: &Pause) -> Markup {
    let reason = match words::sentence(&pause.reason, 300) {
        empty if empty.is_empty() => Markup::own("."),
        reason => markup!(": {}", reason),
    };
    markup!(
        "⏸️ *Actions are paused* by {} since {}{} Heal goes on watching and diagnosing. `/heal resume` ends the pause.",
        Markup::user(&pause.by),
        Markup::day_and_clock(pause.since),
        reason
    )
}

fn silenced(silence: &Silence) -> Markup {
    markup!(
        "🔕 {} silenced {} until {}. Heal goes on watching, and `/heal status` shows what stays quiet. `/heal unsilence {}` lifts it.",
        Markup::user(&silence.by),
        Markup::code(&scope(&silence.scope)),
        Markup::day_and_clock(silence.until),
        silence.id
    )
}

/// "3 incidents"
pub fn incidents(n: u32) -> String {
    crate::domain::text::count(i64::from(n), "incident")
}

fn memory(entries: &[Entry]) -> Message {
    if entries.is_empty() {
        return Message::paragraph(Markup::own(
            "🧠 Heal remembers nothing yet. It learns from every fix that it could verify.",
        ));
    }
    let mut blocks = Blocks::default();
    blocks.header("🧠 Which fixes worked");
    let mut text = markup!(
        "Which fixes worked: {} remembered.",
        crate::domain::text::count(
            i64::try_from(entries.len()).unwrap_or(i64::MAX),
            "combination"
        )
    );
    for chunk in entries[..entries.len().min(MAX_ENTRIES)].chunks(10) {
        let mut lines = Markup::default();
        for entry in chunk {
            let line = markup!(
                "{} for {} on {}: {}",
                entry.action.as_str(),
                clean::cut(&entry.signature, 60),
                clean::cut_middle(&entry.workload, 120),
                words::worked(entry.tally, Markup::default())
            );
            text = markup!("{} {}.", text, line);
            lines.line(markup!("• {}", line));
        }
        blocks.section(lines);
    }
    let hidden = entries.len().saturating_sub(MAX_ENTRIES);
    let rest = if hidden > 0 {
        markup!("{} more, less often tried, are not listed. ", hidden)
    } else {
        Markup::default()
    };
    blocks.context([markup!(
        "{}“At least” is what the share is with 95 % certainty, given how few tries there were.",
        rest
    )]);
    Message::new(text, blocks)
}

/// What `/heal` understands.
pub fn help() -> Message {
    let mut lines = Markup::own("*What you can write*");
    for (command, meaning) in USAGE {
        lines.line(markup!(
            "• {} – {}",
            Markup::code(command),
            Markup::own(meaning)
        ));
    }
    lines.line(Markup::own(
        "Times are like `30m`, `4h` or `1d`, seven days at most. A name may end in `*`.",
    ));
    Message::paragraph(lines)
}

/// The answer to a command that was not understood: what was wrong, and what to write instead.
pub fn misunderstood(misunderstood: &Misunderstood) -> Message {
    let mut text = markup!("🤔 {}", misunderstood.problem);
    text.line(markup!("Write {}", Markup::code(misunderstood.write)));
    if misunderstood.list {
        let commands: Vec<Markup> = USAGE
            .iter()
            .map(|(command, _)| Markup::code(command))
            .collect();
        text.line(markup!("These exist: {}", Markup::join(&commands, ", ")));
    }
    Message::paragraph(text)
}

/// What the person who clicked is told; nothing when card and thread say it.
pub fn click(reply: &ClickReply) -> Option<Markup> {
    match reply {
        ClickReply::Accepted => None,
        ClickReply::NeedsAnother => Some(Markup::own(
            "👍 Your approval counts. One more person has to approve before anything happens.",
        )),
        ClickReply::Refused(why) => Some(refusal(why)),
    }
}

/// "Not done", with the reason; mentions of those who may stay alive.
pub fn refusal(why: &str) -> Markup {
    markup!("✋ {}", Markup::with_mentions(&clean::cut(why, 1_500)))
}
