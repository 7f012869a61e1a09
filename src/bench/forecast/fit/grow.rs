//! Grows the trees of the posterior: gradient boosting of the logistic loss on histograms, with directions that a feature must keep.
//!
//! Friedman, "Greedy function approximation" (2001); Newton steps and the regularised gain of a split as in Chen and Guestrin,
//! "XGBoost" (2016); directions as there: a split whose sides stand the wrong way is not made, and what grows below it stays between the
//! mean of both sides.
use super::looks::Look;
use crate::bench::forecast::rng::Rng;
use crate::domain::forecast::{DIRECTIONS, FEATURES, Tree};
use std::{panic::resume_unwind, thread};

/// Thresholds tried per feature at most.
const BINS: usize = 64;
/// Shrinkage of every step.
const RATE: f64 = 0.12;
/// Ridge: what a leaf's weight is divided by in addition.
const RIDGE: f64 = 10.0;
/// Fewest looks on each side of a split.
const LEAST: f64 = 300.0;
/// Share of the looks, and of the features, that a tree is grown from.
const ROWS: f64 = 0.6;
/// See `ROWS`.
const COLUMNS: f64 = 0.5;

/// Sum of gradients, of second derivatives, and number of looks.
#[derive(Clone, Copy, Default)]
struct Sum {
    g: f64,
    h: f64,
    n: f64,
}

impl Sum {
    fn less(self, other: Sum) -> Sum {
        Sum {
            g: self.g - other.g,
            h: self.h - other.h,
            n: self.n - other.n,
        }
    }

    fn value(self, (low, high): (f64, f64)) -> f64 {
        (-self.g / (self.h + RIDGE)).clamp(low, high)
    }

    fn gain(self, value: f64) -> f64 {
        -(2.0 * self.g * value + (self.h + RIDGE) * value * value)
    }
}

/// The logarithm of the odds to begin with, and the trees.
pub fn grow(looks: &[Look], trees: usize, seed: u64) -> (f32, Vec<Tree>) {
    let cuts: Vec<Vec<f32>> = (0..FEATURES).map(|f| cuts(looks, f)).collect();
    let bins: Vec<Vec<u8>> = (0..FEATURES)
        .map(|f| {
            let bin = |look: &Look| cuts[f].partition_point(|cut| *cut < look.features[f]) as u8;
            looks.iter().map(bin).collect()
        })
        .collect();
    let total: f64 = looks.iter().map(|l| f64::from(l.weight)).sum();
    let killed: f64 = looks
        .iter()
        .filter(|l| l.killed)
        .map(|l| f64::from(l.weight))
        .sum();
    let base = (killed / (total - killed)).ln();
    let mut odds = vec![base; looks.len()];
    let mut rng = Rng::new(&[seed]);
    let mut grown = Vec::with_capacity(trees);
    for _ in 0..trees {
        let rows: Vec<usize> = (0..looks.len()).filter(|_| rng.chance(ROWS)).collect();
        let columns: Vec<usize> = (0..FEATURES).filter(|_| rng.chance(COLUMNS)).collect();
        let sums: Vec<Sum> = rows
            .iter()
            .map(|&i| {
                let p = 1.0 / (1.0 + (-odds[i]).exp());
                let w = f64::from(looks[i].weight);
                Sum {
                    g: w * (p - f64::from(u8::from(looks[i].killed))),
                    h: w * p * (1.0 - p),
                    n: 1.0,
                }
            })
            .collect();
        let tree = tree(&rows, &sums, &columns, &bins, &cuts);
        for (look, odds) in looks.iter().zip(&mut odds) {
            *odds += f64::from(tree.leaf[tree.place(&look.features)]);
        }
        grown.push(tree);
    }
    (base as f32, grown)
}

/// Thresholds between the values of a feature: a value that is frequent (a flag, "not known") has a bin of its own, wherever it stands, and
/// the other bins hold about as many looks each.
fn cuts(looks: &[Look], feature: usize) -> Vec<f32> {
    let mut values: Vec<f32> = looks.iter().map(|l| l.features[feature]).collect();
    values.sort_by(f32::total_cmp);
    let is_frequent = |same: &[f32]| same.len() * BINS > 2 * looks.len();
    let groups = || values.chunk_by(|a, b| a == b);
    let frequent = groups().filter(|same| is_frequent(same)).count();
    let rare: usize = groups()
        .filter(|same| !is_frequent(same))
        .map(<[f32]>::len)
        .sum();
    // A frequent value needs a threshold below it, too.
    let each = rare / BINS.saturating_sub(2 * frequent + 1).max(1);
    let mut cuts = Vec::with_capacity(BINS);
    let (mut bin, mut before) = (0, None);
    for same in groups() {
        let value = same[0];
        if is_frequent(same) {
            if bin > 0 {
                cuts.extend(before);
            }
            cuts.push(value);
            bin = 0;
        } else {
            bin += same.len();
            if bin > each {
                cuts.push(value);
                bin = 0;
            }
        }
        before = Some(value);
    }
    cuts.dedup();
    // Nothing is above the highest value: that is no question.
    if cuts.last() == values.last() {
        cuts.pop();
    }
    cuts.truncate(BINS - 1);
    cuts
}

struct Node {
    rows: Vec<u32>,
    bounds: (f64, f64),
}

fn tree(
    rows: &[usize],
    sums: &[Sum],
    columns: &[usize],
    bins: &[Vec<u8>],
    cuts: &[Vec<f32>],
) -> Tree {
    let mut tree = Tree {
        feature: [0; 7],
        most: [f32::INFINITY; 7],
        leaf: [0.0; 8],
    };
    let mut level = vec![Node {
        rows: (0..rows.len() as u32).collect(),
        bounds: (f64::NEG_INFINITY, f64::INFINITY),
    }];
    for depth in 0..3 {
        let mut below = Vec::with_capacity(level.len() * 2);
        for (k, node) in level.into_iter().enumerate() {
            let Some((feature, bin, middle)) = best(&node, rows, sums, columns, bins, cuts) else {
                below.push(node);
                below.push(Node {
                    rows: Vec::new(),
                    bounds: (0.0, 0.0),
                });
                continue;
            };
            let at = (1 << depth) - 1 + k;
            tree.feature[at] = feature as u8;
            tree.most[at] = cuts[feature][bin];
            let (yes, no) = node
                .rows
                .into_iter()
                .partition(|&r| usize::from(bins[feature][rows[r as usize]]) <= bin);
            let (low, high) = node.bounds;
            let (first, second) = match DIRECTIONS[feature] {
                1 => ((low, middle), (middle, high)),
                -1 => ((middle, high), (low, middle)),
                _ => ((low, high), (low, high)),
            };
            below.push(Node {
                rows: yes,
                bounds: first,
            });
            below.push(Node {
                rows: no,
                bounds: second,
            });
        }
        level = below;
    }
    for (leaf, node) in tree.leaf.iter_mut().zip(&level) {
        let sum = total(&node.rows, sums);
        *leaf = (RATE * sum.value(node.bounds)) as f32;
    }
    tree
}

fn total(rows: &[u32], sums: &[Sum]) -> Sum {
    rows.iter().fold(Sum::default(), |mut sum, &r| {
        let s = sums[r as usize];
        sum.g += s.g;
        sum.h += s.h;
        sum.n += s.n;
        sum
    })
}

/// The best question of a node: feature, bin, and the middle between the values of both sides.
fn best(
    node: &Node,
    rows: &[usize],
    sums: &[Sum],
    columns: &[usize],
    bins: &[Vec<u8>],
    cuts: &[Vec<f32>],
) -> Option<(usize, usize, f64)> {
    let all = total(&node.rows, sums);
    let alone = all.gain(all.value(node.bounds));
    let of = |columns: &[usize]| best_of(node, rows, sums, columns, bins, cuts, alone);
    let (some, others) = columns.split_at(columns.len() / 2);
    let (some, others) = thread::scope(|scope| {
        let others = scope.spawn(|| of(others));
        let some = of(some);
        let others = others.join();
        (some, others.unwrap_or_else(|panic| resume_unwind(panic)))
    });
    // Of equals the first, as one thread alone would choose.
    let best = match (some, others) {
        (Some(a), Some(b)) => Some(if b.0 > a.0 { b } else { a }),
        (a, b) => a.or(b),
    };
    best.map(|(_, feature, bin, middle)| (feature, bin, middle))
}

/// The best question among some features: what it gains, feature, bin, and the middle between the values of both sides.
fn best_of(
    node: &Node,
    rows: &[usize],
    sums: &[Sum],
    columns: &[usize],
    bins: &[Vec<u8>],
    cuts: &[Vec<f32>],
    alone: f64,
) -> Option<(f64, usize, usize, f64)> {
    let all = total(&node.rows, sums);
    let mut best: Option<(f64, usize, usize, f64)> = None;
    for &feature in columns {
        let mut histogram = [Sum::default(); BINS];
        let bins = &bins[feature];
        for &r in &node.rows {
            let s = sums[r as usize];
            let bin = &mut histogram[usize::from(bins[rows[r as usize]])];
            bin.g += s.g;
            bin.h += s.h;
            bin.n += s.n;
        }
        let mut left = Sum::default();
        for (bin, sum) in histogram.iter().enumerate().take(cuts[feature].len()) {
            left.g += sum.g;
            left.h += sum.h;
            left.n += sum.n;
            let right = all.less(left);
            if left.n < LEAST || right.n < LEAST {
                continue;
            }
            let (l, r) = (left.value(node.bounds), right.value(node.bounds));
            if f64::from(DIRECTIONS[feature]) * (r - l) < 0.0 {
                continue;
            }
            let gain = left.gain(l) + right.gain(r) - alone;
            if gain > 1e-9 && best.is_none_or(|b| gain > b.0) {
                best = Some((gain, feature, bin, (l + r) / 2.0));
            }
        }
    }
    best
}
