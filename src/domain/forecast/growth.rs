//! Which window shows growth that goes on: the longest one whose trend is significant, still under way, and of one piece.
use super::curve::explain;
use super::fit::{Fit, fit};
use super::passage::Growth;
use super::pyramid::{LEVELS, Pyramid};

/// Least Kendall τ of a trend.
const TAU: f64 = 0.55;
/// Least slope in standard errors.
const SIGMAS: f64 = 6.0;
/// Least rise over the window, as a share of the limit and in noises.
const RISE: f64 = 0.03;
/// Least effective number of increments: one or two jumps are a step, not growth.
const STRIDES: f64 = 4.0;
/// The newest part of a window must keep this share of its slope, unless chance explains the lull.
const LULL: f64 = 0.35;

/// The newest readings may be so many noises off the curve.
const OFF: f64 = 2.5;

/// What all windows of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    /// When it began.
    pub since: f64,
    pub now: f64,
    pub limit: f64,
    pub pace: f64,
}

/// Whether a fit shows a trend at all.
pub(super) fn is_trend(f: &Fit, loose: bool) -> bool {
    let ease = if loose { 0.5 } else { 1.0 };
    let rise = f.slope * f.span;
    f.slope > 0.0
        && f.tau >= TAU * ease
        && f.slope >= SIGMAS * ease * f.se
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
    for s in all.iter().flatten().filter(|s| s.span < 0.45 * f.span) {
        least = least.min(shrunk(s.slope, s.se, s.span));
    }
    least
}

/// The windows of a run, shortest first.
pub(super) fn fits(pyramid: &Pyramid, run: &Run) -> [Option<Fit>; LEVELS] {
    let mut all = [None; LEVELS];
    for (k, slot) in all.iter_mut().enumerate().take(pyramid.depth()) {
        *slot = fit(
            &pyramid.window(k, run.since, run.now, run.pace),
            run.limit,
            run.now,
        )
        .map(|f| Fit { k, ..f });
    }
    all
}

/// What was chosen: the window, its explanations, and how far the newest readings are from them, in noises.
pub(super) struct Chosen {
    pub fit: Fit,
    pub growth: Growth,
    /// Level of the newest readings, share of the limit.
    pub seen: f64,
}

/// The window to extrapolate from.
pub(super) fn choose(
    pyramid: &Pyramid,
    all: &[Option<Fit>; LEVELS],
    run: &Run,
    loose: bool,
) -> Option<Chosen> {
    for k in (0..LEVELS).rev() {
        let Some(fit) = all[k] else { continue };
        if !is_trend(&fit, loose) || has_stalled(&fit) {
            continue;
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
        let window = pyramid.window(k, run.since, run.now, run.pace);
        let growth = Growth {
            parts: explain(&window.points()[fit.cut..], &fit, run.limit, run.now),
            wander: fit.wander,
            crest: fit.crest,
            span: fit.span,
        };
        // The newest readings must lie on the curve: otherwise growth has stopped, or has become another one.
        let j = k.saturating_sub(3);
        let newest = pyramid.window(j, run.since, run.now, run.pace);
        let newest = &newest.points()[newest.points().len().saturating_sub(3)..];
        let n = newest.len() as f64;
        if n < 1.0 {
            continue;
        }
        let mean = newest.iter().map(|p| p.mean).sum::<f64>() / n / run.limit;
        let at = newest.iter().map(|p| p.t).sum::<f64>() / n;
        let slope = growth.slope();
        let seen = mean + slope * (run.now - at);
        let fine = all[j].map_or(fit.noise, |f| f.noise);
        let sd = (fit.noise * fit.noise + fine * fine * (0.33 + 0.67 * fit.rho)).sqrt();
        let off = growth.level() - seen;
        if off.abs() > OFF * sd + 0.005 + 0.1 * (fit.wander * window.block).sqrt() && !loose {
            continue;
        }
        return Some(Chosen { fit, growth, seen });
    }
    None
}
