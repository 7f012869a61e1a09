//! The whole life of a container in a few hundred numbers: blocks of time that double in length from level to level.
//!
//! Level 0 has blocks of 30 s; a block of level k spans two of level k−1. Each level keeps the newest 24, so whatever the length of a
//! window (12 minutes to 8½ days), 12 to 24 points of it are at hand. An update costs O(1) on average.
mod pack;

/// Seconds of a block of level 0 at pace 1.
pub(super) const BASE: f64 = 30.0;
/// Blocks kept per level.
pub(super) const KEEP: usize = 24;
/// Levels: the longest window is `BASE · KEEP · 2^(LEVELS−1)`, 8½ days.
pub(super) const LEVELS: usize = 11;

/// What is kept of a span of time, in eight bytes. A span without samples has a mean that is not a number.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Block {
    /// Mean in bytes.
    mean: f32,
    /// How much higher the maximum was: the upper half of an `f32`, rounded up.
    over: u16,
    /// When the samples were taken on average, from the middle of the block on, in 65,536ths of it. Growth that is read twice a
    /// minute has moved on by the time that a block's middle is off.
    at: i16,
}

impl Block {
    const GAP: Block = Block {
        mean: f32::NAN,
        over: 0,
        at: 0,
    };

    fn max(&self) -> f64 {
        f64::from(self.mean) + f64::from(f32::from_bits(u32::from(self.over) << 16))
    }

    /// Shift of the mean time from the block's middle, as a share of the block.
    fn shift(&self) -> f64 {
        f64::from(self.at) / 65_536.0
    }

    fn is_gap(&self) -> bool {
        self.mean.is_nan()
    }
}

/// One length of blocks: the one that is being filled, and where the closed ones are in the ring.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Level {
    /// The number of the open block: the time of its start divided by the block length.
    index: i64,
    sum: f64,
    weight: f32,
    max: f32,
    /// Sum of the samples' shifts from the block's middle, as shares of the block.
    shifts: f32,
    /// The place of the oldest closed block.
    head: u8,
    /// How many closed ones there are.
    len: u8,
}

impl Level {
    /// Begins another block.
    fn begin(&mut self, index: i64) {
        let (head, len) = (self.head, self.len);
        *self = Level {
            index,
            head,
            len,
            ..Level::default()
        };
    }

    /// Adds a sample, or the mean of a block of half the length. `shift`: when it was, from the middle of this block on, as a share of it.
    fn add(&mut self, shift: f32, mean: f64, max: f32) {
        self.sum += mean;
        self.weight += 1.0;
        self.shifts += shift;
        self.max = self.max.max(max);
    }

    /// Adds a closed block of the level below, which has this number there.
    fn add_half(&mut self, index: i64, half: &Block) {
        // The middle of the first half is a quarter before that of the whole.
        let middle = if index & 1 == 0 { -0.25 } else { 0.25 };
        let shift = middle + half.shift() / 2.0;
        self.add(shift as f32, f64::from(half.mean), half.max() as f32);
    }

    fn shift(&self) -> f64 {
        f64::from(self.shifts / self.weight.max(1.0)).clamp(-0.5, 0.5)
    }

    fn close(&self) -> Block {
        let mean = (self.sum / f64::from(self.weight)) as f32;
        let over = (self.max - mean).max(0.0).to_bits().saturating_add(0xffff) >> 16;
        Block {
            mean,
            over: over as u16,
            at: (self.shift() * 65_536.0).clamp(-32_768.0, 32_767.0) as i16,
        }
    }
}

/// The blocks of all levels. It is packed while nobody looks at it, see `pack`.
#[derive(Clone, Debug, Default)]
pub(super) struct Pyramid {
    levels: Vec<Level>,
    /// A ring of `KEEP` blocks for each level, one after the other.
    blocks: Vec<Block>,
}

/// One point of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Point {
    /// When its samples were taken on average, in seconds.
    pub t: f64,
    /// Mean in bytes.
    pub mean: f64,
    /// Maximum in bytes.
    pub max: f64,
}

/// The points of one level, oldest first; gaps are left out.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    points: [Point; KEEP + 1],
    len: usize,
    /// Length of a block in seconds.
    pub block: f64,
}

impl Window {
    pub fn points(&self) -> &[Point] {
        &self.points[..self.len]
    }

    /// Whether the newest third is higher than the oldest or the middle one by so many bytes, on average.
    pub fn rises(&self, by: f64) -> bool {
        let third = self.len / 3;
        if third == 0 {
            return false;
        }
        let mean = |from: usize| {
            self.points[from..from + third]
                .iter()
                .map(|p| p.mean)
                .sum::<f64>()
                / third as f64
        };
        let last = mean(self.len - third);
        last - mean(0) > by || last - mean(third) > by
    }
}

impl Pyramid {
    /// Adds a sample of a level-0 block. `t` must not go back.
    pub fn add(&mut self, t: f64, mean: f64, max: f64, pace: f64) {
        let place = t / (BASE * pace);
        let index = place.floor();
        let shift = (place - index) as f32 - 0.5;
        self.put(0, index as i64, |block| {
            block.add(shift, mean, max as f32);
        });
    }

    /// Adds a summary of the span that ends at `t`.
    pub fn add_span(&mut self, t: f64, span: f64, mean: f64, max: f64, pace: f64) {
        let base = BASE * pace;
        let last = ((t / base).ceil() as i64).saturating_sub(1);
        let count = ((span / base).round() as i64).clamp(1, 1 << LEVELS);
        let from = last.saturating_sub(count).saturating_add(1);
        for index in from..=last {
            if self.levels.first().is_some_and(|l| index < l.index) {
                continue;
            }
            self.put(0, index, |block| block.add(0.0, mean, max as f32));
        }
    }

    /// Adds to a block, which closes all before it.
    fn put(&mut self, k: usize, index: i64, add: impl FnOnce(&mut Level)) {
        if k >= LEVELS {
            return;
        }
        if self.levels.len() <= k {
            self.levels.reserve_exact(1);
            self.levels.push(Level {
                index,
                ..Level::default()
            });
            self.blocks.reserve_exact(KEEP);
            self.blocks.resize(self.levels.len() * KEEP, Block::GAP);
        }
        let level = &mut self.levels[k];
        let mut full = None;
        if index > level.index {
            if level.weight > 0.0 {
                full = Some((level.index, level.close()));
            }
            let missed = index.saturating_sub(level.index).saturating_sub(1);
            let ring = &mut self.blocks[k * KEEP..(k + 1) * KEEP];
            level.push(ring, full.map_or(Block::GAP, |f| f.1));
            for _ in 0..missed.min(KEEP as i64) {
                level.push(ring, Block::GAP);
            }
            level.begin(index);
        }
        add(level);
        if let Some((index, half)) = full {
            self.close_half(k + 1, index, &half);
        }
    }

    /// A block of the level below `k`, which has this number there, is closed.
    fn close_half(&mut self, k: usize, index: i64, half: &Block) {
        self.put(k, index >> 1, |block| block.add_half(index, half));
    }

    /// The closed blocks of a level with their numbers, oldest first.
    fn closed(&self, k: usize) -> impl Iterator<Item = (i64, &Block)> {
        let level = self.levels.get(k).copied().unwrap_or_default();
        let ring = self.blocks.get(k * KEEP..(k + 1) * KEEP).unwrap_or(&[]);
        let len = usize::from(level.len).min(ring.len());
        let first = level.index.saturating_sub(len as i64);
        (0..len).map(move |i| {
            let place = (usize::from(level.head) + i) % KEEP;
            (first.saturating_add(i as i64), &ring[place])
        })
    }

    /// Levels that hold anything.
    pub fn depth(&self) -> usize {
        self.levels.len()
    }

    /// The points of level `k` that began at `since` or later, the unfinished block included when it is at least half full at `now`.
    pub fn window(&self, k: usize, since: f64, now: f64, pace: f64) -> Window {
        let block = BASE * pace * f64::from(1u32 << k.min(LEVELS) as u32);
        let mut window = Window {
            points: [Point::default(); KEEP + 1],
            len: 0,
            block,
        };
        let Some(level) = self.levels.get(k) else {
            return window;
        };
        for (index, b) in self.closed(k) {
            let start = index as f64 * block;
            if b.is_gap() || start < since {
                continue;
            }
            window.points[window.len] = Point {
                t: start + (0.5 + b.shift()) * block,
                mean: f64::from(b.mean),
                max: b.max(),
            };
            window.len += 1;
        }
        // The unfinished block of level k holds what is unfinished below it, too.
        let start = level.index as f64 * block;
        let filled = (now - start).min(block);
        if filled >= block / 2.0 && start >= since {
            let (mut sum, mut weight, mut times, mut max) = (0.0, 0.0, 0.0, 0.0f32);
            for (j, below) in self.levels[..=k].iter().enumerate() {
                let shift = (k - j) as u32;
                if below.weight > 0.0 && below.index >> shift == level.index {
                    let share = 1.0 / f64::from(1u32 << shift);
                    let unit = if j == 0 {
                        1.0 / f64::from(below.weight)
                    } else {
                        0.5
                    };
                    let w = f64::from(below.weight) * unit * share;
                    sum += below.sum / f64::from(below.weight) * w;
                    weight += w;
                    let place = below.index as f64 + 0.5 + below.shift();
                    times += place * block * share * w;
                    max = max.max(below.max);
                }
            }
            if weight > 0.0 {
                window.points[window.len] = Point {
                    t: times / weight,
                    mean: sum / weight,
                    max: f64::from(max),
                };
                window.len += 1;
            }
        }
        window
    }

    /// The highest maximum of what ended between `since` and `until`, as far as it is known.
    pub fn max_between(&self, since: f64, until: f64, pace: f64) -> Option<f64> {
        let mut best: Option<f64> = None;
        for k in 0..self.levels.len() {
            let block = BASE * pace * f64::from(1u32 << k as u32);
            for (index, b) in self.closed(k) {
                let start = index as f64 * block;
                if !b.is_gap() && start >= since && start + block <= until {
                    best = Some(best.map_or(b.max(), |m: f64| m.max(b.max())));
                }
            }
        }
        best
    }

    /// Whether the figures are such as this code makes: bytes from a disk may hold anything. Sizes are right since it was unpacked.
    pub fn is_sound(&self) -> bool {
        self.levels.iter().enumerate().all(|(k, l)| {
            l.sum.is_finite()
                && l.weight.is_finite()
                && l.shifts.is_finite()
                && l.index.unsigned_abs() < 1 << (52 - k.min(20))
        })
    }
}

impl Level {
    /// Adds a block; the oldest one gives way when the ring is full.
    fn push(&mut self, ring: &mut [Block], block: Block) {
        let len = usize::from(self.len);
        ring[(usize::from(self.head) + len) % KEEP] = block;
        if len == KEEP {
            self.head = (self.head + 1) % KEEP as u8;
        } else {
            self.len += 1;
        }
    }
}
