//! The report as people read it.
use super::{event::What, report::Report, shape::Shape};
use std::fmt::Write;

/// The table, with where it was measured above it.
pub fn table(report: &Report, machine: &str, build: &str) -> String {
    let mut text = format!(
        "machine  {machine}\nbuild    {build}\nseed     {}, {} series of {} days, nothing is judged on the first three\n",
        report.seed, report.series, report.days
    );
    let events: Vec<String> = What::ALL
        .iter()
        .map(|what| {
            let count = report.events.get(what.name()).copied().unwrap_or_default();
            format!("{count} {}", what.name())
        })
        .collect();
    // Writing to a string cannot fail.
    let _ = writeln!(text, "events   {}\n", events.join(", "));
    let _ = write!(text, "{:<27} {:>6} {:>7}", "", "recall", "delay");
    for what in What::ALL {
        let _ = write!(text, " {:>10}", what.name());
    }
    let _ = write!(text, " {:>8}", "false/d");
    for shape in Shape::ALL {
        let _ = write!(text, " {:>11}", shape.name());
    }
    let _ = writeln!(text, " {:>6}", "us");
    for method in &report.methods {
        let delay = method
            .delay_min
            .map_or("none".to_owned(), |minutes| format!("{minutes} min"));
        let _ = write!(
            text,
            "{:<27} {:>6.3} {:>7}",
            method.method, method.recall, delay
        );
        for what in What::ALL {
            let recall = method.recall_by_kind.get(what.name()).copied();
            let _ = write!(text, " {:>10.2}", recall.unwrap_or_default());
        }
        let _ = write!(text, " {:>8.4}", method.false_per_day);
        for shape in Shape::ALL {
            let alarms = method.false_by_shape.get(shape.name()).copied();
            let _ = write!(text, " {:>11.3}", alarms.unwrap_or_default());
        }
        let _ = writeln!(text, " {:>6.2}", method.us);
    }
    text.push_str(
        "\nrecall: shift, saturation and hang. false/d: false alarms per day of one series, then by its shape.\n",
    );
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::anomaly::{report::Figures, score::Score};

    #[test]
    fn the_table_names_kinds_shapes_and_units() {
        let mut score = Score::default();
        let event = crate::bench::anomaly::event::Event {
            what: What::Hang,
            start: 5000,
            end: 5100,
        };
        score.count(Shape::Cron, &[event], &[5012, 9000], 4 * 1440);
        let report = Report {
            seed: 42,
            series: 1,
            days: 7,
            events: [("hang", 1)].into(),
            methods: vec![Figures::of("Heal", &score, 1.234)],
        };
        insta::assert_snapshot!(table(&report, "2 cores", "release"), @r"
        machine  2 cores
        build    release
        seed     42, 1 series of 7 days, nothing is judged on the first three
        events   0 shift, 0 saturation, 1 hang, 0 drift

                                    recall   delay      shift saturation       hang      drift  false/d       daily      weekly      bursty hourly cron     us
        Heal                         1.000  12 min       1.00       1.00       1.00       1.00   0.2500       0.000       0.000       0.000       0.250   1.23

        recall: shift, saturation and hang. false/d: false alarms per day of one series, then by its shape.
        ");
    }
}
