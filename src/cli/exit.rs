//! The exit code.
use std::process;

/// How a run ended, as the process's exit code tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// Done.
    Ok = 0,
    /// Something failed at run time: a port is taken, the database cannot be opened, a cluster cannot be reached.
    Failed = 1,
    /// The command line or the configuration is wrong. Nothing was started.
    Usage = 2,
    /// `heal check` found problems.
    Problems = 3,
    /// `heal audit --verify` found that the chain is broken: a record was changed, removed or put in.
    AuditBroken = 4,
}

impl From<Exit> for process::ExitCode {
    fn from(exit: Exit) -> Self {
        process::ExitCode::from(exit as u8)
    }
}
