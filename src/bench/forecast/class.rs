//! The kinds of workload that the benchmark is made of.

/// What is true of a kind of workload, and so how an alarm about it counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// It will be killed at its limit, and one can see it coming.
    Leak,
    /// It will be killed at its limit by one allocation that nothing announces.
    Spike,
    /// It will not be killed.
    Healthy,
    /// It would be killed, long after the recording ends.
    Censored,
}

macro_rules! classes {
    ($($name:ident $text:literal $kind:ident,)*) => {
        /// The kinds of workload that the benchmark is made of.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[allow(missing_docs)] // the names in `name` are what people read
        pub enum Class { $($name,)* }

        impl Class {
            /// All of them.
            pub const ALL: &[Class] = &[$(Class::$name,)*];

            /// The name in tables.
            pub fn name(self) -> &'static str {
                match self { $(Class::$name => $text,)* }
            }

            /// What is true of it.
            pub fn kind(self) -> Kind {
                match self { $(Class::$name => Kind::$kind,)* }
            }
        }
    };
}

classes! {
    Linear "leak: linear" Leak,
    Slow "leak: slow" Leak,
    Fast "leak: fast, 10-45 min" Leak,
    Late "leak: late onset" Leak,
    Accelerating "leak: accelerating" Leak,
    Steps "leak: steps" Leak,
    GcLeak "leak: under a GC sawtooth" Leak,
    DailyLeak "leak: under a daily cycle" Leak,
    Traffic "leak: with the traffic" Leak,
    NoisyLeak "leak: noisy" Leak,
    Decelerating "leak: decelerating, fatal" Leak,
    CrashLoop "leak: crash loop" Leak,
    CacheLeak "leak: under page cache" Leak,
    Spike "spike, not predictable" Spike,
    Flat "flat" Healthy,
    WarmUp "warm-up" Healthy,
    CacheFill "cache that saturates" Healthy,
    CacheCap "cache with a hard cap" Healthy,
    Gc "GC sawtooth" Healthy,
    Batch "batch" Healthy,
    Daily "daily cycle" Healthy,
    Hourly "hourly cycle" Healthy,
    NoisyHigh "noisy at 88-96 %" Healthy,
    Redeploys "redeploys" Healthy,
    Spiky "spiky" Healthy,
    LogGrowth "logarithmic growth" Healthy,
    PageCache "page cache at the limit" Healthy,
    StepUp "step up" Healthy,
    MemLimit "GOMEMLIMIT plateau" Healthy,
    Backlog "backlog that recovers" Healthy,
    GrowthStops "growth that stops" Healthy,
    BeyondHorizon "leak beyond the horizon" Censored,
    Etl "one-shot ETL" Healthy,
}

impl Class {
    /// The share of containers like this in an ordinary cluster: 45 % flat, 10 % GC, 15 % cyclic, 12 % caches and warm-ups,
    /// and the rest spread over the other healthy classes.
    pub fn fleet_share(self) -> f64 {
        if self.kind() != Kind::Healthy {
            return 0.0;
        }
        match self {
            Class::Flat => 0.45,
            Class::Gc => 0.10,
            Class::Batch | Class::Daily | Class::Hourly => 0.05,
            Class::WarmUp | Class::CacheFill | Class::CacheCap => 0.04,
            // Ten other classes share what is left.
            _ => 0.018,
        }
    }

    /// Its place in the list; part of the seed of its series.
    pub fn number(self) -> u64 {
        self as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_33_classes_and_most_are_healthy() {
        let of = |kind| Class::ALL.iter().filter(|c| c.kind() == kind).count();
        assert_eq!(Class::ALL.len(), 33);
        // The one-shot ETL counts as healthy: it ends by itself.
        assert_eq!(
            (
                of(Kind::Leak),
                of(Kind::Spike),
                of(Kind::Healthy),
                of(Kind::Censored)
            ),
            (13, 1, 18, 1)
        );
    }

    #[test]
    fn the_shares_of_the_fleet_add_up_to_everything() {
        let sum: f64 = Class::ALL.iter().map(|c| c.fleet_share()).sum();
        assert!((sum - 1.0).abs() < 1e-9, "{sum}");
    }
}
