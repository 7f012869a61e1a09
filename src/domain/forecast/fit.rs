//! A robust line and parabola through the points of one window.
//!
//! Line: Tukey's resistant line (medians of the outer thirds) as a start, then two rounds of re-weighted least squares with Huber's
//! weights. Parabola: weighted least squares with the same weights. The standard error is corrected for serial correlation as for an
//! AR(1) process, n_eff = n(1−ρ)/(1+ρ). Growth that comes in steps is told from steady growth by the long-run variance of the
//! increments (Bartlett kernel), which is that of a compound Poisson process for steps and zero for a ramp with measurement noise.
use super::pyramid::{KEEP, Point, Window};

/// Fewest points of a window that is judged.
pub(super) const MIN_POINTS: usize = 8;
/// Huber's constant: 95 % efficiency for normal residuals.
const HUBER: f64 = 1.345;
/// Two lines must leave less than this share of the squared residuals of a parabola. A random walk of 24 steps gets to 0.4 by chance.
const KNEE: f64 = 0.3;
/// Noise is never taken for smaller than this share of the limit: pages and counters are not finer.
const FLOOR: f64 = 3e-4;

/// What one window shows. Levels are shares of the limit, times are seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Fit {
    /// Length of the window.
    pub span: f64,
    /// When it begins.
    pub start: f64,
    /// Points in it.
    pub n: usize,
    /// Slope of the line, per second.
    pub slope: f64,
    /// Its standard error.
    pub se: f64,
    /// The line's value at the end of the window.
    pub end: f64,
    /// Value of the parabola at the end.
    pub curved_end: f64,
    /// Variance of the growth itself per second (random walk), as opposed to noise around it.
    pub wander: f64,
    /// Standard deviation of the noise around the curve.
    pub noise: f64,
    /// How much the maxima stand above the line: median, upper quarter, highest.
    pub crest: [f64; 3],
    /// Kendall's τ of level and time.
    pub tau: f64,
    /// Effective number of positive increments, (Σδ)²/Σδ²: one or two for a step, many for a ramp.
    pub strides: f64,
    /// Logarithm of (slope of the last third / slope of the first third), and its standard error.
    pub bend: f64,
    /// See `bend`.
    pub bend_se: f64,
    /// Slope of the newest quarter, and its standard error.
    pub recent: f64,
    /// See `recent`.
    pub recent_se: f64,
    /// Highest maximum in the window.
    pub top: f64,
    /// (1+ρ)/(1−ρ): by how much the variance of means is larger than without serial correlation.
    pub factor: f64,
    /// Lag-1 correlation of the noise.
    pub rho: f64,
    /// Share of the window without readings.
    pub holes: f64,
    /// First point of the window that was used.
    pub cut: usize,
    /// Level of the pyramid.
    pub k: usize,
}

/// Fits a window; `None` with too few points or too many holes.
pub(super) fn fit(window: &Window, limit: f64, now: f64) -> Option<Fit> {
    let mut points = window.points();
    let n = points.len();
    if n < MIN_POINTS {
        return None;
    }
    let cut = knee(points).unwrap_or(0);
    if n - cut < MIN_POINTS {
        return None;
    }
    points = &points[cut..];
    let n = points.len();
    let first = points[0].t;
    let last = points[n - 1].t;
    let slots = ((last - first) / window.block).round() + 1.0;
    if (n as f64) < 0.6 * slots || now - last > 4.0 * window.block {
        return None;
    }
    let half = (last - first) / 2.0;
    let mid = (last + first) / 2.0;
    let mut u = [0.0; KEEP + 1];
    let mut y = [0.0; KEEP + 1];
    for (i, p) in points.iter().enumerate() {
        u[i] = (p.t - mid) / half;
        y[i] = p.mean / limit;
    }
    let (u, y) = (&u[..n], &y[..n]);
    let mut line = resistant(u, y);
    let mut w = [1.0; KEEP + 1];
    for _ in 0..2 {
        let scale = spread(u, y, |x| line.0 + line.1 * x).max(FLOOR);
        for i in 0..n {
            let r = (y[i] - line.0 - line.1 * u[i]).abs() / scale;
            w[i] = if r <= HUBER { 1.0 } else { HUBER / r };
        }
        line = weighted_line(u, y, &w[..n]);
    }
    let (a, b, c) = parabola(u, y, &w[..n]).unwrap_or((line.0, line.1, 0.0));
    let curve = |x: f64| a + b * x + c * x * x;
    let noise = spread(u, y, curve).max(FLOOR);
    let rho = correlation(u, y, curve);
    let factor = (1.0 + rho) / (1.0 - rho);
    let uu: f64 = u.iter().map(|x| x * x).sum::<f64>().max(1e-9);
    let var_b = noise * noise * factor / uu;
    // Variance of the parabola's second coefficient for evenly spaced points on [−1, 1]: σ²/(n·4/45).
    let var_c = noise * noise * factor * 45.0 / (4.0 * n as f64);
    let (s1, s2) = (b - 4.0 / 3.0 * c, b + 4.0 / 3.0 * c);
    let (bend, bend_se) = bend(s1, s2, b, (var_b + 16.0 / 9.0 * var_c).sqrt());
    let (recent, recent_se) = tail(u, y, noise, factor);
    let (strides, wander) = increments(points, limit, window.block);
    let end_u = (now.max(last) - mid) / half;
    let line_at = |t: f64| line.0 + line.1 * (t - mid) / half;
    // A block's maximum is reached at its end when memory grows: compare it with the line there.
    let mut crest = [0.0; KEEP + 1];
    for (i, p) in points.iter().enumerate() {
        crest[i] = p.max / limit - line_at(p.t + window.block / 2.0).max(line_at(p.t));
    }
    let crest = &mut crest[..n];
    crest.sort_unstable_by(f64::total_cmp);
    let per = 1.0 / half;
    Some(Fit {
        span: last - first + window.block,
        start: first - window.block / 2.0,
        n,
        slope: line.1 * per,
        se: var_b.sqrt() * per,
        end: line.0 + line.1 * end_u,
        curved_end: curve(end_u.min(1.0 + 2.0 / n as f64)),
        wander,
        noise,
        crest: [crest[n / 2], crest[n * 3 / 4], crest[n - 1]],
        tau: kendall(y),
        strides,
        bend,
        bend_se,
        recent: recent * per,
        recent_se: recent_se * per,
        factor,
        rho,
        holes: 1.0 - n as f64 / slots,
        cut,
        k: 0,
        top: points.iter().fold(0.0, |m: f64, p| m.max(p.max / limit)),
    })
}

/// Where the window falls into two pieces, each of them straight, if that explains it much better than one curve does:
/// growth that set in (or changed its pace) inside the window. The number of the second piece's first point.
fn knee(points: &[Point]) -> Option<usize> {
    let n = points.len();
    let scale = (points[n - 1].t - points[0].t).max(1e-9);
    let (mut u, mut y, mut sums) = ([0.0; KEEP + 1], [0.0; KEEP + 1], [[0.0; 5]; KEEP + 2]);
    for (i, p) in points.iter().enumerate() {
        u[i] = (p.t - points[0].t) / scale * 2.0 - 1.0;
        y[i] = p.mean - points[0].mean;
        let s = sums[i];
        sums[i + 1] = [
            s[0] + u[i],
            s[1] + y[i],
            s[2] + u[i] * u[i],
            s[3] + u[i] * y[i],
            s[4] + y[i] * y[i],
        ];
    }
    // Sum of squared residuals of the line through points a to b.
    let rest = |a: usize, b: usize| {
        let m = (b - a) as f64;
        let d = |k: usize| sums[b][k] - sums[a][k];
        let (uu, uy, yy) = (
            d(2) - d(0) * d(0) / m,
            d(3) - d(0) * d(1) / m,
            d(4) - d(1) * d(1) / m,
        );
        (yy - if uu > 1e-12 { uy * uy / uu } else { 0.0 }).max(0.0)
    };
    let (cut, split) = (4..=n - 4)
        .map(|j| (j, rest(0, j) + rest(j, n)))
        .min_by(|a, b| a.1.total_cmp(&b.1))?;
    let (a, b, c) = parabola(&u[..n], &y[..n], &[1.0; KEEP + 1][..n])?;
    let curve: f64 = (0..n)
        .map(|i| (y[i] - a - b * u[i] - c * u[i] * u[i]).powi(2))
        .sum();
    (split < KNEE * curve).then_some(cut)
}

/// Tukey's resistant line: (value at u = 0, slope).
fn resistant(u: &[f64], y: &[f64]) -> (f64, f64) {
    let third = u.len() / 3;
    let cut = u.len() - third;
    let slope =
        (median(&y[cut..]) - median(&y[..third])) / (median(&u[cut..]) - median(&u[..third]));
    let mut rest = [0.0; KEEP + 1];
    for i in 0..u.len() {
        rest[i] = y[i] - slope * u[i];
    }
    (median(&rest[..u.len()]), slope)
}

fn weighted_line(u: &[f64], y: &[f64], w: &[f64]) -> (f64, f64) {
    let (mut s, mut su, mut sy, mut suu, mut suy) = (0.0, 0.0, 0.0, 0.0, 0.0);
    for i in 0..u.len() {
        s += w[i];
        su += w[i] * u[i];
        sy += w[i] * y[i];
        suu += w[i] * u[i] * u[i];
        suy += w[i] * u[i] * y[i];
    }
    let slope = (s * suy - su * sy) / (s * suu - su * su).max(1e-12);
    ((sy - slope * su) / s, slope)
}

/// Weighted least squares of a + b·u + c·u².
pub(super) fn parabola(u: &[f64], y: &[f64], w: &[f64]) -> Option<(f64, f64, f64)> {
    let (mut s, mut t) = ([0.0; 5], [0.0; 3]);
    for i in 0..u.len() {
        let mut p = w[i];
        for (k, sum) in s.iter_mut().enumerate() {
            *sum += p;
            if k < 3 {
                t[k] += p * y[i];
            }
            p *= u[i];
        }
    }
    let [s0, s1, s2, s3, s4] = s;
    let det = s0 * (s2 * s4 - s3 * s3) - s1 * (s1 * s4 - s2 * s3) + s2 * (s1 * s3 - s2 * s2);
    if det.abs() < 1e-9 {
        return None;
    }
    let a =
        t[0] * (s2 * s4 - s3 * s3) - s1 * (t[1] * s4 - s3 * t[2]) + s2 * (t[1] * s3 - s2 * t[2]);
    let b =
        s0 * (t[1] * s4 - s3 * t[2]) - t[0] * (s1 * s4 - s2 * s3) + s2 * (s1 * t[2] - t[1] * s2);
    let c =
        s0 * (s2 * t[2] - t[1] * s3) - s1 * (s1 * t[2] - t[1] * s2) + t[0] * (s1 * s3 - s2 * s2);
    Some((a / det, b / det, c / det))
}

/// ln(s2/s1) with its standard error. A slope that is not above zero counts as a tenth of the mean slope.
fn bend(s1: f64, s2: f64, mean: f64, se: f64) -> (f64, f64) {
    if mean <= 0.0 {
        return (0.0, 9.0);
    }
    let floor = mean / 10.0;
    let (p, q) = (s1.max(floor), s2.max(floor));
    ((q / p).ln(), se * (1.0 / (p * p) + 1.0 / (q * q)).sqrt())
}

/// Slope of the newest quarter (at least six points) with its standard error.
fn tail(u: &[f64], y: &[f64], noise: f64, factor: f64) -> (f64, f64) {
    let m = (u.len() / 4).max(6).min(u.len());
    let (u, y) = (&u[u.len() - m..], &y[y.len() - m..]);
    let line = weighted_line(u, y, &[1.0; KEEP + 1][..m]);
    let mean = u.iter().sum::<f64>() / m as f64;
    let uu = u
        .iter()
        .map(|x| (x - mean) * (x - mean))
        .sum::<f64>()
        .max(1e-9);
    (line.1, noise * (factor / uu).sqrt())
}

/// (effective number of positive increments, variance of growth per second).
fn increments(points: &[Point], limit: f64, block: f64) -> (f64, f64) {
    let mut d = [0.0; KEEP];
    let n = points.len() - 1;
    for i in 0..n {
        d[i] = (points[i + 1].mean - points[i].mean) / limit;
    }
    let d = &d[..n];
    let up: f64 = d.iter().map(|x| x.max(0.0)).sum();
    let square: f64 = d.iter().map(|x| x.max(0.0).powi(2)).sum();
    // Increments that change steadily are curvature, not chance.
    let mid = (n as f64 - 1.0) / 2.0;
    let mean = d.iter().sum::<f64>() / n as f64;
    let at = |i: usize| i as f64 - mid;
    let square_at: f64 = (0..n).map(|i| at(i) * at(i)).sum();
    let tilt = (0..n).map(|i| at(i) * d[i]).sum::<f64>() / square_at.max(1.0);
    let rest = |i: usize| d[i] - mean - tilt * at(i);
    let cov = |lag: usize| (lag..n).map(|i| rest(i) * rest(i - lag)).sum::<f64>() / n as f64;
    let long_run = cov(0) + 1.5 * cov(1) + cov(2) + 0.5 * cov(3);
    (up * up / square.max(1e-18), long_run.max(0.0) / block)
}

/// 1.4826 · median of the absolute residuals.
fn spread(u: &[f64], y: &[f64], curve: impl Fn(f64) -> f64) -> f64 {
    let mut r = [0.0; KEEP + 1];
    for i in 0..u.len() {
        r[i] = (y[i] - curve(u[i])).abs();
    }
    1.4826 * median(&r[..u.len()])
}

/// Lag-1 correlation of the residuals, from 0 to 0.8.
fn correlation(u: &[f64], y: &[f64], curve: impl Fn(f64) -> f64) -> f64 {
    let (mut both, mut square, mut before) = (0.0, 0.0, 0.0);
    for i in 0..u.len() {
        let r = y[i] - curve(u[i]);
        both += r * before;
        square += r * r;
        before = r;
    }
    (both / square.max(1e-18)).clamp(0.0, 0.8)
}

fn kendall(y: &[f64]) -> f64 {
    let mut score = 0i32;
    for i in 1..y.len() {
        for j in 0..i {
            score += i32::from(y[i] > y[j]) - i32::from(y[i] < y[j]);
        }
    }
    f64::from(score) / (y.len() * (y.len() - 1) / 2) as f64
}

/// Median of at most `KEEP + 1` numbers.
fn median(values: &[f64]) -> f64 {
    let mut copy = [0.0; KEEP + 1];
    let n = values.len().min(KEEP + 1);
    copy[..n].copy_from_slice(&values[..n]);
    let (_, m, _) = copy[..n].select_nth_unstable_by(n / 2, f64::total_cmp);
    *m
}
