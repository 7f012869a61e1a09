//! The parts that a program's memory is made of. Levels are shares of the limit, times are seconds; ages count from the start of
//! the run, other times from the start of the recording. A program's memory is the sum of its parts.
use super::super::rng::{Rng, exp, ln, sin_turns};

/// One part of a program's memory.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Part {
    /// Always there.
    Base {
        /// Level.
        level: f64,
    },
    /// Approaches its size exponentially: warm-up, cache.
    Fill {
        /// Size.
        size: f64,
        /// Time constant.
        tau: f64,
    },
    /// Grows linearly.
    Ramp {
        /// Age at which it begins.
        after: f64,
        /// Per second.
        rate: f64,
        /// Where it stops.
        most: f64,
    },
    /// Grows with a power of the time.
    Power {
        /// Age at which it begins.
        after: f64,
        /// Time in which it grows by `rise`.
        span: f64,
        /// See `span`.
        rise: f64,
        /// The power.
        power: f64,
    },
    /// Grows in jumps at random times.
    Steps {
        /// Age at which they begin.
        after: f64,
        /// Mean time between two.
        every: f64,
        /// Mean size.
        size: f64,
    },
    /// A garbage collector: fills, and falls.
    Saw {
        /// Height.
        size: f64,
        /// Time to fill.
        period: f64,
        /// The share that survives a collection, on average.
        keep: f64,
    },
    /// A cycle that follows the clock.
    Cycle {
        /// From its lowest to its highest.
        size: f64,
        /// Length.
        period: f64,
        /// Offset in turns.
        phase: f64,
    },
    /// A leak per request, with requests that follow the clock.
    Traffic {
        /// Age at which it begins.
        after: f64,
        /// Mean per second.
        rate: f64,
        /// How far the traffic swings around its mean, from 0 to 1.
        swing: f64,
        /// Length of the cycle.
        period: f64,
        /// Offset in turns.
        phase: f64,
    },
    /// Grows with the logarithm of the age.
    Log {
        /// Growth per e-fold.
        size: f64,
        /// Age of the first e-fold.
        scale: f64,
    },
    /// A task that runs again and again inside the process.
    Task {
        /// Time from start to start.
        every: f64,
        /// How long it runs.
        lasts: f64,
        /// How high it goes.
        size: f64,
        /// Offset in turns.
        phase: f64,
    },
    /// Short peaks at random times.
    Peaks {
        /// Mean time between two.
        every: f64,
        /// Mean length.
        lasts: f64,
        /// The highest.
        size: f64,
    },
    /// Once: rises linearly, stays, falls linearly to a share of it.
    Once {
        /// When.
        at: f64,
        /// Time to rise.
        rise: f64,
        /// Time at the top; infinite if it stays.
        hold: f64,
        /// Time to fall.
        fall: f64,
        /// Height.
        size: f64,
    },
}

/// A part of a running program.
#[derive(Clone, Debug)]
pub struct Running {
    part: Part,
    /// Level, or sum of what happened.
    level: f64,
    /// When something happens next, and what then holds.
    next: f64,
    height: f64,
    until: f64,
}

impl Running {
    /// The part at the start of a run.
    pub fn new(part: Part, rng: &mut Rng) -> Self {
        let (next, height) = match part {
            Part::Steps { after, every, .. } => (after + every * rng.waiting(), 0.0),
            Part::Saw { size, .. } => (0.0, size * rng.between(0.85, 1.0)),
            Part::Peaks { every, .. } => (every * rng.waiting(), 0.0),
            Part::Task { .. } => (0.0, rng.between(0.93, 1.0)),
            _ => (0.0, 0.0),
        };
        Self {
            part,
            level: 0.0,
            next,
            height,
            until: 0.0,
        }
    }

    /// The level after another `dt` seconds.
    pub fn step(&mut self, age: f64, now: f64, dt: f64, rng: &mut Rng) -> f64 {
        match self.part {
            Part::Base { level } => level,
            Part::Fill { size, tau } => {
                self.level += (size - self.level) * (dt / tau).min(1.0);
                self.level
            }
            Part::Ramp { after, rate, most } => ((age - after).max(0.0) * rate).min(most),
            Part::Power {
                after,
                span,
                rise,
                power,
            } => {
                let u = (age - after) / span;
                if u < 1e-6 {
                    0.0
                } else {
                    rise * exp(power * ln(u))
                }
            }
            Part::Steps { every, size, .. } => {
                while age >= self.next {
                    self.level += size * rng.between(0.5, 1.5);
                    self.next += every * (0.3 + 0.7 * rng.waiting());
                }
                self.level
            }
            Part::Saw { size, period, keep } => {
                self.level += size / period * dt * rng.between(0.7, 1.3);
                if self.level >= self.height {
                    self.level = size * (keep * rng.between(0.6, 1.4)).min(0.9);
                    self.height = size * rng.between(0.85, 1.0);
                }
                self.level
            }
            Part::Cycle {
                size,
                period,
                phase,
            } => size * (0.5 + 0.5 * sin_turns(now / period + phase)),
            Part::Traffic {
                after,
                rate,
                swing,
                period,
                phase,
            } => {
                if age >= after {
                    self.level += rate * dt * (1.0 + swing * sin_turns(now / period + phase));
                }
                self.level
            }
            Part::Log { size, scale } => size * ln(1.0 + age / scale),
            Part::Task {
                every,
                lasts,
                size,
                phase,
            } => {
                let turns = now / every + phase;
                let turn = turns.floor();
                if turn != self.next {
                    self.next = turn;
                    self.height = rng.between(0.93, 1.0);
                }
                let into = (turns - turn) * every;
                // Most of the time it rises, then it is done.
                if into > lasts {
                    0.0
                } else {
                    size * self.height * (into / (0.7 * lasts)).min(1.0)
                }
            }
            Part::Peaks { every, lasts, size } => {
                if age >= self.next {
                    self.height = size * (0.3 + 0.7 * rng.unit());
                    self.until = age + lasts * (0.2 + 0.8 * rng.waiting());
                    self.next = self.until + every * rng.waiting();
                }
                if age < self.until { self.height } else { 0.0 }
            }
            Part::Once {
                at,
                rise,
                hold,
                fall,
                size,
            } => {
                let t = now - at;
                if t < 0.0 {
                    0.0
                } else if t < rise {
                    size * t / rise
                } else if t < rise + hold {
                    size
                } else {
                    size * (1.0 - (t - rise - hold) / fall).max(0.0)
                }
            }
        }
    }
}

impl Part {
    /// The same part of another run of the same program: sizes times `size`, times of the program itself (not of the clock) up to
    /// `spread` longer or shorter.
    pub fn varied(self, by: f64, spread: f64, rng: &mut Rng) -> Self {
        let mut time = |t: f64| t * rng.between(1.0 - spread, 1.0 + spread);
        match self {
            Part::Base { level } => Part::Base { level: level * by },
            Part::Fill { size, tau } => Part::Fill {
                size: size * by,
                tau: time(tau),
            },
            Part::Ramp { after, rate, most } => Part::Ramp {
                after: time(after),
                rate: time(rate),
                most: most * by,
            },
            Part::Power {
                after,
                span,
                rise,
                power,
            } => Part::Power {
                after: time(after),
                span: time(span),
                rise,
                power,
            },
            Part::Steps { after, every, size } => Part::Steps {
                after: time(after),
                every: time(every),
                size,
            },
            Part::Saw { size, period, keep } => Part::Saw {
                size: size * by,
                period: time(period),
                keep,
            },
            Part::Cycle {
                size,
                period,
                phase,
            } => Part::Cycle {
                size: size * by,
                period,
                phase,
            },
            Part::Traffic {
                after,
                rate,
                swing,
                period,
                phase,
            } => Part::Traffic {
                after: time(after),
                rate: time(rate),
                swing,
                period,
                phase,
            },
            Part::Log { size, scale } => Part::Log {
                size: size * by,
                scale: time(scale),
            },
            Part::Task {
                every,
                lasts,
                size,
                phase,
            } => Part::Task {
                every,
                lasts: time(lasts).min(0.9 * every),
                size: size * by,
                phase,
            },
            Part::Peaks { every, lasts, size } => Part::Peaks {
                every,
                lasts: time(lasts),
                size: size * by,
            },
            Part::Once { .. } => self,
        }
    }
}
