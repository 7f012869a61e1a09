//! What was measured: distributions, and the report as one JSON object.
use serde::Serialize;
use std::{collections::BTreeMap, time::Duration};

/// A distribution, by nearest rank: every value of it is one that was measured.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Distribution {
    /// Half of the values are at most this.
    pub p50: f64,
    /// 99 of 100 values are at most this.
    pub p99: f64,
    /// The largest value.
    pub max: f64,
    /// How many values there are. Without any, the rest is 0.
    pub n: usize,
}

impl Distribution {
    /// The distribution of some durations, in milliseconds.
    pub fn of(durations: &[Duration]) -> Self {
        let mut sorted = durations.to_vec();
        sorted.sort_unstable();
        let at = |percent: usize| {
            let rank = (sorted.len() * percent).div_ceil(100).max(1);
            sorted.get(rank - 1).copied().map_or(0.0, milliseconds)
        };
        Self {
            p50: at(50),
            p99: at(99),
            max: at(100),
            n: sorted.len(),
        }
    }
}

/// Milliseconds with two decimals: finer than what one measurement in a running system is worth.
fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 100_000.0).round() / 100.0
}

/// The report of `heal bench loop`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Report {
    /// From the API server's answer to the write that makes a pod a failing one until Slack has the message, in ms.
    pub signal_to_slack_ms: Distribution,
    /// The same until the card offers the fix: evidence, diagnosis and dry run lie between, and the pace of the sender.
    pub signal_to_offer_ms: Distribution,
    /// From sending a click or command until its whole answer is there, while an action is under way, in ms.
    pub click_to_ack_ms: Distribution,
    /// A small write with a flush to the disk of the database, alone, in ms: a part of every latency.
    pub flush_ms: Distribution,
    /// Signals per second through engine and store.
    pub inputs_per_s: u64,
    /// Resident memory by number of pods, in MiB; `None` where the system does not tell.
    pub rss_mib: BTreeMap<u32, Option<f64>>,
    /// The largest resident memory until then, in MiB.
    pub rss_peak_mib: BTreeMap<u32, Option<f64>>,
    /// Many failures at once.
    pub storm: Storm,
    /// Updates that go well.
    pub healthy_rollouts: Rollouts,
}

/// Many workloads failed at once.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Storm {
    /// How many failed.
    pub workloads: usize,
    /// How many of them could be read of in Slack.
    pub named: usize,
    /// How many calls posted or changed messages.
    pub calls: usize,
}

/// Rolling updates that went well.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Rollouts {
    /// How many.
    pub updates: usize,
    /// How many calls posted or changed messages.
    pub calls: usize,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(milliseconds: impl IntoIterator<Item = u64>) -> Distribution {
        let durations: Vec<_> = milliseconds
            .into_iter()
            .map(Duration::from_millis)
            .collect();
        Distribution::of(&durations)
    }

    #[test]
    fn percentiles_are_by_nearest_rank() {
        let hundred = of((1..=100).rev());
        assert_eq!((hundred.p50, hundred.p99, hundred.max), (50.0, 99.0, 100.0));
        assert_eq!(hundred.n, 100);
        let two_hundred = of(1..=200);
        assert_eq!((two_hundred.p50, two_hundred.p99), (100.0, 198.0));
        let five = of([30, 10, 50, 20, 40]);
        assert_eq!((five.p50, five.p99, five.max), (30.0, 50.0, 50.0));
    }

    #[test]
    fn one_value_is_its_own_distribution_and_none_is_all_zero() {
        let one = of([7]);
        assert_eq!((one.p50, one.p99, one.max, one.n), (7.0, 7.0, 7.0, 1));
        assert_eq!(of([]), Distribution::default());
    }

    #[test]
    fn milliseconds_have_two_decimals() {
        assert_eq!(
            Distribution::of(&[Duration::from_nanos(1_234_567)]).max,
            1.23
        );
    }

    #[test]
    fn the_report_is_one_json_object() {
        let report = Report {
            signal_to_slack_ms: of([10, 20]),
            signal_to_offer_ms: of([30]),
            click_to_ack_ms: of([1]),
            flush_ms: of([2]),
            inputs_per_s: 9000,
            rss_mib: BTreeMap::from([(10_000, None), (1000, Some(21.5))]),
            rss_peak_mib: BTreeMap::from([(10_000, None), (1000, Some(30.0))]),
            storm: Storm {
                workloads: 200,
                named: 200,
                calls: 9,
            },
            healthy_rollouts: Rollouts {
                updates: 5,
                calls: 0,
            },
        };
        insta::assert_json_snapshot!(report, @r#"
        {
          "signal_to_slack_ms": {
            "p50": 10.0,
            "p99": 20.0,
            "max": 20.0,
            "n": 2
          },
          "signal_to_offer_ms": {
            "p50": 30.0,
            "p99": 30.0,
            "max": 30.0,
            "n": 1
          },
          "click_to_ack_ms": {
            "p50": 1.0,
            "p99": 1.0,
            "max": 1.0,
            "n": 1
          },
          "flush_ms": {
            "p50": 2.0,
            "p99": 2.0,
            "max": 2.0,
            "n": 1
          },
          "inputs_per_s": 9000,
          "rss_mib": {
            "1000": 21.5,
            "10000": null
          },
          "rss_peak_mib": {
            "1000": 30.0,
            "10000": null
          },
          "storm": {
            "workloads": 200,
            "named": 200,
            "calls": 9
          },
          "healthy_rollouts": {
            "updates": 5,
            "calls": 0
          }
        }
        "#);
    }
}
