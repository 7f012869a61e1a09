//! What the picture shows, by probes of its pixels, and that nothing breaks it.
use super::{
    HEIGHT, WIDTH,
    canvas::Ink,
    frame::{BOTTOM, Frame, LEFT, RIGHT, TOP},
    plot::{AHEAD, BACKGROUND, BRIGHT, LIMIT, runs},
    png,
};
use crate::domain::{
    forecast::{Boundary, Chart, ChartPoint, FanPoint, Outlook, When, testkit},
    object::ObjectRef,
};
use jiff::Timestamp;
use proptest::prelude::*;
use std::path::Path;
use tiny_skia::Pixmap;

/// 03:12 in the night.
const NOW: i64 = 1_795_230_720;
const MIB: u64 = 1 << 20;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(NOW + seconds).unwrap()
}

/// A wobble without a random number.
fn wobble(n: i64) -> f64 {
    ((n * 7_919 % 101) as f64 / 101.0 - 0.5) + 0.6 * ((n as f64) / 5.0).sin()
}

/// `checkout`: flat for three hours, then a leak of 3.1 MiB a minute for 90 min; the kill is expected in 1 h 50.
fn leak() -> Outlook {
    let level =
        |minute: i64| 152.0 + 3.1 * (minute + 95).max(0) as f64 * 0.55 + 5.0 * wobble(minute);
    let past = (-280..=0)
        .step_by(2)
        .map(|minute| ChartPoint {
            t: NOW + 60 * minute,
            mean: (level(minute) * MIB as f64) as u64,
            max: ((level(minute) + 6.0 + 5.0 * wobble(minute + 3).abs()) * MIB as f64) as u64,
        })
        .collect();
    let used = level(0);
    let fan = (1..=20)
        .map(|n| {
            let minutes = 9.0 * f64::from(n);
            let to = |rate: f64| ((used + rate * minutes) * MIB as f64) as u64;
            FanPoint {
                t: NOW + (60.0 * minutes) as i64,
                low: to(1.15),
                median: to(1.75),
                high: to(2.75),
            }
        })
        .collect();
    Outlook {
        at: at(0),
        rising: 3,
        when: Some(When {
            earliest: at(70 * 60),
            median: at(110 * 60),
            latest: at(170 * 60),
        }),
        used: (used * MIB as f64) as u64,
        rate: 1.75 * MIB as f64 / 60.0,
        rising_since: at(-95 * 60),
        survived: Some(240 * MIB),
        known_since: at(-7 * 86_400),
        chart: Chart { past, fan },
        ..testkit::outlook("app", 110 * 60)
    }
}

/// For people who want to look: `HEAL_TEST_PICTURES=folder`.
fn keep(name: &str, png: &[u8]) {
    if let Some(folder) = std::env::var_os("HEAL_TEST_PICTURES") {
        std::fs::write(Path::new(&folder).join(name), png).unwrap();
    }
}

fn variants() -> Vec<(&'static str, Outlook)> {
    let leak = leak();
    let stopped = Outlook {
        when: None,
        chart: Chart {
            fan: vec![],
            ..leak.chart.clone()
        },
        ..leak.clone()
    };
    let mut gap = leak.clone();
    gap.chart
        .past
        .retain(|point| !(NOW - 9_000..NOW - 6_000).contains(&point.t));
    gap.survived = None;
    let node = Outlook {
        boundary: Boundary::Node,
        container: String::new(),
        owner: ObjectRef::new(
            "Node",
            "",
            "worker-eu-central-1a-0815.compute.internal",
            "n",
        ),
        survived: Some(470 * MIB),
        ..leak.clone()
    };
    let mut soon = leak.clone();
    soon.when = Some(When {
        earliest: at(150),
        median: at(200),
        latest: at(330),
    });
    soon.rising_since = at(-240);
    soon.limit = 64 * MIB;
    soon.survived = None;
    soon.chart.past = (-28..=0)
        .map(|n| ChartPoint {
            t: NOW + 10 * n,
            mean: (40 * MIB).saturating_add_signed(n * 900_000),
            max: (41 * MIB).saturating_add_signed(n * 900_000),
        })
        .collect();
    soon.chart.fan = (1..=12)
        .map(|n| FanPoint {
            t: NOW + 30 * n,
            low: 40 * MIB + n as u64 * 2_200_000,
            median: 40 * MIB + n as u64 * 3_800_000,
            high: 40 * MIB + n as u64 * 5_000_000,
        })
        .collect();
    vec![
        ("leak.png", leak),
        ("stopped.png", stopped),
        ("gap.png", gap),
        ("node.png", node),
        ("soon.png", soon),
    ]
}

#[test]
fn pictures_can_be_looked_at() {
    for (name, outlook) in variants() {
        let picture = png(&outlook, at(0)).unwrap();
        assert!(
            picture.len() < 100_000,
            "{name} has {} bytes",
            picture.len()
        );
        keep(name, &picture);
    }
}

/// The pixels of a picture.
fn pixels(outlook: &Outlook) -> Pixmap {
    Pixmap::decode_png(&png(outlook, at(0)).unwrap()).unwrap()
}

fn pixel(pixels: &Pixmap, x: f32, y: f32) -> Ink {
    let color = pixels.pixel(x as u32, y as u32).unwrap().demultiply();
    Ink(color.red(), color.green(), color.blue(), color.alpha())
}

/// How many pixels in a part of the picture are of about this colour.
fn count(pixels: &Pixmap, (x0, x1): (f32, f32), (y0, y1): (f32, f32), ink: Ink) -> usize {
    let near = |a: u8, b: u8| a.abs_diff(b) < 24;
    (y0 as u32..y1 as u32)
        .flat_map(|y| (x0 as u32..x1 as u32).map(move |x| (x, y)))
        .map(|(x, y)| pixel(pixels, x as f32, y as f32))
        .filter(|have| near(have.0, ink.0) && near(have.1, ink.1) && near(have.2, ink.2))
        .count()
}

#[test]
fn the_limit_is_a_line_at_its_level_and_the_corners_are_transparent() {
    let outlook = leak();
    let frame = Frame::new(&outlook, at(0)).unwrap();
    let pixels = pixels(&outlook);
    let y = frame.y((512 * MIB) as f64);
    for x in [LEFT + 5.0, 400.0, RIGHT - 5.0] {
        assert_eq!(pixel(&pixels, x, y), LIMIT, "at {x}");
    }
    assert_eq!((pixels.width(), pixels.height()), (WIDTH, HEIGHT));
    assert_eq!(pixel(&pixels, 0.0, 0.0).3, 0);
    assert_eq!(pixel(&pixels, 500.0, 12.0), BACKGROUND);
}

#[test]
fn the_fan_opens_to_the_right_and_ends_at_the_limit() {
    let outlook = leak();
    let frame = Frame::new(&outlook, at(0)).unwrap();
    let pixels = pixels(&outlook);
    let limit = frame.y((512 * MIB) as f64);
    let now = frame.x(NOW);
    // The fan before the kill window, over the bare background.
    let fan = Ink(0x62, 0x4e, 0x36, 0xff);
    let width_at = |x: f32| count(&pixels, (x, x + 1.0), (limit + 4.0, BOTTOM), fan);
    assert!(width_at(now + 60.0) > 5);
    assert!(width_at(now + 130.0) > width_at(now + 60.0));
    assert_eq!(
        count(&pixels, (now + 5.0, RIGHT), (TOP, limit - 46.0), fan),
        0
    );
    assert_eq!(count(&pixels, (LEFT, now - 20.0), (TOP, BOTTOM), AHEAD), 0);
}

#[test]
fn the_middle_path_leads_from_now_to_the_kill() {
    let outlook = leak();
    let frame = Frame::new(&outlook, at(0)).unwrap();
    let pixels = pixels(&outlook);
    // The middle path grows evenly.
    let level = |minutes: i64| outlook.used as f64 + outlook.rate * 60.0 * minutes as f64;
    let drawn = |above: f32| {
        (10..100)
            .filter(|minutes| {
                let x = frame.x(NOW + 60 * minutes);
                let y = frame.y(level(*minutes)) - above;
                count(&pixels, (x, x + 1.0), (y - 1.0, y + 2.0), AHEAD) > 0
            })
            .count()
    };
    assert!(drawn(0.0) > 36, "dashes, and more of them than gaps");
    assert_eq!((drawn(12.0), drawn(-12.0)), (0, 0));
    let when = outlook.when.unwrap();
    let kill = (
        frame.x(when.median.as_second()),
        frame.y(outlook.limit as f64),
    );
    assert_eq!(pixel(&pixels, kill.0 + 11.0, kill.1), BRIGHT);
}

#[test]
fn the_kill_window_and_the_survived_level_are_shaded_where_they_are() {
    let outlook = leak();
    let frame = Frame::new(&outlook, at(0)).unwrap();
    let pixels = pixels(&outlook);
    let window = |minutes: i64| pixel(&pixels, frame.x(NOW + 60 * minutes), BOTTOM - 20.0);
    assert_eq!(window(80), window(160));
    assert_ne!(window(80), window(60));
    assert_ne!(window(160), window(175));
    let level = |mib: u64| pixel(&pixels, LEFT + 280.0, frame.y((mib * MIB) as f64));
    assert_eq!(level(500), BACKGROUND);
    assert_ne!(level(100), BACKGROUND);
    let stopped = Outlook {
        when: None,
        survived: None,
        ..leak()
    };
    let without = super::png(&stopped, at(0)).unwrap();
    let without = Pixmap::decode_png(&without).unwrap();
    assert_eq!(pixel(&without, LEFT + 3.0, BOTTOM - 20.0), BACKGROUND);
    assert_eq!(pixel(&without, RIGHT - 3.0, BOTTOM - 20.0), BACKGROUND);
}

#[test]
fn where_nothing_was_measured_there_is_a_gap() {
    let point = |t| ChartPoint { t, mean: 1, max: 1 };
    let points: Vec<ChartPoint> = [0, 60, 120, 600, 660].map(point).to_vec();
    let lengths = |points: &[ChartPoint]| -> Vec<usize> {
        runs(points).iter().map(|run| run.len()).collect()
    };
    assert_eq!(lengths(&points), [3, 2]);
    assert_eq!(lengths(&points[..1]), [1]);
    assert!(runs(&[]).is_empty());
    let older_ones_are_rarer = [0, 480, 960, 1_200, 1_440, 1_500, 1_560, 1_575, 1_590, 1_605];
    assert_eq!(lengths(&older_ones_are_rarer.map(point)), [10]);
    let one_between_outages = [0, 60, 120, 180, 900, 1_620, 1_680, 1_740, 1_800];
    assert_eq!(lengths(&one_between_outages.map(point)), [4, 1, 4]);
}

#[test]
fn the_axis_has_round_times_and_round_levels() {
    let frame = Frame::new(&leak(), at(0)).unwrap();
    let times: Vec<String> = frame.times().into_iter().map(|(_, words)| words).collect();
    insta::assert_snapshot!(times.join(" "), @"00:00 02:00 04:00 06:00");
    let levels: Vec<u64> = frame
        .levels(512 * MIB)
        .into_iter()
        .map(|level| level as u64 / MIB)
        .collect();
    assert_eq!(levels, [0, 200, 400]);
    assert_eq!(
        frame
            .levels(3 << 30)
            .iter()
            .map(|level| *level as u64 / MIB)
            .collect::<Vec<_>>(),
        [0, 1024, 2048, 3072]
    );
}

#[test]
fn the_same_outlook_gives_the_same_bytes_and_no_past_gives_no_picture() {
    assert_eq!(png(&leak(), at(0)), png(&leak(), at(0)));
    let empty = Outlook {
        chart: Chart::default(),
        ..leak()
    };
    assert_eq!(png(&empty, at(0)), None);
}

fn moments() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => (-200_000i64..200_000).prop_map(|t| NOW + t),
        1 => Just(i64::MIN),
        1 => Just(i64::MAX),
        1 => Just(0),
    ]
}

fn amounts() -> impl Strategy<Value = u64> {
    prop_oneof![4 => 0..(1u64 << 40), 1 => Just(0), 1 => Just(1), 1 => Just(u64::MAX)]
}

fn whens() -> impl Strategy<Value = Option<When>> {
    let stamp = || {
        prop_oneof![
            4 => (-90_000i64..900_000).prop_map(at),
            1 => Just(Timestamp::MIN),
            1 => Just(Timestamp::MAX),
        ]
    };
    proptest::option::of(
        (stamp(), stamp(), stamp()).prop_map(|(earliest, median, latest)| When {
            earliest,
            median,
            latest,
        }),
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_data_is_too_odd_to_be_drawn(
        past in prop::collection::vec((moments(), amounts(), amounts()), 1..6),
        fan in prop::collection::vec((moments(), amounts(), amounts(), amounts()), 0..4),
        (limit, survived, when, now) in (amounts(), proptest::option::of(amounts()), whens(), -9_000i64..9_000),
        name in "\\PC{0,80}",
    ) {
        let mut outlook = leak();
        outlook.owner.name = name;
        (outlook.limit, outlook.survived, outlook.when) = (limit, survived, when);
        outlook.chart.past = past.into_iter().map(|(t, mean, max)| ChartPoint { t, mean, max }).collect();
        outlook.chart.fan = fan.into_iter().map(|(t, low, median, high)| FanPoint { t, low, median, high }).collect();
        prop_assert!(png(&outlook, at(now)).is_some());
    }
}
