//! `heal bench forecast`: how good the forecasts are, on containers whose fate is known, beside the rules that are in use elsewhere.
pub mod anchors;
pub mod busy;
pub mod case;
pub mod class;
mod cost;
pub mod drive;
mod fit;
mod fleet;
pub mod generate;
pub mod method;
mod report;
pub mod rng;
mod run;
pub mod score;
pub mod suite;
mod table;
mod traces;

pub use run::run;

#[cfg(test)]
mod tests;
