//! Forecasts of out-of-memory kills: a container will reach its memory limit, when, and how sure that is.
//!
//! Pure and deterministic. Times are seconds (Unix time in production, the time of the file in a replay), memory is bytes.
//! [`Series`] is what is known of one container of one workload, over all its replicas and restarts: samples go in with
//! [`Series::observe`], the ends of runs with [`Series::ended`], and [`Series::assess`] says what is to be expected.
//! [`Outlook`] is that in the words of the rest of Heal.
mod assess;
mod calibration;
pub mod caps;
mod codec;
mod curve;
mod estimate;
mod evidence;
mod explain;
mod fit;
mod forest;
mod growth;
mod latch;
mod ledger;
mod look;
mod outlook;
mod packed;
mod passage;
mod picture;
mod posterior;
mod priors;
mod pyramid;
mod replica;
mod run;
mod sample;
mod series;
mod territory;
#[cfg(test)]
pub mod testkit;
#[cfg(test)]
mod tests;
mod told;
mod trees;
mod trust;
mod tuning;
mod turns;

pub use calibration::{Calibration, Correction};
pub use estimate::{Estimate, Tier};
pub use evidence::{DIRECTIONS, Evidence, FEATURES};
pub use forest::{Tree, sum};
pub use ledger::{LEAST_LEAD, Ledger, SCORED};
pub use outlook::{
    Boundary, Chart, ChartPoint, FanPoint, Outcome, Outlook, RunEnd, Score, Source, SourceHealth,
    When,
};
pub use priors::{Cap, OwnerKind, Priors};
pub use run::Run;
pub use sample::{Exit, Past, Sample};
pub use series::Series;
pub use told::{Ended, Told, Told90};
pub use trust::Trust;
pub use tuning::Tuning;
