//! Names and uids from a seeded generator: the same run makes the same names.

use std::sync::Mutex;

use serde_json::Value;

/// The alphabet of generated names in Kubernetes: no vowels, no look-alikes.
const ALPHABET: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";

/// A seeded source of name suffixes and uids.
#[derive(Debug)]
pub(super) struct Names {
    state: Mutex<u64>,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            state: Mutex::new(seed),
        }
    }

    fn next(&self) -> u64 {
        // SplitMix64: well spread for any seed and four lines long.
        let mut state = super::lock(&self.state);
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = *state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Five characters, as after `generateName`.
    pub(super) fn suffix(&self) -> String {
        spell(self.next(), 5)
    }

    /// A uid in the form of a version 4 UUID.
    pub(super) fn uid(&self) -> String {
        let (high, low) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
            high >> 32,
            high >> 16 & 0xffff,
            high & 0xfff,
            low >> 48 & 0x3fff | 0x8000,
            low & 0xffff_ffff_ffff
        )
    }

    /// Sixteen hexadecimal digits, as after the dot of an event name.
    pub(super) fn hex(&self) -> String {
        format!("{:016x}", self.next())
    }
}

/// A hash of a pod template, spelled with the alphabet of generated names.
pub(super) fn template_hash(template: &Value) -> String {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in template.to_string().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    spell(hash, 10)
}

fn spell(mut number: u64, length: usize) -> String {
    let base = ALPHABET.len() as u64;
    let letter = |number: u64| char::from(ALPHABET[(number % base) as usize]);
    (0..length)
        .map(|_| {
            let letter = letter(number);
            number /= base;
            letter
        })
        .collect()
}
