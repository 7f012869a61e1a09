//! Text as shapes. The typeface is a light one; its strokes are thickened when they are drawn.
use tiny_skia::{Path, PathBuilder};
use ttf_parser::{Face, GlyphId, OutlineBuilder};

/// Draws letters.
pub(super) struct Letters {
    face: Face<'static>,
}

impl Letters {
    /// `None` if the typeface cannot be read, which would be a defect of its crate.
    pub(super) fn new() -> Option<Self> {
        let face = Face::parse(epaint_default_fonts::UBUNTU_LIGHT, 0).ok()?;
        (face.units_per_em() > 0).then_some(Self { face })
    }

    fn scale(&self, size: f32) -> f32 {
        size / f32::from(self.face.units_per_em())
    }

    /// What cannot be drawn becomes a question mark, so that nothing is lost without being seen.
    fn glyph(&self, letter: char) -> GlyphId {
        let known = self.face.glyph_index(letter);
        known
            .or_else(|| self.face.glyph_index('?'))
            .unwrap_or_default()
    }

    /// How wide a text of this size (height of a line, in pixels) is.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let advance = |letter| self.face.glyph_hor_advance(self.glyph(letter)).unwrap_or(0);
        text.chars()
            .map(|letter| f32::from(advance(letter)))
            .sum::<f32>()
            * self.scale(size)
    }

    /// The shape of a text that begins at `x` and stands on `y`; `None` when there is nothing to see.
    pub(super) fn shape(&self, text: &str, size: f32, x: f32, y: f32) -> Option<Path> {
        let scale = self.scale(size);
        let mut pen = Pen {
            path: PathBuilder::new(),
            scale,
            x,
            y,
        };
        for letter in text.chars() {
            let glyph = self.glyph(letter);
            self.face.outline_glyph(glyph, &mut pen);
            pen.x += f32::from(self.face.glyph_hor_advance(glyph).unwrap_or(0)) * scale;
        }
        pen.path.finish()
    }
}

/// Brings outlines from the typeface's units to pixels: there y grows upwards.
struct Pen {
    path: PathBuilder,
    scale: f32,
    x: f32,
    y: f32,
}

impl Pen {
    fn at(&self, x: f32, y: f32) -> (f32, f32) {
        (self.x + x * self.scale, self.y - y * self.scale)
    }
}

impl OutlineBuilder for Pen {
    fn move_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.move_to(x, y);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        let (x, y) = self.at(x, y);
        self.path.line_to(x, y);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let ((x1, y1), (x, y)) = (self.at(x1, y1), self.at(x, y));
        self.path.quad_to(x1, y1, x, y);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let ((x1, y1), (x2, y2), (x, y)) = (self.at(x1, y1), self.at(x2, y2), self.at(x, y));
        self.path.cubic_to(x1, y1, x2, y2, x, y);
    }

    fn close(&mut self) {
        self.path.close();
    }
}
