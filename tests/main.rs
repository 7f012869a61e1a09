//! All integration tests in one binary.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test fails by a panic, also in its helpers")]
mod binary;
mod scenarios;
mod support;
