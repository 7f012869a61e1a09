//! Cases from real failures, by family. The texts are pinned: people read them at night.
mod containers;
mod forecast;
mod hostile;
mod memory;
mod objects;
mod probes;
mod scheduling;
mod table;
