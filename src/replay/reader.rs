//! The rows of a file, one at a time.
use super::{
    Problem,
    columns::{Columns, number, text},
    input,
};
use crate::domain::forecast::{Exit, OwnerKind};
use csv::{ByteRecord, ReaderBuilder, Trim};
use std::{io::Read, path::Path};

/// One row.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    /// Seconds of the series: the file's time, multiplied by the time scale.
    pub t: f64,
    /// Memory that cannot be reclaimed, in bytes.
    pub used: Option<f64>,
    /// The working set in bytes: the active page cache is in it.
    pub working_set: Option<f64>,
    /// The limit in bytes.
    pub limit: Option<f64>,
    /// CPU in cores.
    pub cpu: Option<f64>,
    /// What tells one run from the next, as the file writes it.
    pub incarnation: Option<String>,
    /// How this run ended or will end.
    pub exit: Option<Exit>,
    /// Kernel kills so far.
    pub kills: Option<f64>,
    /// No process is there any more.
    pub empty: bool,
    /// Whose container it is.
    pub owner: Option<OwnerKind>,
    /// The file has a column that tells how runs end.
    pub truth: bool,
}

/// The rows of a file.
pub struct Reader {
    file: String,
    rows: csv::Reader<Box<dyn Read>>,
    columns: Columns,
    scale: f64,
    /// File time and CPU time of the row before, in seconds.
    cpu: Option<(f64, f64)>,
    failed: bool,
}

impl Reader {
    /// Opens a file and reads its header.
    ///
    /// # Errors
    /// When it cannot be read, or the header lacks a column.
    pub fn open(path: &Path, scale: f64) -> Result<Self, Problem> {
        let file = path.display().to_string();
        let source = input::open(path).map_err(|error| Problem {
            file: file.clone(),
            line: None,
            what: format!("cannot be read: {error}"),
        })?;
        Self::new(file, source, scale)
    }

    /// The same of any source.
    ///
    /// # Errors
    /// See [`Reader::open`].
    pub fn new(file: String, source: Box<dyn Read>, scale: f64) -> Result<Self, Problem> {
        let mut rows = ReaderBuilder::new()
            .flexible(true)
            .trim(Trim::All)
            .from_reader(source);
        let columns = match rows.byte_headers() {
            Ok(header) if header.is_empty() => Err("is empty".into()),
            Ok(header) => Columns::of(header),
            Err(error) => Err(wrong(&error)),
        };
        match columns {
            Ok(columns) => Ok(Self {
                file,
                rows,
                columns,
                scale,
                cpu: None,
                failed: false,
            }),
            Err(what) => Err(Problem {
                file,
                line: Some(1),
                what,
            }),
        }
    }

    fn reading(&mut self, row: &ByteRecord) -> Result<Option<Reading>, String> {
        let columns = &self.columns;
        let optional = |column: Option<usize>, name: &str| match column {
            Some(column) => number(row, column, name),
            None => Ok(None),
        };
        // A row without a time says nothing.
        let Some(t) = number(row, columns.t, "t")? else {
            return Ok(None);
        };
        let mut cpu = optional(columns.cpu, "cpu")?;
        if let Some(ns) = optional(columns.cpu_ns, "cpu_ns")? {
            let seconds = ns / 1e9;
            let rate = self
                .cpu
                .map(|(then, before)| (seconds - before) / (t - then));
            cpu = cpu.or(rate.filter(|rate| rate.is_finite() && *rate >= 0.0));
            self.cpu = Some((t, seconds));
        }
        let (used, working_set) = columns.memory(row)?;
        Ok(Some(Reading {
            t: t * self.scale,
            used,
            working_set,
            limit: number(row, columns.limit, "limit")?.filter(|limit| *limit > 0.0),
            cpu,
            incarnation: columns.incarnation.and_then(|column| text(row, column)),
            exit: columns
                .exit
                .and_then(|column| text(row, column))
                .and_then(|word| exit(&word)),
            kills: optional(columns.oom_kill, "oom_kill")?,
            empty: optional(columns.nprocs, "nprocs")? == Some(0.0),
            owner: columns
                .owner
                .and_then(|column| text(row, column))
                .map(|kind| owner(&kind)),
            truth: columns.exit.or(columns.oom_kill).is_some(),
        }))
    }

    fn problem(&mut self, line: Option<u64>, what: String) -> Problem {
        self.failed = true;
        Problem {
            file: self.file.clone(),
            line,
            what,
        }
    }
}

impl Iterator for Reader {
    type Item = Result<Reading, Problem>;

    fn next(&mut self) -> Option<Self::Item> {
        let mut row = ByteRecord::new();
        while !self.failed {
            match self.rows.read_byte_record(&mut row) {
                Ok(false) => return None,
                Err(error) => {
                    let line = self.rows.position().line();
                    return Some(Err(self.problem(Some(line), wrong(&error))));
                }
                Ok(true) => match self.reading(&row) {
                    Ok(Some(reading)) => return Some(Ok(reading)),
                    Ok(None) => {}
                    Err(what) => {
                        let line = row.position().map(csv::Position::line);
                        return Some(Err(self.problem(line, what)));
                    }
                },
            }
        }
        None
    }
}

fn wrong(error: &csv::Error) -> String {
    match error.kind() {
        csv::ErrorKind::Io(error) => {
            format!("cannot be read any further: {error}; is the file complete?")
        }
        _ => format!("is not CSV: {error}"),
    }
}

/// A reason in the words of Kubernetes, or an exit code. There are many reasons (evicted, deadline exceeded, …); all that say nothing
/// about memory are the same.
fn exit(word: &str) -> Option<Exit> {
    let word = word.to_lowercase();
    match word.as_str() {
        "nan" | "none" | "null" | "-" => None,
        "oomkilled" | "oom_kill" | "oom" => Some(Exit::OomKilled),
        "completed" => Some(Exit::Completed),
        "error" => Some(Exit::Error),
        other => match other.strip_prefix("exit_").unwrap_or(other).parse::<f64>() {
            Ok(0.0) => Some(Exit::Completed),
            Ok(_) => Some(Exit::Error),
            Err(_) => Some(Exit::Unknown),
        },
    }
}

/// Jobs end by themselves, everything else is meant to run for ever.
pub fn owner(kind: &str) -> OwnerKind {
    if kind.eq_ignore_ascii_case("job") || kind.eq_ignore_ascii_case("cronjob") {
        OwnerKind::Job
    } else {
        OwnerKind::Service
    }
}
