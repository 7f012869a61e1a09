//! All integration tests in one binary.
mod binary;
mod contract;
mod scenarios;
mod support;
