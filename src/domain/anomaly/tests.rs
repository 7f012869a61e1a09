//! The rules as sentences, on hand-made days.
use super::*;
use proptest::prelude::*;

const DAY: i64 = 1440;

/// Minutes after 1970-01-05, a Monday, in seconds.
fn at(minute: i64) -> f64 {
    ((4 * DAY + minute) * 60) as f64
}

fn usual(minute: i64) -> f64 {
    let hour = (minute % DAY) as f64 / 60.0;
    let noise = ((minute * 7919) % 97) as f64 / 97.0 - 0.5;
    let today = 1.0 + 0.04 * ((minute / DAY * 31) % 7) as f64 / 7.0;
    (0.35 - 0.15 * (hour / 24.0 * std::f64::consts::TAU).cos()) * today * (1.0 + 0.1 * noise)
}

struct World {
    habit: Habit,
    scale: Scale,
    minute: i64,
}

impl World {
    fn new(metric: Metric) -> Self {
        Self {
            habit: Habit::new(metric),
            scale: Scale::Limit(1.0),
            minute: 0,
        }
    }

    /// Lets minutes pass and returns what was raised: the minute and what it was.
    fn pass(&mut self, minutes: i64, level: impl Fn(i64) -> Option<f64>) -> Vec<(i64, Anomaly)> {
        let mut raised = Vec::new();
        let mut stood = self.habit.assess(at(self.minute)).is_some();
        for minute in self.minute..self.minute + minutes {
            if let Some(level) = level(minute) {
                let (t, scale) = (at(minute), self.scale);
                self.habit.observe(&Reading { t, level, scale });
            }
            let anomaly = self.habit.assess(at(minute));
            let stands = anomaly.is_some();
            raised.extend(anomaly.filter(|_| !stood).map(|anomaly| (minute, anomaly)));
            stood = stands;
        }
        self.minute += minutes;
        raised
    }

    /// After so many usual days.
    fn after(metric: Metric, days: i64) -> Self {
        let mut world = Self::new(metric);
        let raised = world.pass(days * DAY, |minute| Some(usual(minute)));
        assert_eq!(raised, []);
        world
    }

    fn stands(&self) -> Option<Anomaly> {
        self.habit.assess(at(self.minute))
    }
}

fn why(raised: &[(i64, Anomaly)]) -> &str {
    raised
        .first()
        .map_or("nothing", |(_, anomaly)| &anomaly.why)
}

#[test]
fn usual_days_are_silent() {
    let mut world = World::after(Metric::Cpu, 3);
    assert_eq!(world.pass(6 * DAY, |minute| Some(usual(minute))), []);
}

#[test]
fn a_level_that_is_unusual_at_this_hour_is_told_within_a_quarter_of_an_hour() {
    let mut world = World::after(Metric::Cpu, 4);
    // 03:00: half of what is usual at noon is too much for the night.
    let quiet = world.pass(180, |minute| Some(usual(minute)));
    assert_eq!(quiet, []);
    let raised = world.pass(60, |minute| Some(usual(minute) + 0.25));
    insta::assert_snapshot!(why(&raised), @"CPU is at 50 % of its limit; usual at this hour is 23 % to 27 %");
    assert!(raised[0].0 - (4 * DAY + 180) < 15);
    assert_eq!(raised[0].1.side, Side::High);
}

#[test]
fn a_workload_that_does_nothing_by_day_is_told() {
    let mut world = World::after(Metric::Cpu, 4);
    assert_eq!(world.pass(720, |minute| Some(usual(minute))), []);
    let raised = world.pass(40, |_| Some(0.004));
    insta::assert_snapshot!(why(&raised), @"CPU is only at 0.4 % of its limit; usual at this hour is 48 % to 54 %");
    assert_eq!(raised[0].1.side, Side::Low);
    world.pass(10, |_| Some(0.004));
    insta::assert_snapshot!(world.stands().unwrap().why, @"CPU has fallen to 0.4 % of its limit; usual at this hour is 47 % to 54 %, and it was never this idle in 4 d");
}

#[test]
fn a_workload_that_stands_at_its_limit_is_told() {
    let mut world = World::after(Metric::Cpu, 4);
    let raised = world.pass(60, |_| Some(0.99));
    assert_eq!(raised.len(), 1);
    let now = world.stands().unwrap();
    assert!((now.level - 0.99).abs() < 0.01);
    insta::assert_snapshot!(now.why, @"CPU stands at its limit (99 %); usual at this hour is 19 % to 22 %, and it was never there for long in 4 d");
}

#[test]
fn a_short_spike_is_nothing() {
    let mut world = World::after(Metric::Cpu, 4);
    assert_eq!(world.pass(7, |_| Some(1.0)), []);
    assert_eq!(world.pass(60, |minute| Some(usual(minute))), []);
}

#[test]
fn a_difference_below_four_points_of_the_limit_is_nothing() {
    let mut world = World::new(Metric::Cpu);
    world.pass(5 * DAY, |minute| Some(usual(minute) / 50.0));
    assert_eq!(
        world.pass(120, |minute| Some(usual(minute) / 50.0 + 0.03)),
        []
    );
}

#[test]
fn nothing_is_said_on_the_first_three_days() {
    let mut world = World::new(Metric::Cpu);
    assert_eq!(world.pass(2 * DAY, |minute| Some(usual(minute))), []);
    assert_eq!(world.pass(DAY, |_| Some(0.99)), []);
}

#[test]
fn it_ends_ten_minutes_after_everything_is_as_usual() {
    let mut world = World::after(Metric::Cpu, 4);
    assert_eq!(world.pass(60, |minute| Some(usual(minute) + 0.3)).len(), 1);
    world.pass(15, |minute| Some(usual(minute)));
    assert!(world.stands().is_some());
    world.pass(45, |minute| Some(usual(minute)));
    assert_eq!(world.stands(), None);
}

#[test]
fn what_stays_for_a_day_is_the_new_usual() {
    let mut world = World::after(Metric::Cpu, 4);
    let raised = world.pass(4 * DAY, |minute| Some(usual(minute) + 0.3));
    assert_eq!(raised.len(), 1);
    assert_eq!(world.stands(), None);
}

#[test]
fn a_burst_that_was_there_every_day_is_usual() {
    let nightly = |minute: i64| {
        let backup = (120..165).contains(&(minute % DAY));
        Some(usual(minute) + if backup { 0.5 } else { 0.0 })
    };
    let mut world = World::new(Metric::Cpu);
    assert_eq!(world.pass(8 * DAY, nightly), []);
}

#[test]
fn memory_is_told_when_it_is_high_and_not_when_it_is_low() {
    let mebibytes = |minute| Some(usual(minute) * 1000.0 * 1024.0 * 1024.0);
    let mut world = World::new(Metric::Memory);
    world.scale = Scale::Own;
    assert_eq!(world.pass(4 * DAY, mebibytes), []);
    let mut low = World {
        habit: world.habit.clone(),
        ..world
    };
    assert_eq!(low.pass(180, |_| Some(1e6)), []);
    let raised = world.pass(180, |minute| mebibytes(minute).map(|level| level * 2.5));
    insta::assert_snapshot!(why(&raised), @"memory is at 514 MiB; usual at this hour is 192 MiB to 218 MiB");
}

#[test]
fn another_limit_changes_what_a_level_is_compared_with_and_nothing_else() {
    let mut world = World::after(Metric::Cpu, 5);
    world.scale = Scale::Limit(2.0);
    assert_eq!(world.pass(DAY, |minute| Some(usual(minute))), []);
}

#[test]
fn the_state_survives_a_restart() {
    let mut world = World::after(Metric::Cpu, 4);
    world.pass(30, |minute| Some(usual(minute) + 0.3));
    let text = serde_json::to_string(&world.habit).unwrap();
    let mut other = World {
        habit: serde_json::from_str(&text).unwrap(),
        ..world
    };
    let mut same = World {
        habit: world.habit,
        ..other
    };
    let level = |minute| Some(usual(minute) + 0.2);
    assert_eq!(same.pass(DAY, level), other.pass(DAY, level));
    assert_eq!(same.stands(), other.stands());
}

#[test]
fn a_habit_is_small() {
    let world = World::after(Metric::Cpu, 9);
    let heap = (60 + (24 + 168) * 3) * size_of::<u16>();
    assert!(size_of_val(&world.habit) + heap < 2048);
}

/// Restarts at these hours, looked at every ten minutes for `days`: when something was raised, and what.
fn restarts(days: i64, hours: &[f64], reason: Restart) -> Vec<(f64, String)> {
    let mut restarts = Restarts::default();
    let mut left = hours.iter().copied().peekable();
    let (mut raised, mut stood) = (Vec::new(), false);
    for step in 0..days * 144 {
        let now = step as f64 / 6.0;
        while let Some(hour) = left.next_if(|hour| *hour <= now) {
            restarts.observe(hour * 3600.0, reason);
        }
        let anomaly = restarts.assess(now * 3600.0);
        let stands = anomaly.is_some();
        raised.extend(anomaly.filter(|_| !stood).map(|anomaly| (now, anomaly.why)));
        stood = stands;
    }
    raised
}

#[test]
fn four_restarts_where_there_never_were_any_are_told() {
    let raised = restarts(7, &[100.0, 101.0, 102.0, 103.0, 104.0], Restart::OomKilled);
    assert_eq!(raised.len(), 1);
    assert_eq!(raised[0].0, 103.0);
    insta::assert_snapshot!(raised[0].1, @"4 restarts in the last 3 h (4 × OOMKilled); usual is none");
}

#[test]
fn a_restart_now_and_then_is_nothing() {
    let hours: Vec<f64> = (0..30).map(|week| 80.0 + f64::from(week) * 40.0).collect();
    assert_eq!(restarts(50, &hours, Restart::Error), []);
}

#[test]
fn restarts_that_always_were_frequent_are_usual_and_four_times_as_many_are_not() {
    let mut hours: Vec<f64> = (0..24 * 10).map(|count| f64::from(count) * 2.0).collect();
    assert_eq!(restarts(20, &hours, Restart::Error), []);
    hours.extend((0..40).map(|count| 480.0 + f64::from(count) * 0.25));
    let raised = restarts(21, &hours, Restart::Error);
    assert_eq!(raised.len(), 1);
    insta::assert_snapshot!(raised[0].1, @"16 restarts in the last 23 h (16 × Error); usual is 10 a day");
}

#[test]
fn restarts_of_the_first_three_days_are_not_told() {
    assert_eq!(
        restarts(3, &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0], Restart::Error),
        []
    );
}

#[test]
fn restarts_are_over_when_they_stop() {
    let mut restarts = Restarts::default();
    restarts.watch(0.0);
    for hour in 100..106 {
        restarts.observe(f64::from(hour) * 3600.0, Restart::Error);
    }
    assert!(restarts.assess(106.0 * 3600.0).is_some());
    assert_eq!(restarts.assess(250.0 * 3600.0), None);
}

fn scale() -> impl Strategy<Value = Scale> {
    prop_oneof![
        Just(Scale::Own),
        any::<f64>().prop_map(Scale::Limit),
        any::<f64>().prop_map(Scale::Request),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn garbage_never_panics(
        readings in prop::collection::vec((any::<f64>(), any::<f64>(), scale()), 0..200),
        steps in prop::collection::vec((0.0..1e6f64, 0.0..1e20f64, scale()), 0..200),
    ) {
        let mut habit = Habit::new(Metric::Cpu);
        let mut restarts = Restarts::default();
        let mut now = 0.0;
        let steps = steps.into_iter().map(|(step, level, scale)| {
            now += step;
            (now, level, scale)
        });
        for (t, level, scale) in steps.collect::<Vec<_>>().into_iter().chain(readings) {
            habit.observe(&Reading { t, level, scale });
            habit.assess(t);
            restarts.observe(t, Restart::Unknown);
            restarts.assess(level);
        }
    }

    #[test]
    fn nothing_is_raised_before_three_days(seed in any::<u64>(), start in 0i64..10_000_000) {
        let mut habit = Habit::new(Metric::Cpu);
        for minute in 0..3 * DAY {
            let level = ((seed ^ (minute / 30) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f64;
            let t = ((start + minute) * 60) as f64;
            habit.observe(&Reading { t, level, scale: Scale::Own });
            prop_assert_eq!(habit.assess(t), None);
        }
    }

    #[test]
    fn a_gap_never_raises_anything(from in 0i64..DAY, length in 1i64..3000) {
        let mut world = World::after(Metric::Cpu, 4);
        let gap = 4 * DAY + from..4 * DAY + from + length;
        let raised = world.pass(4 * DAY, |minute| {
            (!gap.contains(&minute)).then(|| usual(minute))
        });
        prop_assert_eq!(raised, []);
    }

    #[test]
    fn level_and_limit_times_a_power_of_two_change_nothing(power in -8i32..8, shift in 0.25..0.4f64) {
        let factor = f64::from(power).exp2();
        let raised = [1.0, factor].map(|factor| {
            let mut world = World::new(Metric::Cpu);
            world.scale = Scale::Limit(factor);
            let level = |minute| {
                let up = if minute > 4 * DAY + 300 { shift } else { 0.0 };
                Some((usual(minute) + up) * factor)
            };
            let raised = world.pass(5 * DAY, level);
            raised.into_iter().map(|(minute, anomaly)| (minute, anomaly.why)).collect::<Vec<_>>()
        });
        prop_assert_eq!(&raised[0], &raised[1]);
        prop_assert!(!raised[0].is_empty());
    }
}
