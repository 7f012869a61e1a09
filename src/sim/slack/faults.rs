//! Trouble on demand: what Slack, or the way to it, does wrong.

use std::time::Duration;

/// One way in which a call goes wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// 429 with this `Retry-After`, in whole seconds; the call has no effect.
    RateLimited {
        /// The header's value, in seconds.
        retry_after: u64,
    },
    /// An HTTP status with a body that is not JSON; the call has no effect.
    Status(u16),
    /// Nothing happens for this long; then the call is answered as usual. A caller that goes away earlier leaves no effect.
    Hang(Duration),
    /// The call takes effect, and its answer never comes.
    AcceptThenHang,
    /// The call takes effect, and the connection breaks before the answer.
    AcceptThenReset,
    /// 200 with `{"ok":false,"error":…}`; the call has no effect.
    Error(String),
}

/// A fault and the calls that it waits for.
#[derive(Debug)]
struct Planned {
    /// The method, or `None` for any.
    method: Option<String>,
    fault: Fault,
    left: u32,
}

/// The faults still to come, in the order in which they were planned.
#[derive(Debug, Default)]
pub(super) struct Faults {
    planned: Vec<Planned>,
    /// Whether every call is refused with 503.
    pub(super) down: bool,
}

impl Faults {
    /// Plans `fault` for the next `times` calls of `method` (or of any method).
    pub(super) fn plan(&mut self, method: Option<&str>, fault: Fault, times: u32) {
        self.planned.push(Planned {
            method: method.map(str::to_owned),
            fault,
            left: times,
        });
    }

    /// The fault that strikes this call, if one does; it is used up.
    pub(super) fn strike(&mut self, method: &str) -> Option<Fault> {
        if self.down {
            return Some(Fault::Status(503));
        }
        let at = self
            .planned
            .iter()
            .position(|p| p.left > 0 && p.method.as_deref().is_none_or(|m| m == method))?;
        let planned = &mut self.planned[at];
        planned.left -= 1;
        let fault = planned.fault.clone();
        self.planned.retain(|p| p.left > 0);
        Some(fault)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_strikes_its_method_as_often_as_planned() {
        let mut faults = Faults::default();
        faults.plan(Some("chat.update"), Fault::Status(500), 2);
        assert_eq!(faults.strike("chat.postMessage"), None);
        assert_eq!(faults.strike("chat.update"), Some(Fault::Status(500)));
        assert_eq!(faults.strike("chat.update"), Some(Fault::Status(500)));
        assert_eq!(faults.strike("chat.update"), None);
    }

    #[test]
    fn faults_strike_in_the_order_in_which_they_were_planned() {
        let mut faults = Faults::default();
        faults.plan(None, Fault::RateLimited { retry_after: 3 }, 1);
        faults.plan(Some("chat.update"), Fault::AcceptThenHang, 1);
        assert_eq!(
            faults.strike("chat.update"),
            Some(Fault::RateLimited { retry_after: 3 })
        );
        assert_eq!(faults.strike("chat.update"), Some(Fault::AcceptThenHang));
    }
}
