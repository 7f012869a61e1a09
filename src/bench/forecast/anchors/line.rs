//! Straight lines: Prometheus' `predict_linear`, and a line through the last readings.
use super::{
    super::{
        case::Row,
        method::{Method, Verdict},
    },
    AHEAD, Held,
};
use crate::domain::forecast::Exit;
use std::collections::VecDeque;

/// An ordinary least-squares line through readings.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Line {
    /// Bytes now.
    pub level: f64,
    /// Bytes per second.
    pub slope: f64,
    /// Coefficient of determination.
    pub r2: f64,
}

impl Line {
    /// Through at least two readings at different times.
    pub(super) fn through(points: &VecDeque<(f64, f64)>, now: f64) -> Option<Self> {
        let n = points.len() as f64;
        let (mut st, mut sy) = (0.0, 0.0);
        for (t, y) in points {
            st += t - now;
            sy += y;
        }
        let (mt, my) = (st / n, sy / n);
        let (mut stt, mut sty, mut syy) = (0.0, 0.0, 0.0);
        for (t, y) in points {
            let (dt, dy) = (t - now - mt, y - my);
            stt += dt * dt;
            sty += dt * dy;
            syy += dy * dy;
        }
        if points.len() < 2 || stt <= 0.0 {
            return None;
        }
        let slope = sty / stt;
        Some(Self {
            level: my - slope * mt,
            slope,
            r2: if syy > 0.0 { slope * sty / syy } else { 0.0 },
        })
    }

    /// Seconds until the limit; 0 if it is there already.
    pub(super) fn reaches(&self, limit: f64) -> Option<f64> {
        let room = limit - self.level;
        if room <= 0.0 {
            Some(0.0)
        } else if self.slope > 0.0 {
            Some(room / self.slope)
        } else {
            None
        }
    }
}

/// A second condition beside the line.
#[derive(Clone, Copy, Debug)]
pub struct Guard {
    /// The working set is above this share of the limit.
    pub level: f64,
    /// Both hold for so many seconds.
    pub hold: f64,
}

/// `predict_linear(working_set[1h], 4 * 3600) > limit`.
pub struct PredictLinear {
    guard: Option<Guard>,
    held: Held,
    window: VecDeque<(f64, f64)>,
    limit: f64,
}

impl PredictLinear {
    const RANGE: f64 = 3600.0;

    /// Plain, or with a guard.
    pub fn new(guard: Option<Guard>) -> Self {
        Self {
            guard,
            held: Held::new(guard.map_or(0.0, |guard| guard.hold)),
            window: VecDeque::new(),
            limit: f64::INFINITY,
        }
    }
}

impl Method for PredictLinear {
    fn observe(&mut self, row: &Row) {
        self.window.push_back((row.t, row.working_set));
        while self
            .window
            .front()
            .is_some_and(|(t, _)| row.t - t > Self::RANGE)
        {
            self.window.pop_front();
        }
        self.limit = row.limit;
    }

    fn assess(&mut self, _run: u32, now: f64) -> Verdict {
        let eta = Line::through(&self.window, now).and_then(|line| line.reaches(self.limit));
        let last = self.window.back().map_or(0.0, |(_, level)| *level);
        let condition = eta.is_some_and(|eta| eta < AHEAD)
            && self
                .guard
                .is_none_or(|guard| last > guard.level * self.limit);
        Verdict::of(self.held.holds(condition, now), eta)
    }

    fn ended(&mut self, _run: u32, _t: f64, _exit: Exit) {
        *self = Self::new(self.guard);
    }
}

/// A line through the last readings, if it fits well.
pub struct LastN {
    n: usize,
    r2: f64,
    window: VecDeque<(f64, f64)>,
    limit: f64,
}

impl LastN {
    /// Through so many readings, with at least this coefficient of determination.
    pub fn new(n: usize, r2: f64) -> Self {
        Self {
            n,
            r2,
            window: VecDeque::new(),
            limit: f64::INFINITY,
        }
    }
}

impl Method for LastN {
    fn observe(&mut self, row: &Row) {
        if self.window.len() == self.n {
            self.window.pop_front();
        }
        self.window.push_back((row.t, row.working_set));
        self.limit = row.limit;
    }

    fn assess(&mut self, _run: u32, now: f64) -> Verdict {
        let full = self.window.len() == self.n;
        let line = Line::through(&self.window, now).filter(|line| full && line.r2 > self.r2);
        let eta = line.and_then(|line| line.reaches(self.limit));
        Verdict::of(eta.is_some_and(|eta| eta < AHEAD), eta)
    }

    fn ended(&mut self, _run: u32, _t: f64, _exit: Exit) {
        *self = Self::new(self.n, self.r2);
    }
}
