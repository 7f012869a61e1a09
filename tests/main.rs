//! All integration tests in one binary: a debug test binary is large, and linking dominates a build.
mod architecture;
mod binary;
mod browser;
mod contract;
mod pages;
mod scenarios;
mod support;
