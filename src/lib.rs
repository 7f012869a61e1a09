//! Heal turns what goes wrong in Kubernetes clusters into one Slack message per incident, with the cause, the evidence and
//! one safe fix; runs that fix when an allowed person approves it; proves on the cluster that it worked; and remembers it.
pub mod sim;
