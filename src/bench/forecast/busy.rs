//! Time that this thread had a processor: on a machine that does other work too, the clock on the wall measures that work.
use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Processor time of this thread since some moment; wall time where the system does not tell.
pub fn busy() -> Duration {
    static BEGUN: OnceLock<Instant> = OnceLock::new();
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
    told.and_then(|text| text.split(' ').next()?.parse().ok())
        .map_or_else(
            || BEGUN.get_or_init(Instant::now).elapsed(),
            Duration::from_nanos,
        )
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_grows_with_work() {
        let begun = super::busy();
        let mut sum = 0u64;
        while super::busy() <= begun && sum < 1_000_000 {
            sum += 1;
        }
        assert!(super::busy() > begun);
    }
}
