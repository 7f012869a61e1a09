//! Every sentence that a person reads, pinned.
mod answers;
mod cards;
mod forecasts;
mod foresight;
