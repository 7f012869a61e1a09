//! The domain: pure rules and data. No input or output, no clock, no async: time is always an argument.
//!
//! Reading order: [`object`] and [`view`] (what the cluster looks like to us), [`symptom`] and [`signal`] (what is wrong),
//! [`evidence`] and [`diagnosis`] (why), [`action`], [`proposal`] and [`policy`] (what may be done, and who decides),
//! [`incident`] (the state machine that ties it together), [`recovery`] and [`memory`] (did it help), [`silence`].
pub mod action;
pub mod anomaly;
pub mod command;
pub mod demand;
pub mod diagnosis;
pub mod evidence;
pub mod family;
pub mod forecast;
pub mod incident;
pub mod memory;
pub mod object;
pub mod policy;
pub mod proposal;
pub mod recovery;
pub mod report;
pub mod signal;
pub mod silence;
pub mod symptom;
pub mod text;
pub mod view;
pub mod waits;
