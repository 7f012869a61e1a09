//! Times as the domain's forecasts count them: Unix seconds.
use jiff::Timestamp;

/// Unix seconds of a time.
pub fn seconds(at: Timestamp) -> f64 {
    at.as_millisecond() as f64 / 1000.0
}

/// The time of Unix seconds; what no calendar holds becomes its end.
pub fn timestamp(seconds: f64) -> Timestamp {
    // The cast saturates, and turns what is no number into zero.
    Timestamp::from_millisecond((seconds * 1000.0) as i64).unwrap_or(if seconds < 0.0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    })
}
