//! What the tests are written with.
pub mod channel;
pub mod chromium;
pub mod demo;
pub mod forecasts;
pub mod installation;
pub mod leak;
pub mod meters;
pub mod output;
pub mod people;
pub mod place;
pub mod reader;
pub mod shop;
pub mod stories;
pub mod story;
pub mod tls;
pub mod world;
