//! One container of one workload.
use super::{Estimate, Exit, Past, Priors, Sample, Tuning};

/// What is known of one container of one workload, over all its replicas and restarts. Bounded in size.
#[derive(Clone, Debug, Default)]
pub struct Series {
    priors: Priors,
}

impl Series {
    /// A container that was never seen.
    pub fn new(priors: Priors) -> Self {
        Self { priors }
    }

    /// The pod's template says something else now.
    pub fn set_priors(&mut self, priors: Priors) {
        self.priors = priors;
    }

    /// Takes a summary of the time before Heal watched. `replica` is the number of the replica it is about, as in
    /// [`Series::observe`]. To be called in the order of time, before the first `observe` of that replica.
    pub fn remember(&mut self, _replica: u64, _past: &Past, _tuning: &Tuning) {}

    /// Takes a sample of a replica. The caller chooses a number for each run of a pod's container that lives at the same time as others;
    /// it may be used again after [`Series::ended`].
    pub fn observe(&mut self, _replica: u64, _sample: &Sample, _tuning: &Tuning) {}

    /// A run ended.
    pub fn ended(&mut self, _replica: u64, _t: f64, _exit: Exit, _tuning: &Tuning) {}

    /// What is to be expected of a replica. Keeps the tier (hysteresis), so it is to be called once per interval.
    pub fn assess(&mut self, _replica: u64, _now: f64, _tuning: &Tuning) -> Estimate {
        Estimate::default()
    }

    /// The state as bytes, small enough to be written every few minutes.
    pub fn to_bytes(&self) -> Vec<u8> {
        Vec::new()
    }

    /// The state from bytes; `None` when they are of another version or damaged: then the series starts anew.
    pub fn from_bytes(_bytes: &[u8], priors: Priors) -> Option<Self> {
        Some(Self::new(priors))
    }
}
