//! What reading the file brings to light.
use super::problem::{Problem, Warning};

/// What was found while reading.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// What is wrong.
    pub problems: Vec<Problem>,
    /// What is odd.
    pub warnings: Vec<Warning>,
    /// Every key that was asked for, with its default as it would be written (empty: none).
    pub known: Vec<(String, String)>,
}

impl Findings {
    /// Adds something odd.
    pub fn warn(&mut self, key: &str, consequence: impl Into<String>, write: impl Into<String>) {
        self.warnings.push(Warning {
            key: key.to_owned(),
            consequence: consequence.into(),
            write: write.into(),
        });
    }

    /// Adds something wrong that has no line of its own.
    pub fn wrong(&mut self, key: &str, wrong: impl Into<String>, write: impl Into<String>) {
        self.problems.push(Problem {
            key: key.to_owned(),
            line: None,
            wrong: wrong.into(),
            write: write.into(),
        });
    }
}
