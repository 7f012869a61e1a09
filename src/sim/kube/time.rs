//! Timestamps as Kubernetes writes them, durations as Go prints them, and a wall clock that follows tokio's clock.

use std::{sync::Arc, time::Duration};

use jiff::{SignedDuration, Timestamp};

/// Where the simulation reads the wall clock.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// A wall clock that reads `start` now and then advances with `tokio::time`, so that paused tests move both together.
///
/// Must be called inside a tokio runtime.
pub fn tokio_clock(start: Timestamp) -> Clock {
    let origin = tokio::time::Instant::now();
    Arc::new(move || {
        let elapsed = SignedDuration::try_from(origin.elapsed()).unwrap_or(SignedDuration::ZERO);
        start.saturating_add(elapsed).unwrap_or(start)
    })
}

/// `metav1.Time`: whole seconds, UTC.
pub(super) fn seconds(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// `metav1.MicroTime`: microseconds, UTC.
pub(super) fn micros(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

/// Nanoseconds, UTC: the prefix of a log line with `timestamps=true`.
pub(super) fn nanos(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%S%.9fZ").to_string()
}

/// The time since a timestamp in an object; zero when the text is not a timestamp or lies ahead.
pub(super) fn since(text: &str, now: Timestamp) -> Duration {
    let Ok(then) = text.parse::<Timestamp>() else {
        return Duration::ZERO;
    };
    Duration::try_from(now.duration_since(then)).unwrap_or(Duration::ZERO)
}

/// Whole seconds as Go prints a `time.Duration`: `10s`, `1m20s`, `5m0s`.
pub(super) fn go_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, s) => format!("{s}s"),
        (0, m, s) => format!("{m}m{s}s"),
        (h, m, s) => format!("{h}h{m}m{s}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_written_as_go_writes_them() {
        let texts: Vec<_> = [10, 80, 300, 3600]
            .map(|s| go_duration(Duration::from_secs(s)))
            .into();
        assert_eq!(texts, ["10s", "1m20s", "5m0s", "1h0m0s"]);
    }
}
