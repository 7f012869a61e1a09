//! What speaks for a kill and against it: the growth of one replica in the light of what the workload has survived.
use super::evidence::Evidence;
use super::fit::Fit;
use super::growth::{Chosen, Run, choose, fits, keeping, shorter, unsteady};
use super::passage::{Growth, Passage};
use super::replica::Replica;
use super::series::START;
use super::territory::Kill;
use super::{OwnerKind, Series, Tuning};

/// A peak inside a window counts as survived when this share of the window's rise was lost after it.
const DIP: f64 = 0.35;
/// Growth was under way before a window when it made this share of what it would have made.
const ALREADY: f64 = 0.6;
/// An outage is of a window when it ended less than so many of its lengths ago, or when the growth is older than the window.
const UNSURE: f64 = 1.5;
/// Fewest samples of a run that is judged.
const SAMPLES: u32 = 8;
/// The interval's ends are moved away from the median by this power: calibrated on the training seed.
const WIDER: f64 = 1.25;

/// The 95 % quantile of the normal distribution.
const NORMAL: f64 = 1.645;
/// How much the lives of runs that leak alike differ, as a share of them.
const LIVES: f64 = 0.05;
/// How much of the unsteadiness of the past the time to come is expected to have: calibrated on the seeds 25 and 26.
const UNSTEADY: f64 = 1.5;

/// Whether growth is like that of a run that was killed.
fn is_akin(rate: f64, killed: f64) -> bool {
    (0.4..2.5).contains(&(rate / killed.max(1e-9)))
}

/// One look at a replica.
pub(super) struct Look {
    pub growth: Growth,
    pub passage: Passage,
    pub evidence: Evidence,
    pub survived: Option<f64>,
    pub seen: f64,
    /// What former runs that were killed with such growth, at this limit, say: seconds that are left, and their standard deviation.
    pub former: Option<(f64, f64)>,
    /// How unsteady the growth is, see [`unsteady`].
    pub unsteady: f64,
}

impl Replica {
    /// How old the run was when the growth of a window set in, in seconds without outages, and the share of that time in which the
    /// same growth was under way: a window seldom begins where the growth does (after an outage, at a block's edge).
    fn onset(&self, f: &Fit, now: f64, pace: f64) -> (f64, f64) {
        let mut before = f.start - self.born;
        if self.outage <= f.start {
            before -= f64::from(self.silent);
        }
        let before = before.max(0.0);
        let watched = before - START * pace;
        let first = f.end - f.slope * (now - f.start);
        let grown = first - f64::from(self.floor) / self.limit;
        let share = if watched > 0.0 {
            (grown / (f.slope * watched)).clamp(0.0, 1.0)
        } else {
            1.0
        };
        (before * (1.0 - share), share)
    }

    /// How long it takes from this level to the limit if growth goes on as it did from the start of this run, in seconds.
    fn lifelong(&self, level: f64, now: f64, pace: f64) -> f64 {
        let lived = (now - self.born - f64::from(self.silent)).max(60.0 * pace);
        let rate = (level - f64::from(self.floor) / self.limit) / lived;
        (1.0 - level).max(0.0) / rate.max(1e-9 / pace)
    }
}

impl Series {
    /// What speaks for a kill, for a fit of the model; `None` when nothing grows.
    pub fn evidence(&self, replica: u64, now: f64, tuning: &Tuning) -> Option<Evidence> {
        let r = self.live(replica)?;
        self.look(&r, now, tuning, false).map(|l| l.evidence)
    }

    pub(super) fn look(&self, r: &Replica, now: f64, tuning: &Tuning, loose: bool) -> Option<Look> {
        let pace = tuning.pace;
        if r.front.samples < SAMPLES || r.limit <= 0.0 {
            return None;
        }
        let run = Run {
            since: r.born,
            now,
            limit: r.limit,
            outage: r.outage,
            pace,
        };
        let all = fits(&r.pyramid, &run);
        let Chosen {
            fit: f,
            growth,
            seen,
            top,
        } = choose(&r.pyramid, &all, &run, loose)?;
        let passage = growth.passage(1.0);
        let (onset, on) = r.onset(&f, now, pace);
        // A level that was only passed on the way up was not survived yet.
        let before = r
            .pyramid
            .max_between(r.born, f.start, pace)
            .filter(|_| on < ALREADY);
        let inside = r.turns.peaks().iter().filter(|p| p.t >= f.start);
        let falls = inside.clone().count();
        // A dip in growth is no peak: what counts has taken back a good part of the rise.
        let deep = DIP * f.slope * f.span * r.limit;
        let peak = inside
            .filter(|p| f64::from(p.fall) >= deep)
            .map(|p| f64::from(p.top))
            .reduce(f64::max);
        let siblings = self
            .state
            .replicas
            .iter()
            .map(|other| other.front)
            .filter(|other| other.id != r.front.id && other.alive && other.calm > 0.0)
            .map(|other| f64::from(other.calm))
            .reduce(f64::max);
        let highest = |of: [Option<f64>; 2]| of.into_iter().flatten().reduce(f64::max);
        let others = highest([siblings, self.state.territory.survived(now, pace)]);
        let own = highest([before, peak]);
        let survived = highest([own, others]);
        let level = (seen.min(growth.level()) + growth.crest[1].max(0.0)).min(top);
        let deepest = r
            .turns
            .peaks()
            .iter()
            .map(|p| f64::from(p.fall) / f64::from(p.top).max(1.0))
            .fold(0.0, f64::max);
        let rate = growth.slope() * r.limit;
        let akin = |k: &&Kill| is_akin(rate, f64::from(k.rate));
        let territory = &self.state.territory;
        let again = |k: &Kill| k.is_at(r.limit) && territory.is_of_now(k);
        let ceiling = self.priors.cap.as_ref().map(|cap| {
            // A cap of the whole process, or of the part that grows on top of what the program had after its start.
            let total = cap.written.contains("GOMEMLIMIT");
            let bytes = if total {
                cap.bytes * 1.01
            } else {
                f64::from(r.floor) + 1.02 * cap.bytes
            };
            bytes / r.limit
        });
        let hole = r.outage > r.born && (on >= ALREADY || now - r.outage < UNSURE * f.span);
        let evidence = Evidence {
            level,
            eta: (passage.quantile(0.5) / pace).min(1e7),
            reach: passage.within(1.5 * tuning.horizon * pace),
            span: f.span / pace,
            sigmas: growth.slope() / growth.slope_sd().max(1e-18),
            bend: growth.bend(),
            margin: survived.map(|s| level / (s / r.limit).max(0.05) - 1.0),
            vouched: others.is_some_and(|o| own.is_none_or(|own| o >= own)),
            known: (self.state.territory.known() - f.span).max(0.0) / pace,
            onset: onset / pace,
            kills: f64::from(self.state.territory.kills(now, pace).count() as u32),
            akin: territory.kills(now, pace).any(|k| akin(&k)),
            again: territory.kills(now, pace).filter(akin).any(again),
            falls: falls as f64,
            deepest,
            rise: f.slope * f.span / level.max(0.01),
            ceiling: ceiling.filter(|c| *c < 0.985),
            job: self.priors.owner == OwnerKind::Job,
            keeping: keeping(&all, &f),
            lifelong: r.lifelong(level, now, pace) / pace,
            tails: passage.tails(pace),
            tau: f.tau,
            strides: f.strides,
            noise: f.noise / (f.slope * f.span).max(1e-6),
            chance: (f.wander * f.span).sqrt() / (f.slope * f.span).max(1e-6),
            recent: f.recent / f.slope.max(1e-18),
            shorter: shorter(&all, &f),
            hidden: if hole {
                f64::from(r.silent) / pace
            } else {
                0.0
            },
        };
        Some(Look {
            growth,
            passage,
            evidence,
            survived,
            seen,
            unsteady: unsteady(&all, &f),
            former: former(
                territory
                    .kills(now, pace)
                    .filter(akin)
                    .filter(|k| k.is_at(r.limit)),
                now - r.born,
            ),
        })
    }

    pub(super) fn any_look(&self, r: &Replica, now: f64, tuning: &Tuning) -> Option<Look> {
        self.look(r, now, tuning, false)
            .or_else(|| self.look(r, now, tuning, true))
    }
}

/// What is left, at this age, of the life that killed runs had, with its standard deviation.
fn former<'a>(killed: impl Iterator<Item = &'a Kill>, age: f64) -> Option<(f64, f64)> {
    let ages: Vec<f64> = killed.map(|k| f64::from(k.age)).collect();
    let n = ages.len() as f64;
    if n < 1.0 {
        return None;
    }
    let mean = ages.iter().sum::<f64>() / n;
    let square = ages.iter().map(|a| (a - mean).powi(2)).sum::<f64>();
    // As if two more runs had differed by the usual.
    let var = (square + 2.0 * (LIVES * mean).powi(2)) / (n + 1.0) * (1.0 + 1.0 / n);
    (mean > age).then(|| (mean - age, var.sqrt()))
}

impl Look {
    /// Median time to the limit in seconds at pace 1: by the growth itself, or by the lives of former runs if those were shorter and
    /// this one is their continuation.
    pub fn left(&self, pace: f64) -> f64 {
        let former = self.former.filter(|_| self.evidence.again);
        let former = former.map_or(f64::INFINITY, |(left, _)| left / pace);
        self.evidence.eta.min(former)
    }

    /// The 90 % interval with its median; `None` when the limit may never be reached.
    pub fn interval(&self) -> Option<(f64, f64, f64)> {
        let median = self.passage.quantile(0.5);
        if !median.is_finite() {
            // A start-up can hide when growth will reach the limit; the run before this one has shown it.
            let (left, sd) = self.former.filter(|_| self.evidence.again)?;
            return Some(((left - NORMAL * sd).max(0.0), left, left + NORMAL * sd));
        }
        // What the model cannot know (load that changes, the block that ends) is a tenth of the time; its own spread is a quarter too small.
        let lo = median * (self.passage.quantile(0.05) / median.max(1.0)).powf(WIDER) * 0.9;
        let hi = self.passage.quantile(0.95);
        let hi = if hi.is_finite() {
            hi
        } else {
            50.0 * self.growth.span
        };
        let hi = median * (hi / median.max(1.0)).powf(WIDER) * 1.1;
        // Growth that has changed its pace with the load or from step to step will do so again.
        let more = UNSTEADY * self.unsteady;
        let wider = |end: f64| (end.max(1.0) / median.max(1.0)).ln().hypot(more).exp();
        let (lo, hi) = (median / wider(lo), median * wider(hi.max(median)));
        Some(self.with_former(lo, median, hi))
    }

    /// Draws the interval to what former runs say, each by its precision, on a logarithmic scale.
    fn with_former(&self, lo: f64, median: f64, hi: f64) -> (f64, f64, f64) {
        let Some((left, sd)) = self.former.filter(|_| median > 1.0) else {
            return (lo, median, hi);
        };
        let (low, high) = ((lo.max(1.0) / median).ln(), (hi / median).ln());
        let mine = ((high - low) / (2.0 * NORMAL)).powi(2).max(1e-4);
        let theirs = (sd / left).powi(2);
        let share = mine / (mine + theirs);
        let median = median * (left / median).powf(share);
        let narrower = (1.0 - share).sqrt();
        (
            median * (low * narrower).exp(),
            median,
            median * (high * narrower).exp(),
        )
    }
}
