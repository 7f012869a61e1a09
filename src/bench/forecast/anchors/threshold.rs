//! `container_memory_working_set_bytes / limit > level`, for some time.
use super::{
    super::{
        case::Row,
        method::{Method, Verdict},
    },
    Held,
};
use crate::domain::forecast::Exit;

/// A level that must not be exceeded for long.
pub struct Threshold {
    level: f64,
    held: Held,
    alarm: bool,
}

impl Threshold {
    /// A share of the limit, and seconds.
    pub fn new(level: f64, hold: f64) -> Self {
        Self {
            level,
            held: Held::new(hold),
            alarm: false,
        }
    }
}

impl Method for Threshold {
    fn observe(&mut self, row: &Row) {
        self.alarm = self
            .held
            .holds(row.working_set > self.level * row.limit, row.t);
    }

    fn assess(&mut self, _run: u32, _now: f64) -> Verdict {
        Verdict::of(self.alarm, None)
    }

    fn ended(&mut self, _run: u32, _t: f64, _exit: Exit) {
        *self = Self::new(self.level, self.held.hold);
    }
}
