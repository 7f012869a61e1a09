//! `heal bench forecast --fit`: makes the trees of the posterior anew from synthetic series.
mod grow;
mod looks;
mod write;

use grow::grow;
use looks::{Look, looks};
use write::write;

use super::{
    class::Class,
    generate::{Options, generate},
};
use std::{ops::RangeInclusive, panic::resume_unwind, thread};

/// Seeds that are learned from, and that nothing is judged by.
const SEEDS: [RangeInclusive<u64>; 2] = [1..=8, 101..=116];
/// Series of each class and seed; every one is lived through with its history and without.
const PER_CLASS: u64 = 24;
const TREES: usize = 750;

/// Learns, and gives the source of the trees. The same program gives the same text.
pub fn learn() -> String {
    let jobs: Vec<(bool, u64)> = [true, false]
        .into_iter()
        .flat_map(|history| SEEDS.into_iter().flatten().map(move |seed| (history, seed)))
        .collect();
    let mut lessons = Vec::new();
    for two in jobs.chunks(2) {
        // In the order of the jobs, however fast they are.
        thread::scope(|scope| {
            let both: Vec<_> = two
                .iter()
                .map(|(history, seed)| scope.spawn(|| lived(*history, *seed)))
                .collect();
            for one in both {
                lessons.extend(one.join().unwrap_or_else(|panic| resume_unwind(panic)));
            }
        });
    }
    let (base, trees) = grow(&lessons, TREES, 1);
    write(base, &trees)
}

/// What is seen of all series of a seed.
fn lived(history: bool, seed: u64) -> Vec<Look> {
    let options = Options {
        history,
        priors: true,
    };
    let each = Class::ALL
        .iter()
        .flat_map(|class| (0..PER_CLASS).map(move |index| generate(*class, seed, index, options)));
    each.flat_map(|case| looks(&case)).collect()
}

#[cfg(test)]
mod tests;
