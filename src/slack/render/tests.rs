//! Every sentence that a person reads, pinned.
mod answers;
mod cards;
mod closed;
mod dialogs;
mod digests;
mod forecasts;
mod foresight;
mod hostile;
mod notes;
mod status;
mod waiting;
