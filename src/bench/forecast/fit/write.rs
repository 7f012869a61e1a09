//! The trees as Rust source.
use crate::domain::forecast::Tree;
use std::fmt::Write;

/// The file `src/domain/forecast/trees.rs`.
pub fn write(base: f32, trees: &[Tree]) -> String {
    let mut text = format!(
        "//! The trees of the posterior. Made by `heal bench forecast --fit`, not by hand: the lessons are\n//! synthetic series, with and without history; no recording of a real program, and no seed that figures are told of.\n\
         use super::forest::Tree;\n\n\
         /// The logarithm of the odds to begin with.\n\
         pub const BASE: f32 = {base:?};\n\n\
         const fn tree(feature: [u8; 7], most: [f32; 7], leaf: [f32; 8]) -> Tree {{\n    Tree {{\n        feature,\n        most,\n        leaf,\n    }}\n}}\n\n\
         /// A question that everything answers with yes.\nconst ALL: f32 = f32::INFINITY;\n\n\
         /// The trees: features of the nodes, thresholds, leaves.\n\
         #[rustfmt::skip]\n\
         pub static TREES: [Tree; {}] = [\n",
        trees.len()
    );
    for tree in trees {
        let most: Vec<String> = tree
            .most
            .iter()
            .map(|x| {
                if x.is_finite() {
                    format!("{x:?}")
                } else {
                    "ALL".to_owned()
                }
            })
            .collect();
        let leaf: Vec<String> = tree.leaf.iter().map(|x| format!("{x:.4}")).collect();
        let _ = writeln!(
            text,
            "    tree({:?}, [{}], [{}]),",
            tree.feature,
            most.join(", "),
            leaf.join(", ")
        );
    }
    text + "];\n"
}
