//! The rules: how far a workload is from what is usual, on several time scales, and when that is too far.
//!
//! A level that is held for most of a window (8 of 10, 11 of 20, 30 of 45 minutes) is compared with what the comparable hours
//! reached. The deviation is relative to the usual level (plus a tenth of the scale), so that a quiet night is judged by
//! its own measure. It has to be larger than anything of the last days by a factor that shrinks as days become known, and
//! larger than bursts usually are: one that only lasts longer is no news unless it lasts much longer.
use super::{
    calendar::Usual,
    code::{NONE, decode},
    expected::Expected,
    finding::Side,
    record::Record,
};

/// Deviations that are followed: bursts of three minutes; held for 10, 20, 45 minutes, above; for 20, 45 minutes, below; idle; near the limit.
pub const KINDS: usize = 8;
const BURST: usize = 0;
const HIGH: [usize; 3] = [1, 2, 3];
const LOW: [usize; 2] = [4, 5];
const IDLE: usize = 6;
const FULL: usize = 7;

/// The windows: minutes, how many of them have to be known, and the share of them that may be below the level that is held.
const WINDOWS: [(usize, usize, f64); 3] = [(10, 8, 0.2), (20, 15, 0.45), (45, 33, 0.33)];
/// How much of a burst's usual deviation has to be held in a window of each length.
const OF_BURSTS: [f64; 3] = [1.5, 1.5, 0.15];
/// The smallest difference that matters, as a share of the scale.
const EFFECT: f64 = 0.04;
/// Part of the scale that is added to the usual level to make the unit of deviations.
const UNIT: f64 = 0.1;
/// How far beyond the comparable days one may go, as a share of their range.
const BEYOND: f64 = 0.5;
/// The smallest deviation that is told: with many days known, and what is added to it divided by their number.
const SMALLEST: (f64, f64) = (0.15, 0.3);
/// A deviation has to be 1 + this divided by the number of known days times the worst that was.
const NOVELTY: f64 = 3.0;
/// And this part of the difference between the worst day and a usual one more.
const SPREAD: f64 = 0.5;
/// On days of a kind that was never seen everything has to be this much larger.
const UNFAMILIAR: f64 = 1.5;
/// Idle is less than the usual minimum divided by e to the power of this (4.5).
const IDLE_LEAST: f64 = 1.5;
/// Where the usual minimum is below this share of the scale, idle means nothing.
const IDLE_FLOOR: f64 = 0.02;
/// What is added to a level before its ratio is taken, as a share of the scale.
const IDLE_NOISE: f64 = 0.002;
/// At the limit means more than this share of it, and more than that times the highest that was.
const FULL_LEAST: (f64, f64) = (0.9, 1.5);

/// What the judgement needs to know.
pub struct View<'a> {
    /// The last hour by minute, as codes: a ring.
    pub ring: &'a [u16],
    /// The minute that is over, counted since 1970.
    pub minute: i64,
    /// What is expected around now.
    pub expected: &'a Expected,
    /// What deviated before.
    pub records: &'a [Record; KINDS],
    /// The level that stands for 100 %.
    pub scale: f64,
    /// The scale is a limit.
    pub limited: bool,
    /// Logarithms of how far the last hours were above and below the comparable days: today is a busy day, or a slow one.
    pub today: (f64, f64),
    /// Days that are known.
    pub days: f64,
    /// Less than usual counts, too.
    pub low_counts: bool,
}

/// What a minute looks like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Judgement {
    /// The rule that says that something is wrong.
    pub rule: Option<Rule>,
    /// The deviations.
    pub deviations: [f64; KINDS],
    /// Everything is as usual: an anomaly ends after some such minutes.
    pub calm: bool,
    /// Days of this kind are known.
    pub familiar: bool,
    /// The median of the last ten minutes.
    pub level: f64,
    /// What is usual.
    pub usual: (f64, f64),
}

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub enum Rule {
    /// More than usual.
    More,
    /// Less than usual.
    Less,
    /// Nearly nothing.
    Idle,
    /// All that there is.
    Full,
}

impl Rule {
    /// On which side of the usual.
    pub fn side(self) -> Side {
        match self {
            Rule::More | Rule::Full => Side::High,
            Rule::Less | Rule::Idle => Side::Low,
        }
    }
}

impl View<'_> {
    /// Judges the minute; `None` when too little is known, now or of the past.
    pub fn judge(&self) -> Option<Judgement> {
        let mut deviations = [0.0; KINDS];
        if let Some(held) = self.window(3, 3).and_then(|minutes| level(&minutes, 0.0)) {
            let (usual, _) = self.expected.at(self.minute as f64 - 1.0)?;
            deviations[BURST] = ((held - self.edges(&usual).1) / self.unit(&usual)).max(0.0);
        }
        let (now, familiar) = self.expected.at(self.minute as f64 - 10.0)?;
        let strict = if familiar { 1.0 } else { UNFAMILIAR };
        let effect = EFFECT * self.scale;
        let (mut rule, mut calm, mut shown) = (None, true, None);
        for (place, (minutes, least, share)) in WINDOWS.into_iter().enumerate() {
            let Some(window) = self.window(minutes, least) else {
                continue;
            };
            let (usual, _) = self
                .expected
                .at(self.minute as f64 - minutes as f64 / 2.0)?;
            let (low, high) = self.edges(&usual);
            let (held, under) = (level(&window, share)?, level(&window, 1.0 - share)?);
            let above = (held - high) / self.unit(&usual);
            deviations[HIGH[place]] = above.max(0.0);
            let needed = self
                .needed(HIGH[place])
                .max(OF_BURSTS[place] * self.records[BURST].worst());
            if held - high > effect && above > strict * needed {
                rule = rule.or(Some(Rule::More));
            }
            if place == 0 {
                shown = Some(level(&window, 0.5)?);
            }
            // The shortest window takes no part in the rest: a short dip is nothing, and a pause is no end.
            let Some(place) = place.checked_sub(1) else {
                continue;
            };
            calm &= held - high <= effect / 2.0;
            if place == 0 {
                let full = level(&window, 0.3)? / self.scale;
                deviations[FULL] = full;
                let highest = FULL_LEAST.1 * self.records[FULL].worst();
                if self.limited && full > FULL_LEAST.0 && full > highest {
                    // More than usual it is anyway: this says more.
                    rule = Some(Rule::Full);
                }
            }
            if !self.low_counts {
                continue;
            }
            let below = (low - under) / self.unit(&usual);
            deviations[LOW[place]] = below.max(0.0);
            if familiar && low - under > effect && below > self.needed(LOW[place]) {
                rule = rule.or(Some(Rule::Less));
            }
            calm &= low - under <= effect / 2.0;
            if place == 0 && usual.floor > IDLE_FLOOR * self.scale {
                let most = level(&window, 0.8)? + IDLE_NOISE * self.scale;
                let idle = (usual.floor / most).ln().max(0.0);
                deviations[IDLE] = idle;
                if idle > self.needed(IDLE).max(IDLE_LEAST) {
                    rule = Some(Rule::Idle);
                }
                calm &= idle < IDLE_LEAST / 2.0;
            }
        }
        Some(Judgement {
            rule,
            deviations,
            calm,
            familiar,
            level: shown?,
            usual: (now.floor, now.ceiling),
        })
    }

    /// The unit of deviations.
    fn unit(&self, usual: &Usual) -> f64 {
        usual.middle + UNIT * self.scale
    }

    /// The lowest and the highest level that is nothing special.
    fn edges(&self, usual: &Usual) -> (f64, f64) {
        let beyond = BEYOND * (usual.high - usual.low);
        let (busy, slow) = self.today;
        (
            usual.low * (-slow).exp() - beyond,
            usual.high * busy.exp() + beyond,
        )
    }

    /// The deviation of a kind that would be news.
    fn needed(&self, kind: usize) -> f64 {
        let record = &self.records[kind];
        let novel = (1.0 + NOVELTY / self.days) * record.worst() + SPREAD * record.spread();
        novel.max(SMALLEST.0 + SMALLEST.1 / self.days)
    }

    /// The known minutes of the last `minutes`, sorted; `None` when there are fewer than `least`.
    fn window(&self, minutes: usize, least: usize) -> Option<Vec<u16>> {
        let mut known: Vec<u16> = (0..minutes as i64)
            .filter_map(|back| {
                let place = (self.minute - back).rem_euclid(self.ring.len().max(1) as i64);
                self.ring.get(place as usize).copied()
            })
            .filter(|code| *code != NONE)
            .collect();
        known.sort_unstable();
        (known.len() >= least).then_some(known)
    }
}

/// The level that `share` of the minutes are below.
fn level(sorted: &[u16], share: f64) -> Option<f64> {
    let place = (sorted.len() as f64 * share) as usize;
    decode(*sorted.get(place.min(sorted.len().checked_sub(1)?))?)
}
