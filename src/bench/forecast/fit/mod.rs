//! `heal bench forecast --fit`: makes the trees of the posterior anew from synthetic series.
mod grow;
mod looks;
mod write;

pub use grow::grow;
pub use looks::{Look, looks};
pub use write::write;
