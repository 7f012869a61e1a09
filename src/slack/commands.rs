//! The grammar of `/heal …`. Made for thumbs: capitals, quotes and the order of words do not matter, and every error says what
//! to write instead.
mod silence;

use crate::domain::{
    command::Command,
    incident::IncidentId,
    silence::Scope,
    text::{clip, distance},
};
use jiff::SignedDuration;
use thiserror::Error;

/// What can be written, with its meaning (in Slack markup), in the order of the help.
pub const USAGE: [(&str, &str); 9] = [
    (
        "/heal status",
        "what is open, what needs you, and how Heal is",
    ),
    ("/heal show H17", "one incident with all its details"),
    ("/heal memory", "which fixes worked where"),
    (
        "/heal forecast",
        "what is running out of memory and when, and how good such forecasts were; `shop` or `shop/checkout` after it lists all of that",
    ),
    (
        "/heal silence shop/checkout 4h",
        "keep one workload quiet; `shop/*` is a whole namespace, `node/worker-1` a node; `oom` or another kind of trouble may follow",
    ),
    ("/heal unsilence 3", "lift a silence"),
    (
        "/heal pause deploy freeze",
        "nobody can approve actions until resumed; a reason is welcome",
    ),
    ("/heal resume", "actions can be approved again"),
    ("/heal help", "this list"),
];

/// The longest silence.
pub const LONGEST_SILENCE: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The longest reason of a pause, in characters.
const REASON_LIMIT: usize = 300;
/// Stands for the namespace that nodes do not have.
const NODE: &str = "node";
const QUOTES: [char; 7] = ['"', '\'', '“', '”', '„', '‘', '’'];

const WORDS: [&str; 9] = [
    "status",
    "show",
    "memory",
    "forecast",
    "silence",
    "unsilence",
    "pause",
    "resume",
    "help",
];
/// Words that people try, and what they mean by them.
const SYNONYMS: [(&str, &str); 15] = [
    ("list", "status"),
    ("ls", "status"),
    ("get", "show"),
    ("describe", "show"),
    ("details", "show"),
    ("mute", "silence"),
    ("snooze", "silence"),
    ("unmute", "unsilence"),
    ("stop", "pause"),
    ("start", "resume"),
    ("continue", "resume"),
    ("learned", "memory"),
    ("predict", "forecast"),
    ("prediction", "forecast"),
    ("oom", "forecast"),
];

/// What somebody asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// To be answered by the engine.
    Run(Command),
    /// What can be written.
    Help,
}

/// A command that was not understood.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{problem} Write {write}")]
pub struct Misunderstood {
    /// What is wrong with it: a plain sentence that may quote what was written.
    pub problem: String,
    /// What to write instead: an example.
    pub write: &'static str,
    /// The list of commands would help.
    pub list: bool,
}

/// Understands what stands behind `/heal`.
pub fn parse(text: &str) -> Result<Request, Misunderstood> {
    let text = text.trim();
    let (word, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
    let rest = rest.trim();
    let word = unquoted(word).to_lowercase();
    let command = match word.as_str() {
        "" | "status" => nothing_more(rest, Command::Status, "/heal status")?,
        "help" | "?" | "-h" | "--help" => return Ok(Request::Help),
        "show" => show(rest)?,
        "memory" => nothing_more(rest, Command::Memory, "/heal memory")?,
        "forecast" | "forecasts" => forecast(rest)?,
        "silence" => silence::silence(rest)?,
        "unsilence" => unsilence(rest)?,
        "pause" => Command::Pause {
            reason: reason(rest),
        },
        "resume" => nothing_more(rest, Command::Resume, "/heal resume")?,
        other => return Err(unknown(other)),
    };
    Ok(Request::Run(command))
}

/// A request as it would be written, without `/heal`: parsing it again gives the same.
pub fn print(request: &Request) -> String {
    let Request::Run(command) = request else {
        return "help".to_owned();
    };
    match command {
        Command::Status => "status".to_owned(),
        Command::Show(id) => format!("show {id}"),
        Command::Memory => "memory".to_owned(),
        Command::Forecast(None) => "forecast".to_owned(),
        Command::Forecast(Some(what)) => format!("forecast {}", scope(what)),
        Command::Silence { scope: what, span } => {
            let family = what
                .family
                .map_or(String::new(), |family| format!(" {family}"));
            let pattern = Scope {
                family: None,
                ..what.clone()
            };
            format!("silence {} {}m{family}", scope(&pattern), span.as_mins())
        }
        Command::Unsilence(number) => format!("unsilence {number}"),
        Command::Pause { reason } => format!("pause {reason}").trim_end().to_owned(),
        Command::Resume => "resume".to_owned(),
    }
}

/// A scope as people write it: `shop/checkout`, `shop/*`, `node/worker-1`, with `(oom)` behind it for one family.
pub fn scope(scope: &Scope) -> String {
    let namespace = match scope.namespace.as_deref() {
        Some("") => NODE,
        Some(namespace) => namespace,
        None => "*",
    };
    let family = scope
        .family
        .map_or(String::new(), |family| format!(" ({family})"));
    format!(
        "{namespace}/{}{family}",
        scope.name.as_deref().unwrap_or("*")
    )
}

fn wrong(problem: impl Into<String>, write: &'static str) -> Misunderstood {
    Misunderstood {
        problem: problem.into(),
        write,
        list: false,
    }
}

/// What was written, short enough to be repeated.
fn quote(text: &str) -> String {
    format!("“{}”", clip(text, 40))
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(QUOTES)
}

fn nothing_more(
    rest: &str,
    command: Command,
    write: &'static str,
) -> Result<Command, Misunderstood> {
    if rest.is_empty() {
        Ok(command)
    } else {
        Err(wrong(format!("{} is not needed here.", quote(rest)), write))
    }
}

/// Nothing may follow, or one workload, or a namespace (`shop` means `shop/*`).
fn forecast(rest: &str) -> Result<Command, Misunderstood> {
    let word = unquoted(rest).to_lowercase();
    if word.is_empty() {
        return Ok(Command::Forecast(None));
    }
    let (namespace, name) = word.split_once('/').unwrap_or((&word, "*"));
    let (namespace, name) = silence::pattern(namespace, name)
        .ok_or_else(|| silence::no_pattern(&word, "/heal forecast shop/checkout"))?;
    Ok(Command::Forecast(Some(Scope {
        namespace,
        name,
        family: None,
    })))
}

fn show(rest: &str) -> Result<Command, Misunderstood> {
    const WRITE: &str = "/heal show H17";
    let id = unquoted(rest);
    if id.is_empty() {
        return Err(wrong(
            "Which incident? Its id stands at the end of its card.",
            WRITE,
        ));
    }
    // Digits only: the number parser alone would also take a sign.
    let digits = id.strip_prefix(['H', 'h']).unwrap_or(id);
    id.parse::<IncidentId>()
        .ok()
        .filter(|_| digits.bytes().all(|b| b.is_ascii_digit()))
        .map(Command::Show)
        .ok_or_else(|| wrong(format!("{} is not an incident id.", quote(id)), WRITE))
}

fn unsilence(rest: &str) -> Result<Command, Misunderstood> {
    const WRITE: &str = "/heal unsilence 3";
    let number = unquoted(rest).trim_start_matches('#');
    if number.is_empty() {
        return Err(wrong(
            "Which silence? /heal status lists their numbers.",
            WRITE,
        ));
    }
    number
        .parse()
        .ok()
        .filter(|_| number.bytes().all(|b| b.is_ascii_digit()))
        .map(Command::Unsilence)
        .ok_or_else(|| {
            wrong(
                format!(
                    "{} is not the number of a silence; /heal status lists them.",
                    quote(number)
                ),
                WRITE,
            )
        })
}

fn reason(rest: &str) -> String {
    let words: Vec<&str> = rest.split_whitespace().collect();
    let text = words.join(" ");
    clip(
        text.trim_matches(|c: char| QUOTES.contains(&c) || c.is_whitespace()),
        REASON_LIMIT,
    )
}

fn unknown(word: &str) -> Misunderstood {
    let meant = SYNONYMS
        .into_iter()
        .find(|(tried, _)| *tried == word)
        .map(|(_, meant)| meant)
        .or_else(|| nearest(word, &WORDS));
    let example = |meant: &str| {
        USAGE
            .into_iter()
            .map(|(command, _)| command)
            .find(|command| command.split(' ').nth(1) == Some(meant))
            .unwrap_or("/heal help")
    };
    match meant {
        Some(meant) => Misunderstood {
            problem: format!("{} is not a command. Did you mean {meant}?", quote(word)),
            write: example(meant),
            list: true,
        },
        None => Misunderstood {
            problem: format!("{} is not a command.", quote(word)),
            write: "/heal help",
            list: true,
        },
    }
}

/// The word that was probably meant: at most two letters away, and closer than half of it.
fn nearest<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    if word.chars().count() > 20 {
        return None;
    }
    known
        .iter()
        .map(|candidate| (distance(word, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2 && distance * 2 < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
