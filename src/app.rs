//! Puts the parts together, and starts and stops them in order.
//!
//! Start: store → engine → sender → watches → inbound routes. Stop: inbound → watches → engine (finishes executions) → sender.
