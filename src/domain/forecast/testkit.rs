//! A forecast for tests, in a few words.
use super::{Boundary, Chart, Correction, Outlook, Source, Tier, When};
use crate::domain::object::ObjectRef;
use jiff::{SignedDuration, Timestamp};

/// The moment at which it is made.
pub fn now() -> Timestamp {
    "2026-11-21T03:00:00Z".parse().unwrap()
}

/// So many seconds after [`now`].
pub fn after(seconds: i64) -> Timestamp {
    now() + SignedDuration::from_secs(seconds)
}

/// Container of Deployment `shop/checkout` with a limit of 512Mi, paged, to be killed so many seconds after [`now`].
pub fn outlook(container: &str, seconds: i64) -> Outlook {
    const MI: u64 = 1 << 20;
    Outlook {
        at: now(),
        owner: ObjectRef::new("Deployment", "shop", "checkout", "w1"),
        container: container.into(),
        pod: ObjectRef::new("Pod", "shop", "checkout-new-1", "pod-1"),
        run: 0,
        boundary: Boundary::Limit,
        rising: 1,
        replicas: 3,
        tier: Tier::Page,
        p: 0.93,
        correction: Correction::default(),
        when: Some(When {
            earliest: after(seconds * 2 / 3),
            median: after(seconds),
            latest: after(seconds * 3 / 2),
        }),
        used: 400 * MI,
        limit: 512 * MI,
        rate: 112.0 * MI as f64 / seconds as f64,
        rising_since: after(-12_000),
        survived: Some(360 * MI),
        known_since: after(-7 * 86_400),
        killed_before: false,
        leak_proved: false,
        needed_limit: None,
        cap: None,
        cap_bytes: None,
        source: Source::Prometheus,
        why: "rising 1 MiB/min for 3 h 20 min".into(),
        chart: Chart::default(),
    }
}
