//! The report as people read it.
use super::report::{Cost, Part, Report};
use std::fmt::Write;

/// The tables, with where it was measured above them.
pub fn table(report: &Report, machine: &str, build: &str) -> String {
    let mut text = format!(
        "machine  {machine}\nbuild    {build}\nseed     {}, {} series per class\n",
        report.seed, report.per_class
    );
    for part in &report.parts {
        section(&mut text, part);
    }
    if let Some(cost) = &report.cost {
        self::cost(&mut text, cost);
    }
    text
}

// Writing to a string cannot fail.
macro_rules! line {
    ($text:expr, $($format:tt)*) => { let _ = writeln!($text, $($format)*); };
}

fn section(text: &mut String, part: &Part) {
    line!(
        text,
        "\n{}: {} series, {:.0} container-days",
        part.name,
        part.series,
        part.days
    );
    line!(
        text,
        "{:<30} {:>6} {:>6} {:>6} {:>6} {:>10} {:>5} {:>5} {:>8} {:>8} {:>9} {:>7} {:>6}  {}",
        "",
        "prec.",
        "recall",
        "lead",
        "share",
        "ETA error",
        "cover",
        "width",
        "false/d",
        "fleet/d",
        "alarmed",
        "spikes",
        "us",
        "loudest class, false/d"
    );
    for row in &part.methods {
        line!(
            text,
            "{:<30} {:>6} {:>6} {:>6} {:>6} {:>10} {:>5} {:>5} {:>8.4} {:>8} {:>9} {:>7} {:>6.2}  {}",
            row.method,
            ratio(row.precision, 3),
            ratio(row.recall, 3),
            ratio(row.lead_min, 0),
            ratio(row.lead_share, 2),
            format!("{}/{}", ratio(row.eta_median, 2), ratio(row.eta_mean, 2)),
            ratio(row.coverage, 2),
            ratio(row.width, 2),
            row.false_per_day,
            ratio(row.fleet_false_per_day, 4),
            format!("{}/{}", row.alarmed, row.healthy),
            format!("{}/{}", row.claimed, row.spikes),
            row.us_per_sample,
            row.loudest().map_or_else(
                || "-".to_owned(),
                |loudest| format!("{} {:.2}", loudest.class, loudest.false_per_day)
            )
        );
    }
    if let Some(heal) = part.methods.first() {
        line!(
            text,
            "Heal: {} alarms true, {} false ({} of them too early), {} that nobody can judge; {} of the foreseen kills without an ETA half-way",
            heal.true_alarms,
            heal.false_alarms,
            heal.too_early,
            heal.open,
            heal.no_eta
        );
        if let (Some(coverage), Some(class)) = (heal.worst_coverage, heal.worst_class) {
            line!(text, "Heal: worst coverage {coverage:.2} ({class})");
        }
        if let Some(error) = heal.calibration_error {
            let bins: Vec<String> = part
                .reliability
                .iter()
                .map(|bin| format!("{:.2}>{:.2} ({})", bin.told, bin.came, bin.n))
                .collect();
            line!(
                text,
                "Heal: calibration error {error:.3}; told > came (n): {}",
                bins.join("  ")
            );
        }
    }
    if !part.classes.is_empty() {
        line!(
            text,
            "\n{:<26} {:>6} {:>7} {:>6} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6} {:>8} {:>5}",
            "Heal by class",
            "series",
            "days",
            "kills",
            "foreseen",
            "lead",
            "ETA",
            "cover",
            "notices",
            "pages",
            "false/d",
            "open"
        );
    }
    for row in &part.classes {
        line!(
            text,
            "{:<26} {:>6} {:>7.1} {:>6} {:>8} {:>6} {:>6} {:>6} {:>7} {:>6} {:>8.4} {:>5}",
            row.class,
            row.series,
            row.days,
            row.kills,
            row.foreseen,
            ratio(row.lead_min, 0),
            ratio(row.eta_median, 2),
            ratio(row.coverage, 2),
            row.false_notices,
            row.false_pages,
            row.false_per_day,
            row.open
        );
    }
    for wrong in &part.wrong {
        line!(text, "  {wrong}");
    }
}

fn cost(text: &mut String, cost: &Cost) {
    line!(
        text,
        "\ncost: {} containers, {} pods to a workload, a reading each {:.0} s",
        cost.containers,
        cost.replicas,
        cost.interval_s
    );
    line!(
        text,
        "per reading     {:.2} us: answers of Prometheus {:.2} ({:.1} MB), taking it {:.2}, assessment {:.2}, writing down {:.2}",
        cost.parse_us + cost.observe_us + cost.assess_us + cost.store_us,
        cost.parse_us,
        cost.answer_bytes as f64 / 1e6,
        cost.observe_us,
        cost.assess_us,
        cost.store_us
    );
    line!(text, "of one core     {:.2} %", 100.0 * cost.core);
    line!(
        text,
        "memory          {} MiB resident, {} at the most, {} before: series, pods, nodes, what is usual, an answer and its readings; {} bytes stored per container",
        ratio(cost.rss_mib, 1),
        ratio(cost.rss_peak_mib, 1),
        ratio(cost.rss_before_mib, 1),
        cost.stored_bytes
    );
}

fn ratio(value: Option<f64>, digits: usize) -> String {
    value.map_or_else(|| "-".to_owned(), |value| format!("{value:.digits$}"))
}
