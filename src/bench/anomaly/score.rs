//! What a method found: recall and delay per kind of event, and false alarms.
use super::{
    event::{Event, What},
    shape::{DAY, Shape},
};
use std::collections::BTreeMap;

/// How long after an event's end an alarm still belongs to it, in minutes.
const AFTERMATH: usize = 30;

/// What one method did on all series.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Score {
    /// By kind: how many events there were, and the delays of those that were found, in minutes.
    pub events: BTreeMap<What, (usize, Vec<usize>)>,
    /// By shape: how many false alarms there were, and in how many series-days.
    pub alarms: BTreeMap<Shape, (usize, f64)>,
}

impl Score {
    /// Counts one series: `fires` are the minutes in which an alarm was raised, `judged` is the number of minutes that count.
    pub fn count(&mut self, shape: Shape, events: &[Event], fires: &[usize], judged: usize) {
        for event in events {
            let (all, delays) = self.events.entry(event.what).or_default();
            *all += 1;
            let found = fires
                .iter()
                .find(|fire| (event.start..event.end).contains(fire));
            delays.extend(found.map(|fire| fire - event.start));
        }
        let belongs = |fire: &usize| {
            events
                .iter()
                .any(|event| (event.start..event.end + AFTERMATH).contains(fire))
        };
        let (alarms, days) = self.alarms.entry(shape).or_default();
        *alarms += fires.iter().filter(|fire| !belongs(fire)).count();
        *days += judged as f64 / DAY as f64;
    }

    /// The share of the events of these kinds that were found; 1 when there are none.
    pub fn recall(&self, of: &[What]) -> f64 {
        let (mut all, mut found) = (0, 0);
        for what in of {
            if let Some((count, delays)) = self.events.get(what) {
                all += count;
                found += delays.len();
            }
        }
        if all == 0 {
            1.0
        } else {
            found as f64 / all as f64
        }
    }

    /// Half of the events that were found were found within so many minutes; `None` when none was.
    pub fn median_delay(&self) -> Option<usize> {
        let mut delays: Vec<usize> = self
            .events
            .values()
            .flat_map(|(_, delays)| delays)
            .copied()
            .collect();
        delays.sort_unstable();
        delays.get(delays.len().saturating_sub(1) / 2).copied()
    }

    /// False alarms per day of one series, of these shapes.
    pub fn false_alarms(&self, of: &[Shape]) -> f64 {
        let (alarms, days) = of
            .iter()
            .filter_map(|shape| self.alarms.get(shape))
            .fold((0, 0.0), |(a, d), (alarms, days)| (a + alarms, d + days));
        if days > 0.0 {
            alarms as f64 / days
        } else {
            0.0
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(what: What, start: usize, end: usize) -> Event {
        Event { what, start, end }
    }

    #[test]
    fn an_alarm_within_an_event_finds_it_and_the_first_one_is_its_delay() {
        let mut score = Score::default();
        let events = [event(What::Hang, 100, 200), event(What::Drift, 900, 990)];
        score.count(Shape::Daily, &events, &[112, 150, 229], 2 * DAY);
        assert_eq!(score.recall(&[What::Hang]), 1.0);
        assert_eq!(score.recall(&[What::Hang, What::Drift]), 0.5);
        assert_eq!(score.median_delay(), Some(12));
        assert_eq!(score.false_alarms(&Shape::ALL), 0.0);
    }

    #[test]
    fn an_alarm_outside_every_event_is_false() {
        let mut score = Score::default();
        let events = [event(What::Hang, 100, 200)];
        score.count(Shape::Daily, &events, &[99, 230, 5000], 2 * DAY);
        assert_eq!(score.recall(&[What::Hang]), 0.0);
        assert_eq!(score.median_delay(), None);
        assert_eq!(score.false_alarms(&Shape::ALL), 1.5);
    }
}
