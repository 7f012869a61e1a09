//! `heal check`: is everything there that Heal needs? [`gather()`] asks, this module says it: one line per thing, and for each
//! problem what to do about it. Nothing is changed and nothing is posted.
mod figures;
mod gather;
#[cfg(test)]
mod tests;

pub use figures::{Figures, Seen};
pub use gather::{Identity, Membership, Permission, Probe, SKEW, configuration, gather};

use crate::{cli::Exit, redact::redact};
use serde::Serialize;
use std::fmt::Write as _;

/// One thing that was checked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at: `cluster`, `Slack scope chat:write`.
    pub what: String,
    /// Heal can work with it. A warning is also ok: it has a `problem` nevertheless.
    pub ok: bool,
    /// What was seen, where that is worth a word.
    pub seen: Option<String>,
    /// What is wrong, or odd.
    pub problem: Option<String>,
    /// What to do about it.
    pub remedy: Option<String>,
}

impl Finding {
    /// It is as it should be.
    pub fn good(what: impl Into<String>, seen: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            ok: true,
            seen: Some(seen.into()).filter(|seen| !seen.is_empty()),
            problem: None,
            remedy: None,
        }
    }

    /// It works, and is probably not meant, or could not be found out.
    pub fn warning(
        what: impl Into<String>,
        problem: impl AsRef<str>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            ok: true,
            ..Self::problem(what, problem, remedy)
        }
    }

    /// Heal cannot work like this.
    pub fn problem(
        what: impl Into<String>,
        problem: impl AsRef<str>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            what: what.into(),
            ok: false,
            seen: None,
            // Errors of libraries are passed on here, and they may quote a request.
            problem: Some(redact(problem.as_ref()).into_owned()),
            remedy: Some(remedy.into()),
        }
    }

    fn is_warning(&self) -> bool {
        self.ok && self.problem.is_some()
    }
}

/// Everything that was checked, in the order in which it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was found.
    pub findings: Vec<Finding>,
}

impl Report {
    /// [`Exit::Ok`] if Heal can run, warnings or not.
    pub fn exit(&self) -> Exit {
        if self.findings.iter().all(|finding| finding.ok) {
            Exit::Ok
        } else {
            Exit::Problems
        }
    }

    /// For people. Words instead of colours: it is pasted into tickets.
    pub fn text(&self) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let mark = match (finding.ok, finding.is_warning()) {
                (false, _) => "PROBLEM",
                (true, true) => "warning",
                (true, false) => "ok",
            };
            let said = finding.problem.as_ref().or(finding.seen.as_ref());
            let said = said.map_or(String::new(), |said| format!(": {said}"));
            // Writing to a String does not fail.
            let _ = writeln!(text, "{mark:<8} {}{said}", finding.what);
            if let Some(remedy) = &finding.remedy {
                let _ = writeln!(text, "{:<8} → {remedy}", "");
            }
        }
        let of = |fits: fn(&Finding) -> bool| {
            i64::try_from(self.findings.iter().filter(|finding| fits(finding)).count())
                .unwrap_or(i64::MAX)
        };
        let count = crate::domain::text::count;
        let _ = writeln!(
            text,
            "\n{}, {}, {} checked.",
            count(of(|finding| !finding.ok), "problem"),
            count(of(Finding::is_warning), "warning"),
            count(of(|_| true), "thing"),
        );
        text
    }

    /// For programs: `{"ok": …, "findings": […]}`, on one line.
    pub fn json(&self) -> String {
        serde_json::json!({"ok": self.exit() == Exit::Ok, "findings": self.findings}).to_string()
    }
}
