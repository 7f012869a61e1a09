//! What people ask with `/heal …`: the parsed command, free of any grammar.
use super::{incident::IncidentId, silence::Scope};
use jiff::SignedDuration;

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `/heal status`
    Status,
    /// `/heal show H17`
    Show(IncidentId),
    /// `/heal memory`
    Memory,
    /// `/heal forecast`, or `/heal forecast shop/*`: what the scope covers, all of it.
    Forecast(Option<Scope>),
    /// `/heal silence shop/checkout 4h [family]`
    Silence {
        /// What.
        scope: Scope,
        /// How long.
        span: SignedDuration,
    },
    /// `/heal unsilence 3`
    Unsilence(u32),
    /// `/heal pause [reason]`: the kill switch for actions.
    Pause {
        /// Why, in their words.
        reason: String,
    },
    /// `/heal resume`
    Resume,
}
