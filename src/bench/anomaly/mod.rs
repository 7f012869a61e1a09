//! `heal bench anomaly`: how well the unusual is found.
pub mod anchors;
pub mod event;
pub mod rng;
pub mod score;
pub mod shape;
pub mod suite;
