//! Many incidents in one message, when a storm would flood the channel: every owner is named, grouped by what is wrong.
use super::{
    Message,
    block::{Blocks, SECTION_LIMIT},
    clean::units,
    mrkdwn::{Markup, markup},
    words,
};
use crate::domain::{diagnosis::Severity, family::Family, incident::Incident};
use jiff::Timestamp;
use std::{cmp::Reverse, collections::BTreeMap};

/// Units for the groups; the rest of the message's limit is for header and end.
const ROOM: usize = 10_500;
/// Sections for the groups.
const MAX_SECTIONS: usize = 44;
/// How a message for many ends.
const HOW_TO_OPEN: &str = "`/heal show H17` opens one.";

/// All of these incidents in one message.
pub fn digest(incidents: &[&Incident], now: Timestamp) -> Message {
    // Worst first; what is not diagnosed yet comes last.
    let mut groups: BTreeMap<(Reverse<Option<Severity>>, Family), Vec<&Incident>> = BTreeMap::new();
    for incident in incidents {
        let severity = incident.diagnosis.as_ref().map(|d| d.severity);
        groups
            .entry((Reverse(severity), incident.family))
            .or_default()
            .push(incident);
    }
    let mut blocks = Blocks::default();
    let total = problems(incidents.len());
    blocks.header(&format!("🌩 {total} at once"));
    let mut text = markup!(
        "{} at once, as of {}.",
        total,
        Markup::plain(&now.strftime("%H:%M UTC").to_string())
    );
    let mut left_out: Vec<Markup> = Vec::new();
    for ((Reverse(severity), family), members) in &groups {
        let name = group_name(*severity, *family);
        let listed = list(&mut blocks, &name, members);
        text = markup!("{} {}: {}.", text, name, members.len());
        if listed < members.len() {
            left_out.push(markup!("{} × {}", members.len() - listed, name));
        }
    }
    if !left_out.is_empty() {
        blocks.section(
            markup!(
                "*Not listed for want of room:* {}. `/heal status` lists the most urgent.",
                Markup::join(&left_out, ", ")
            )
            .clip(900),
        );
    }
    blocks.context([markup!(
        "As of {}. {}",
        Markup::clock(now),
        Markup::own(HOW_TO_OPEN)
    )]);
    let text = text.clip(3_500);
    Message::new(markup!("{} {}", text, Markup::own(HOW_TO_OPEN)), blocks)
}

/// Adds one group; returns how many of its members found room.
fn list(blocks: &mut Blocks, name: &Markup, members: &[&Incident]) -> usize {
    let mut listed = 0;
    let mut section = markup!("*{}* ({})\n", name, members.len());
    for (index, incident) in members.iter().enumerate() {
        // A space that does not break keeps name and id together.
        let entry = markup!("{}\u{a0}*{}*", words::short(&incident.owner), incident.id);
        let more = units(entry.as_str()) + 3;
        if blocks.size() + units(section.as_str()) + more > ROOM || blocks.len() >= MAX_SECTIONS {
            break;
        }
        if units(section.as_str()) + more > SECTION_LIMIT {
            blocks.section(section);
            section = Markup::default();
        }
        let between = if index == 0 || section.is_empty() {
            ""
        } else {
            " · "
        };
        section = markup!("{}{}{}", section, Markup::own(between), entry);
        listed += 1;
    }
    if listed > 0 {
        blocks.section(section);
    }
    listed
}

fn problems(n: usize) -> String {
    match n {
        1 => "1 problem".to_owned(),
        n => format!("{n} problems"),
    }
}

/// "🔴 Critical – runs out of memory"
fn group_name(severity: Option<Severity>, family: Family) -> Markup {
    let (icon, word) = severity.map_or(("⚪", "Not diagnosed yet"), words::severity);
    markup!("{} {} – {}", icon, word, family.headline())
}
