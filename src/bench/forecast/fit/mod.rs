//! `heal bench forecast --fit`: makes the trees of the posterior anew from synthetic series.
mod grow;
mod looks;
mod write;

use grow::grow;
use looks::looks;
use write::write;

use super::{
    class::Class,
    generate::{Options, generate},
};

/// Seeds that are learned from, and that nothing is judged by.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=8;
/// Series of each class and seed; every one is lived through with its history and without.
const PER_CLASS: u64 = 24;
const TREES: usize = 600;

/// Learns, and gives the source of the trees. The same program gives the same text.
pub fn learn() -> String {
    let mut lessons = Vec::new();
    for history in [true, false] {
        for seed in SEEDS {
            for class in Class::ALL {
                for index in 0..PER_CLASS {
                    let options = Options {
                        history,
                        priors: true,
                    };
                    lessons.extend(looks(&generate(*class, seed, index, options)));
                }
            }
        }
    }
    let (base, trees) = grow(&lessons, TREES, 1);
    write(base, &trees)
}

#[cfg(test)]
mod tests;
