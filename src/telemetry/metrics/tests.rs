//! What is exported, under which names, and how many series that can be.
use super::*;
use crate::domain::forecast::testkit::{after, now, outlook};
use crate::telemetry::values::FREE_VALUES;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn exercised() -> Metrics {
    let metrics = Metrics::new();
    metrics.signal(Trouble::Oom);
    metrics.signal(Trouble::Oom);
    metrics.incident(Trouble::Oom);
    metrics.open_incidents(1);
    metrics.decision(Decided::Approved, ActionKind::RolloutUndo);
    metrics.execution(ActionKind::RolloutUndo, "applied");
    metrics.verdict(Verdict::Recovered, Some(ActionKind::RolloutUndo));
    metrics.verdict(Verdict::RecoveredByItself, None);
    metrics.suppressed("event older than the last start", 3);
    metrics.audit_rows(61);
    metrics.outbox(2, Some(at(0)));
    metrics.watch("pods", true, Some(at(4)));
    metrics.slack_call("chat.update", "ok");
    metrics.request_refused("signature");
    metrics.click_acknowledged(Duration::from_millis(4));
    metrics.signal_reached_slack(Duration::from_millis(90));
    metrics.committed(Duration::from_micros(300));
    metrics.inspected(Duration::from_millis(35));
    metrics.forecasts(&Score {
        made: 12,
        hits: 8,
        further: 0,
        misses: 1,
        falses: 1,
        withdrawn: 3,
        averted: 2,
        leads: vec![600, 7200, 7500],
        covered: 7,
        standing: 2,
        calibration: crate::domain::forecast::Calibration {
            correction: crate::domain::forecast::Correction {
                widening: 1.2,
                shift: -0.4,
            },
            ..Default::default()
        },
    });
    let health = SourceHealth {
        last: Some(at(3)),
        containers: 41,
        missing: 1,
        ..SourceHealth::default()
    };
    metrics.forecast_source(&health, (2, 1));
    metrics.told([outlook("app", 6600)].iter(), after(600));
    let cpu = [(crate::domain::anomaly::Metric::Cpu, 2)];
    metrics.unusual(&(12, cpu.into()));
    metrics
}

#[test]
fn the_text_has_every_metric_under_its_promised_name() {
    let text = exercised().render(at(10));
    let mut samples: Vec<&str> = text
        .lines()
        .filter(|line| !line.starts_with('#') && !line.contains("_bucket{"))
        .collect();
    samples.sort_unstable();
    insta::assert_snapshot!(samples.join("\n"), @r#"
    heal_audit_rows 61
    heal_click_ack_seconds_count 1
    heal_click_ack_seconds_sum 0.004
    heal_commit_seconds_count 1
    heal_commit_seconds_sum 0.0003
    heal_decisions_total{decision="approved",action="RolloutUndo"} 1
    heal_executions_total{action="RolloutUndo",outcome="applied"} 1
    heal_forecast_containers{state="covered"} 41
    heal_forecast_containers{state="missing"} 1
    heal_forecast_eta_seconds{workload="Deployment/checkout",namespace="shop",container="app",tier="page"} 6000.0
    heal_forecast_lead_median_seconds 7200.0
    heal_forecast_lead_sum_seconds 15300.0
    heal_forecast_outcomes{outcome="false"} 1
    heal_forecast_outcomes{outcome="hit"} 8
    heal_forecast_outcomes{outcome="miss"} 1
    heal_forecast_outcomes{outcome="withdrawn"} 3
    heal_forecast_probability{workload="Deployment/checkout",namespace="shop",container="app",tier="page"} 0.93
    heal_forecast_shift -0.4
    heal_forecast_source_age_seconds 7.0
    heal_forecast_widening 1.2
    heal_forecasts_averted 2
    heal_forecasts_covered 7
    heal_forecasts_made 12
    heal_forecasts_standing{tier="notice"} 2
    heal_forecasts_standing{tier="page"} 1
    heal_habits 12
    heal_incidents_total{family="oom"} 1
    heal_inspect_seconds_count 1
    heal_inspect_seconds_sum 0.035
    heal_open_incidents 1
    heal_outbox_age_seconds 10.0
    heal_outbox_depth 2
    heal_requests_refused_total{reason="signature"} 1
    heal_signal_to_slack_seconds_count 1
    heal_signal_to_slack_seconds_sum 0.09
    heal_signals_total{family="oom"} 2
    heal_slack_calls_total{method="chat.update",result="ok"} 1
    heal_suppressed_total{reason="event older than the last start"} 3
    heal_unusual{metric="cpu"} 2
    heal_unusual{metric="memory"} 0
    heal_unusual{metric="restarts"} 0
    heal_verdicts_total{verdict="recovered",action="RolloutUndo"} 1
    heal_verdicts_total{verdict="recovered_by_itself",action="none"} 1
    heal_watch_age_seconds{kind="pods"} 6.0
    heal_watch_synced{kind="pods"} 1
    "#);
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn ages_grow_while_nobody_reports() {
    let metrics = exercised();
    assert!(
        metrics
            .render(at(70))
            .contains("heal_watch_age_seconds{kind=\"pods\"} 66.0")
    );
    assert!(
        metrics
            .render(at(80))
            .contains("heal_watch_age_seconds{kind=\"pods\"} 76.0")
    );
    metrics.outbox(0, None);
    assert!(
        metrics
            .render(at(90))
            .contains("heal_outbox_age_seconds 0.0")
    );
}

#[test]
fn free_text_cannot_make_more_series_than_its_bound_and_nothing_is_lost() {
    let metrics = Metrics::new();
    for number in 0..1000 {
        metrics.suppressed(&format!("reason {number}"), 1);
        metrics.slack_call(&format!("method.{number}"), "ok");
        metrics.request_refused("forged\"} 1\nheal_fake 1");
    }
    let text = metrics.render(at(0));
    let series = |name: &str| text.lines().filter(|line| line.starts_with(name)).count();
    assert_eq!(series("heal_suppressed_total{"), FREE_VALUES + 1);
    assert_eq!(series("heal_slack_calls_total{"), FREE_VALUES + 1);
    assert_eq!(series("heal_fake"), 0);
    assert!(text.contains("heal_suppressed_total{reason=\"other\"} 968"));
}

#[test]
fn the_promised_latencies_lie_inside_the_buckets() {
    let text = exercised().render(at(0));
    for (name, promise) in [
        ("click_ack", 0.05),
        ("click_ack", 3.0),
        ("signal_to_slack", 0.25),
        ("inspect", 20.0),
    ] {
        let bounds: Vec<f64> = text
            .lines()
            .filter_map(|line| line.strip_prefix(&format!("heal_{name}_seconds_bucket{{le=\"")))
            .filter_map(|rest| rest.split('"').next()?.parse().ok())
            .filter(|bound: &f64| bound.is_finite())
            .collect();
        assert!(
            bounds.iter().any(|bound| *bound < promise),
            "{name} {bounds:?}"
        );
        assert!(
            bounds.iter().any(|bound| *bound >= promise),
            "{name} {bounds:?}"
        );
    }
}

#[test]
fn it_can_be_shared() {
    fn shared<T: Send + Sync>() {}
    shared::<Metrics>();
}

#[test]
fn only_what_is_told_now_has_figures_of_its_own_and_not_more_than_a_hundred() {
    let metrics = Metrics::new();
    let figures = || {
        let text = metrics.render(at(0));
        let lines = text.lines();
        let mut figures: Vec<String> = lines
            .filter(|line| line.contains("{workload="))
            .map(str::to_owned)
            .collect();
        figures.sort();
        figures
    };
    let mut notice = outlook("app", 7200);
    notice.tier = Tier::Notice;
    metrics.told([notice].iter(), now());
    assert!(
        figures()
            .iter()
            .all(|line| line.contains("tier=\"notice\""))
    );
    let mut paged = outlook("app", 7200);
    metrics.told([paged.clone()].iter(), now());
    assert_eq!(
        figures().len(),
        2,
        "in place of the notice: {:?}",
        figures()
    );
    paged.when = None;
    metrics.told([paged].iter(), now());
    assert_eq!(figures().len(), 1, "a time that is not known is not told");
    let many: Vec<Outlook> = (0..300)
        .map(|number| outlook(&format!("c{number}"), 7200 - number))
        .collect();
    metrics.told(many.iter(), now());
    assert_eq!(figures().len(), 200);
    assert!(figures().iter().any(|line| line.contains("\"c299\"")));
    let mut over = outlook("app", 7200);
    over.tier = Tier::Clear;
    metrics.told([over].iter(), now());
    assert_eq!(figures(), [""; 0]);
}
