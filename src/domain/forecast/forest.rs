//! Small decision trees whose sum is the logarithm of the odds (gradient boosting, Friedman 2001): three questions each, eight answers.
use super::evidence::FEATURES;

/// One tree. Node `i` asks whether a feature is at most a threshold, and goes on at `2i + 1` (yes) or `2i + 2` (no).
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tree {
    /// Which feature each node asks for.
    pub feature: [u8; 7],
    /// The threshold of each node.
    pub most: [f32; 7],
    /// What is added to the logarithm of the odds.
    pub leaf: [f32; 8],
}

impl Tree {
    /// The number of the leaf that these features lead to.
    pub fn place(&self, features: &[f32; FEATURES]) -> usize {
        let mut node = 0;
        while node < 7 {
            let x = features
                .get(usize::from(self.feature[node]))
                .copied()
                .unwrap_or(0.0);
            node = 2 * node + if x <= self.most[node] { 1 } else { 2 };
        }
        node - 7
    }
}

/// The logarithm of the odds.
pub fn sum(base: f32, trees: &[Tree], features: &[f32; FEATURES]) -> f64 {
    trees.iter().fold(f64::from(base), |sum, tree| {
        sum + f64::from(tree.leaf[tree.place(features)])
    })
}
