//! Slack's rate limits: token buckets on tokio's clock.

use std::collections::HashMap;
use std::time::Duration;

use tokio::time::Instant;

/// Messages that may follow each other quickly in one channel.
const POST_BURST: f64 = 5.0;
/// After the burst, messages per second and channel.
const POST_RATE: f64 = 1.0;

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

/// All buckets of the workspace; switched off, they let everything through.
#[derive(Debug)]
pub(super) struct Buckets {
    enabled: bool,
    buckets: HashMap<String, Bucket>,
}

impl Buckets {
    pub(super) fn new(enabled: bool) -> Self {
        Self {
            enabled,
            buckets: HashMap::new(),
        }
    }

    /// A message into `channel`: one per second after a burst of five. The error is the `Retry-After` in seconds.
    pub(super) fn post(&mut self, channel: &str) -> Result<(), u64> {
        self.take(&format!("post {channel}"), POST_RATE, POST_BURST)
    }

    /// A call of a method with a per-minute tier. The error is the `Retry-After` in seconds.
    pub(super) fn call(&mut self, method: &str, per_minute: u32) -> Result<(), u64> {
        let per_minute = f64::from(per_minute);
        self.take(method, per_minute / 60.0, per_minute)
    }

    fn take(&mut self, key: &str, rate: f64, burst: f64) -> Result<(), u64> {
        if !self.enabled {
            return Ok(());
        }
        let now = Instant::now();
        let bucket = self.buckets.entry(key.to_owned()).or_insert(Bucket {
            tokens: burst,
            at: now,
        });
        let gained = now.duration_since(bucket.at).as_secs_f64() * rate;
        bucket.tokens = (bucket.tokens + gained).min(burst);
        bucket.at = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        let wait = Duration::from_secs_f64((1.0 - bucket.tokens) / rate);
        // Whole seconds, rounded up: that is all the header can say.
        Err(wait.as_secs() + u64::from(wait.subsec_nanos() > 0))
    }
}
