//! The sentences.
use super::{
    finding::{Metric, Scale},
    judge::Rule,
    restarts::Burst,
};

/// A level that is unusual.
pub fn level(
    metric: Metric,
    rule: Rule,
    level: f64,
    (low, high): (f64, f64),
    scale: Scale,
    days: f64,
) -> String {
    let what = if metric == Metric::Cpu {
        "CPU"
    } else {
        "memory"
    };
    let (is, usual) = match scale.base() {
        Some((full, name)) => (
            format!("{} of its {name}", percent(level / full)),
            range(percent(low / full), percent(high / full)),
        ),
        None => (
            amount(metric, level),
            range(amount(metric, low), amount(metric, high)),
        ),
    };
    let days = days.floor().min(7.0);
    match rule {
        Rule::More => format!("{what} is at {is}; usual at this hour is {usual}"),
        Rule::Less => format!("{what} is only at {is}; usual at this hour is {usual}"),
        Rule::Idle => format!(
            "{what} has fallen to {is}; usual at this hour is {usual}, and it was never this idle in {days} d"
        ),
        Rule::Full => format!(
            "{what} stands at its limit ({}); usual at this hour is {usual}, and it was never there for long in {days} d",
            is.split(" of its").next().unwrap_or_default()
        ),
    }
}

/// Restarts that are more frequent than usual.
pub fn restarts(burst: &Burst) -> String {
    let reasons: Vec<String> = burst
        .reasons
        .iter()
        .map(|(reason, count)| format!("{count} × {reason}"))
        .collect();
    format!(
        "{} restarts in the last {} ({}); usual is {}",
        burst.count,
        span(burst.span),
        reasons.join(", "),
        rate(burst.usual),
    )
}

fn range(low: String, high: String) -> String {
    if low == high {
        low
    } else {
        format!("{low} to {high}")
    }
}

fn percent(share: f64) -> String {
    let percent = share * 100.0;
    if percent < 9.95 {
        format!("{percent:.1} %")
    } else {
        format!("{percent:.0} %")
    }
}

fn amount(metric: Metric, level: f64) -> String {
    if metric == Metric::Memory {
        return match level {
            level if level >= 10.0 * 1024.0 * 1024.0 * 1024.0 => {
                format!("{:.0} GiB", level / (1u64 << 30) as f64)
            }
            level if level >= 1024.0 * 1024.0 * 1024.0 => {
                format!("{:.1} GiB", level / (1u64 << 30) as f64)
            }
            level => format!("{:.0} MiB", level / (1u64 << 20) as f64),
        };
    }
    if level >= 1.0 {
        format!("{level:.1} cores")
    } else {
        format!("{:.0} millicores", level * 1000.0)
    }
}

fn span(seconds: f64) -> String {
    let minutes = (seconds / 60.0).ceil().max(1.0);
    if minutes < 120.0 {
        format!("{minutes} min")
    } else {
        format!("{} h", (minutes / 60.0).round())
    }
}

/// A number of restarts per day, in words.
fn rate(per_day: f64) -> String {
    if per_day >= 0.95 {
        return format!("{per_day:.0} a day");
    }
    match (1.0 / per_day).round() {
        days if days < 6.5 => format!("one in {days} d"),
        days if days < 10.5 => "one a week".to_owned(),
        _ => "none".to_owned(),
    }
}
