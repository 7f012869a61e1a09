//! Hysteresis: a forecast is told when it has held for a while, and taken back when it has been gone for a while.
use super::Tier;
use serde::{Deserialize, Serialize};

/// The told tier and what speaks for changing it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Latch {
    tier: Tier,
    /// Since when the condition for a higher tier has held: notice, page.
    up: [Option<f64>; 2],
    /// Since when nothing has been in sight.
    down: Option<f64>,
    /// When the standing tier began.
    since: f64,
}

/// What is seen now.
pub(super) struct Sight {
    /// The tier that the evidence deserves by itself.
    pub tier: Tier,
    /// Nothing is in sight any more.
    pub gone: bool,
    /// How long a rise must hold before it is told, in seconds.
    pub hold: f64,
    /// How long it must be gone before it is taken back.
    pub release: f64,
}

impl Latch {
    /// The tier that is told now.
    pub fn tier(&self) -> Tier {
        self.tier
    }

    /// The run is over.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes a look. Returns the tier to tell.
    pub fn look(&mut self, now: f64, sight: &Sight) -> Tier {
        for (i, tier) in [Tier::Notice, Tier::Page].into_iter().enumerate() {
            if sight.tier < tier {
                self.up[i] = None;
                continue;
            }
            let since = *self.up[i].get_or_insert(now);
            if now - since >= sight.hold && self.tier < tier {
                self.tier = tier;
                self.since = now;
                self.down = None;
            }
        }
        if self.tier > Tier::Clear {
            if sight.gone {
                let since = *self.down.get_or_insert(now);
                if now - since >= sight.release {
                    self.reset();
                }
            } else {
                self.down = None;
            }
        }
        self.tier
    }
}
