//! `heal bench anomaly`: how well the unusual is found, on series with events whose truth is known, beside simpler rules.
pub mod anchors;
pub mod event;
mod report;
mod run;
pub mod score;
pub mod shape;
pub mod suite;
mod table;

pub use run::run;
