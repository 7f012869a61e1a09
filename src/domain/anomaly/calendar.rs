//! What was usual at which hour: quantiles of every hour of the last day, and of every hour of the week, six bytes each.
use super::code::{NONE, decode};
use serde::{Deserialize, Serialize};

/// Hours of a day.
const DAY: i64 = 24;
/// Hours of a week.
const WEEK: i64 = 7 * DAY;
/// An hour with fewer known minutes tells nothing.
const LEAST: usize = 30;

/// One hour: the 5 %, 50 % and 95 % quantiles of its minutes as codes; all [`NONE`] when it is not known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hour {
    low: u16,
    middle: u16,
    high: u16,
}

impl Hour {
    /// The summary of the minutes of an hour; minutes that are not known are [`NONE`].
    pub fn of(minutes: &[u16]) -> Self {
        let mut known: Vec<u16> = minutes
            .iter()
            .copied()
            .filter(|code| *code != NONE)
            .collect();
        known.sort_unstable();
        if known.len() < LEAST {
            return Self::default();
        }
        let at = |percent: usize| known[(known.len() - 1) * percent / 100];
        Self {
            low: at(5),
            middle: at(50),
            high: at(95),
        }
    }

    /// The median of its minutes; `None` when it is not known.
    pub fn median(self) -> Option<f64> {
        decode(self.middle)
    }

    fn known(self) -> bool {
        self.middle != NONE
    }

    /// Half-way between two weeks: what happened once is forgotten by halves.
    fn blend(self, newer: Self) -> Self {
        match (self.known(), newer.known()) {
            (_, false) => self,
            (false, true) => newer,
            (true, true) => Self {
                low: self.low.midpoint(newer.low),
                middle: self.middle.midpoint(newer.middle),
                high: self.high.midpoint(newer.high),
            },
        }
    }
}

/// What is usual at one moment, as levels.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usual {
    /// The lowest 5 % quantile of the comparable hours.
    pub floor: f64,
    /// The lowest median of the comparable hours.
    pub low: f64,
    /// The median of their medians.
    pub middle: f64,
    /// The highest median of them.
    pub high: f64,
    /// The highest 95 % quantile of them.
    pub ceiling: f64,
}

impl Usual {
    /// What is usual between two hours: `share` is 0 for this one and 1 for the later one.
    pub fn between(self, later: Self, share: f64) -> Self {
        let mix = |a: f64, b: f64| a + (b - a) * share;
        Self {
            floor: mix(self.floor, later.floor),
            low: mix(self.low, later.low),
            middle: mix(self.middle, later.middle),
            high: mix(self.high, later.high),
            ceiling: mix(self.ceiling, later.ceiling),
        }
    }
}

/// The hours that are known.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Calendar {
    /// The last day, hour by hour: it enters the week only when it is a day old.
    day: Vec<Hour>,
    /// The week. Hours of earlier weeks are blended into it.
    week: Vec<Hour>,
}

impl Default for Calendar {
    fn default() -> Self {
        Self {
            day: vec![Hour::default(); DAY as usize],
            week: vec![Hour::default(); WEEK as usize],
        }
    }
}

impl Calendar {
    /// Takes the summary of an hour that is over; hours are counted since 1970 and come in order, each once.
    pub fn push(&mut self, hour: i64, summary: Hour) {
        if let Some(place) = self.day.get_mut(slot(hour, DAY)) {
            let old = std::mem::replace(place, summary);
            if let Some(place) = self.week.get_mut(slot(hour - DAY, WEEK)) {
                *place = place.blend(old);
            }
        }
    }

    /// Hours that are known.
    pub fn known(&self) -> usize {
        self.week.iter().filter(|hour| hour.known()).count()
    }

    /// An earlier hour; `latest` is the last one that is over.
    fn get(&self, hour: i64, latest: i64) -> Hour {
        let (ring, length) = if latest - hour < DAY {
            (&self.day, DAY)
        } else {
            (&self.week, WEEK)
        };
        ring.get(slot(hour, length)).copied().unwrap_or_default()
    }

    /// The highest 95 % quantile of the week; 0 when nothing is known.
    pub fn peak(&self) -> f64 {
        let highest = self
            .week
            .iter()
            .chain(&self.day)
            .map(|hour| hour.high)
            .max();
        highest.and_then(decode).unwrap_or(0.0)
    }

    /// What is usual in an hour, from the same hour of the seven days before it, and whether days of its kind (working day
    /// or weekend, UTC) are among them: then only those count. `None` when nothing comparable is known. `latest` is the last
    /// hour that is over.
    pub fn usual(&self, hour: i64, latest: i64) -> Option<(Usual, bool)> {
        let all: [Hour; 7] =
            std::array::from_fn(|day| self.get(hour - DAY * (day as i64 + 1), latest));
        let kind = weekend(hour);
        let alike: [Hour; 7] = std::array::from_fn(|day| {
            // The same day of the week is always comparable: it is the last one.
            if weekend(hour - DAY * (day as i64 + 1)) == kind {
                all[day]
            } else {
                Hour::default()
            }
        });
        let same = alike.iter().any(|hour| hour.known());
        let of = if same { alike } else { all };
        let mut middles: [u16; 7] = of.map(|hour| hour.middle);
        middles.sort_unstable();
        let unknown = middles.iter().filter(|code| **code == NONE).count();
        let known = middles.get(unknown..).filter(|known| !known.is_empty())?;
        let lowest = of
            .iter()
            .filter(|hour| hour.known())
            .map(|hour| hour.low)
            .min()?;
        let highest = of.iter().map(|hour| hour.high).max()?;
        Some((
            Usual {
                floor: decode(lowest)?,
                low: decode(*known.first()?)?,
                middle: decode(known[known.len() / 2])?,
                high: decode(*known.last()?)?,
                ceiling: decode(highest)?,
            },
            same,
        ))
    }
}

fn slot(hour: i64, length: i64) -> usize {
    hour.rem_euclid(length) as usize
}

/// Whether an hour is on a Saturday or Sunday (UTC). 1970 began on a Thursday.
fn weekend(hour: i64) -> bool {
    (hour.div_euclid(DAY) + 3).rem_euclid(7) >= 5
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::anomaly::code::encode;

    /// Sixty minutes at one level.
    fn flat(level: f64) -> Hour {
        Hour::of(&[encode(level); 60])
    }

    /// 1970-01-05 was a Monday.
    const MONDAY: i64 = 4 * DAY;

    fn filled(days: i64, level: impl Fn(i64) -> f64) -> Calendar {
        let mut calendar = Calendar::default();
        for hour in MONDAY..MONDAY + days * DAY {
            calendar.push(hour, flat(level(hour)));
        }
        calendar
    }

    fn close(a: f64, b: f64) -> bool {
        (a / b - 1.0).abs() < 0.002
    }

    #[test]
    fn an_hour_with_few_minutes_is_not_known() {
        let mut minutes = [NONE; 60];
        minutes[..29].fill(encode(1.0));
        assert_eq!(Hour::of(&minutes), Hour::default());
        minutes[29] = encode(1.0);
        assert!(Hour::of(&minutes).known());
    }

    #[test]
    fn the_usual_of_an_hour_spans_the_same_hour_of_the_days_before() {
        // Every day is a bit higher than the one before, and every hour.
        let calendar = filled(4, |hour| (hour - MONDAY) as f64 + 10.0);
        let now = MONDAY + 4 * DAY + 5;
        let (usual, familiar) = calendar.usual(now, now - 6).unwrap();
        assert!(familiar);
        assert!(
            close(usual.low, 15.0) && close(usual.high, 87.0),
            "{usual:?}"
        );
    }

    #[test]
    fn the_first_weekend_is_unfamiliar_and_the_second_is_compared_with_the_first() {
        let calendar = filled(14, |hour| if weekend(hour) { 1.0 } else { 5.0 });
        let saturday = MONDAY + 5 * DAY + 12;
        let first = filled(5, |_| 5.0).usual(saturday, MONDAY + 5 * DAY - 1);
        assert!(!first.unwrap().1);
        let (usual, familiar) = calendar
            .usual(saturday + 14 * DAY - 7 * DAY, saturday + 7 * DAY)
            .unwrap();
        assert!(familiar && close(usual.high, 1.0), "{usual:?}");
    }

    #[test]
    fn what_happened_once_is_forgotten_by_halves() {
        let odd = MONDAY + 3;
        let calendar = filled(15, |hour| if hour == odd { 4.0 } else { 1.0 });
        let (usual, _) = calendar.usual(odd + 14 * DAY, odd + 14 * DAY - 1).unwrap();
        assert!(close(usual.high, 2.0), "{usual:?}");
    }
}
