//! What is drawn: the past of a replica as a line, its future as a fan.
use super::pyramid::{LEVELS, Point, Pyramid};
use super::replica::Replica;
use super::{Series, Tuning};

/// The past, oldest first, at most `most` points: the newest part from short blocks, the older parts from longer ones.
fn past(pyramid: &Pyramid, now: f64, pace: f64, most: usize) -> Vec<Point> {
    let mut points: Vec<(Point, f64)> = Vec::new();
    let mut covered = f64::INFINITY;
    for k in 0..LEVELS.min(pyramid.depth()) {
        let window = pyramid.window(k, f64::NEG_INFINITY, now, pace);
        let half = window.block / 2.0;
        for p in window.points().iter().rev() {
            if p.t + half <= covered + 1e-6 {
                points.push((*p, half));
                covered = p.t - half;
            }
        }
    }
    points.reverse();
    let mut points: Vec<Point> = points.into_iter().map(|(p, _)| p).collect();
    while points.len() > most.max(1) {
        // Pairs of neighbours become one point: a line keeps its shape, and no maximum is lost.
        points = points
            .chunks(2)
            .map(|pair| Point {
                t: pair.iter().map(|p| p.t).sum::<f64>() / pair.len() as f64,
                mean: pair.iter().map(|p| p.mean).sum::<f64>() / pair.len() as f64,
                max: pair.iter().map(|p| p.max).fold(0.0, f64::max),
            })
            .collect();
    }
    points
}

impl Series {
    /// The past of a replica for a picture: (time, mean, maximum), oldest first, at most so many points; in bytes.
    pub fn history(
        &self,
        replica: u64,
        now: f64,
        most: usize,
        tuning: &Tuning,
    ) -> Vec<(f64, f64, f64)> {
        self.live(replica).map_or_else(Vec::new, |r| {
            past(&r.pyramid, now, tuning.pace, most)
                .into_iter()
                .map(|p| (p.t, p.mean, p.max))
                .collect()
        })
    }

    /// The future of a replica for a picture, nearest first: (time, 10 %, median, 90 %) in bytes, up to a little beyond the expected
    /// kill. Empty when nothing is to be expected.
    pub fn fan(
        &self,
        replica: u64,
        now: f64,
        points: usize,
        tuning: &Tuning,
    ) -> Vec<(f64, f64, f64, f64)> {
        let look = |r: &Replica| Some((self.any_look(r, now, tuning)?, r.limit));
        let Some((look, limit)) = self.live(replica).as_ref().and_then(look) else {
            return Vec::new();
        };
        let Some((_, median, hi)) = look.interval() else {
            return Vec::new();
        };
        let far = hi.min(2.0 * median);
        (1..=points)
            .map(|n| {
                let h = far * n as f64 / points as f64;
                let [low, median, high] = look.growth.level_after(h);
                (now + h, low * limit, median * limit, high * limit)
            })
            .collect()
    }

    /// A limit in bytes that would not be reached within so many seconds, with 90 %. `None` when nothing grows.
    pub fn needed_limit(
        &self,
        replica: u64,
        now: f64,
        span_s: f64,
        tuning: &Tuning,
    ) -> Option<f64> {
        let r = self.live(replica)?;
        let look = self.any_look(&r, now, tuning)?;
        let [_, _, high] = look.growth.level_after(span_s);
        Some(high.max(look.seen) * r.limit).filter(|bytes| bytes.is_finite())
    }
}
