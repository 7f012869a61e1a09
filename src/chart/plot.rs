//! What is drawn, back to front.
use super::{
    HEIGHT, WIDTH,
    canvas::{Canvas, Ink, Point, Side},
    frame::{BOTTOM, Frame, LEFT, RIGHT, TOP},
};
use crate::domain::{
    forecast::{Boundary, ChartPoint, FanPoint, Outlook, When},
    text::{clip, size},
};
use jiff::Timestamp;

pub(super) const BACKGROUND: Ink = Ink(0x1b, 0x21, 0x28, 0xff);
const GRID: Ink = Ink(0xff, 0xff, 0xff, 0x1c);
const WORDS: Ink = Ink(0xb4, 0xbe, 0xc8, 0xff);
pub(super) const BRIGHT: Ink = Ink(0xf4, 0xf7, 0xfa, 0xff);
const MEMORY: Ink = Ink(0x4c, 0xc4, 0xf0, 0xff);
pub(super) const AHEAD: Ink = Ink(0xff, 0xb4, 0x54, 0xff);
pub(super) const LIMIT: Ink = Ink(0xff, 0x5c, 0x6c, 0xff);
const KILL_WORDS: Ink = Ink(0xff, 0x96, 0xa0, 0xff);
pub(super) const SURVIVED: Ink = Ink(0xa9, 0xb3, 0xbd, 0xff);

/// Size of the words.
const SMALL: f32 = 34.0;
const LARGE: f32 = 38.0;

/// Where the name of the time zone begins.
const ZONE: f32 = 28.0;

/// The whole picture.
pub(super) fn draw(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    let corner = (WIDTH as f32, HEIGHT as f32);
    canvas.panel((0.0, 0.0), corner, 22.0, BACKGROUND);
    grid(canvas, frame, outlook);
    inside(canvas);
    survived(canvas, frame, outlook);
    if let Some(when) = outlook.when {
        kill_window(canvas, frame, outlook, when);
    }
    ahead(canvas, frame, outlook);
    memory(canvas, frame);
    canvas.only_within(None);
    limit(canvas, frame, outlook);
    present(canvas, frame, outlook);
    title(canvas, outlook);
}

fn inside(canvas: &mut Canvas) {
    canvas.only_within(Some(((LEFT, TOP), (RIGHT, BOTTOM))));
}

fn grid(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    for level in frame.levels(outlook.limit) {
        let y = frame.y(level);
        canvas.line([(LEFT, y), (RIGHT, y)], 2.0, None, GRID);
        let words = if level == 0.0 {
            "0".to_owned()
        } else {
            size(level as u64)
        };
        canvas.text(
            &words,
            SMALL,
            (LEFT - 14.0, y + 10.0),
            Side::Left,
            WORDS,
            None,
        );
    }
    // At the axis: the card beside the picture has the reader's own time.
    let zone = (ZONE, BOTTOM + 42.0);
    canvas.text("UTC", SMALL, zone, Side::Right, WORDS, None);
    let free = ZONE + canvas.width("UTC", SMALL) + 10.0;
    let now = frame.x(frame.now);
    for (t, words) in frame.times() {
        let x = frame.x(t);
        canvas.line(
            [(x, BOTTOM), (x, BOTTOM + 8.0)],
            2.0,
            None,
            GRID.faint(0x60),
        );
        let half = canvas.width(&words, SMALL) / 2.0;
        let near_now = (x - now).abs() < half + canvas.width("now", LARGE) / 2.0 + 12.0;
        if !near_now && x - half > free && x + half < WIDTH as f32 - 8.0 {
            let at = (x, BOTTOM + 42.0);
            canvas.text(&words, SMALL, at, Side::Middle, WORDS, None);
        }
    }
}

/// The level that did no harm before.
fn survived(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    let Some(level) = outlook.survived.filter(|level| *level > 0) else {
        return;
    };
    let y = frame.y(level as f64);
    canvas.block((LEFT, y), (RIGHT, BOTTOM), SURVIVED.faint(0x26));
    canvas.line(
        [(LEFT, y), (RIGHT, y)],
        2.0,
        Some([10.0, 10.0]),
        SURVIVED.faint(0x90),
    );
}

/// When the kill is expected.
fn kill_window(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook, when: When) {
    let from = frame.x(when.earliest.as_second()).max(frame.x(frame.now));
    let to = frame.x(when.latest.as_second()).max(from + 3.0);
    let top = boundary(frame, outlook);
    canvas.block((from, top), (to, BOTTOM), LIMIT.faint(0x38));
}

fn boundary(frame: &Frame, outlook: &Outlook) -> f32 {
    if outlook.limit > 0 {
        frame.y(outlook.limit as f64)
    } else {
        TOP
    }
}

/// The paths that memory may take, until the limit: the middle one as a line, eight of ten between the edges.
fn ahead(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    let now = frame.now;
    let mut fan: Vec<FanPoint> = outlook.chart.fan.clone();
    fan.sort_by_key(|point| point.t);
    fan.retain(|point| point.t > now);
    let (Some(_), Some(last)) = (fan.first(), frame.past.last()) else {
        return;
    };
    let start = FanPoint {
        t: last.t.min(now),
        low: last.mean,
        median: last.mean,
        high: last.mean,
    };
    let fan: Vec<FanPoint> = std::iter::once(start).chain(fan).collect();
    canvas.only_within(Some(((LEFT, boundary(frame, outlook)), (RIGHT, BOTTOM))));
    let upper = fan.iter().map(|point| frame.at(point.t, point.high));
    let lower = fan.iter().rev().map(|point| frame.at(point.t, point.low));
    canvas.area(upper.chain(lower), AHEAD.faint(0x50));
    let median = fan.iter().map(|point| frame.at(point.t, point.median));
    canvas.line(median, 5.0, Some([16.0, 12.0]), AHEAD);
    inside(canvas);
}

/// The past: the mean as a line, up to the maximum as a shade. Where nothing was measured there is a gap.
fn memory(canvas: &mut Canvas, frame: &Frame) {
    for run in runs(&frame.past) {
        let upper = run.iter().map(|point| frame.at(point.t, point.max));
        let lower = run.iter().rev().map(|point| frame.at(point.t, point.mean));
        canvas.area(upper.chain(lower), MEMORY.faint(0x60));
        canvas.line(mean(frame, run), 5.0, None, MEMORY);
        if let [point] = run {
            canvas.dot(frame.at(point.t, point.mean), 5.0, MEMORY);
        }
    }
}

fn mean<'a>(frame: &'a Frame, run: &'a [ChartPoint]) -> impl Iterator<Item = Point> + 'a {
    run.iter().map(|point| frame.at(point.t, point.mean))
}

/// The points without the gaps: a gap is four times as long as the distances around it. Older points lie further apart than newer
/// ones, so what is usual for all of them says nothing.
pub(super) fn runs(points: &[ChartPoint]) -> Vec<&[ChartPoint]> {
    const AROUND: usize = 3;
    let steps: Vec<i64> = points
        .windows(2)
        .map(|two| two[1].t.saturating_sub(two[0].t))
        .collect();
    let is_gap = |place: usize| {
        let before = usual(&steps[place.saturating_sub(AROUND)..place]);
        let after = usual(&steps[place + 1..steps.len().min(place + 1 + AROUND)]);
        let longest = before.max(after).map(|usual| usual.saturating_mul(4));
        longest.is_some_and(|longest| steps[place] > longest)
    };
    let mut runs = Vec::new();
    let mut rest = points;
    for end in (1..points.len()).filter(|end| is_gap(end - 1)) {
        let (run, after) = rest.split_at(end - (points.len() - rest.len()));
        runs.push(run);
        rest = after;
    }
    if !rest.is_empty() {
        runs.push(rest);
    }
    runs
}

/// The one in the middle; of an even number the shorter.
fn usual(steps: &[i64]) -> Option<i64> {
    let mut steps = steps.to_vec();
    steps.sort_unstable();
    let middle = steps.len().checked_sub(1)? / 2;
    steps.get(middle).copied()
}

fn limit(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    if outlook.limit == 0 {
        return;
    }
    let y = boundary(frame, outlook);
    canvas.line([(LEFT, y), (RIGHT, y)], 4.0, None, LIMIT);
    let what = match outlook.boundary {
        Boundary::Limit => "limit",
        Boundary::Node => "node evicts at",
    };
    let words = format!("{what} {}", size(outlook.limit));
    let behind = Some(BACKGROUND);
    canvas.text(
        &words,
        LARGE,
        (LEFT + 6.0, y - 14.0),
        Side::Right,
        LIMIT,
        behind,
    );
    let Some(when) = outlook.when else { return };
    let x = frame.x(when.median.as_second());
    if (LEFT..=RIGHT).contains(&x) {
        canvas.dot((x, y), 13.0, BRIGHT);
        canvas.dot((x, y), 9.0, LIMIT);
    }
    let free = LEFT + 6.0 + canvas.width(&words, LARGE) + 24.0;
    let what = match outlook.boundary {
        Boundary::Limit => "kill",
        Boundary::Node => "eviction",
    };
    let (from, to) = (clock(when.earliest), clock(when.latest));
    let words = if from == to {
        format!("{what} {from}")
    } else {
        format!("{what} {from} – {to}")
    };
    let width = canvas.width(&words, LARGE);
    let middle =
        (frame.x(when.earliest.as_second()) + frame.x(when.latest.as_second()).min(RIGHT)) / 2.0;
    let left = (middle - width / 2.0).min(RIGHT - width).max(free);
    if left + width <= RIGHT + 20.0 {
        canvas.text(
            &words,
            LARGE,
            (left, y - 18.0),
            Side::Right,
            KILL_WORDS,
            behind,
        );
    }
}

/// The line between what was and what will be, and the level at it.
fn present(canvas: &mut Canvas, frame: &Frame, outlook: &Outlook) {
    let behind = Some(BACKGROUND);
    if let Some(level) = outlook.survived.filter(|level| *level > 0) {
        let y = frame.y(level as f64);
        // Above the band's edge, unless the limit's words are there.
        let near_limit = y < boundary(frame, outlook) + 44.0;
        let at = (LEFT + 6.0, if near_limit { y + 34.0 } else { y - 10.0 });
        let words = format!("survived {}", size(level));
        canvas.text(&words, SMALL, at, Side::Right, SURVIVED, None);
    }
    let x = frame.x(frame.now);
    canvas.line(
        [(x, TOP), (x, BOTTOM)],
        2.0,
        Some([4.0, 8.0]),
        BRIGHT.faint(0xb0),
    );
    let at = (x, BOTTOM + 42.0);
    canvas.text("now", LARGE, at, Side::Middle, BRIGHT, None);
    let Some(last) = frame.past.last() else {
        return;
    };
    let (px, py) = frame.at(last.t, last.mean);
    canvas.dot((px, py), 11.0, BRIGHT);
    canvas.dot((px, py), 7.0, MEMORY);
    let words = size(last.mean);
    let room = px - LEFT > canvas.width(&words, LARGE) + 30.0;
    let (at, side) = if room {
        ((px - 20.0, py - 20.0), Side::Left)
    } else {
        ((px + 20.0, py + 40.0), Side::Right)
    };
    canvas.text(&words, LARGE, at, side, BRIGHT, behind);
}

fn title(canvas: &mut Canvas, outlook: &Outlook) {
    let owner = &outlook.owner;
    let mut words = if owner.namespace.is_empty() {
        owner.name.clone()
    } else {
        format!("{}/{}", owner.namespace, owner.name)
    };
    if !outlook.container.is_empty() {
        words = format!("{words} · {}", outlook.container);
    }
    let words = clip(&format!("Memory of {words}"), 50);
    canvas.text(&words, SMALL, (28.0, 46.0), Side::Right, WORDS, None);
}

fn clock(at: Timestamp) -> String {
    at.strftime("%H:%M").to_string()
}
