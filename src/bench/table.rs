//! The report as people read it.
use super::{
    figures::{Distribution, Report},
    machine::Setting,
};
use std::fmt::Write;

/// The table, with where it was measured above it.
pub fn table(report: &Report, setting: &Setting) -> String {
    let mut text = format!(
        "machine   {}\ncluster   {}\ndatabase  {}\nbuild     {}\n\n",
        setting.machine, setting.cluster, setting.disk, setting.build
    );
    let mut line = |name: &str, values: String, what: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<17} {values:<52} {what}");
    };
    line(
        "signal to Slack",
        distribution(&report.signal_to_slack_ms),
        "pod status accepted by the API server → first message at Slack",
    );
    line(
        "signal to offer",
        distribution(&report.signal_to_offer_ms),
        "the same → card with diagnosis, dry run and Approve",
    );
    line(
        "click to answer",
        distribution(&report.click_to_ack_ms),
        "signed click or command → whole answer, while an action runs",
    );
    line(
        "flush",
        distribution(&report.flush_ms),
        "a small write to the database's disk, alone: a part of each latency",
    );
    line(
        "inputs",
        format!("{} per s", report.inputs_per_s),
        "signals through engine and database, every turn on disk",
    );
    for (pods, resident) in &report.rss_mib {
        let peak = report.rss_peak_mib.get(pods).copied().flatten();
        line(
            &format!("memory, {pods}"),
            format!(
                "{} resident, {} at most",
                mebibytes(*resident),
                mebibytes(peak)
            ),
            &format!("pods, {} of JSON each", setting.pod_size),
        );
    }
    let storm = &report.storm;
    line(
        "storm",
        format!(
            "{} of {} named, {} calls",
            storm.named, storm.workloads, storm.calls
        ),
        "workloads that fail within 10 s, named in Slack 15 s after the first",
    );
    let rollouts = &report.healthy_rollouts;
    line(
        "healthy rollouts",
        format!("{} calls, {} updates", rollouts.calls, rollouts.updates),
        "rolling updates of 10 pods each that go well",
    );
    text
}

fn distribution(of: &Distribution) -> String {
    format!(
        "p50 {:.1} ms  p99 {:.1} ms  max {:.1} ms  n {}",
        of.p50, of.p99, of.max, of.n
    )
}

fn mebibytes(value: Option<f64>) -> String {
    value.map_or("unknown".to_owned(), |value| format!("{value:.1} MiB"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::figures::{Rollouts, Storm};
    use std::collections::BTreeMap;

    #[test]
    fn the_table_says_what_was_measured_where_and_in_which_unit() {
        let distribution = |p50, p99, max, n| Distribution { p50, p99, max, n };
        let report = Report {
            signal_to_slack_ms: distribution(21.04, 48.5, 51.0, 45),
            signal_to_offer_ms: distribution(640.0, 1010.25, 1011.0, 45),
            click_to_ack_ms: distribution(2.1, 9.96, 12.0, 220),
            flush_ms: distribution(0.9, 4.1, 31.0, 220),
            inputs_per_s: 18_250,
            rss_mib: BTreeMap::from([(1000, Some(24.1)), (10_000, Some(51.7))]),
            rss_peak_mib: BTreeMap::from([(1000, Some(26.0)), (10_000, None)]),
            storm: Storm {
                workloads: 200,
                named: 200,
                calls: 11,
            },
            healthy_rollouts: Rollouts {
                updates: 5,
                calls: 0,
            },
        };
        let setting = Setting {
            machine: "2 cores, Example CPU, linux x86_64".to_owned(),
            cluster: "simulated, over loopback HTTP".to_owned(),
            disk: "ext4".to_owned(),
            build: "release".to_owned(),
            pod_size: "6.0 kB".to_owned(),
        };
        insta::assert_snapshot!(table(&report, &setting), @r"
        machine   2 cores, Example CPU, linux x86_64
        cluster   simulated, over loopback HTTP
        database  ext4
        build     release

        signal to Slack   p50 21.0 ms  p99 48.5 ms  max 51.0 ms  n 45          pod status accepted by the API server → first message at Slack
        signal to offer   p50 640.0 ms  p99 1010.2 ms  max 1011.0 ms  n 45     the same → card with diagnosis, dry run and Approve
        click to answer   p50 2.1 ms  p99 10.0 ms  max 12.0 ms  n 220          signed click or command → whole answer, while an action runs
        flush             p50 0.9 ms  p99 4.1 ms  max 31.0 ms  n 220           a small write to the database's disk, alone: a part of each latency
        inputs            18250 per s                                          signals through engine and database, every turn on disk
        memory, 1000      24.1 MiB resident, 26.0 MiB at most                  pods, 6.0 kB of JSON each
        memory, 10000     51.7 MiB resident, unknown at most                   pods, 6.0 kB of JSON each
        storm             200 of 200 named, 11 calls                           workloads that fail within 10 s, named in Slack 15 s after the first
        healthy rollouts  0 calls, 5 updates                                   rolling updates of 10 pods each that go well
        ");
    }
}
