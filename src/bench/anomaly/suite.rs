//! The labelled series.
use super::{
    event::{self, Event, LEARNING, What},
    shape::{self, DAY, Shape, below},
};
use crate::bench::forecast::rng::Rng;

/// A labelled series.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    /// What it looks like when it is healthy.
    pub shape: Shape,
    /// Days after 1970-01-05, which was a Monday, on which it begins.
    pub weekday: usize,
    /// One value a minute, in shares of the limit.
    pub series: Vec<Option<f64>>,
    /// What went wrong, in the order of time.
    pub events: Vec<Event>,
}

impl Case {
    /// Unix time of a minute, in seconds.
    pub fn time(&self, minute: usize) -> f64 {
        ((4 + self.weekday) * DAY + minute) as f64 * 60.0
    }

    /// Minutes that count for false alarms: after the days of learning, without the events.
    pub fn judged(&self) -> usize {
        let events: usize = self
            .events
            .iter()
            .map(|event| event.end - event.start)
            .sum();
        self.series.len().saturating_sub(LEARNING + events)
    }
}

/// Series number `number` of a seed. The shapes take turns; every series gets one to three events of all kinds, less than two on average.
pub fn case(seed: u64, number: usize, days: usize) -> Case {
    let mut rng = Rng::new(&[seed, number as u64]);
    let shape = Shape::ALL[number % Shape::ALL.len()];
    let weekday = below(&mut rng, 7);
    let mut series = shape::healthy(shape, days, weekday, &mut rng);
    let mut events = Vec::new();
    let wanted = 1 + usize::from(rng.chance(0.6)) + usize::from(rng.chance(0.27));
    for _ in 0..wanted {
        let what = What::ALL[below(&mut rng, What::ALL.len())];
        events.extend(event::put(what, &mut series, LEARNING, &events, &mut rng));
    }
    events.sort_by_key(|event| event.start);
    Case {
        shape,
        weekday,
        series,
        events,
    }
}
