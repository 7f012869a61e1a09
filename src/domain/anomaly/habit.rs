//! One metric of one workload.
use super::{
    SILENT_DAYS,
    calendar::{Calendar, Hour},
    code::{NONE, encode},
    expected::Expected,
    finding::{Anomaly, Metric, Scale},
    judge::{Judgement, KINDS, Rule, View},
    record::Record,
    words,
};
use serde::{Deserialize, Serialize};

/// Minutes that are kept.
const RING: usize = 60;
/// Minutes without a value are given the last one as long as there are no more of them: some sources are read every five minutes.
const CARRY: i64 = 5;
/// Hours that have to be known of the days before yesterday.
const LEAST_HOURS: usize = 40;
/// An anomaly ends after so many calm minutes.
const CALM: u32 = 10;
/// An anomaly that stands for so many minutes is what is usual now.
const ACCEPTED: i64 = 24 * 60;
/// An anomaly that is over within so many minutes was a burst, and is learned as such.
const BLIP: i64 = 30;
/// The part of a longer anomaly's deviation that counts as known afterwards: the next one of its size is told again.
const LEARNED: f64 = 0.1;
/// How far the days before may be exceeded by a day that is busy or slow from the start, as a logarithm (a third).
const TODAY: f64 = 0.3;
/// How quickly that is learned, per hour.
const TODAY_RATE: f64 = 0.6;
/// Without values for so many minutes nobody knows whether an anomaly goes on.
const STALE: i64 = 15;
const DAY: i64 = 1440;

/// One reading of one metric of a workload: the mean of its replicas.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// When, as Unix time in seconds.
    pub t: f64,
    /// Cores, or bytes.
    pub level: f64,
    /// What it is compared with, in the same unit.
    pub scale: Scale,
}

/// What is usual for one metric of one workload, and whether it is unusual now. Less than 2 KiB.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Habit {
    metric: Metric,
    /// The first minute, counted since 1970.
    first: i64,
    /// The minute that is going on, with its sum and number of values.
    minute: i64,
    sum: f64,
    count: u32,
    /// The last 60 minutes as codes, by minute of the hour; empty before the first reading.
    ring: Vec<u16>,
    scale: Scale,
    calendar: Calendar,
    records: [Record; KINDS],
    /// How far today is above and below the days before, as logarithms.
    today: (f64, f64),
    standing: Option<Standing>,
    /// The last minute of the last anomaly.
    odd: i64,
    #[serde(skip)]
    expected: Option<Expected>,
}

/// An anomaly that goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Standing {
    since: i64,
    rule: Rule,
    worst: [f32; KINDS],
    calm: u32,
    level: f64,
    usual: (f64, f64),
}

impl Habit {
    /// Nothing is known yet.
    pub fn new(metric: Metric) -> Self {
        Self {
            metric,
            first: 0,
            minute: 0,
            sum: 0.0,
            count: 0,
            ring: Vec::new(),
            scale: Scale::Own,
            calendar: Calendar::default(),
            records: [Record::default(); KINDS],
            today: (0.0, 0.0),
            standing: None,
            odd: i64::MIN,
            expected: None,
        }
    }

    /// Takes a reading. Readings that are older than the last minute, or no numbers, are left out.
    pub fn observe(&mut self, reading: &Reading) {
        let Reading { t, level, scale } = *reading;
        // 1e11 is in the year 5138: what is beyond is no time.
        if !(level.is_finite() && level >= 0.0 && (0.0..1e11).contains(&t)) {
            return;
        }
        let minute = (t / 60.0) as i64;
        if self.ring.is_empty() {
            self.ring = vec![NONE; RING];
            (self.first, self.minute) = (minute, minute);
        }
        if minute < self.minute {
            return;
        }
        self.scale = scale;
        if minute > self.minute {
            self.catch_up(minute);
        }
        self.sum += level;
        self.count += 1;
    }

    /// What is unusual now. The state of the last minute that is over; nothing when there were no values for a quarter of an hour.
    pub fn assess(&self, now: f64) -> Option<Anomaly> {
        let standing = self.standing.as_ref().filter(|_| self.is_fresh(now))?;
        Some(Anomaly {
            metric: self.metric,
            since: standing.since as f64 * 60.0,
            level: standing.level,
            usual: standing.usual,
            side: standing.rule.side(),
            why: words::level(
                self.metric,
                standing.rule,
                standing.level,
                standing.usual,
                self.scale,
                self.days_known(),
            ),
        })
    }

    /// Whether something is unusual now: [`Habit::assess`] without the words.
    pub fn stands(&self, now: f64) -> bool {
        self.standing.is_some() && self.is_fresh(now)
    }

    fn is_fresh(&self, now: f64) -> bool {
        now / 60.0 <= (self.minute + STALE) as f64
    }

    /// Days since the first reading.
    pub fn days_known(&self) -> f64 {
        (self.minute - self.first) as f64 / DAY as f64
    }

    /// Closes all minutes before this one.
    fn catch_up(&mut self, minute: i64) {
        let missing = minute - self.minute - 1;
        let last = self.close();
        self.judge();
        self.next_minute();
        if missing > DAY {
            // Nothing of what is kept by the minute is of any use, and hours that nobody saw say nothing.
            self.ring.fill(NONE);
            self.minute = minute;
            self.standing = None;
            self.expected = None;
            return;
        }
        for _ in 0..missing {
            let carried = if missing < CARRY { last } else { NONE };
            self.put(carried);
            self.next_minute();
        }
    }

    /// Writes the minute that is going on into the ring.
    fn close(&mut self) -> u16 {
        let code = match self.count {
            0 => NONE,
            count => encode(self.sum / f64::from(count)),
        };
        (self.sum, self.count) = (0.0, 0);
        self.put(code);
        code
    }

    fn put(&mut self, code: u16) {
        if let Some(place) = self
            .ring
            .get_mut(self.minute.rem_euclid(RING as i64) as usize)
        {
            *place = code;
        }
    }

    fn next_minute(&mut self) {
        self.minute += 1;
        if self.minute.rem_euclid(RING as i64) == 0 {
            self.hour_is_over(self.minute.div_euclid(RING as i64) - 1);
        }
    }

    fn hour_is_over(&mut self, hour: i64) {
        // An hour with something unusual in it does not become usual.
        let odd = self.odd >= self.minute - RING as i64;
        let summary = if odd {
            Hour::default()
        } else {
            Hour::of(&self.ring)
        };
        let middle = (self.minute - RING as i64 / 2) as f64;
        if let (Some((usual, _)), Some(median)) = (self.expected().at(middle), summary.median()) {
            let far = |above: f64, below: f64| (above.max(1e-9) / below.max(1e-9)).ln();
            let learn = |old: f64, new: f64| (old + TODAY_RATE * (new - old)).clamp(0.0, TODAY);
            self.today.0 = learn(self.today.0, far(median, usual.high));
            self.today.1 = learn(self.today.1, far(usual.low, median));
        }
        self.calendar.push(hour, summary);
        for record in &mut self.records {
            record.hour_is_over(hour);
            if (hour + 1).rem_euclid(24) == 0 {
                record.day_begins(hour + 1);
            }
        }
        self.expected = None;
    }

    /// What is expected around now.
    fn expected(&mut self) -> Expected {
        let hour = self.minute.div_euclid(RING as i64);
        let calendar = &self.calendar;
        *self
            .expected
            .get_or_insert_with(|| Expected::around(hour, calendar))
    }

    /// The level that stands for 100 %, where `peak` is the highest that is usual.
    fn full(&self, peak: f64) -> f64 {
        match self.scale.base() {
            Some((limit, _)) if matches!(self.scale, Scale::Limit(_)) => limit,
            Some((request, _)) => request.max(peak),
            None => peak,
        }
    }

    fn judge(&mut self) {
        let expected = self.expected();
        let view = View {
            ring: &self.ring,
            minute: self.minute,
            expected: &expected,
            records: &self.records,
            scale: self.full(expected.peak).max(f64::MIN_POSITIVE),
            limited: self.metric == Metric::Cpu && matches!(self.scale, Scale::Limit(_)),
            today: self.today,
            days: 1.0 + expected.known as f64 / 24.0,
            low_counts: self.metric == Metric::Cpu,
        };
        if let Some(judgement) = view.judge() {
            self.take(&judgement, expected.known);
        }
    }

    fn take(&mut self, judgement: &Judgement, known: usize) {
        let old_enough = self.days_known() >= SILENT_DAYS && known >= LEAST_HOURS;
        match (&mut self.standing, judgement.rule) {
            (Some(standing), _) => {
                for (worst, deviation) in standing.worst.iter_mut().zip(judgement.deviations) {
                    *worst = worst.max(deviation as f32);
                }
                (standing.level, standing.usual) = (judgement.level, judgement.usual);
                // What it comes to may show only later.
                if let Some(rule @ (Rule::Idle | Rule::Full)) = judgement.rule {
                    standing.rule = rule;
                }
                standing.calm = if judgement.calm { standing.calm + 1 } else { 0 };
                let length = self.minute - standing.since;
                if standing.calm >= CALM || length > ACCEPTED {
                    self.end(length);
                }
            }
            (None, Some(rule)) if old_enough => {
                self.standing = Some(Standing {
                    since: self.minute,
                    rule,
                    worst: judgement.deviations.map(|deviation| deviation as f32),
                    calm: 0,
                    level: judgement.level,
                    usual: judgement.usual,
                });
            }
            (None, _) => {}
        }
        if self.standing.is_some() {
            self.odd = self.minute;
            self.records.iter_mut().for_each(Record::forget_hours);
        } else if judgement.familiar {
            // A day of a kind that was never seen tells nothing about how far the others stray.
            for (record, deviation) in self.records.iter_mut().zip(judgement.deviations) {
                record.note(deviation);
            }
        }
    }

    fn end(&mut self, length: i64) {
        let hour = self.minute.div_euclid(RING as i64);
        let short = length - i64::from(CALM) < BLIP;
        let share = if short || length > ACCEPTED {
            1.0
        } else {
            LEARNED
        };
        if let Some(standing) = self.standing.take() {
            for (record, worst) in self.records.iter_mut().zip(standing.worst) {
                record.learn(hour, f64::from(worst) * share);
            }
        }
    }
}
