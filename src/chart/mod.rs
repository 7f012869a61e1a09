//! The picture of a forecast: memory so far, the limit, the level that was survived before, and where it leads.
//!
//! Pure: an [`Outlook`] and the time go in, the bytes of a PNG come out, and the same input gives the same bytes. The picture is
//! made to be read on a phone: a thousand pixels wide, few words, large letters. It has a dark background of its own, like the
//! panels of most monitoring systems, so that it looks the same in Slack's light and dark mode and does not glare at night.
//!
//! Reading order: `frame` (what part of time and memory is shown, and where the lines of the grid are), `letters` (text as
//! shapes), `canvas` (lines, areas and words on pixels), `plot` (what is drawn, back to front).
mod canvas;
mod frame;
mod letters;
mod plot;
#[cfg(test)]
mod tests;

use crate::domain::forecast::Outlook;
use jiff::Timestamp;

/// Width in pixels.
pub const WIDTH: u32 = 1000;
/// Height in pixels.
pub const HEIGHT: u32 = 560;

/// The picture of an outlook as it looks at `now`, as PNG. `None` when nothing of the past is known: there is nothing to see then.
pub fn png(outlook: &Outlook, now: Timestamp) -> Option<Vec<u8>> {
    let frame = frame::Frame::new(outlook, now)?;
    let mut canvas = canvas::Canvas::new(WIDTH, HEIGHT)?;
    plot::draw(&mut canvas, &frame, outlook);
    canvas.into_png()
}
