//! When Slack may be called next: about one message per second and channel, what `Retry-After` said per method, and a growing
//! pause after failures. Kept for the whole sender, because Slack counts per app and workspace, not per message.
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// Messages that may follow each other quickly in one channel.
const BURST: f64 = 4.0;
/// After that, messages per second and channel.
const RATE: f64 = 1.0;
/// The longest pause between attempts while Slack fails.
const LONGEST: Duration = Duration::from_secs(60);

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl Bucket {
    fn tokens(&self, now: Instant) -> f64 {
        let gained = now.saturating_duration_since(self.at).as_secs_f64() * RATE;
        (self.tokens + gained).min(BURST)
    }
}

/// All limits.
#[derive(Debug, Default)]
pub(super) struct Limits {
    posts: HashMap<String, Bucket>,
    not_before: HashMap<String, Instant>,
    failures: HashMap<&'static str, u32>,
}

impl Limits {
    /// When all of these keys (methods, `channel:C…`) may be used.
    pub(super) fn ready(&self, keys: &[&str], now: Instant) -> Instant {
        let until = keys.iter().filter_map(|&key| self.not_before.get(key));
        until.copied().max().unwrap_or(now).max(now)
    }

    /// When a message may be posted to the channel, as far as its own rate goes.
    pub(super) fn post_ready(&self, channel: &str, now: Instant) -> Instant {
        match self.posts.get(channel).map(|bucket| bucket.tokens(now)) {
            Some(tokens) if tokens < 1.0 => {
                // A millisecond more than needed: rounding must not lead to a wake-up that is too early.
                now + Duration::from_secs_f64((1.0 - tokens) / RATE) + Duration::from_millis(1)
            }
            _ => now,
        }
    }

    /// A message is being posted to the channel.
    pub(super) fn posted(&mut self, channel: &str, now: Instant) {
        let tokens = self
            .posts
            .get(channel)
            .map_or(BURST, |bucket| bucket.tokens(now));
        let bucket = Bucket {
            tokens: tokens - 1.0,
            at: now,
        };
        self.posts.insert(channel.to_owned(), bucket);
    }

    /// Nothing under this key before then.
    pub(super) fn block(&mut self, key: &str, until: Instant) {
        let entry = self.not_before.entry(key.to_owned()).or_insert(until);
        *entry = until.max(*entry);
    }

    /// A call of the method failed in a way that time may heal: 1, 2, 4 … 60 s pause. Calls that were under way together count
    /// once.
    pub(super) fn failed(&mut self, method: &'static str, now: Instant) {
        if self.ready(&[method], now) > now {
            return;
        }
        let failures = self.failures.entry(method).or_default();
        *failures += 1;
        let pause = backoff(*failures);
        self.block(method, now + pause);
    }

    /// A call of the method was answered.
    pub(super) fn succeeded(&mut self, method: &'static str) {
        self.failures.remove(method);
    }
}

/// The pause after so many failures in a row.
pub(super) fn backoff(failures: u32) -> Duration {
    let doublings = failures.saturating_sub(1).min(6);
    Duration::from_secs(1 << doublings).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn four_messages_go_at_once_and_then_one_a_second() {
        let mut limits = Limits::default();
        let start = Instant::now();
        for _ in 0..4 {
            assert_eq!(limits.post_ready("C1", start), start);
            limits.posted("C1", start);
        }
        let next = limits.post_ready("C1", start);
        assert!((0.99..1.01).contains(&(next - start).as_secs_f64()));
        assert_eq!(limits.post_ready("C2", start), start);
        assert_eq!(limits.post_ready("C1", next), next);
    }

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_minute_and_end_with_a_success() {
        assert_eq!(
            (1..=8).map(|n| backoff(n).as_secs()).collect::<Vec<_>>(),
            [1, 2, 4, 8, 16, 32, 60, 60]
        );
        let mut limits = Limits::default();
        let start = Instant::now();
        limits.failed("m", start);
        limits.failed("m", start);
        assert_eq!(limits.ready(&["m"], start) - start, Duration::from_secs(1));
        let later = start + Duration::from_secs(1);
        limits.failed("m", later);
        assert_eq!(limits.ready(&["m"], later) - later, Duration::from_secs(2));
        limits.succeeded("m");
        let later = later + Duration::from_secs(2);
        limits.failed("m", later);
        assert_eq!(limits.ready(&["m"], later) - later, Duration::from_secs(1));
    }

    #[tokio::test(start_paused = true)]
    async fn the_longest_wish_to_wait_counts() {
        let mut limits = Limits::default();
        let now = Instant::now();
        let at = |seconds| now + Duration::from_secs(seconds);
        limits.block("m", at(30));
        limits.block("m", at(5));
        limits.block("channel:C1", at(40));
        assert_eq!(limits.ready(&["m"], now), at(30));
        assert_eq!(limits.ready(&["m", "channel:C1"], now), at(40));
        assert_eq!(limits.ready(&["other"], now), now);
    }
}
