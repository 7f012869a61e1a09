//! Which window shows growth that goes on: the longest one whose trend is significant, still under way, and of one piece.
use super::curve::explain;
use super::fit::{Fit, fit};
use super::passage::Growth;
use super::pyramid::{LEVELS, Pyramid};

/// Least Kendall τ of a trend.
const TAU: f64 = 0.55;
/// Least slope in standard errors.
const SIGMAS: f64 = 6.0;
/// Least slope in standard deviations of what the growth does by chance: steps at random times have √n, one ramp between two plateaus
/// has less than two.
const STEADY: f64 = 2.5;
/// Least rise over the window, as a share of the limit and in noises.
const RISE: f64 = 0.03;
/// Least effective number of increments: one or two jumps are a step, not growth.
const STRIDES: f64 = 4.0;
/// The newest part of a window must keep this share of its slope, unless chance explains the lull.
const LULL: f64 = 0.35;

/// Growth in a shorter window must be so many times faster to take the place of that in a longer one.
const FASTER: f64 = 1.8;
/// Variance of a fitted line's end for a random walk, as a share of the walk's variance over the window.
const DRIFT: f64 = 0.1;
/// The newest readings may be so many noises off the curve.
const OFF: f64 = 2.5;

/// What all windows of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When it began.
    pub since: f64,
    /// The time of the look.
    pub now: f64,
    /// The limit in bytes.
    pub limit: f64,
    /// When the last outage of the scraper ended.
    pub outage: f64,
    /// Factor of all times.
    pub pace: f64,
}

/// Whether a fit shows a trend at all.
pub(super) fn is_trend(f: &Fit, loose: bool) -> bool {
    let ease = if loose { 0.5 } else { 1.0 };
    let rise = f.slope * f.span;
    f.slope > 0.0
        && f.tau >= TAU * ease
        && f.slope >= SIGMAS * ease * f.se
        && f.slope >= STEADY * ease * (f.se * f.se + f.wander / f.span).sqrt()
        && rise >= (RISE * ease).max(3.0 * ease * f.noise)
        && f.strides >= STRIDES * ease
}

/// Whether growth has come to rest in the newest quarter of the window, beyond what chance explains.
pub(super) fn has_stalled(f: &Fit) -> bool {
    let least = LULL * f.slope;
    let lasted = f.span / 4.0;
    let sd = (f.recent_se * f.recent_se + f.wander / lasted).sqrt();
    f.recent < least && (f.slope - f.recent) > 2.0 * sd
}

/// How fast it grows in the newest part, relative to the whole window: one for growth that goes on, zero for growth that has come to
/// rest. Drawn towards one as far as noise hides it.
pub(super) fn keeping(all: &[Option<Fit>; LEVELS], f: &Fit) -> f64 {
    let shrunk = |slope: f64, se: f64, lasted: f64| {
        let ratio = (slope / f.slope).clamp(-0.5, 2.0);
        let error = (se * se + f.wander / lasted).sqrt() / f.slope;
        1.0 + (ratio - 1.0) / (1.0 + 4.0 * error * error)
    };
    let mut least = shrunk(f.recent, f.recent_se, f.span / 4.0);
    for s in all
        .iter()
        .flatten()
        .filter(|s| (0.15..0.45).contains(&(s.span / f.span)))
    {
        least = least.min(shrunk(s.slope, s.se, s.span));
    }
    least
}

/// The windows that are shorter than another one, but not by far.
fn within<'a>(all: &'a [Option<Fit>; LEVELS], f: &Fit) -> impl Iterator<Item = &'a Fit> {
    let whole = f.span;
    let some = all.iter().flatten();
    some.filter(move |s| (0.1..0.7).contains(&(s.span / whole)))
}

/// The slowest and the fastest growth of shorter windows, as shares of that of the whole one.
pub(super) fn shorter(all: &[Option<Fit>; LEVELS], f: &Fit) -> Option<(f64, f64)> {
    let ratios = within(all, f).map(|s| s.slope / f.slope);
    ratios.fold(None, |both: Option<(f64, f64)>, ratio| {
        let (least, most) = both.unwrap_or((ratio, ratio));
        Some((least.min(ratio), most.max(ratio)))
    })
}

/// How much the growth of shorter windows differs from that of the whole one, beyond what their errors explain: the root mean square,
/// as a share of its slope.
pub(super) fn unsteady(all: &[Option<Fit>; LEVELS], f: &Fit) -> f64 {
    let (mut sum, mut n) = (0.0, 0.0);
    for s in within(all, f) {
        let off = (s.slope / f.slope - 1.0).clamp(-2.0, 2.0);
        let error = s.se / f.slope;
        sum += off * off - error * error;
        n += 1.0;
    }
    if n > 0.0 {
        (sum / n).max(0.0).sqrt()
    } else {
        0.0
    }
}

/// The windows of a run, shortest first.
pub(super) fn fits(pyramid: &Pyramid, run: &Run) -> [Option<Fit>; LEVELS] {
    let mut all = [None; LEVELS];
    // Most containers do not grow in any window: that is seen without a fit.
    let depth = pyramid.depth().min(LEVELS);
    if !(0..depth).any(|k| {
        pyramid
            .window(k, run.since, run.now, run.pace)
            .rises(run.limit * RISE / 3.0)
    }) {
        return all;
    }
    for (k, slot) in all.iter_mut().enumerate().take(depth) {
        let window = pyramid.window(k, run.since, run.now, run.pace);
        *slot = fit(&window, run.limit, run.now).map(|f| Fit { k, ..f });
    }
    all
}

/// What was chosen: the window, its explanations, and how far the newest readings are from them, in noises.
pub(super) struct Chosen {
    pub fit: Fit,
    pub growth: Growth,
    /// Level of the newest readings, share of the limit.
    pub seen: f64,
    /// Highest maximum in the window.
    pub top: f64,
}

/// The window to extrapolate from: the longest one that shows a trend which the newest readings still follow. A shorter one takes
/// its place where growth has clearly become faster, into levels that the run has not seen before.
pub(super) fn choose(
    pyramid: &Pyramid,
    all: &[Option<Fit>; LEVELS],
    run: &Run,
    loose: bool,
) -> Option<Chosen> {
    let mut best: Option<Chosen> = None;
    for k in (0..LEVELS).rev() {
        let Some(fit) = all[k] else { continue };
        if !is_trend(&fit, loose) || has_stalled(&fit) {
            continue;
        }
        if let Some(b) = &best {
            let faster = fit.slope > FASTER * b.growth.slope().max(b.fit.slope)
                && fit.slope > 8.0 * (fit.se * fit.se + fit.wander / fit.span).sqrt()
                && fit.slope * fit.span > 0.05;
            let beyond = || {
                let before = pyramid.max_between(run.since, fit.start, run.pace);
                before.is_none_or(|top| b.seen - top / run.limit > 0.04)
            };
            if !faster || !beyond() {
                continue;
            }
        }
        // What a quarter as long shows must not have come to rest, either.
        let short = k.checked_sub(2).and_then(|j| all[j]);
        if let Some(s) = short
            && !loose
            && s.slope < LULL * fit.slope
            && fit.slope - s.slope > 2.0 * (s.se * s.se + fit.wander / s.span).sqrt()
        {
            continue;
        }
        if let Some(chosen) = look(pyramid, all, run, fit, loose) {
            best = Some(chosen);
        }
    }
    best
}

/// Explains a window, unless the newest readings are off its curve: then growth has stopped, or has become another one.
fn look(
    pyramid: &Pyramid,
    all: &[Option<Fit>; LEVELS],
    run: &Run,
    mut fit: Fit,
    loose: bool,
) -> Option<Chosen> {
    if fit.start < run.outage {
        fit.holes = 1.0;
    }
    let window = pyramid.window(fit.k, run.since, run.now, run.pace);
    let mut growth = Growth {
        parts: explain(&window.points()[fit.cut..], &fit, run.limit, run.now),
        wander: fit.wander,
        crest: fit.crest,
        span: fit.span,
    };
    let j = fit.k.saturating_sub(3);
    let newest = pyramid.window(j, run.since, run.now, run.pace);
    let newest = &newest.points()[newest.points().len().saturating_sub(3)..];
    let n = newest.len() as f64;
    if n < 1.0 {
        return None;
    }
    let mean = newest.iter().map(|p| p.mean).sum::<f64>() / n / run.limit;
    let at = newest.iter().map(|p| p.t).sum::<f64>() / n;
    let seen = mean + growth.slope() * (run.now - at);
    let fine = all[j].map_or(fit.noise, |f| f.noise);
    let top = newest.iter().fold(fit.top, |m, p| m.max(p.max / run.limit));
    let sd = (fit.noise * fit.noise + fine * fine * (0.33 + 0.67 * fit.rho)).sqrt();
    let off = (growth.level() - seen).abs();
    let allowed = OFF * sd + 0.005 + 0.1 * (fit.wander * window.block).sqrt();
    if off > if loose { 1.5 * allowed } else { allowed } {
        return None;
    }
    // Where growth itself is random (steps), the level is where it is now, not where the curve says; where readings are noisy, the
    // curve knows better. The gain is that of a Kalman filter with these two variances.
    let random = DRIFT * fit.wander * fit.span;
    let gain = random / (random + fine * fine / n.max(1.0) + 1e-12);
    let shift = gain * (seen - growth.level());
    for part in &mut growth.parts {
        part.level += shift;
    }
    if let Some(short) = all[j] {
        for (crest, near) in growth.crest.iter_mut().zip(short.crest) {
            *crest += gain * (near.max(0.0) - *crest);
        }
    }
    Some(Chosen {
        fit,
        growth,
        seen,
        top,
    })
}
