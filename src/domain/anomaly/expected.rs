//! What is expected in the hours around now, so that a minute costs little.
use super::calendar::{Calendar, Usual};

/// How much of a neighbouring hour's difference is taken as possible in an hour itself: days are not on time to the minute.
const NEIGHBOUR: f64 = 0.5;
/// Hours that are kept: the last one, this one, the next one.
const HOURS: usize = 3;

/// What is expected in the hours around one hour. Can be computed from the calendar at any time, so it is not stored.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// The first hour.
    first: i64,
    hours: [Option<(Usual, bool)>; HOURS],
    /// Hours that are known of the days before yesterday.
    pub known: usize,
    /// The highest level that is usual at any hour.
    pub peak: f64,
}

impl Expected {
    /// What the calendar expects around an hour that is going on.
    pub fn around(hour: i64, calendar: &Calendar) -> Self {
        let all: [Option<(Usual, bool)>; HOURS + 2] =
            std::array::from_fn(|place| calendar.usual(hour - 2 + place as i64, hour - 1));
        let hours = std::array::from_fn(|place| {
            let (mut usual, familiar) = all[place + 1]?;
            let (high, low) = (usual.high, usual.low);
            for (neighbour, _) in [all[place], all[place + 2]].into_iter().flatten() {
                usual.high = usual.high.max(high + NEIGHBOUR * (neighbour.high - high));
                usual.low = usual.low.min(low + NEIGHBOUR * (neighbour.low - low));
            }
            Some((usual, familiar))
        });
        Self {
            first: hour - 1,
            hours,
            known: calendar.known(),
            peak: calendar.peak(),
        }
    }

    /// What is expected `minute` minutes after 1970, and whether it is known from days of the same kind.
    pub fn at(&self, minute: f64) -> Option<(Usual, bool)> {
        // An hour's summary stands for its middle.
        let position = minute / 60.0 - 0.5;
        let earlier = position.floor();
        let place = usize::try_from(earlier as i64 - self.first).ok()?;
        let (usual, familiar) = (*self.hours.get(place)?)?;
        match self.hours.get(place + 1).copied().flatten() {
            None => Some((usual, familiar)),
            Some((later, also)) => {
                Some((usual.between(later, position - earlier), familiar && also))
            }
        }
    }
}
