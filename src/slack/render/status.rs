//! `/heal status`: on a phone, and with the one question first: does anything need me?
use super::{
    Message,
    block::Blocks,
    clean, foresight,
    mrkdwn::{Markup, markup},
    reply, words,
};
use crate::{
    domain::{
        report::{Brief, Stage, Status, WatchHealth},
        text::{count, duration},
    },
    slack::commands::scope,
};

/// Incidents that are listed under one heading.
const MAX_LISTED: usize = 15;
/// Other things that are listed under one heading.
const MAX_LINES: usize = 10;

/// How Heal and its cluster are.
pub fn status(status: &Status) -> Message {
    let mut blocks = Blocks::default();
    let summary = summary(status);
    blocks.header(summary.0);
    blocks.section(summary.1.clone());
    if let Some(pause) = &status.paused {
        blocks.section(reply::paused(pause));
    }
    for (stage, heading) in [
        (Stage::Decision, "🖐 *Needs a decision*"),
        (Stage::Person, "👤 *Needs a person – no safe fix*"),
        (Stage::Executing, "⏳ *Running a fix*"),
        (Stage::Verifying, "⏳ *Checking whether the fix helped*"),
        (Stage::Diagnosing, "🔎 *Being diagnosed*"),
    ] {
        let here: Vec<&Brief> = status.open.iter().filter(|b| b.stage == stage).collect();
        blocks.section(list(heading, &here));
    }
    let muted: Vec<&Brief> = status.muted.iter().collect();
    blocks.section(list("🔕 *Silenced, and still wrong*", &muted));
    blocks.section(silences(status));
    blocks.section(watches(&status.watches));
    blocks.section(suppressed(status));
    blocks.context(about(status));
    let needs: Vec<Markup> = status
        .open
        .iter()
        .filter(|brief| matches!(brief.stage, Stage::Decision | Stage::Person))
        .take(MAX_LISTED)
        .map(|brief| markup!("{} {}.", brief.id, what(brief)))
        .collect();
    let pause = status
        .paused
        .as_ref()
        .map_or(Markup::default(), reply::paused);
    let text = markup!("{} {} {}", summary.1, Markup::join(&needs, " "), pause);
    Message::new(text, blocks)
}

/// Header and first sentence. Quiet is only called quiet when Heal can see.
fn summary(status: &Status) -> (&'static str, Markup) {
    let cluster = clean::cut(&status.cluster, 80);
    let decisions = on(status, Stage::Decision);
    let blind = failing(&status.watches).count();
    let open = count(
        i64::try_from(status.open.len()).unwrap_or(i64::MAX),
        "incident",
    );
    let (header, text) = if decisions > 0 {
        let (verb, noun) = if decisions == 1 {
            ("needs", "incident")
        } else {
            ("need", "incidents")
        };
        (
            "🖐 A decision is needed",
            markup!(
                "*{} {} {} a decision* on {}; {} open.",
                decisions,
                noun,
                verb,
                cluster,
                status.open.len()
            ),
        )
    } else if on(status, Stage::Person) > 0 {
        (
            "👤 A person is needed",
            markup!(
                "Nothing to approve on {}, but for {} of {} open Heal has no safe fix.",
                cluster,
                on(status, Stage::Person),
                status.open.len()
            ),
        )
    } else if !status.open.is_empty() {
        (
            "⏳ Heal is at work",
            markup!("No decision is needed on {}. {} open.", cluster, open),
        )
    } else if blind > 0 || status.watches.is_empty() {
        (
            "⚠ Heal cannot see everything",
            markup!("Nothing is open on {}, but that says little now:", cluster),
        )
    } else if !status.muted.is_empty() {
        (
            "🔕 Quiet, because silenced",
            markup!(
                "No decision is needed on {}: what is wrong there is silenced.",
                cluster
            ),
        )
    } else {
        (
            "✅ All quiet",
            markup!("Nothing is open on {}, and every watch works.", cluster),
        )
    };
    if blind > 0 {
        let text = markup!(
            "{} ⚠️ *{} of {} watches do not work*: Heal may miss things.",
            text,
            blind,
            status.watches.len()
        );
        (header, text)
    } else if status.watches.is_empty() {
        (header, markup!("{} ⚠️ *No watch has started yet.*", text))
    } else {
        (header, text)
    }
}

fn on(status: &Status, stage: Stage) -> usize {
    status
        .open
        .iter()
        .filter(|brief| brief.stage == stage)
        .count()
}

/// "shop/checkout is crash-looping"
fn what(brief: &Brief) -> Markup {
    markup!(
        "{} {}",
        words::short(&brief.owner),
        clean::cut(&clean::line(&brief.headline), 120)
    )
}

fn list(heading: &'static str, briefs: &[&Brief]) -> Markup {
    if briefs.is_empty() {
        return Markup::default();
    }
    let mut text = markup!("{} ({})", Markup::own(heading), briefs.len());
    for brief in briefs.iter().take(MAX_LISTED) {
        text.line(markup!(
            "• *{}* {} · {}",
            brief.id,
            what(brief),
            Markup::age(brief.opened)
        ));
    }
    if briefs.len() > MAX_LISTED {
        text.line(markup!("… and {} more", briefs.len() - MAX_LISTED));
    }
    text.clip(2_900)
}

fn silences(status: &Status) -> Markup {
    let mut text = Markup::default();
    for silence in status.silences.iter().take(MAX_LINES) {
        if text.is_empty() {
            text = Markup::own("🔕 *Silences*");
        }
        text.line(markup!(
            "• {}: {} until {}, by {}, kept {} quiet · `/heal unsilence {}`",
            silence.id,
            Markup::code(&scope(&silence.scope)),
            Markup::day_and_clock(silence.until),
            Markup::user(&silence.by),
            reply::incidents(silence.muted),
            silence.id
        ));
    }
    more(text, status.silences.len())
}

fn failing(watches: &[WatchHealth]) -> impl Iterator<Item = &WatchHealth> {
    watches
        .iter()
        .filter(|watch| !watch.synced || watch.error.is_some())
}

fn watches(watches: &[WatchHealth]) -> Markup {
    let mut text = Markup::default();
    for watch in failing(watches).take(MAX_LINES) {
        if text.is_empty() {
            text = Markup::own("⚠️ *Watches that do not work*");
        }
        let last = watch.last.map_or(Markup::own("never worked"), |last| {
            markup!("last worked {}", Markup::ago(last))
        });
        let error = match watch.error.as_deref() {
            Some(error) => markup!(": {}", words::sentence(error, 200)),
            None => Markup::own(": still reading for the first time."),
        };
        text.line(markup!(
            "• {}, {}{}",
            clean::cut(&watch.kind, 60),
            last,
            error
        ));
    }
    let all = failing(watches).count();
    more(text, all)
}

fn suppressed(status: &Status) -> Markup {
    let mut text = Markup::default();
    for (reason, n) in status.suppressed.iter().take(MAX_LINES) {
        if text.is_empty() {
            text = Markup::own("🧹 *Not shown, and why*");
        }
        text.line(markup!(
            "• {} × {}",
            *n,
            clean::cut(&clean::line(reason), 150)
        ));
    }
    more(text, status.suppressed.len())
}

fn more(mut text: Markup, all: usize) -> Markup {
    if all > MAX_LINES {
        text.line(markup!("… and {} more", all - MAX_LINES));
    }
    text.clip(1_500)
}

/// The small lines at the end.
fn about(status: &Status) -> Vec<Markup> {
    let (kinds, worked, failed) = status.memory;
    let memory = if kinds == 0 {
        Markup::own("Heal remembers no fixes yet.")
    } else {
        markup!(
            "Fixes remembered: {} worked, {} did not. `/heal memory` lists them.",
            worked,
            failed
        )
    };
    let (waiting, oldest) = status.outbox;
    let outbox = if waiting == 0 {
        Markup::default()
    } else {
        markup!(
            "Waiting to be sent to Slack: {}, the oldest for {}.",
            count(i64::try_from(waiting).unwrap_or(i64::MAX), "message"),
            duration(oldest)
        )
    };
    let watching: Vec<Markup> = status
        .watches
        .iter()
        .filter(|watch| watch.synced && watch.error.is_none())
        .take(20)
        .map(|watch| Markup::plain(&clean::cut(&watch.kind, 40)))
        .collect();
    let watching = if watching.is_empty() {
        Markup::default()
    } else {
        markup!("Watching {}.", Markup::join(&watching, ", "))
    };
    let version = markup!(
        "Heal {} · {} · as of {}",
        clean::cut(&status.version, 40),
        clean::cut(&status.cluster, 80),
        Markup::clock(status.now)
    );
    let open = if status.open.is_empty() && status.muted.is_empty() {
        Markup::default()
    } else {
        Markup::own("`/heal show H17` opens one.")
    };
    let slack = status
        .slack
        .as_deref()
        .map_or_else(Markup::default, |trouble| {
            markup!("⚠️ Slack: {}", super::words::sentence(trouble, 300))
        });
    let source = status
        .source
        .as_ref()
        .map_or_else(Markup::default, |health| {
            foresight::source(health, status.now)
        });
    vec![open, slack, outbox, watching, source, memory, version]
}
