//! A pyramid in half as many bytes: a hundred thousand containers have one each, and it is looked at twice a minute.
//!
//! The newer half of a level's blocks was made of blocks that the level below still has, and so was its unfinished block. They are made
//! again when the pyramid is unpacked. What would come out otherwise, be it by one bit, is written down: nothing is ever lost. Of a block
//! that is written down only those bytes are that differ from the one before it, which is mostly about as high.
use super::{Block, KEEP, LEVELS, Level, Pyramid};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// Eight bytes: a block, or the number of one.
type Word = [u8; 8];
/// Blocks that are written down of a full pyramid: 24 of the shortest length, and 13 of each other one.
const WRITTEN: usize = KEEP + (LEVELS - 1) * 13;
/// Room for a full pyramid of which no two bytes are alike: numbers, sizes, the shortest unfinished block, blocks.
const ROOM: usize = 1 + LEVELS * (9 + 3) + 20 + WRITTEN * 9;

/// Closed blocks of one level, oldest first.
struct Closed<'a> {
    /// Number of the first one.
    first: i64,
    blocks: &'a [Block],
}

impl Closed<'_> {
    /// What the level above has made of them, or makes just now, under this number.
    fn sum(&self, index: i64) -> Level {
        let mut sum = Level {
            index,
            ..Level::default()
        };
        for half in [0, 1] {
            let number = index.saturating_mul(2).saturating_add(half);
            let place = usize::try_from(number.saturating_sub(self.first)).ok();
            let block = place.and_then(|place| self.blocks.get(place));
            if let Some(block) = block.filter(|block| !block.is_gap()) {
                sum.add_half(number, block);
            }
        }
        sum
    }
}

impl Level {
    /// Number of the oldest of its closed blocks.
    fn first(&self) -> i64 {
        self.index.saturating_sub(i64::from(self.len))
    }

    /// What is added up in the unfinished block.
    fn open(&self) -> [u8; 20] {
        let mut bytes = [0; 20];
        bytes[..8].copy_from_slice(&self.sum.to_le_bytes());
        let rest = [self.weight, self.max, self.shifts];
        for (place, value) in bytes[8..].chunks_exact_mut(4).zip(rest) {
            place.copy_from_slice(&value.to_le_bytes());
        }
        bytes
    }
}

impl Block {
    fn of(sum: &Level) -> Self {
        if sum.weight > 0.0 {
            sum.close()
        } else {
            Block::GAP
        }
    }

    fn to_bytes(self) -> Word {
        let [a, b, c, d] = self.mean.to_le_bytes();
        let ([e, f], [g, h]) = (self.over.to_le_bytes(), self.at.to_le_bytes());
        [a, b, c, d, e, f, g, h]
    }

    fn from_bytes([a, b, c, d, e, f, g, h]: Word) -> Self {
        Self {
            mean: f32::from_le_bytes([a, b, c, d]),
            over: u16::from_le_bytes([e, f]),
            at: i16::from_le_bytes([g, h]),
        }
    }
}

/// The number that a block of this number is in, a level above.
fn half(index: i64) -> Word {
    (index >> 1).to_le_bytes()
}

/// Writes down which bytes of a word are not as expected, and these.
fn put(bytes: &mut Vec<u8>, word: Word, expected: Word) {
    let (mut others, mut count, mut which) = (Word::default(), 0, 0);
    for (bit, (this, that)) in word.into_iter().zip(expected).enumerate() {
        if this != that {
            others[count] = this;
            count += 1;
            which |= 1 << bit;
        }
    }
    bytes.push(which);
    bytes.extend_from_slice(&others[..count]);
}

/// The word that was put.
fn take_word(bytes: &mut &[u8], expected: Word) -> Option<Word> {
    let [which] = take(bytes)?;
    let mut word = expected;
    for (bit, byte) in word.iter_mut().enumerate() {
        if which & (1 << bit) != 0 {
            [*byte] = take(bytes)?;
        }
    }
    Some(word)
}

/// The first bytes, which are taken off.
fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

impl Pyramid {
    fn pack(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(ROOM);
        bytes.push(self.levels.len() as u8);
        let mut rings = [[Block::GAP; KEEP]; LEVELS];
        for (k, ring) in rings.iter_mut().enumerate() {
            for (place, (_, block)) in ring.iter_mut().zip(self.closed(k)) {
                *place = *block;
            }
        }
        let mut below = Closed {
            first: 0,
            blocks: &[],
        };
        let (mut number, mut before) = (0, Word::default());
        for (level, ring) in self.levels.iter().zip(&rings) {
            let blocks = &ring[..usize::from(level.len)];
            let first = level.first();
            let follows = |at: usize| {
                let made = Block::of(&below.sum(first.saturating_add(at as i64)));
                made.to_bytes() == blocks[at].to_bytes()
            };
            let mut kept = blocks.len();
            while kept > 0 && follows(kept - 1) {
                kept -= 1;
            }
            let open = level.open();
            let open_follows = below.sum(level.index).open() == open;
            put(&mut bytes, level.index.to_le_bytes(), half(number));
            number = level.index;
            bytes.extend([level.len, kept as u8, u8::from(open_follows)]);
            if !open_follows {
                bytes.extend(open);
            }
            for block in &blocks[..kept] {
                let word = block.to_bytes();
                put(&mut bytes, word, before);
                before = word;
            }
            below = Closed { first, blocks };
        }
        bytes
    }

    /// `None` for bytes that no pyramid was packed in.
    fn unpack(mut bytes: &[u8]) -> Option<Self> {
        let from = &mut bytes;
        let [depth] = take(from)?;
        let depth = usize::from(depth);
        if depth > LEVELS {
            return None;
        }
        let mut levels: Vec<Level> = Vec::with_capacity(depth);
        let (mut number, mut before) = (0, Word::default());
        let mut all = vec![Block::GAP; depth * KEEP];
        for k in 0..depth {
            let index = i64::from_le_bytes(take_word(from, half(number))?);
            number = index;
            let [len, kept, open_follows] = take(from)?;
            if usize::from(len) > KEEP || kept > len {
                return None;
            }
            let (shorter, this) = all.split_at_mut(k * KEEP);
            let below = match levels.last() {
                Some(level) => Closed {
                    first: level.first(),
                    blocks: &shorter[(k - 1) * KEEP..][..usize::from(level.len)],
                },
                None => Closed {
                    first: 0,
                    blocks: &[],
                },
            };
            let sum = if open_follows == 0 {
                Level {
                    index,
                    sum: f64::from_le_bytes(take(from)?),
                    weight: f32::from_le_bytes(take(from)?),
                    max: f32::from_le_bytes(take(from)?),
                    shifts: f32::from_le_bytes(take(from)?),
                    ..Level::default()
                }
            } else {
                below.sum(index)
            };
            let level = Level { len, ..sum };
            for (at, place) in this[..usize::from(len)].iter_mut().enumerate() {
                *place = if at < usize::from(kept) {
                    before = take_word(from, before)?;
                    Block::from_bytes(before)
                } else {
                    Block::of(&below.sum(level.first().saturating_add(at as i64)))
                };
            }
            levels.push(level);
        }
        from.is_empty().then_some(Self {
            levels,
            blocks: all,
        })
    }
}

impl Serialize for Pyramid {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(&self.pack())
    }
}

impl<'de> Deserialize<'de> for Pyramid {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let bytes = <&[u8]>::deserialize(from)?;
        Self::unpack(bytes).ok_or_else(|| de::Error::custom("no pyramid was packed in these bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Number, what is added up, and the closed blocks with their numbers.
    type Shelf = (i64, [u8; 20], Vec<(i64, Word)>);

    /// All that a pyramid answers from: the blocks in their order, and what is added up, bit by bit.
    fn contents(of: &Pyramid) -> Vec<Shelf> {
        let levels = of.levels.iter().enumerate();
        levels
            .map(|(k, level)| {
                let closed = of.closed(k).map(|(index, block)| (index, block.to_bytes()));
                (level.index, level.open(), closed.collect())
            })
            .collect()
    }

    fn packed_and_unpacked(pyramid: &Pyramid) -> Pyramid {
        Pyramid::unpack(&pyramid.pack()).expect("its own bytes")
    }

    /// Readings: seconds since the one before, seconds that it stands for (0: one reading), bytes.
    fn readings() -> impl Strategy<Value = Vec<(f64, f64, f64)>> {
        let gap = prop_oneof![
            8 => 1.0..70.0f64,
            1 => 60.0..3000.0f64,
            1 => 3000.0..600_000.0f64,
        ];
        let span = prop_oneof![3 => Just(0.0), 1 => 30.0..4000.0f64];
        prop::collection::vec((gap, span, 0.0..1e10f64), 1..600)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn a_pyramid_that_is_packed_after_every_reading_is_the_same(
            readings in readings(), start in -1e6..1e6f64, pace in prop_oneof![Just(1.0), Just(1.0 / 60.0)],
        ) {
            let (mut plain, mut packed) = (Pyramid::default(), Pyramid::default());
            let mut t = start;
            for (gap, span, level) in readings {
                t += gap * pace;
                for pyramid in [&mut plain, &mut packed] {
                    if span == 0.0 {
                        pyramid.add(t, level, 1.1 * level, pace);
                    } else {
                        pyramid.add_span(t, span * pace, level, 1.1 * level, pace);
                    }
                }
                packed = packed_and_unpacked(&packed);
            }
            prop_assert_eq!(contents(&packed), contents(&plain));
        }
    }

    #[test]
    fn the_newer_half_of_each_level_is_not_written_down() {
        let mut pyramid = Pyramid::default();
        for reading in 0..2 * 8 * 2880 {
            // Levels and times as odd as they get within one size of memory.
            let odd = f64::from(reading * 7919 % 9973) / 9973.0;
            let t = (f64::from(reading) + odd) * 30.0;
            pyramid.add(t, 1e8 * (1.0 + odd), 1e8 * (1.0 + odd * 1.5), 1.0);
        }
        let plain = pyramid.blocks.len() * size_of::<Block>();
        assert_eq!((pyramid.depth(), plain), (LEVELS, 2112));
        let bytes = pyramid.pack().len();
        // Six bytes at least of each block that is written down, and about half of all.
        assert!((6 * WRITTEN..plain * 11 / 20).contains(&bytes), "{bytes}");
    }

    #[test]
    fn figures_that_no_reading_gives_are_kept_all_the_same() {
        let mut pyramid = Pyramid::default();
        for (at, level) in [1e300, 0.0, 1e-300, f64::MAX, -0.0].into_iter().enumerate() {
            pyramid.add(at as f64 * 40.0, level, level, 1.0);
        }
        pyramid.add(f64::MAX, 1.0, 1.0, 1.0);
        assert_eq!(contents(&packed_and_unpacked(&pyramid)), contents(&pyramid));
    }

    #[test]
    fn bytes_that_are_cut_or_too_long_are_no_pyramid() {
        let mut pyramid = Pyramid::default();
        for reading in 0..200 {
            pyramid.add(f64::from(reading) * 30.0, 1e8, 2e8, 1.0);
        }
        let mut bytes = pyramid.pack();
        assert!((0..bytes.len()).all(|cut| Pyramid::unpack(&bytes[..cut]).is_none()));
        bytes.push(0);
        assert!(Pyramid::unpack(&bytes).is_none());
    }
}
