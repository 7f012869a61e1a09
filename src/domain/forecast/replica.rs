//! One replica: its blocks, its turning points, and what has been told of it.
use super::latch::Latch;
use super::packed::Front;
use super::pyramid::Pyramid;
use super::turns::Turns;
use serde::{Deserialize, Serialize};

/// The state of one replica, as it is worked with. Between two readings it is [`super::packed::Packed`].
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Replica {
    /// What can be asked for without unpacking.
    #[serde(skip)]
    pub front: Front,
    /// First sample of this run.
    pub born: f64,
    /// Newest level in bytes.
    pub used: f64,
    /// The limit in bytes.
    pub limit: f64,
    pub pyramid: Pyramid,
    pub turns: Turns,
    pub latch: Latch,
    /// Start of the block of the turning points, with sum and count.
    pub step: (i64, f64, u32),
    /// Highest level in this run, in bytes.
    pub top: f32,
    /// Level of the first minutes of this run, in bytes.
    pub floor: f32,
    /// What the level was, in bytes, before all of it was gone at once, until it is clear whether that was a kill.
    pub fell: f32,
    /// When it was looked up what this run has held for hours.
    pub rested: f64,
    /// Probability at the last look with fresh readings.
    pub p: f32,
    /// Usual time between two readings, and when the last outage of the scraper ended.
    pub spacing: f32,
    /// See `spacing`.
    pub outage: f64,
    /// Time of this run in which the scraper was out, in seconds.
    pub silent: f32,
    /// Growth that the standing forecast was made from.
    pub told: Option<Told>,
}

/// What a standing forecast said last: it counts down when nothing better is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Told {
    pub at: f64,
    /// Low, median and high of the time to the limit.
    pub eta: [f32; 3],
}

impl Replica {
    /// A run begins.
    pub fn begin(&mut self, id: u64, t: f64) {
        self.front = Front {
            id,
            alive: true,
            last: t,
            ..Front::default()
        };
        self.born = t;
        self.top = 0.0;
        self.told = None;
        self.step = (0, 0.0, 0);
        self.floor = 0.0;
        self.fell = 0.0;
        self.outage = f64::MIN;
        self.silent = 0.0;
        self.spacing = 0.0;
        self.p = 0.0;
        self.turns.restart();
        self.latch.reset();
    }

    /// Notes the time between two readings; says nothing of the level.
    pub fn tick(&mut self, t: f64, pace: f64) {
        let gap = (t - self.front.last) as f32;
        if self.front.samples == 0 || self.spacing == 0.0 {
            self.spacing = if self.front.samples == 0 { 0.0 } else { gap };
            return;
        }
        if f64::from(gap) > 150.0 * pace && gap > 4.0 * self.spacing {
            self.outage = t;
            self.silent += gap;
        } else {
            self.spacing += 0.1 * (gap - self.spacing);
        }
    }

    /// The level is held: what was reached more than an hour ago is safe for siblings. Looked up every ten minutes.
    pub fn rest(&mut self, now: f64, pace: f64) {
        let slot = |t: f64| (t / (600.0 * pace)).floor();
        if slot(now) != slot(self.rested) {
            self.rested = now;
            let until = now - 3600.0 * pace;
            if let Some(top) = self.pyramid.max_between(self.born, until, pace) {
                self.front.calm = top as f32;
            }
        }
    }

    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.pyramid.is_sound()
            && self.turns.is_sound()
            && self.born.is_finite()
            && self.limit.is_finite()
            && self.used.is_finite()
            && self.outage.is_finite()
            && self.spacing.is_finite()
            && self.silent.is_finite()
            && self.front.is_sound()
    }
}
