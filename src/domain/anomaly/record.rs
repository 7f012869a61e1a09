//! What happened before: the largest deviation of every day, so that a new one has to be larger.
use super::code::{decode, encode};
use serde::{Deserialize, Serialize};

/// Days that are remembered: a week, and the same day of the week before.
const DAYS: usize = 8;

/// The largest deviations of one kind on the last days. Deviations are zero or more, kept as codes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// By the number of the day modulo [`DAYS`].
    days: [u16; DAYS],
    /// The largest of this hour and of the hour before: they count when they turn out to be calm.
    hours: [u16; 2],
}

impl Record {
    /// Notes a deviation in the hour that is going on.
    pub fn note(&mut self, deviation: f64) {
        self.hours[0] = self.hours[0].max(encode(deviation));
    }

    /// An hour is over: the one before it counts now, because what begins late in an hour is recognised in the next one.
    pub fn hour_is_over(&mut self, hour: i64) {
        let [this, before] = self.hours;
        self.day(hour, before);
        self.hours = [0, this];
    }

    /// A day begins with this hour: what was known of the same place is too old.
    pub fn day_begins(&mut self, hour: i64) {
        if let Some(place) = self.days.get_mut(place(hour)) {
            *place = 0;
        }
    }

    /// Something is wrong: what was noted lately does not count as usual.
    pub fn forget_hours(&mut self) {
        self.hours = [0; 2];
    }

    /// Notes a deviation at once, in the day of this hour.
    pub fn learn(&mut self, hour: i64, deviation: f64) {
        self.day(hour, encode(deviation));
    }

    fn day(&mut self, hour: i64, code: u16) {
        if let Some(place) = self.days.get_mut(place(hour)) {
            *place = (*place).max(code);
        }
    }

    /// The largest deviation of the last days.
    pub fn worst(&self) -> f64 {
        self.days
            .iter()
            .copied()
            .max()
            .and_then(decode)
            .unwrap_or(0.0)
    }

    /// How far the largest deviation is above that of a usual day (the median of the days that had any): large when what
    /// happens once in a while is no measure of what will.
    pub fn spread(&self) -> f64 {
        let mut days: Vec<u16> = self.days.iter().copied().filter(|code| *code > 1).collect();
        days.sort_unstable();
        let usual = days.get(days.len().saturating_sub(1) / 2).copied();
        self.worst() - usual.and_then(decode).unwrap_or(0.0)
    }
}

fn place(hour: i64) -> usize {
    hour.div_euclid(24).rem_euclid(DAYS as i64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) -> bool {
        (a - b).abs() < 0.002
    }

    #[test]
    fn a_deviation_counts_one_hour_after_its_own() {
        let mut record = Record::default();
        record.note(0.5);
        record.hour_is_over(100);
        assert_eq!(record.worst(), 0.0);
        record.hour_is_over(101);
        assert!(close(record.worst(), 0.5));
    }

    #[test]
    fn what_was_noted_before_an_anomaly_does_not_count() {
        let mut record = Record::default();
        record.note(0.5);
        record.hour_is_over(100);
        record.forget_hours();
        record.hour_is_over(101);
        record.hour_is_over(102);
        assert_eq!(record.worst(), 0.0);
    }

    #[test]
    fn a_day_is_forgotten_after_eight() {
        let mut record = Record::default();
        record.learn(0, 2.0);
        for day in 1..8 {
            record.day_begins(day * 24);
            assert!(close(record.worst(), 2.0), "{day}");
        }
        record.day_begins(8 * 24);
        assert_eq!(record.worst(), 0.0);
    }

    #[test]
    fn the_spread_is_large_when_one_day_stands_out() {
        let mut record = Record::default();
        for (day, deviation) in [1.0, 1.1, 0.9, 3.0, 0.0].into_iter().enumerate() {
            record.learn(day as i64 * 24, deviation);
        }
        assert!(close(record.spread() / 2.0, 1.0), "{}", record.spread());
    }
}
