//! Lines, areas and words on pixels.
use super::letters::Letters;
use tiny_skia::{
    Color, FillRule, LineCap, LineJoin, Mask, Paint, Path, PathBuilder, Pixmap, Rect, Stroke,
    StrokeDash, Transform,
};

/// A point in pixels, from the top left corner.
pub(super) type Point = (f32, f32);

/// A colour: red, green, blue, and how opaque it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ink(pub(super) u8, pub(super) u8, pub(super) u8, pub(super) u8);

impl Ink {
    /// The same colour, as opaque as that.
    pub(super) fn faint(self, opacity: u8) -> Self {
        Self(self.0, self.1, self.2, opacity)
    }
}

/// Where a text is in relation to its point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// It begins there.
    Right,
    /// Its middle is there.
    Middle,
    /// It ends there.
    Left,
}

/// A picture in the making.
pub(super) struct Canvas {
    pixels: Pixmap,
    letters: Letters,
    window: Option<Mask>,
}

impl Canvas {
    /// A transparent picture; `None` if it has no size.
    pub(super) fn new(width: u32, height: u32) -> Option<Self> {
        Some(Self {
            pixels: Pixmap::new(width, height)?,
            letters: Letters::new()?,
            window: None,
        })
    }

    /// The bytes of the picture.
    pub(super) fn into_png(self) -> Option<Vec<u8>> {
        self.pixels.encode_png().ok()
    }

    /// From now on, only what is inside of this rectangle is drawn; `None` lifts that.
    pub(super) fn only_within(&mut self, window: Option<(Point, Point)>) {
        self.window = window.and_then(|(from, to)| {
            let mut mask = Mask::new(self.pixels.width(), self.pixels.height())?;
            let inside = PathBuilder::from_rect(rectangle(from, to)?);
            mask.fill_path(&inside, FillRule::Winding, true, Transform::identity());
            Some(mask)
        });
    }

    /// A rectangle with rounded corners.
    pub(super) fn panel(&mut self, from: Point, to: Point, radius: f32, ink: Ink) {
        let ((x0, y0), (x1, y1)) = (from, to);
        // How far the handles of a Bézier curve that is close to a quarter of a circle are from its corner.
        let handle = radius * 0.448;
        let mut path = PathBuilder::new();
        path.move_to(x0 + radius, y0);
        path.line_to(x1 - radius, y0);
        path.cubic_to(x1 - handle, y0, x1, y0 + handle, x1, y0 + radius);
        path.line_to(x1, y1 - radius);
        path.cubic_to(x1, y1 - handle, x1 - handle, y1, x1 - radius, y1);
        path.line_to(x0 + radius, y1);
        path.cubic_to(x0 + handle, y1, x0, y1 - handle, x0, y1 - radius);
        path.line_to(x0, y0 + radius);
        path.cubic_to(x0, y0 + handle, x0 + handle, y0, x0 + radius, y0);
        path.close();
        self.fill(path.finish(), ink);
    }

    /// A filled rectangle.
    pub(super) fn block(&mut self, from: Point, to: Point, ink: Ink) {
        self.fill(rectangle(from, to).map(PathBuilder::from_rect), ink);
    }

    /// A filled area, given by its corners in order.
    pub(super) fn area(&mut self, corners: impl IntoIterator<Item = Point>, ink: Ink) {
        let mut path = polyline(corners);
        path.close();
        self.fill(path.finish(), ink);
    }

    /// A filled circle.
    pub(super) fn dot(&mut self, (x, y): Point, radius: f32, ink: Ink) {
        self.fill(PathBuilder::from_circle(x, y, radius), ink);
    }

    /// A line through the points, with gaps of the length of its dashes if `dash` says so.
    pub(super) fn line(
        &mut self,
        points: impl IntoIterator<Item = Point>,
        width: f32,
        dash: Option<[f32; 2]>,
        ink: Ink,
    ) {
        let stroke = Stroke {
            width,
            line_cap: LineCap::Round,
            line_join: LineJoin::Round,
            dash: dash.and_then(|dash| StrokeDash::new(dash.to_vec(), 0.0)),
            ..Stroke::default()
        };
        if let Some(path) = polyline(points).finish() {
            let mask = self.window.as_ref();
            self.pixels
                .stroke_path(&path, &paint(ink), &stroke, Transform::identity(), mask);
        }
    }

    /// How wide a text is.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        self.letters.width(text, size)
    }

    /// A text that stands on the point's height. `behind` is drawn around the letters, so that lines do not run through them.
    pub(super) fn text(
        &mut self,
        text: &str,
        size: f32,
        (x, y): Point,
        side: Side,
        ink: Ink,
        behind: Option<Ink>,
    ) {
        let width = self.width(text, size);
        let x = match side {
            Side::Right => x,
            Side::Middle => x - width / 2.0,
            Side::Left => x - width,
        };
        let Some(path) = self.letters.shape(text, size, x, y) else {
            return;
        };
        if let Some(behind) = behind {
            self.outline(&path, size / 3.0, behind);
        }
        self.outline(&path, size / 30.0, ink);
        self.fill(Some(path), ink);
    }

    fn outline(&mut self, path: &Path, width: f32, ink: Ink) {
        let stroke = Stroke {
            width,
            line_join: LineJoin::Round,
            ..Stroke::default()
        };
        let mask = self.window.as_ref();
        self.pixels
            .stroke_path(path, &paint(ink), &stroke, Transform::identity(), mask);
    }

    fn fill(&mut self, path: Option<Path>, ink: Ink) {
        if let Some(path) = path {
            let mask = self.window.as_ref();
            self.pixels.fill_path(
                &path,
                &paint(ink),
                FillRule::Winding,
                Transform::identity(),
                mask,
            );
        }
    }
}

fn polyline(points: impl IntoIterator<Item = Point>) -> PathBuilder {
    let mut path = PathBuilder::new();
    for (x, y) in points {
        if path.is_empty() {
            path.move_to(x, y);
        } else {
            path.line_to(x, y);
        }
    }
    path
}

fn rectangle((x0, y0): Point, (x1, y1): Point) -> Option<Rect> {
    Rect::from_ltrb(x0.min(x1), y0.min(y1), x0.max(x1), y0.max(y1))
}

fn paint(Ink(red, green, blue, opacity): Ink) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color(Color::from_rgba8(red, green, blue, opacity));
    paint.anti_alias = true;
    paint
}
