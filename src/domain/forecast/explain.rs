//! The one sentence that says what is seen.

/// What the sentence is made of. Levels are shares of the limit, times are seconds.
pub(super) struct Facts<'a> {
    /// Growth in bytes per second, if it grows.
    pub rate: Option<f64>,
    /// For how long it has grown.
    pub grown: f64,
    /// The level now.
    pub level: f64,
    /// Highest level survived.
    pub survived: Option<f64>,
    /// Length of what is known.
    pub known: f64,
    /// Runs killed in the last week.
    pub kills: usize,
    /// A cap of the program itself that holds the growth below the limit.
    pub cap: Option<&'a str>,
    /// The run is too young.
    pub young: bool,
    /// The workload is meant to end.
    pub job: bool,
    /// Nothing is told although it grows.
    pub quiet: bool,
}

/// The sentence.
pub(super) fn sentence(f: &Facts<'_>) -> String {
    let percent = |x: f64| format!("{:.0} %", 100.0 * x);
    let Some(rate) = f.rate else {
        return format!("not rising; at {} of the limit", percent(f.level));
    };
    let mut text = format!("rising {} for {}", speed(rate), span(f.grown));
    match f.survived {
        Some(s) if f.level <= 1.1 * s => {
            text += &format!("; has been at {} before and lived", percent(s));
        }
        Some(s) => {
            text += &format!(
                "; never above {} in the last {}",
                percent(s.min(1.0)),
                span(f.known.min(604_800.0))
            )
        }
        None => text += "; nothing is known of it from before",
    }
    match f.kills {
        0 => {}
        1 => text += "; killed at its limit before",
        n => text += &format!("; killed at its limit {n} times in the last week"),
    }
    if f.quiet {
        if let Some(cap) = f.cap {
            text += &format!("; held by {cap}");
        } else if f.young {
            text += "; too young to judge";
        } else if f.job && f.kills == 0 {
            text += "; a job may use what it needs and end";
        }
    }
    text
}

/// `3.1 MiB/min`, in the unit that gives one to three digits before the point.
fn speed(rate: f64) -> String {
    const MIB: f64 = 1024.0 * 1024.0;
    let (value, per) = [
        (rate, "s"),
        (rate * 60.0, "min"),
        (rate * 3600.0, "h"),
        (rate * 86_400.0, "d"),
    ]
    .into_iter()
    .find(|(v, _)| *v >= MIB)
    .unwrap_or((rate * 86_400.0, "d"));
    let (value, unit) = if value >= 1024.0 * MIB {
        (value / MIB / 1024.0, "GiB")
    } else if value >= MIB {
        (value / MIB, "MiB")
    } else {
        (value / 1024.0, "KiB")
    };
    let digits = if value < 10.0 { 1 } else { 0 };
    format!("{value:.digits$} {unit}/{per}")
}

/// `3 h 20 min`, `45 s`, `2 d 4 h`.
fn span(seconds: f64) -> String {
    let s = seconds.max(0.0).round() as u64;
    let pair = |big: u64, unit: &str, small: u64, part: &str| {
        if small == 0 {
            format!("{big} {unit}")
        } else {
            format!("{big} {unit} {small} {part}")
        }
    };
    match s {
        0..=89 => format!("{s} s"),
        90..=3599 => format!("{} min", (s + 30) / 60),
        3600..=86_399 => pair(s / 3600, "h", s % 3600 / 60, "min"),
        _ => pair(s / 86_400, "d", s % 86_400 / 3600, "h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn facts() -> Facts<'static> {
        Facts {
            rate: Some(3.1 * 1024.0 * 1024.0 / 60.0),
            grown: 12_000.0,
            level: 0.9,
            survived: Some(0.71),
            known: 700_000.0,
            kills: 0,
            cap: None,
            young: false,
            job: false,
            quiet: false,
        }
    }

    #[test]
    fn growth_beyond_all_that_is_known_is_told_with_its_history() {
        assert_snapshot!(sentence(&facts()), @"rising 3.1 MiB/min for 3 h 20 min; never above 71 % in the last 7 d");
    }

    #[test]
    fn a_workload_that_was_killed_is_told_so() {
        let f = Facts {
            kills: 3,
            survived: None,
            ..facts()
        };
        assert_snapshot!(sentence(&f), @"rising 3.1 MiB/min for 3 h 20 min; nothing is known of it from before; killed at its limit 3 times in the last week");
    }

    #[test]
    fn silence_has_a_reason() {
        let f = Facts {
            quiet: true,
            cap: Some("-Xmx512m"),
            survived: Some(0.95),
            ..facts()
        };
        assert_snapshot!(sentence(&f), @"rising 3.1 MiB/min for 3 h 20 min; has been at 95 % before and lived; held by -Xmx512m");
        let f = Facts {
            rate: None,
            level: 0.43,
            ..facts()
        };
        assert_snapshot!(sentence(&f), @"not rising; at 43 % of the limit");
        let f = Facts {
            quiet: true,
            young: true,
            grown: 300.0,
            known: 300.0,
            ..facts()
        };
        assert_snapshot!(sentence(&f), @"rising 3.1 MiB/min for 5 min; never above 71 % in the last 5 min; too young to judge");
    }

    #[test]
    fn speeds_and_spans_are_short() {
        let mib = 1024.0 * 1024.0;
        let all = [
            2.5 * mib,
            mib / 30.0,
            mib / 1800.0,
            mib / 40_000.0,
            3.0,
            2000.0 * mib,
        ]
        .map(speed);
        assert_eq!(
            all,
            [
                "2.5 MiB/s",
                "2.0 MiB/min",
                "2.0 MiB/h",
                "2.2 MiB/d",
                "253 KiB/d",
                "2.0 GiB/s"
            ]
        );
        let all = [45.0, 600.0, 3600.0, 12_000.0, 187_200.0].map(span);
        assert_eq!(all, ["45 s", "10 min", "1 h", "3 h 20 min", "2 d 4 h"]);
    }
}
