//! The life of a container: runs, restarts, kills, and what a scraper sees of them.
use super::super::{
    case::{Case, End, Row},
    class::{Class, Kind},
    rng::Rng,
};
use super::part::{Part, Running};
use crate::domain::forecast::{Exit, Past, Priors};

/// One release of a program.
#[derive(Clone, Debug)]
pub struct Program {
    /// Its memory is the sum of these.
    pub parts: Vec<Part>,
    /// The program itself stays below this share of the limit (a heap cap, a bounded cache); infinite if nothing bounds it.
    pub ceiling: f64,
    /// How its runs end by themselves.
    pub ending: Ending,
}

/// How runs end that are not killed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Ending {
    /// They do not.
    Never,
    /// Somebody rolls out again, so often on average.
    Redeployed(f64),
    /// The work is done after this time, and begins again after the other, from end to start.
    Done {
        /// How long a run takes.
        lasts: f64,
        /// How long until the next one; infinite for one run.
        pause: f64,
    },
}

/// How a series wanders around its program.
#[derive(Clone, Copy, Debug)]
pub struct Noise {
    /// Standard deviation of the slow wandering, as a share of the limit, and its correlation time in seconds.
    pub slow: (f64, f64),
    /// Standard deviation of what changes between two readings.
    pub fast: f64,
    /// Size and mean time between two outliers: heavy tails.
    pub outlier: (f64, f64),
}

/// Everything that was drawn for a series.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The limit in bytes.
    pub limit: f64,
    /// Seconds between two readings, and how far each may be off.
    pub spacing: (f64, f64),
    /// Probability that a reading is missing.
    pub missed: f64,
    /// Outages of the scraper: start and length.
    pub gaps: Vec<(f64, f64)>,
    /// Length in seconds.
    pub length: f64,
    /// Seconds before the recording.
    pub history: f64,
    /// What ran before.
    pub before: Program,
    /// What runs after the rollout.
    pub after: Program,
    /// When it was rolled out; `None` when the same run goes on.
    pub rollout: Option<f64>,
    /// The recording ends soon after so many kills.
    pub kills: u32,
    /// Noise.
    pub noise: Noise,
    /// The share of the rest that the page cache takes in the end, and the time constant.
    pub cache: (f64, f64),
    /// Mean CPU in cores, if it is known.
    pub cpu: Option<f64>,
    /// What a cluster knows.
    pub priors: Priors,
}

const STEP: f64 = 5.0;
const PAST_STEP: f64 = 20.0;
/// The length of a step of the back-fill.
pub const PAST_SPAN: f64 = 300.0;
/// Programs that are bounded stay below this.
const BOUND: f64 = 0.985;

struct Run {
    parts: Vec<Running>,
    ceiling: f64,
    began: f64,
    ends: (f64, Exit),
}

/// Lives it.
pub fn live(class: Class, name: String, plan: &Plan, rng: &mut Rng) -> Case {
    let mut case = Case {
        name,
        kind: class.kind(),
        class: Some(class),
        priors: plan.priors.clone(),
        past: Vec::new(),
        rows: Vec::new(),
        ends: Vec::new(),
        length: plan.length,
    };
    let noise = plan.noise;
    let (mut now, mut number, mut killed) = (-plan.history, 0u32, 0u32);
    let (mut wander, mut outlier, mut cached) = (0.0, (0.0, f64::NEG_INFINITY), 0.0);
    let mut released = false;
    // Without a history nothing ran before.
    let mut run = (plan.history > 0.0).then(|| start(&plan.before, now, rng));
    let (mut resume, mut back_off) = (f64::INFINITY, 10.0);
    let mut next_read = rng.unit() * plan.spacing.0;
    let mut bucket = Bucket::default();
    let mut stop = plan.length;
    while now < stop {
        let dt = if now < 0.0 { PAST_STEP } else { STEP };
        if !released && plan.rollout.is_some_and(|at| now >= at) {
            released = true;
            if run.take().is_some() {
                ended(&mut case, &mut number, now, Exit::Unknown);
            }
            run = Some(start(&plan.after, now, rng));
            resume = f64::INFINITY;
        }
        if run.is_none() && now >= resume {
            let program = if released { &plan.after } else { &plan.before };
            run = Some(start(program, now, rng));
            resume = f64::INFINITY;
        }
        now += dt;
        let keep = 1.0 - (dt / noise.slow.1).min(1.0);
        wander = keep * wander + noise.slow.0 * (1.0 - keep * keep).sqrt() * rng.normal();
        if rng.chance(dt / noise.outlier.1) {
            let sign = if rng.chance(0.7) { 1.0 } else { -1.0 };
            outlier = (
                sign * noise.outlier.0 * rng.waiting(),
                now + rng.between(2.0, 60.0),
            );
        }
        let Some(current) = &mut run else {
            bucket.flush(&mut case, plan.limit);
            next_read = next_read.max(now);
            continue;
        };
        let age = now - current.began;
        let program: f64 = current
            .parts
            .iter_mut()
            .map(|part| part.step(age, now, dt, rng))
            .sum();
        let mut level = program.min(current.ceiling) + wander + noise.fast * rng.normal();
        if now < outlier.1 {
            level += outlier.0;
        }
        let bounded = class.kind() == Kind::Healthy || !released;
        if bounded {
            level = level.min(BOUND);
        }
        let level = level.max(0.004);
        if level >= 1.0 {
            ended(&mut case, &mut number, now, Exit::OomKilled);
            killed += 1;
            if age > 600.0 {
                back_off = 10.0;
            }
            resume = now + back_off;
            back_off = (2.0 * back_off).min(300.0);
            run = None;
            if killed >= plan.kills {
                stop = stop.min(now + rng.between(120.0, 600.0));
            }
            bucket.flush(&mut case, plan.limit);
            continue;
        }
        cached += (plan.cache.0 - cached) * (dt / plan.cache.1).min(1.0);
        if now <= 0.0 {
            bucket.add(number, now, level, &mut case, plan.limit);
        } else if now >= next_read {
            bucket.flush(&mut case, plan.limit);
            let gap = plan
                .gaps
                .iter()
                .any(|(at, long)| (*at..at + long).contains(&now));
            if !gap && !rng.chance(plan.missed) {
                let page = |bytes: f64| (bytes / 4096.0).round() * 4096.0;
                let used = page(level * plan.limit);
                let file = page((1.0 - level) * cached * rng.between(0.995, 1.0) * plan.limit);
                let burst = rng.between(0.7, 1.3);
                case.rows.push(Row {
                    t: (next_read * 1000.0).round() / 1000.0,
                    run: number,
                    used,
                    working_set: used + file,
                    limit: plan.limit,
                    cpu: plan.cpu.map(|mean| (mean * burst * 1e4).round() / 1e4),
                });
            }
            next_read += plan.spacing.0 * (1.0 + rng.between(-plan.spacing.1, plan.spacing.1));
            while next_read <= now {
                next_read += plan.spacing.0;
            }
        }
        if now >= current.ends.0 {
            let exit = current.ends.1;
            ended(&mut case, &mut number, now, exit);
            run = None;
            let program = if released { &plan.after } else { &plan.before };
            resume = match program.ending {
                Ending::Done { pause, .. } => now + pause * rng.between(0.98, 1.02),
                _ => now + rng.between(2.0, 30.0),
            };
            bucket.flush(&mut case, plan.limit);
        }
    }
    case.length = case.rows.last().map_or(0.0, |row| row.t);
    case
}

fn start(program: &Program, now: f64, rng: &mut Rng) -> Run {
    // A bounded program must stay below its bound however it varies.
    let by = rng.between(0.94, (0.97 / program.ceiling.min(0.93)).clamp(1.0, 1.06));
    Run {
        parts: program
            .parts
            .iter()
            .map(|part| Running::new(part.varied(by, 0.06, rng), rng))
            .collect(),
        ceiling: program.ceiling * by,
        began: now,
        ends: match program.ending {
            Ending::Never => (f64::INFINITY, Exit::Unknown),
            Ending::Redeployed(every) => (now + every * rng.between(0.5, 1.5), Exit::Unknown),
            Ending::Done { lasts, .. } => (now + lasts * rng.between(0.94, 1.06), Exit::Completed),
        },
    }
}

fn ended(case: &mut Case, number: &mut u32, t: f64, exit: Exit) {
    case.ends.push(End {
        t,
        run: *number,
        exit,
    });
    *number += 1;
}

/// Five minutes of history.
#[derive(Default)]
struct Bucket {
    run: u32,
    slot: f64,
    n: f64,
    sum: f64,
    max: f64,
}

impl Bucket {
    fn add(&mut self, run: u32, now: f64, level: f64, case: &mut Case, limit: f64) {
        let slot = (now / PAST_SPAN).ceil();
        if self.n > 0.0 && (slot != self.slot || run != self.run) {
            self.flush(case, limit);
        }
        (self.run, self.slot) = (run, slot);
        self.n += 1.0;
        self.sum += level;
        self.max = self.max.max(level);
    }

    fn flush(&mut self, case: &mut Case, limit: f64) {
        if self.n > 0.0 {
            let page = |level: f64| (level * limit / 4096.0).round() * 4096.0;
            case.past.push((
                self.run,
                Past {
                    t: self.slot * PAST_SPAN,
                    span: PAST_SPAN,
                    mean: page(self.sum / self.n),
                    max: page(self.max),
                    limit,
                },
            ));
        }
        *self = Self::default();
    }
}
