//! What became of a proposal.

/// What somebody or something decided about a proposal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Approved, by everybody whose approval it needs.
    Approved,
    /// The first of two approvals.
    FirstApproval,
    /// Dismissed.
    Dismissed,
    /// Nobody decided in time.
    Expired,
    /// Somebody pressed and was refused.
    Refused,
}

impl Decided {
    /// The name in metrics.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Decided::Approved => "approved",
            Decided::FirstApproval => "first_approval",
            Decided::Dismissed => "dismissed",
            Decided::Expired => "expired",
            Decided::Refused => "refused",
        }
    }
}
