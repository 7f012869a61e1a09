//! When will a growing level reach the limit? The distribution of the first passage.
//!
//! From level x with slope s, a distance d is covered in T = d/s (λ → 0); where growth slows down as e^{λh}, λ < 0, in (1/λ)·ln(1 + λd/s),
//! and never when d ≥ s/|λ|; where it speeds up as (1 + λh/p)^(p−1), λ > 0, in (p/λ)·((1 + λd/s)^(1/p) − 1).
//! Slope, curvature and the height of the crests are uncertain: the distribution of T is a quadrature over the explanations of the
//! window, 5 slopes and 3 crests. The random part of the growth itself adds the variance of an inverse Gaussian passage, (σ²/s²)·T per
//! unit of s, to that of the slope.
use super::curve::{BENDS, POWER, Part};

const SLOPES: [(f64, f64); 5] = [
    (-1.7, 0.1),
    (-0.8, 0.23),
    (0.0, 0.34),
    (0.8, 0.23),
    (1.7, 0.1),
];
const CRESTS: [f64; 3] = [0.4, 0.4, 0.2];
const NODES: usize = BENDS.len() * SLOPES.len() * CRESTS.len();
/// Further than this no one looks, in windows.
const FAR: f64 = 50.0;

/// The growth that is extrapolated. Levels are shares of the limit, times are seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Growth {
    /// The explanations of the window.
    pub parts: [Part; BENDS.len()],
    /// Variance of the growth per second.
    pub wander: f64,
    /// How far the crests stand above the level: median, upper quarter, highest.
    pub crest: [f64; 3],
    /// Length of the window.
    pub span: f64,
}

/// Quantiles of the time to the limit.
#[derive(Clone, Debug)]
pub(super) struct Passage {
    /// (seconds, weight), sorted; infinity when it is never reached.
    times: Vec<(f64, f64)>,
}

impl Growth {
    fn mean(&self, of: impl Fn(&Part) -> f64) -> f64 {
        self.parts.iter().map(|p| p.weight * of(p)).sum()
    }

    /// Mean level now, without crests.
    pub fn level(&self) -> f64 {
        self.mean(|p| p.level)
    }

    /// Mean slope now.
    pub fn slope(&self) -> f64 {
        self.mean(|p| p.slope)
    }

    /// Standard deviation of the slope now, the random part of the growth included.
    pub fn slope_sd(&self) -> f64 {
        let m = self.slope();
        (self.mean(|p| (p.slope - m).powi(2) + p.se * p.se) + self.wander / self.span).sqrt()
    }

    /// Mean λ times window.
    pub fn bend(&self) -> f64 {
        self.mean(|p| p.bend) * self.span
    }

    /// Time to cover a distance.
    fn time(d: f64, s: f64, l: f64) -> f64 {
        if d <= 0.0 {
            return 0.0;
        }
        if s <= 0.0 {
            return f64::INFINITY;
        }
        let a = l * d / s;
        if a <= -1.0 {
            f64::INFINITY
        } else if a.abs() < 1e-6 {
            d / s
        } else if l > 0.0 {
            POWER * ((1.0 + a).powf(1.0 / POWER) - 1.0) / l
        } else {
            a.ln_1p() / l
        }
    }

    /// The distribution of the time to reach `target` (share of the limit, 1 for the limit).
    pub fn passage(&self, target: f64) -> Passage {
        let mut times = Vec::with_capacity(NODES);
        for part in self.parts.iter().filter(|p| p.weight > 1e-3) {
            let plain = (target - part.level - self.crest[0]) / part.slope.max(1e-18);
            let plain = plain.clamp(self.span / 24.0, FAR * self.span);
            let sd = (part.se * part.se + self.wander / self.span + self.wander / plain).sqrt();
            // Slopes are positive: a log-normal spread keeps them so, and is the same as a normal one where the error is small.
            let spread = (1.0 + (sd / part.slope.max(1e-18)).powi(2)).ln().sqrt();
            for (z, wz) in SLOPES {
                let s = part.slope * (spread * z).exp();
                for (c, wc) in self.crest.iter().zip(CRESTS) {
                    let t = Self::time(target - part.level - c, s, part.bend);
                    times.push((
                        if t > FAR * self.span {
                            f64::INFINITY
                        } else {
                            t
                        },
                        part.weight * wz * wc,
                    ));
                }
            }
        }
        times.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        Passage { times }
    }

    /// Quantiles of the level `h` seconds ahead: 10 %, 50 %, 90 %, shares of the limit.
    pub fn level_after(&self, h: f64) -> [f64; 3] {
        let mut levels = Vec::with_capacity(NODES);
        for part in self.parts.iter().filter(|p| p.weight > 1e-3) {
            let sd =
                (part.se * part.se + self.wander / self.span + self.wander / h.max(1.0)).sqrt();
            let x = part.bend * h;
            let run = if x.abs() < 1e-6 {
                h
            } else if x > 0.0 {
                ((1.0 + x / POWER).powf(POWER) - 1.0) / part.bend
            } else {
                x.exp_m1() / part.bend
            };
            for (z, wz) in SLOPES {
                for (c, wc) in self.crest.iter().zip(CRESTS) {
                    levels.push((
                        part.level + c + (part.slope + z * sd).max(0.0) * run,
                        part.weight * wz * wc,
                    ));
                }
            }
        }
        levels.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        [0.1, 0.5, 0.9].map(|q| quantile(&levels, q))
    }
}

fn quantile(sorted: &[(f64, f64)], q: f64) -> f64 {
    let total: f64 = sorted.iter().map(|(_, w)| w).sum();
    let mut sum = 0.0;
    for (value, weight) in sorted {
        sum += weight;
        if sum >= q * total {
            return *value;
        }
    }
    f64::INFINITY
}

impl Passage {
    /// Probability that it takes no longer than this.
    pub fn within(&self, seconds: f64) -> f64 {
        let total: f64 = self.times.iter().map(|(_, w)| w).sum();
        let near: f64 = self
            .times
            .iter()
            .take_while(|(t, _)| *t <= seconds)
            .map(|(_, w)| w)
            .sum();
        (near / total.max(1e-300)).clamp(0.0, 1.0)
    }

    /// A quantile in seconds; infinite when it may never be reached.
    pub fn quantile(&self, q: f64) -> f64 {
        quantile(&self.times, q)
    }

    /// Logarithms of the 5 % and the 95 % quantile relative to the median; as far as a second and four months, at pace 1.
    pub fn tails(&self, pace: f64) -> (f64, f64) {
        let at = |q: f64| self.quantile(q).clamp(pace, 1e7 * pace);
        let median = at(0.5);
        ((at(0.05) / median).ln(), (at(0.95) / median).ln())
    }
}
