//! What is wrong with a configuration, in words that say what to write instead.
use serde::Serialize;
use std::fmt;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// The key with its section (`slack.channel`, `approvers[2].users`), the name of an environment variable, or empty for
    /// the file as a whole.
    pub key: String,
    /// Line in the file, from 1, where there is one.
    pub line: Option<usize>,
    /// What is wrong.
    pub wrong: String,
    /// What to write.
    pub write: String,
}

impl fmt::Display for Problem {
    /// Two lines: what is wrong and where; what to write.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if !self.key.is_empty() {
            write!(f, "{} ", self.key)?;
        }
        write!(f, "{}\n  → {}", self.wrong, self.write)
    }
}

/// Everything that is wrong with a configuration, in the order of the file. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.0.iter().enumerate() {
            if at > 0 {
                writeln!(f)?;
            }
            write!(f, "{problem}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}

/// Something that is allowed and probably not meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The key that it is about.
    pub key: String,
    /// What follows from it.
    pub consequence: String,
    /// What to write if it was not meant.
    pub write: String,
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}\n  → {}", self.key, self.consequence, self.write)
    }
}
