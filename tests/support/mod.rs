//! What the tests are written with.
pub mod people;
pub mod world;
