//! What the tests are written with.
pub mod chromium;
pub mod installation;
pub mod people;
pub mod place;
pub mod shop;
pub mod story;
pub mod stories;
pub mod world;
