//! The seam through which adapters count: plain names become the typed metrics.
use super::Metrics;
use crate::ports::Meter;
use std::time::Duration;

impl Meter for Metrics {
    fn add(&self, name: &'static str, label: &str, n: u64) {
        for _ in 0..n {
            match name {
                "slack_calls" => self.slack_call(label, "sent"),
                "slack_rate_limited" => self.slack_call(label, "ratelimited"),
                "slack_failures" => self.slack_call(label, "error"),
                "slack_misconfigured" => self.slack_call(label, "misconfigured"),
                "slack_refused" => self.slack_call(label, "refused"),
                "slack_messages_gone" => self.slack_call(label, "gone"),
                "slack_requests_refused" => self.request_refused(label),
                other => self.slack_call(label, other),
            }
        }
    }

    fn observe(&self, name: &'static str, seconds: f64) {
        if name == "slack_request_seconds" {
            self.click_acknowledged(Duration::from_secs_f64(seconds.max(0.0)));
        }
    }
}
