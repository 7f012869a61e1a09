//! All integration tests in one binary.
mod binary;
mod browser;
mod scenarios;
mod support;
