//! Small pieces of text that several sentences share.
use jiff::SignedDuration;

/// Bytes as Kubernetes writes them, in the largest unit that keeps them whole: `512Mi`, `2Gi`, `1500`.
pub fn bytes(count: u64) -> String {
    for (unit, name) in [(1 << 30, "Gi"), (1 << 20, "Mi"), (1 << 10, "Ki")] {
        if count >= unit && count.is_multiple_of(unit) {
            return format!("{}{name}", count / unit);
        }
    }
    count.to_string()
}

/// Bytes for people, to three digits: `439 MiB`, `1.25 GiB`, `12 KiB`.
pub fn size(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (count as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1_024.0;
        unit += 1;
    }
    let digits = match value {
        ..10.0 => 2,
        ..100.0 => 1,
        _ => 0,
    };
    let mut number = format!("{value:.digits$}");
    if digits > 0 {
        number.truncate(number.trim_end_matches('0').trim_end_matches('.').len());
    }
    format!("{number} {}", UNITS[unit])
}

/// A duration for people, at most two units: `45 s`, `3 min`, `2 h 5 min`, `3 d 4 h`.
pub fn duration(span: SignedDuration) -> String {
    let seconds = span.as_secs().max(0);
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, m) if m < 5 && seconds % 60 != 0 => format!("{m} min {} s", seconds % 60),
        (0, 0, m) => format!("{m} min"),
        (0, h, 0) => format!("{h} h"),
        (0, h, m) => format!("{h} h {m} min"),
        (d, 0, _) => format!("{d} d"),
        (d, h, _) => format!("{d} d {h} h"),
    }
}

/// `1 pod`, `3 pods`.
pub fn count(n: i64, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// Letters to insert, delete or replace to make one word of the other (Levenshtein).
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// Cuts a text at `limit` characters, with an ellipsis when something is gone.
pub fn clip(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(limit.saturating_sub(1)).collect();
    cut.push('…');
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_keep_the_largest_whole_unit() {
        assert_eq!(
            [
                bytes(64 << 20),
                bytes(1 << 30),
                bytes(1500),
                bytes(1536 << 20)
            ],
            ["64Mi", "1Gi", "1500", "1536Mi"]
        );
    }

    #[test]
    fn the_distance_of_words_counts_letters() {
        let of = |[a, b]: [&str; 2]| distance(a, b);
        let pairs = [
            ["oom", "oom"],
            ["", "oom"],
            ["statsu", "status"],
            ["bön", "bon"],
        ];
        assert_eq!(pairs.map(of), [0, 3, 2, 1]);
    }

    #[test]
    fn sizes_have_three_digits() {
        let of = |count: u64| size(count);
        assert_eq!(
            [
                of(0),
                of(999),
                of(1_000),
                of(460_324_864),
                of(1 << 30),
                of(1280 << 20),
                of(40_000 << 20),
                of(u64::MAX)
            ],
            [
                "0 B",
                "999 B",
                "0.98 KiB",
                "439 MiB",
                "1 GiB",
                "1.25 GiB",
                "39.1 GiB",
                "16777216 TiB"
            ]
        );
    }

    #[test]
    fn durations_use_at_most_two_units() {
        let of = |s| duration(SignedDuration::from_secs(s));
        assert_eq!(
            [of(45), of(90), of(600), of(7500), of(180_000), of(-5)],
            [
                "45 s",
                "1 min 30 s",
                "10 min",
                "2 h 5 min",
                "2 d 2 h",
                "0 s"
            ]
        );
    }

    #[test]
    fn clip_counts_characters_and_marks_the_cut() {
        assert_eq!(clip("größer", 4), "grö…");
        assert_eq!(clip("kurz", 4), "kurz");
    }
}
