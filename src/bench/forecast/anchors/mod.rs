//! What is in use elsewhere, implemented beside Heal to be compared: on the working set, as people have it, with a fresh start
//! after every restart, which the rules as they are written do not get.
mod kendall;
mod line;
mod threshold;

pub use kendall::MannKendall;
pub use line::{Guard, LastN, PredictLinear};
pub use threshold::Threshold;

use super::method::{Heal, Method};
use crate::domain::forecast::Priors;

/// How far ahead they look, in seconds.
const AHEAD: f64 = 4.0 * 3600.0;

/// A name, and how a fresh one is made for a container.
pub struct Contestant {
    /// The name in tables.
    pub name: &'static str,
    /// Makes one.
    pub fresh: fn(&Priors) -> Box<dyn Method>,
}

/// Heal and all anchors, Heal first.
pub const CONTESTANTS: &[Contestant] = &[
    Contestant {
        name: "Heal",
        fresh: |priors| Box::new(Heal::new(priors)),
    },
    Contestant {
        name: "working set > 80 % for 2 min",
        fresh: |_| Box::new(Threshold::new(0.8, 120.0)),
    },
    Contestant {
        name: "working set > 90 % for 5 min",
        fresh: |_| Box::new(Threshold::new(0.9, 300.0)),
    },
    Contestant {
        name: "predict_linear 1 h, 4 h ahead",
        fresh: |_| Box::new(PredictLinear::new(None)),
    },
    Contestant {
        name: "… and > 80 %, for 15 min",
        fresh: |_| {
            Box::new(PredictLinear::new(Some(Guard {
                level: 0.8,
                hold: 900.0,
            })))
        },
    },
    Contestant {
        name: "line of the last 60, r² > 0.7",
        fresh: |_| Box::new(LastN::new(60, 0.7)),
    },
    Contestant {
        name: "Mann-Kendall + Sen, 4 h",
        fresh: |_| Box::new(MannKendall::default()),
    },
];

/// A condition that must hold for some time, like `for:` of an alerting rule.
#[derive(Clone, Copy, Debug)]
struct Held {
    hold: f64,
    since: Option<f64>,
}

impl Held {
    fn new(hold: f64) -> Self {
        Self { hold, since: None }
    }

    fn holds(&mut self, condition: bool, now: f64) -> bool {
        if !condition {
            self.since = None;
            return false;
        }
        let since = *self.since.get_or_insert(now);
        now - since >= self.hold
    }
}

#[cfg(test)]
mod tests;
