//! A list in a message: as many lines as there is room for, and what is left out.
use super::{
    clean::units,
    mrkdwn::{Markup, markup},
};

/// Units of one section of a list: below Slack's limit by the line that tells what is left out.
const SECTION: usize = 2_600;

/// How much of a list is shown.
#[derive(Clone, Copy)]
pub(super) struct Room {
    /// Lines, at most.
    pub lines: usize,
    /// Units, at most, without the line that tells what is left out.
    pub units: usize,
}

/// The list under its heading, as paragraphs that fit into a section each; none when it is empty. `hint` stands behind "… and 3 more"; it is
/// given the place of the first line that is left out.
pub(super) fn sections(
    heading: Markup,
    lines: &[Markup],
    room: Room,
    hint: impl Fn(usize) -> Markup,
) -> Vec<Markup> {
    if lines.is_empty() {
        return Vec::new();
    }
    let mut left = room.units.saturating_sub(units(heading.as_str()));
    let mut done = Vec::new();
    let mut text = heading;
    let mut listed = 0;
    for line in lines.iter().take(room.lines) {
        let size = units(line.as_str()) + 1;
        if size > left {
            break;
        }
        if units(text.as_str()) + size > SECTION {
            done.push(std::mem::take(&mut text));
        }
        text.line(line.clone());
        left -= size;
        listed += 1;
    }
    if listed < lines.len() {
        text.line(markup!(
            "… and {} more{}",
            lines.len() - listed,
            hint(listed)
        ));
    }
    done.push(text);
    done
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(count: usize, lines: usize, units: usize) -> Vec<String> {
        let all = vec![markup!("• {}", "x".repeat(500)); count];
        let hint = |first: usize| markup!(", from line {} on", first);
        sections(Markup::own("Heading"), &all, Room { lines, units }, hint)
            .iter()
            .map(|section| {
                let lines = section.as_str().lines();
                let long = |line: &str| if line.len() > 500 { "•" } else { line }.to_owned();
                lines.map(long).collect::<Vec<_>>().join(" ")
            })
            .collect()
    }

    #[test]
    fn a_long_list_takes_several_sections_and_tells_what_is_left_out() {
        assert_eq!(shown(0, 9, 9_000), Vec::<String>::new());
        assert_eq!(shown(2, 9, 9_000), ["Heading • •"]);
        assert_eq!(shown(7, 9, 9_000), ["Heading • • • • •", "• •"]);
        assert_eq!(
            shown(7, 3, 9_000),
            ["Heading • • • … and 4 more, from line 3 on"]
        );
        assert_eq!(
            shown(7, 9, 1_200),
            ["Heading • • … and 5 more, from line 2 on"]
        );
    }
}
