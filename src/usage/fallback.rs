//! Two sources: the better one as long as it answers, otherwise the other one.
use crate::ports::{PastRun, Readings, Span, UsageError, UsageSource};
use futures::future::BoxFuture;
use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// So many failures in a row are borne before the second source takes over.
const BORNE: u32 = 2;
/// The longest pause before the first source is asked again.
const LONGEST: Duration = Duration::from_secs(300);

/// The better source, and the one that steps in for it.
pub struct Fallback {
    first: Arc<dyn UsageSource>,
    second: Arc<dyn UsageSource>,
    /// Time between two readings: the unit of the pauses.
    interval: Duration,
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    failures: u32,
    said: String,
    again: Option<Instant>,
}

impl Fallback {
    /// Reads from `first`, and from `second` while that fails. `interval` is the time between two readings.
    pub fn new(
        first: Arc<dyn UsageSource>,
        second: Arc<dyn UsageSource>,
        interval: Duration,
    ) -> Self {
        Self {
            first,
            second,
            interval,
            trouble: Mutex::default(),
        }
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the first source said, when it is not to be asked yet.
    fn resting(&self) -> Option<String> {
        let trouble = self.trouble();
        let rests = trouble.again.is_some_and(|again| Instant::now() < again);
        rests.then(|| trouble.said.clone())
    }

    /// Notes a failure. True when the second source is to step in.
    fn failed(&self, said: &str) -> bool {
        let mut trouble = self.trouble();
        trouble.failures = trouble.failures.saturating_add(1);
        said.clone_into(&mut trouble.said);
        let over = trouble.failures.saturating_sub(BORNE);
        if over == 0 {
            return false;
        }
        let pause = self.interval.saturating_mul(1 << over.min(5)).min(LONGEST);
        trouble.again = Some(Instant::now() + pause);
        true
    }
}

impl UsageSource for Fallback {
    fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>> {
        Box::pin(async move {
            let said = match self.resting() {
                Some(said) => said,
                None => match self.first.read().await {
                    Ok(readings) => {
                        *self.trouble() = Trouble::default();
                        return Ok(readings);
                    }
                    Err(error) => {
                        let said = error.to_string();
                        if !self.failed(&said) {
                            return Err(error);
                        }
                        said
                    }
                },
            };
            let readings = self.second.read().await?;
            Ok(Readings {
                trouble: Some(said),
                ..readings
            })
        })
    }

    fn past(&self, span: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>> {
        self.first.past(span)
    }

    fn has_past(&self) -> bool {
        self.first.has_past()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forecast::Source;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[derive(Default)]
    struct Scripted {
        broken: AtomicBool,
        asked: AtomicUsize,
        source: Option<Source>,
    }

    impl UsageSource for Scripted {
        fn read(&self) -> BoxFuture<'_, Result<Readings, UsageError>> {
            self.asked.fetch_add(1, Ordering::Relaxed);
            let answer = if self.broken.load(Ordering::Relaxed) {
                Err(UsageError::Away("gone fishing".to_owned()))
            } else {
                Ok(Readings {
                    source: self.source.unwrap_or(Source::Prometheus),
                    trouble: None,
                    containers: Vec::new(),
                })
            };
            Box::pin(async move { answer })
        }
        fn past(&self, _: Span) -> BoxFuture<'_, Result<Vec<PastRun>, UsageError>> {
            Box::pin(async { Ok(Vec::new()) })
        }
        fn has_past(&self) -> bool {
            true
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_second_source_steps_in_after_two_intervals_and_goes_when_the_first_is_back() {
        let first = Arc::new(Scripted::default());
        let second = Arc::new(Scripted {
            source: Some(Source::MetricsApi),
            ..Scripted::default()
        });
        let interval = Duration::from_secs(30);
        let both = Fallback::new(first.clone(), second, interval);
        let mut seen = Vec::new();
        for round in 0..12 {
            first
                .broken
                .store((1..8).contains(&round), Ordering::Relaxed);
            seen.push(match both.read().await {
                Ok(readings) => format!("{:?} {:?}", readings.source, readings.trouble),
                Err(error) => error.to_string(),
            });
            tokio::time::advance(interval).await;
        }
        insta::assert_snapshot!(seen.join("\n"), @r#"
        Prometheus None
        gone fishing
        gone fishing
        MetricsApi Some("gone fishing")
        MetricsApi Some("gone fishing")
        MetricsApi Some("gone fishing")
        MetricsApi Some("gone fishing")
        MetricsApi Some("gone fishing")
        MetricsApi Some("gone fishing")
        Prometheus None
        Prometheus None
        Prometheus None
        "#);
        assert!(
            first.asked.load(Ordering::Relaxed) < 10,
            "it was left in peace"
        );
    }
}
