//! Stories on the simulation with virtual time, as sentences.
mod commands;
mod crash;
mod deciding;
mod delivery;
mod replay;
mod restarts;
mod verdicts;
