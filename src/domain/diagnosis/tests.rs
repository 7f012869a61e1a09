//! Cases from real failures, by family. The texts are pinned: people read them at night.
mod crash;
mod forecast;
mod hostile;
mod image;
mod memory;
mod objects;
mod probes;
mod scheduling;
mod start;
mod table;
