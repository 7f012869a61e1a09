//! Commands that only look at files and words, and the numbers that commands take.

use std::time::Duration;

use super::{Io, commands::FOREVER, process::Process};
use crate::sim::kube::quantity::MIB;

/// The argument of `sleep`.
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    if matches!(text, "infinity" | "inf") {
        return Some(FOREVER);
    }
    let (number, factor) = match text.chars().last()? {
        's' => (&text[..text.len() - 1], 1.0),
        'm' => (&text[..text.len() - 1], 60.0),
        'h' => (&text[..text.len() - 1], 3600.0),
        'd' => (&text[..text.len() - 1], 86400.0),
        _ => (text, 1.0),
    };
    let seconds = number.parse::<f64>().ok()? * factor;
    Duration::try_from_secs_f64(seconds)
        .ok()
        .map(|duration| duration.min(FOREVER))
}

/// The argument of `head -c`.
pub(super) fn parse_size(text: &str) -> Option<u64> {
    let split = text
        .find(|letter: char| !letter.is_ascii_digit())
        .unwrap_or(text.len());
    let factor = match text[split..].to_lowercase().as_str() {
        "" => 1,
        "k" => 1024,
        "m" => MIB,
        "g" => 1024 * MIB,
        _ => return None,
    };
    Some(text[..split].parse::<u64>().ok()? * factor)
}

/// `rm`.
pub(super) fn remove(process: &Process, arguments: &[&str], io: &Io) -> i32 {
    let forced = arguments
        .iter()
        .any(|word| word.starts_with('-') && word.contains('f'));
    let mut status = 0;
    for path in arguments.iter().filter(|word| !word.starts_with('-')) {
        if !process.remove_file(path) && !forced {
            process.write(
                &io.err,
                &format!("rm: can't remove '{path}': No such file or directory\n"),
            );
            status = 1;
        }
    }
    status
}

/// `ls`.
pub(super) fn list(process: &Process, arguments: &[&str], io: &Io) -> i32 {
    let mut status = 0;
    for path in arguments.iter().filter(|word| !word.starts_with('-')) {
        if process.exists(path) {
            process
                .names(path)
                .iter()
                .for_each(|name| process.write(&io.out, &format!("{name}\n")));
        } else {
            process.write(&io.err, &format!("ls: {path}: No such file or directory\n"));
            status = 1;
        }
    }
    status
}

/// `test` and `[`.
pub(super) fn test(process: &Process, words: &[&str]) -> bool {
    let words = words.strip_suffix(&["]"]).unwrap_or(words);
    let number = |text: &str| text.parse::<i64>().unwrap_or(0);
    match words {
        ["!", rest @ ..] => !test(process, rest),
        ["-f" | "-e" | "-d" | "-r" | "-s", path] => process.exists(path),
        ["-n", text] | [text] => !text.is_empty(),
        ["-z", text] => text.is_empty(),
        [left, "=" | "==", right] => left == right,
        [left, "!=", right] => left != right,
        [left, "-eq", right] => number(left) == number(right),
        [left, "-ne", right] => number(left) != number(right),
        [left, "-lt", right] => number(left) < number(right),
        [left, "-le", right] => number(left) <= number(right),
        [left, "-gt", right] => number(left) > number(right),
        [left, "-ge", right] => number(left) >= number(right),
        _ => false,
    }
}
