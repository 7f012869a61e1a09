//! Growth that slows down (λ < 0), y = a + b·(e^{λh} − 1)/λ, or speeds up (λ > 0), y = a + b·((1 + λh/p)^p − 1)/λ, over a grid of λ,
//! each weighted by how well it explains the window.
//!
//! This is Bayes' rule on a grid: prior times exp(−SSE/2σ²), with the squared residuals divided by the serial correlation factor. A
//! grid has no trouble where a linearised error has: a curve that has come to rest is told from one that is noisy.
use super::fit::{Fit, parabola};
use super::pyramid::{KEEP, Point};

/// λ times the length of the window.
pub(super) const BENDS: [f64; 13] = [
    -8.0, -5.5, -3.8, -2.6, -1.8, -1.2, -0.7, -0.3, 0.0, 0.3, 0.7, 1.2, 1.9,
];
/// Growth that speeds up does so as a power of time, (1 + λh/p)^p, here with a constant acceleration: that it doubles again and again is
/// hardly ever true of memory.
pub(super) const POWER: f64 = 2.0;
/// Spread of the prior (Laplace) of λ times window.
const PRIOR: f64 = 0.7;
/// A window with a larger share of missing points has a hole.
const HOLES: f64 = 0.03;
/// Growth slows down more often than it speeds up.
const LEAN: f64 = -0.1;

/// One explanation of the window. Levels are shares of the limit, times are seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Part {
    /// Its probability.
    pub weight: f64,
    /// Level now.
    pub level: f64,
    /// Slope now and its standard error.
    pub slope: f64,
    /// See `slope`.
    pub se: f64,
    /// λ, per second.
    pub bend: f64,
}

/// All explanations of the points that a fit was made from.
pub(super) fn explain(points: &[Point], fit: &Fit, limit: f64, now: f64) -> [Part; BENDS.len()] {
    let n = points.len().min(KEEP + 1);
    let first = points[0].t;
    let span = (points[n - 1].t - first).max(1e-9);
    let (mut u, mut y, mut w) = ([0.0; KEEP + 1], [0.0; KEEP + 1], [1.0; KEEP + 1]);
    for i in 0..n {
        u[i] = (points[i].t - points[n - 1].t) / span;
        y[i] = points[i].mean / limit;
    }
    // Outliers from a parabola count less, as in the fit.
    if let Some((a, b, c)) = parabola(&u[..n], &y[..n], &w[..n]) {
        for i in 0..n {
            let r = (y[i] - a - b * u[i] - c * u[i] * u[i]).abs() / (2.5 * fit.noise);
            w[i] = if r > 1.0 { 1.0 / r } else { 1.0 };
        }
    }
    let ahead = ((now - points[n - 1].t) / span).max(0.0);
    let mut parts = [Part::default(); BENDS.len()];
    let mut rests = [0.0; BENDS.len()];
    for (k, l) in BENDS.iter().enumerate() {
        let shape = |x: f64| {
            if l.abs() < 1e-9 {
                x
            } else if *l > 0.0 {
                ((1.0 + l * x / POWER).max(0.0).powf(POWER) - 1.0) / l
            } else {
                (l * x).exp_m1() / l
            }
        };
        let (mut s, mut sg, mut sy, mut sgg, mut sgy) = (0.0, 0.0, 0.0, 0.0, 0.0);
        let mut g = [0.0; KEEP + 1];
        for i in 0..n {
            g[i] = shape(u[i]);
            s += w[i];
            sg += w[i] * g[i];
            sy += w[i] * y[i];
            sgg += w[i] * g[i] * g[i];
            sgy += w[i] * g[i] * y[i];
        }
        let var = (sgg - sg * sg / s).max(1e-12);
        let b = (sgy - sg * sy / s) / var;
        let a = (sy - b * sg) / s;
        rests[k] = (0..n).map(|i| w[i] * (y[i] - a - b * g[i]).powi(2)).sum();
        let growth = if *l > 0.0 {
            (1.0 + l * ahead / POWER).powf(POWER - 1.0)
        } else {
            (l * ahead).exp()
        };
        parts[k] = Part {
            weight: 0.0,
            level: a + b * shape(ahead),
            slope: b * growth / span,
            se: (fit.factor / var).sqrt() * growth / span,
            bend: l / span,
        };
    }
    let best = rests
        .iter()
        .zip(BENDS)
        .filter(|(_, l)| fit.holes <= HOLES || *l <= 0.0)
        .map(|(r, _)| *r)
        .fold(f64::INFINITY, f64::min);
    let var = (best / (n as f64 - 3.0).max(1.0)).max(fit.noise * fit.noise * 0.25);
    let mut total = 0.0;
    for (k, part) in parts.iter_mut().enumerate() {
        // A pause that nobody saw looks like growth that speeds up: it is not believed across a hole.
        if fit.holes > HOLES && BENDS[k] > 0.0 {
            continue;
        }
        let prior = -(BENDS[k] - LEAN).abs() / PRIOR + width(k).ln();
        part.weight = (prior - (rests[k] - best) / (2.0 * var * fit.factor)).exp();
        part.se *= var.sqrt();
        total += part.weight;
    }
    for part in &mut parts {
        part.weight /= total.max(1e-300);
    }
    parts
}

/// The share of the axis that a point of the grid stands for.
fn width(k: usize) -> f64 {
    let low = BENDS[k.saturating_sub(1)];
    let high = BENDS[(k + 1).min(BENDS.len() - 1)];
    (high - low) / 2.0
}
