//! What goes wrong: events that are put into healthy series, and their truth.
use super::shape::{DAY, below};
use crate::bench::forecast::rng::Rng;

/// What happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The level is another one for a while: higher four times of five, else lower.
    Shift,
    /// It stands at its limit.
    Saturation,
    /// It does nothing any more.
    Hang,
    /// It creeps upwards over hours, until somebody ends it.
    Drift,
}

impl What {
    /// All of them.
    pub const ALL: [What; 4] = [What::Shift, What::Saturation, What::Hang, What::Drift];

    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            What::Shift => "shift",
            What::Saturation => "saturation",
            What::Hang => "hang",
            What::Drift => "drift",
        }
    }
}

/// The kinds that begin at once: what the recall is told of. A drift has no beginning that could be missed.
pub const SUDDEN: [What; 3] = [What::Shift, What::Saturation, What::Hang];

/// An event.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Event {
    /// What happens.
    pub what: What,
    /// First minute.
    pub start: usize,
    /// The minute after the last.
    pub end: usize,
}

/// Calm between two events, in minutes: after one of them everything must be as it was.
const CALM: usize = 360;

/// Puts an event of the given kind into a series, somewhere from minute `from`, away from the others. `None` when there is no room.
pub fn put(
    what: What,
    series: &mut [Option<f64>],
    from: usize,
    others: &[Event],
    rng: &mut Rng,
) -> Option<Event> {
    let length = match what {
        What::Drift => rng.between(4.0 * 60.0, 18.0 * 60.0),
        What::Shift | What::Hang => rng.scale(20.0, 360.0),
        What::Saturation => rng.scale(20.0, 240.0),
    } as usize;
    let room = series.len().checked_sub(from + length + CALM)?;
    let event = (0..50).find_map(|_| {
        let start = from + below(rng, room);
        let apart =
            |other: &Event| other.end + CALM <= start || start + length + CALM <= other.start;
        others.iter().all(apart).then_some(Event {
            what,
            start,
            end: start + length,
        })
    })?;
    let values = series[event.start..event.end].iter_mut().enumerate();
    match what {
        What::Shift if rng.chance(0.2) => {
            let factor = rng.between(0.3, 0.6);
            each(values, |_, value| value * factor);
        }
        What::Shift => {
            let by = rng.between(0.1, 0.4);
            each(values, |_, value| value + by);
        }
        What::Saturation => {
            let top = rng.between(0.93, 1.0);
            each(values, |_, _| top - 0.02 * rng.unit());
        }
        What::Hang => {
            let rest = rng.between(0.0, 0.01);
            each(values, |_, _| rest * rng.between(0.5, 1.5));
        }
        What::Drift => {
            let top = rng.between(0.15, 0.4);
            each(values, |minute, value| {
                value + top * minute as f64 / length as f64
            });
        }
    }
    Some(event)
}

fn each<'a>(
    values: impl Iterator<Item = (usize, &'a mut Option<f64>)>,
    mut change: impl FnMut(usize, f64) -> f64,
) {
    for (minute, value) in values {
        if let Some(value) = value {
            *value = change(minute, *value).clamp(0.0, 1.0);
        }
    }
}

/// Days without events at the start: every method may learn.
pub const LEARNING: usize = 3 * DAY;
