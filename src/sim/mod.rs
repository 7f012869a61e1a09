//! The embedded playground: a small in-memory Kubernetes API and a local Slack workspace with a web page, spoken to over the
//! real protocols by the same adapters that production uses. Serves `heal demo` and the scenario tests.
pub mod kube;
pub mod prometheus;
pub mod proxy;
pub mod slack;
