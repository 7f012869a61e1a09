//! Healthy workloads: what a series looks like when nothing is wrong, in shares of its limit, one value a minute.
use crate::bench::forecast::rng::{Rng, exp, ln, sin_turns};

/// Minutes of a day.
pub const DAY: usize = 1440;

/// What makes the level of a workload move.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Shape {
    /// People use it by day.
    Daily,
    /// The same, and another level at the weekend.
    Weekly,
    /// Short bursts at any time, on a low level.
    Bursty,
    /// A job of some minutes at the same minute of every hour.
    Cron,
}

impl Shape {
    /// All of them.
    pub const ALL: [Shape; 4] = [Shape::Daily, Shape::Weekly, Shape::Bursty, Shape::Cron];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Shape::Daily => "daily",
            Shape::Weekly => "weekly",
            Shape::Bursty => "bursty",
            Shape::Cron => "hourly cron",
        }
    }
}

/// A healthy series of so many days; a value that was not read is `None`. Minute 0 is 00:00 of `weekday` (0 is Monday).
pub fn healthy(shape: Shape, days: usize, weekday: usize, rng: &mut Rng) -> Vec<Option<f64>> {
    let minutes = days * DAY;
    let mut level = tide(shape, days, weekday, rng);
    match shape {
        Shape::Bursty => bursts(&mut level, rng),
        Shape::Cron => runs(&mut level, rng),
        Shape::Daily | Shape::Weekly => {}
    }
    rollouts(&mut level, days, rng);
    noise(&mut level, rng);
    let mut series: Vec<_> = level
        .into_iter()
        .map(|level| Some(level.clamp(0.0, 1.0)))
        .collect();
    for value in &mut series {
        if rng.chance(0.005) {
            *value = None;
        }
    }
    // Scrapes fail for a while about every third day.
    for _ in 0..days.div_ceil(3) {
        let start = below(rng, minutes);
        let length = rng.scale(5.0, 60.0) as usize;
        for value in series.iter_mut().skip(start).take(length) {
            *value = None;
        }
    }
    series
}

/// The slow part: the time of day, the day of the week, and that no day is like another.
fn tide(shape: Shape, days: usize, weekday: usize, rng: &mut Rng) -> Vec<f64> {
    let (base, swing) = match shape {
        Shape::Daily | Shape::Weekly => (rng.between(0.06, 0.25), rng.between(0.12, 0.45)),
        Shape::Bursty | Shape::Cron => (rng.between(0.05, 0.25), rng.between(0.0, 0.12)),
    };
    let weekend = match shape {
        Shape::Weekly if rng.chance(0.25) => rng.between(1.2, 1.6),
        Shape::Weekly => rng.between(0.2, 0.7),
        _ => 1.0,
    };
    let (peak, sharpness) = (rng.between(0.0, 24.0), rng.between(1.0, 3.0));
    let differs = rng.between(0.03, 0.12);
    let mut level = Vec::with_capacity(days * DAY);
    for day in 0..days {
        let today = exp(differs * normal(rng))
            * if (weekday + day) % 7 >= 5 {
                weekend
            } else {
                1.0
            };
        // People are early on one day and late on another.
        let shift = normal(rng) * 0.25;
        for minute in 0..DAY {
            let hour = minute as f64 / 60.0;
            let wave = 0.5 + 0.5 * sin_turns((hour - peak - shift) / 24.0 + 0.25);
            let height = exp(sharpness * ln(wave.max(1e-9)));
            level.push((base + swing * height) * today);
        }
    }
    // A day does not begin with a jump.
    for day in 1..days {
        let (before, after) = (level[day * DAY - 61], level[day * DAY + 60]);
        for step in 0..120 {
            let share = step as f64 / 120.0;
            level[day * DAY - 60 + step] = before + (after - before) * share;
        }
    }
    level
}

fn bursts(level: &mut [f64], rng: &mut Rng) {
    let per_day = rng.scale(3.0, 20.0);
    let (height, length) = (rng.between(0.1, 0.5), rng.between(2.0, 6.0));
    let mut at = 0.0;
    loop {
        at += rng.waiting() * DAY as f64 / per_day;
        if at as usize >= level.len() {
            return;
        }
        let height = height * exp(0.5 * normal(rng));
        let length = (length * exp(0.7 * normal(rng))).max(1.0) as usize;
        for value in level.iter_mut().skip(at as usize).take(length) {
            *value += height;
        }
    }
}

fn runs(level: &mut [f64], rng: &mut Rng) {
    let (minute, length, height) = (
        below(rng, 60),
        rng.between(2.0, 12.0),
        rng.between(0.15, 0.6),
    );
    for hour in 0..level.len() / 60 {
        if rng.chance(0.02) {
            continue;
        }
        let start = hour * 60 + minute + below(rng, 2);
        let length = (length * rng.between(0.75, 1.3)).max(1.0) as usize;
        let height = height * exp(0.1 * normal(rng));
        for value in level.iter_mut().skip(start).take(length) {
            *value += height;
        }
    }
}

/// A rollout about every third day: for some minutes programs start and warm up.
fn rollouts(level: &mut [f64], days: usize, rng: &mut Rng) {
    for _ in 0..days.div_ceil(3) {
        let start = below(rng, level.len());
        let length = rng.between(2.0, 6.0) as usize;
        let factor = rng.between(1.5, 2.5);
        for value in level.iter_mut().skip(start).take(length) {
            *value = *value * factor + 0.05;
        }
    }
}

/// Relative noise: slow (autoregressive), fast, and now and then far out.
fn noise(level: &mut [f64], rng: &mut Rng) {
    let (slow, fast, memory) = (
        rng.between(0.02, 0.08),
        rng.between(0.01, 0.06),
        rng.between(0.7, 0.97),
    );
    let kick = slow * (1.0 - memory * memory).sqrt();
    let mut drift = 0.0;
    for value in level {
        drift = memory * drift + kick * normal(rng);
        let far = if rng.chance(0.01) { 4.0 } else { 1.0 };
        *value *= exp(drift + far * fast * normal(rng));
    }
}

/// A whole number below `count`.
pub fn below(rng: &mut Rng, count: usize) -> usize {
    (rng.unit() * count as f64) as usize
}

/// Normally distributed with mean 0 and variance 1, with all of its tails (Box and Muller, 1958): bursts live in them.
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * ln(1.0 - rng.unit())).sqrt();
    radius * sin_turns(rng.unit())
}
