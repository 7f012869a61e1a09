//! Stories on the simulation with virtual time, as sentences.
mod crash;
