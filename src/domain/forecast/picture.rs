//! What is drawn: the past of a replica as a line.
use super::pyramid::{LEVELS, Point, Pyramid};

/// The past, oldest first, at most `most` points: the newest part from short blocks, the older parts from longer ones.
pub(super) fn past(pyramid: &Pyramid, now: f64, pace: f64, most: usize) -> Vec<Point> {
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
