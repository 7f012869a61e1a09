//! Foreign text made harmless before anything else happens to it: no control characters, no invisible or direction-changing
//! ones, no terminal colours, and a known length.
use std::{iter::Peekable, str::Chars};

/// The length as Slack counts it at worst: UTF-16 units.
pub fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// Cuts a text at `limit` units, with an ellipsis when something is gone.
pub fn cut(text: &str, limit: usize) -> String {
    if units(text) <= limit {
        return text.to_owned();
    }
    let mut kept = take(text.chars(), limit.saturating_sub(1));
    kept.push('…');
    kept
}

/// Cuts a text in the middle, because both ends of a Kubernetes name tell something.
pub fn cut_middle(text: &str, limit: usize) -> String {
    if units(text) <= limit {
        return text.to_owned();
    }
    let room = limit.saturating_sub(1);
    let head = take(text.chars(), room - room / 2);
    let tail = take(text.chars().rev(), room / 2);
    format!("{head}…{}", tail.chars().rev().collect::<String>())
}

fn take(chars: impl Iterator<Item = char>, limit: usize) -> String {
    let mut used = 0;
    chars
        .take_while(|c| {
            used += c.len_utf16();
            used <= limit
        })
        .collect()
}

/// The text as one line: white space of any kind becomes single spaces.
pub fn line(text: &str) -> String {
    let visible = visible(text);
    let words: Vec<&str> = visible.split_whitespace().collect();
    words.join(" ")
}

/// The text with its lines kept, tabs as spaces, and no blank lines at either end.
pub fn lines(text: &str) -> String {
    let visible = visible(text);
    let lines: Vec<&str> = visible.lines().map(str::trim_end).collect();
    lines.join("\n").trim_matches('\n').to_owned()
}

/// Without terminal sequences and without characters that nobody sees.
fn visible(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\u{1b}' => skip_terminal_sequence(&mut chars),
            '\t' => clean.push_str("    "),
            '\n' | '\u{2028}' | '\u{2029}' | '\u{85}' => clean.push('\n'),
            // A carriage return alone moves the cursor back, to write over what was there: show both.
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    clean.push('\n');
                }
            }
            c if c.is_control() || is_invisible(c) => {}
            c => clean.push(c),
        }
    }
    clean
}

fn skip_terminal_sequence(chars: &mut Peekable<Chars<'_>>) {
    match chars.peek() {
        // Colours and cursor movements end with a letter.
        Some('[') => {
            chars.next();
            while let Some(c) = chars.next_if(|c| *c != '\n') {
                if ('@'..='~').contains(&c) {
                    break;
                }
            }
        }
        // Window titles and links end with a bell or another escape.
        Some(']') => {
            while let Some(c) = chars.next_if(|c| *c != '\n' && *c != '\u{1b}') {
                if c == '\u{7}' {
                    break;
                }
            }
        }
        _ => {}
    }
}

/// Zero-width characters, direction controls, tags and other characters without a shape of their own.
fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_that_nobody_sees_are_gone() {
        assert_eq!(line("a\u{202e}b\u{200b}c\u{7}\n\td\u{2028}e"), "abc d e");
        assert_eq!(
            lines("\u{1b}[1;31mERROR\u{1b}[0m x\r\ny\rz\n\n"),
            "ERROR x\ny\nz"
        );
        assert_eq!(lines("\u{1b}]0;title\u{7}shown"), "shown");
    }

    #[test]
    fn cuts_count_what_slack_counts_and_show_that_something_is_gone() {
        assert_eq!(cut("💥💥💥", 5), "💥💥…");
        assert_eq!(cut("abc", 3), "abc");
        assert_eq!(cut_middle("checkout-api-7d9f-x2k4q", 11), "check…x2k4q");
        assert_eq!(units("💥"), 2);
    }
}
