//! All integration tests in one binary: a debug test binary is large, and linking dominates a build.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test fails by a panic, also in its helpers"
)]
mod architecture;
mod binary;
mod browser;
mod contract;
mod pages;
mod scenarios;
mod shipping;
mod support;
