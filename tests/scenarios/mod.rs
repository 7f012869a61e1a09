//! Stories on the simulation with virtual time, as sentences.
mod admission;
mod config;
mod crash;
mod eviction;
mod gitops;
mod image;
mod job;
mod kinds;
mod node;
mod oom;
mod probe;
mod quiet;
mod scheduling;
mod start;
