//! The state machine.
use super::super::{memory::Memory, policy::Policy, signal::Signal, waits::Waits};
use super::*;

/// What a step may know beside the incident: all of it is data.
#[derive(Clone, Copy)]
pub struct Context<'a> {
    /// Waiting times.
    pub waits: &'a Waits,
    /// Who may decide.
    pub policy: &'a Policy,
    /// What worked before.
    pub memory: &'a Memory,
}
/// Opens
pub fn open(_id: IncidentId, _signal: &Signal, _now: Timestamp, _ctx: &Context<'_>) -> Step {
    unreachable!("being written")
}
/// Steps
pub fn step(_incident: Incident, _input: Input, _now: Timestamp, _ctx: &Context<'_>) -> Step {
    unreachable!("being written")
}
