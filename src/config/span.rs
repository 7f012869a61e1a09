//! Durations as people write them: `90s`, `2m`, `1h`, `1d`, and sums such as `1h30m`.
use jiff::SignedDuration;

/// Seconds of each unit, the largest first.
const UNITS: [(char, i64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a duration. Units may follow each other from large to small, each once; a number without a unit is refused,
/// because nobody can tell what was meant.
pub fn parse(text: &str) -> Option<SignedDuration> {
    let mut rest = text;
    let mut units = UNITS.iter();
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].chars().next()?;
        let (_, seconds) = units.find(|(name, _)| *name == unit)?;
        total = total.checked_add(number.checked_mul(*seconds)?)?;
        rest = &rest[digits + 1..];
    }
    (!text.is_empty()).then(|| SignedDuration::from_secs(total))
}

/// Writes a duration so that [`parse`] reads it: in the largest unit that keeps it whole.
pub fn text(span: SignedDuration) -> String {
    let seconds = span.as_secs();
    let (unit, size) = UNITS
        .into_iter()
        .find(|(_, size)| seconds != 0 && seconds % size == 0)
        .unwrap_or(('s', 1));
    format!("{}{unit}", seconds / size)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn units_are_needed_and_may_be_added_from_large_to_small() {
        let seconds = |text| parse(text).map(|span| span.as_secs());
        assert_eq!(
            ["90s", "2m", "1h", "1d", "1h30m", "0s"].map(seconds),
            [90, 120, 3600, 86_400, 5400, 0].map(Some)
        );
        for wrong in [
            "",
            "90",
            "m",
            "2 m",
            "-1s",
            "1.5h",
            "30m1h",
            "1h1h",
            "2min",
            "1w",
            "99999999999999999d",
            "2ｍ",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(seconds in 0i64..10_000_000) {
            let span = SignedDuration::from_secs(seconds);
            prop_assert_eq!(parse(&text(span)), Some(span));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".*") {
            let _ = parse(&text);
        }
    }
}
