//! What the tests are written with.
pub mod chromium;
pub mod installation;
pub mod people;
pub mod place;
pub mod world;
