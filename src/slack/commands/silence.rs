//! `/heal silence`: which workloads, for how long, and which kind of trouble, in any order.
use super::{LONGEST_SILENCE, Misunderstood, NODE, nearest, quote, unquoted, wrong};
use crate::domain::{command::Command, family::Family, incident::IncidentId, silence::Scope};
use jiff::SignedDuration;

/// Understands what stands behind `silence`.
pub(super) fn silence(rest: &str) -> Result<Command, Misunderstood> {
    const WRITE: &str = "/heal silence shop/checkout 4h";
    let (mut what, mut span, mut family) = (None, None, None);
    for word in rest.split_whitespace() {
        let word = unquoted(word).trim_matches(['(', ')']).to_lowercase();
        if let Some((namespace, name)) = word.split_once('/') {
            let pattern = pattern(namespace, name).ok_or_else(|| no_pattern(&word, WRITE))?;
            set(&mut what, pattern, "Two workloads", WRITE)?;
        } else if word.starts_with(|c: char| c.is_ascii_digit()) {
            set(&mut span, duration(&word)?, "Two times", WRITE)?;
        } else if let Some(known) = Family::ALL.into_iter().find(|f| f.as_str() == word) {
            set(&mut family, known, "Two kinds of trouble", WRITE)?;
        } else if word.parse::<IncidentId>().is_ok() {
            return Err(wrong(
                format!(
                    "One incident is silenced from its card: More → Silence. Here, name its workload instead of {}.",
                    quote(&word)
                ),
                WRITE,
            ));
        } else if !word.is_empty() {
            return Err(strange(&word, WRITE));
        }
    }
    let Some((namespace, name)) = what else {
        return Err(wrong(
            "Silence what? A workload is NAMESPACE/NAME; a star for the name means the whole namespace.",
            WRITE,
        ));
    };
    if namespace.is_none() && name.is_none() && family.is_none() {
        return Err(wrong(
            "That would silence everything, and then silence would mean nothing. Name a namespace, or a kind of trouble.",
            "/heal silence shop/* 1h",
        ));
    }
    let span = span.ok_or_else(|| wrong("For how long? Seven days at most.", WRITE))?;
    let scope = Scope {
        namespace,
        name,
        family,
    };
    Ok(Command::Silence { scope, span })
}

fn set<T>(
    place: &mut Option<T>,
    value: T,
    twice: &str,
    write: &'static str,
) -> Result<(), Misunderstood> {
    if place.replace(value).is_some() {
        return Err(wrong(
            format!("{twice} are too many: a silence has one."),
            write,
        ));
    }
    Ok(())
}

/// A word in a silence that is no workload, no time and no family.
fn strange(word: &str, write: &'static str) -> Misunderstood {
    let families = Family::ALL.map(Family::as_str);
    let problem = match nearest(word, &families) {
        Some(family) => format!(
            "{} is not a kind of trouble. Did you mean {family}?",
            quote(word)
        ),
        None => format!(
            "{} is neither NAMESPACE/NAME nor a time nor a kind of trouble. Kinds are {}.",
            quote(word),
            families.join(", ")
        ),
    };
    wrong(problem, write)
}

/// What is neither a workload nor several.
pub(super) fn no_pattern(word: &str, write: &'static str) -> Misunderstood {
    let problem = format!(
        "{} is not NAMESPACE/NAME. A name has letters, digits, dots and dashes, and may end in a star.",
        quote(word)
    );
    wrong(problem, write)
}

/// Namespace and name, with `None` for "any".
pub(super) fn pattern(namespace: &str, name: &str) -> Option<(Option<String>, Option<String>)> {
    let part = |text: &str| -> Option<Option<String>> {
        if text == "*" {
            return Some(None);
        }
        let stem = text.strip_suffix('*').unwrap_or(text);
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
        (!stem.is_empty() && text.len() <= 253 && stem.chars().all(fits))
            .then(|| Some(text.to_owned()))
    };
    let namespace = if namespace == NODE {
        Some(String::new())
    } else {
        part(namespace)?
    };
    Some((namespace, part(name)?))
}

/// `30m`, `4h`, `1d`: one minute to seven days.
fn duration(word: &str) -> Result<SignedDuration, Misunderstood> {
    const WRITE: &str = "/heal silence shop/checkout 4h";
    let digits = word.chars().take_while(char::is_ascii_digit).count();
    let (number, unit) = word.split_at(digits);
    let minutes = match unit {
        "m" | "min" | "mins" | "minutes" => 1,
        "h" | "hr" | "hour" | "hours" => 60,
        "d" | "day" | "days" => 24 * 60,
        _ => {
            return Err(wrong(
                format!(
                    "{} is not a time. Times are like 30m, 4h or 1d.",
                    quote(word)
                ),
                WRITE,
            ));
        }
    };
    // A number that does not fit is too long anyway.
    let number: i64 = number.parse().unwrap_or(i64::MAX);
    match number.saturating_mul(minutes) {
        0 => Err(wrong("A silence lasts one minute at least.", WRITE)),
        minutes if minutes > LONGEST_SILENCE.as_mins() => Err(wrong(
            "A silence lasts seven days at most.",
            "/heal silence shop/checkout 7d",
        )),
        minutes => Ok(SignedDuration::from_mins(minutes)),
    }
}
