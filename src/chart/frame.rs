//! What part of time and memory is shown, and where the lines of the grid are.
use super::{HEIGHT, WIDTH, canvas::Point};
use crate::domain::forecast::{ChartPoint, Outlook};
use jiff::Timestamp;

/// The plot's edges in pixels; words stand around it.
pub(super) const LEFT: f32 = 152.0;
pub(super) const RIGHT: f32 = WIDTH as f32 - 34.0;
pub(super) const TOP: f32 = 74.0;
pub(super) const BOTTOM: f32 = HEIGHT as f32 - 66.0;

/// What is shown: a part of time, and memory from nothing to a little above the limit.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Frame {
    /// The time of the picture.
    pub(super) now: i64,
    /// First and last moment in seconds from now.
    pub(super) from: f64,
    pub(super) to: f64,
    /// Memory at the upper edge in bytes.
    pub(super) top: f64,
    /// The points of the past that are shown, with one beyond the edge, so that the line begins at it.
    pub(super) past: Vec<ChartPoint>,
}

impl Frame {
    /// `None` when there is nothing of the past.
    pub(super) fn new(outlook: &Outlook, now: Timestamp) -> Option<Self> {
        let now = now.as_second();
        let mut past = outlook.chart.past.clone();
        past.sort_by_key(|point| point.t);
        past.dedup_by_key(|point| point.t);
        let since = |t: i64| t as f64 - now as f64;
        let first = since(past.first()?.t);
        let (from, to) = span(outlook, now, -first);
        let before = past
            .iter()
            .rposition(|point| since(point.t) <= from)
            .unwrap_or(0);
        past.drain(..before);
        let highest = past.iter().map(|point| point.max.max(point.mean)).max();
        let highest = highest.unwrap_or(0).max(outlook.limit).max(1);
        Some(Self {
            now,
            from,
            to,
            top: highest as f64 * 1.16,
            past,
        })
    }

    /// Where a moment (in seconds of Unix time) is.
    pub(super) fn x(&self, t: i64) -> f32 {
        let share = (t as f64 - self.now as f64 - self.from) / (self.to - self.from);
        within(f64::from(LEFT) + share * f64::from(RIGHT - LEFT))
    }

    /// Where a level is.
    pub(super) fn y(&self, bytes: f64) -> f32 {
        within(f64::from(BOTTOM) - bytes / self.top * f64::from(BOTTOM - TOP))
    }

    /// Where a level at a moment is.
    pub(super) fn at(&self, t: i64, bytes: u64) -> Point {
        (self.x(t), self.y(bytes as f64))
    }

    /// Moments for words below the plot, on full minutes, hours or days, with those words.
    pub(super) fn times(&self) -> Vec<(i64, String)> {
        const STEPS: [i64; 19] = [
            1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600,
            43_200, 86_400, 172_800,
        ];
        let wanted = (self.to - self.from) / 5.0;
        let Some(step) = STEPS.into_iter().find(|step| *step as f64 >= wanted) else {
            return Vec::new();
        };
        let pattern = match step {
            ..60 => "%H:%M:%S",
            60..86_400 => "%H:%M",
            _ => "%b %-d",
        };
        // The span is at most five steps of two days, so nothing overflows once its beginning is a moment.
        let Some(start) = self.now.checked_add(self.from as i64) else {
            return Vec::new();
        };
        let first = start.div_euclid(step);
        (first..=first.saturating_add(6))
            .filter_map(|n| n.checked_mul(step))
            .filter(|t| (self.from..=self.to).contains(&(*t as f64 - self.now as f64)))
            .filter_map(|t| {
                let at = Timestamp::from_second(t).ok()?;
                Some((t, at.strftime(pattern).to_string()))
            })
            .collect()
    }

    /// Levels for the lines of the grid up to `limit`: few, and round ones.
    pub(super) fn levels(&self, limit: u64) -> Vec<f64> {
        let highest = if limit > 0 { limit as f64 } else { self.top };
        let unit = [1u64 << 40, 1 << 30, 1 << 20, 1 << 10, 1]
            .into_iter()
            .map(|unit| unit as f64)
            .find(|unit| highest >= 2.0 * unit)
            .unwrap_or(1.0);
        let rough = highest / unit / 3.2;
        let tens = 10f64.powf(rough.log10().floor());
        let step = [1.0, 2.0, 2.5, 5.0, 10.0]
            .into_iter()
            .map(|digit| digit * tens * unit)
            .find(|step| *step >= rough * unit)
            .unwrap_or(highest);
        (0..=4)
            .map(|n| f64::from(n) * step)
            .filter(|level| *level <= highest)
            .collect()
    }
}

/// How much of the past and of the future is shown, in seconds from now. What grows should be seen since it began, and the time
/// to the kill should have a fair share of the picture.
fn span(outlook: &Outlook, now: i64, known: f64) -> (f64, f64) {
    let until = |t: i64| t as f64 - now as f64;
    let known = known.max(60.0);
    let end = outlook.when.map(|when| {
        let median = until(when.median.as_second()).max(60.0);
        until(when.latest.as_second()).clamp(60.0, 3.0 * median)
    });
    let end = end.or_else(|| outlook.chart.fan.last().map(|point| until(point.t)));
    let rising = -until(outlook.rising_since.as_second());
    match end.filter(|end| *end > 0.0) {
        Some(end) => {
            let ahead = end.clamp(60.0, 4.0 * 86_400.0) * 1.07;
            let wanted = (1.25 * rising).clamp(1.2 * ahead, 3.0 * ahead);
            (-wanted.min(known), ahead)
        }
        None => {
            let shown = known.min((1.5 * rising).clamp(3.0 * 3_600.0, 4.0 * 86_400.0));
            (-shown, 0.06 * shown)
        }
    }
}

/// Far outside of the picture is as good as at infinity, and drawing needs numbers that are not.
fn within(pixels: f64) -> f32 {
    if pixels.is_nan() {
        return 0.0;
    }
    pixels.clamp(-20_000.0, 20_000.0) as f32
}
