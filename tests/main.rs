//! All integration tests in one binary.
mod binary;
mod scenarios;
mod support;
