//! `heal bench forecast`: how good the forecasts are, on containers whose fate is known, beside the rules that are in use elsewhere.
pub mod anchors;
pub mod case;
pub mod class;
pub mod drive;
pub mod generate;
pub mod method;
pub mod rng;
pub mod score;
pub mod suite;

#[cfg(test)]
mod tests;
