//! Walks the parsed file section by section and collects what is wrong instead of stopping at the first mistake. Every key
//! that is asked for is thereby known: unknown keys, their nearest neighbour and the list of all keys follow from that.
use super::{
    findings::Findings,
    problem::Problem,
    span,
    value::{checked_text, kind, line_of, quoted},
};
use crate::domain::text::{clip, distance};
use jiff::SignedDuration;
use std::ops::RangeInclusive;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Keys that people look for in the wrong place, with what to write instead. Secrets are here so that they are refused by
/// name: their values must not be repeated.
const ELSEWHERE: &[(&str, &str)] = &[
    (
        "slack.bot_token",
        "take it out of the file; set SLACK_BOT_TOKEN or name a file in slack.bot_token_file",
    ),
    (
        "slack.signing_secret",
        "take it out of the file; set SLACK_SIGNING_SECRET or name a file in slack.signing_secret_file",
    ),
    (
        "forecast.prometheus.token",
        "take it out of the file; set PROMETHEUS_TOKEN or name a file in token_file",
    ),
    (
        "forecast.prometheus.password",
        "take it out of the file; set PROMETHEUS_PASSWORD or name a file in password_file",
    ),
    ("waits.approval", "approval_expiry = \"1h\""),
    (
        "waits.target_per_day",
        "max_per_target_per_day under [actions]",
    ),
];

/// One table of the file, which may be absent.
pub(super) struct Section<'f, 'd> {
    findings: &'f mut Findings,
    source: &'d str,
    /// Name in messages: empty, `slack`, `approvers[2]`.
    name: String,
    /// Name in the list of keys: empty, `slack`, `approvers`.
    group: &'static str,
    table: Option<&'d DeTable<'d>>,
    /// Line of the table, when it is known.
    line: Option<usize>,
    asked: Vec<&'static str>,
}

impl<'f, 'd> Section<'f, 'd> {
    /// The section `group` of the file, or the file's top level if that is empty.
    pub fn new(
        findings: &'f mut Findings,
        source: &'d str,
        group: &'static str,
        table: Option<&'d DeTable<'d>>,
    ) -> Self {
        Self {
            findings,
            source,
            name: group.to_owned(),
            group,
            table,
            line: None,
            asked: Vec::new(),
        }
    }

    /// One element of an array of tables, counted from 1 in messages.
    pub fn element(
        findings: &'f mut Findings,
        source: &'d str,
        group: &'static str,
        number: usize,
        table: &'d Spanned<DeValue<'d>>,
    ) -> Self {
        let mut section = Self::new(findings, source, group, table.get_ref().as_table());
        section.name = format!("{group}[{number}]");
        section.line = Some(line_of(source, table.span().start));
        if section.table.is_none() {
            section.add(
                String::new(),
                section.line,
                "is no table",
                &format!("[[{group}]] above its keys"),
            );
        }
        section
    }

    /// What was found so far, for checks across keys.
    pub fn findings(&mut self) -> &mut Findings {
        self.findings
    }

    /// The full name of a key of this section.
    pub fn path(&self, key: &str) -> String {
        join(&self.name, key)
    }

    /// Reads a key with `parse`, which says what is wrong with a value; `want` is what to write.
    /// Nothing when the key is absent or wrong (which is then recorded).
    pub fn read<T>(
        &mut self,
        key: &'static str,
        default: &str,
        want: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let (value, line) = self.ask(key, default)?;
        match parse(value) {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.add(key.to_owned(), Some(line), &wrong, want);
                None
            }
        }
    }

    /// Like [`Section::read`], for a key that has to be there.
    pub fn require<T>(
        &mut self,
        key: &'static str,
        want: &str,
        parse: impl FnOnce(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        if !self.has(key) {
            self.add(key.to_owned(), self.line, "is missing", want);
        }
        self.read(key, "", want, parse)
    }

    /// A text that `check` accepts.
    pub fn text(
        &mut self,
        key: &'static str,
        default: &str,
        want: &str,
        check: impl Fn(&str) -> bool,
    ) -> Option<String> {
        let shown = if default.is_empty() {
            String::new()
        } else {
            format!("{default:?}")
        };
        self.read(key, &shown, want, |value| checked_text(value, &check))
    }

    /// A text that has to be there and that `check` accepts.
    pub fn required_text(
        &mut self,
        key: &'static str,
        want: &str,
        check: impl Fn(&str) -> bool,
    ) -> String {
        self.require(key, want, |value| checked_text(value, &check))
            .unwrap_or_default()
    }

    /// A list of texts, each of which `check` accepts; all that are refused are named.
    pub fn texts(
        &mut self,
        key: &'static str,
        default: &str,
        want: &str,
        check: impl Fn(&str) -> bool,
    ) -> Option<Vec<String>> {
        self.read(key, default, want, |value| {
            let DeValue::Array(items) = value else {
                return Err(kind(value, "a list"));
            };
            let (good, bad): (Vec<_>, Vec<_>) = items
                .iter()
                .map(|item| checked_text(item.get_ref(), &check))
                .partition(Result::is_ok);
            if bad.is_empty() {
                Ok(good.into_iter().flatten().collect())
            } else {
                let reasons: Vec<String> = bad.into_iter().filter_map(Result::err).collect();
                Err(format!(
                    "has entries that do not fit: {}",
                    reasons.join("; ")
                ))
            }
        })
    }

    /// A duration within `range`; the default where it is absent or wrong.
    pub fn duration(
        &mut self,
        key: &'static str,
        default: SignedDuration,
        range: RangeInclusive<SignedDuration>,
    ) -> SignedDuration {
        let shown = format!("{:?}", span::text(default));
        let want = format!(
            "a duration from {} to {}, for example {key} = {shown}",
            span::text(*range.start()),
            span::text(*range.end()),
        );
        self.read(key, &shown, &want, |value| {
            let DeValue::String(text) = value else {
                return Err(kind(value, "a duration"));
            };
            let read =
                span::parse(text).ok_or_else(|| format!("is {}: no duration", quoted(text)))?;
            if range.contains(&read) {
                Ok(read)
            } else {
                Err(format!("is {}: out of range", quoted(text)))
            }
        })
        .unwrap_or(default)
    }

    /// A whole number within `range`; the default where it is absent or wrong.
    pub fn number(&mut self, key: &'static str, default: u32, range: RangeInclusive<u32>) -> u32 {
        let want = format!(
            "a whole number from {} to {}, for example {key} = {default}",
            range.start(),
            range.end()
        );
        self.read(key, &default.to_string(), &want, |value| {
            let DeValue::Integer(number) = value else {
                return Err(kind(value, "a whole number"));
            };
            u32::from_str_radix(number.as_str(), number.radix())
                .ok()
                .filter(|number| range.contains(number))
                .ok_or_else(|| format!("is {number}: out of range"))
        })
        .unwrap_or(default)
    }

    /// Yes or no.
    pub fn flag(&mut self, key: &'static str, want: &str) -> Option<bool> {
        self.read(key, "", want, |value| {
            value.as_bool().ok_or_else(|| kind(value, "true or false"))
        })
    }

    /// A table below this one. An entry that is no table is recorded.
    pub fn table(&mut self, key: &'static str) -> Option<&'d DeTable<'d>> {
        self.asked.push(key);
        let (value, line) = self.find(key)?;
        if let DeValue::Table(table) = value {
            return Some(table);
        }
        let want = format!("[{}] above its keys", self.path(key));
        self.add(key.to_owned(), Some(line), &kind(value, "a section"), &want);
        None
    }

    /// An array of tables below this one. An entry that is none is recorded.
    pub fn tables(&mut self, key: &'static str) -> &'d [Spanned<DeValue<'d>>] {
        self.asked.push(key);
        let Some((value, line)) = self.find(key) else {
            return &[];
        };
        if let DeValue::Array(tables) = value {
            return tables;
        }
        let want = format!("[[{key}]], with two brackets, above each entry");
        self.add(key.to_owned(), Some(line), &kind(value, "a list"), &want);
        &[]
    }

    /// Whether the file has this section.
    pub fn exists(&self) -> bool {
        self.table.is_some()
    }

    /// Whether the file has this key.
    pub fn has(&self, key: &str) -> bool {
        self.find(key).is_some()
    }

    /// Adds a problem with a key of this section, with its line if it stands in the file.
    pub fn wrong(&mut self, key: &str, wrong: &str, write: &str) {
        let line = self.find(key).map(|(_, line)| line).or(self.line);
        self.add(key.to_owned(), line, wrong, write);
    }

    /// Ends the section: keys that nobody asked for are unknown, and the nearest known one is named.
    pub fn close(mut self) {
        let Some(table) = self.table else {
            return;
        };
        for (key, _) in table {
            let name: &str = key.get_ref();
            if self.asked.contains(&name) {
                continue;
            }
            let line = line_of(self.source, key.span().start);
            let path = join(self.group, name);
            let elsewhere = ELSEWHERE.iter().find(|(there, _)| *there == path);
            let near = self
                .asked
                .iter()
                .map(|known| (distance(name, known), *known))
                .filter(|(far, known)| *far <= known.len().max(name.len()) / 3 + 1)
                .min();
            let write = match (elsewhere, near) {
                (Some((_, write)), _) => (*write).to_owned(),
                (None, Some((_, known))) => format!("did you mean {known}?"),
                (None, None) => format!("one of: {}", self.asked.join(", ")),
            };
            let wrong = if elsewhere.is_some() {
                "does not belong here"
            } else {
                "is unknown"
            };
            // The name comes from the file and may be anything.
            self.add(clip(name, 40), Some(line), wrong, &write);
        }
    }

    fn ask(&mut self, key: &'static str, default: &str) -> Option<(&'d DeValue<'d>, usize)> {
        if !self.asked.contains(&key) {
            self.asked.push(key);
        }
        self.findings
            .known
            .push((join(self.group, key), default.to_owned()));
        self.find(key)
    }

    fn find(&self, key: &str) -> Option<(&'d DeValue<'d>, usize)> {
        let (name, value) = self
            .table?
            .iter()
            .find(|(name, _)| *name.get_ref() == key)?;
        Some((value.get_ref(), line_of(self.source, name.span().start)))
    }

    fn add(&mut self, key: String, line: Option<usize>, wrong: &str, write: &str) {
        let key = if key.is_empty() {
            self.name.clone()
        } else {
            self.path(&key)
        };
        self.findings.problems.push(Problem {
            key,
            line,
            wrong: wrong.to_owned(),
            write: write.to_owned(),
        });
    }
}

fn join(section: &str, key: &str) -> String {
    if section.is_empty() {
        key.to_owned()
    } else {
        format!("{section}.{key}")
    }
}
