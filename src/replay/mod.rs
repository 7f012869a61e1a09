//! `heal forecast --replay`: runs the forecaster over recorded series, without any cluster.
//!
//! Every file is one series. It is read row by row and never held in memory; a decision is made with only what came before it, and how
//! a run ended is used only once it has ended. Standard output gets one JSON line per change of the tier, standard error
//! the score where the files tell how runs ended.
mod columns;
mod input;
mod player;
mod reader;
mod runs;
mod score;

use crate::{
    cli::{Exit, ForecastArgs},
    domain::forecast::Series,
};
use player::{Forecaster, Player};
pub use reader::{Reader, Reading};

use score::Board;
use std::{
    fmt,
    io::{self, Write},
    path::Path,
};

/// What is wrong with a file, and what to do about it.
#[derive(Debug, PartialEq)]
pub struct Problem {
    /// The file as it was named.
    pub file: String,
    /// The line, counted from 1; `None` when it is about the whole file.
    pub line: Option<u64>,
    /// In words.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}, line {line}: {}", self.file, self.what),
            None => write!(f, "{}: {}", self.file, self.what),
        }
    }
}

/// Why a replay of a file ended early.
#[derive(Debug)]
pub enum Stopped {
    /// Something is wrong with the file.
    Bad(Problem),
    /// Nobody reads standard output any more, or it cannot be written.
    Output(io::Error),
}

impl From<Problem> for Stopped {
    fn from(problem: Problem) -> Self {
        Stopped::Bad(problem)
    }
}

/// Replays the files in the order given. A file that is wrong does not keep the others from being replayed.
///
/// # Errors
/// When standard output cannot be written.
pub fn run(args: &ForecastArgs) -> anyhow::Result<Exit> {
    let (stdout, stderr) = (io::stdout().lock(), io::stderr().lock());
    match replay::<Series>(args, stdout, stderr) {
        Ok(exit) => Ok(exit),
        // `… | head` has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Exit::Ok),
        Err(error) => Err(anyhow::Error::new(error).context("cannot write the forecasts")),
    }
}

/// The same with any forecaster, into any writers.
fn replay<F: Forecaster>(
    args: &ForecastArgs,
    mut out: impl Write,
    mut notes: impl Write,
) -> io::Result<Exit> {
    let mut exit = Exit::Ok;
    let mut board = Board::default();
    for path in &args.replay {
        match replay_file::<F>(args, path, &mut out, &mut board) {
            Ok(()) => {}
            Err(Stopped::Output(error)) => return Err(error),
            Err(Stopped::Bad(problem)) => {
                writeln!(notes, "heal: {problem}")?;
                exit = Exit::Usage;
            }
        }
    }
    out.flush()?;
    write!(notes, "{}", board.table())?;
    Ok(exit)
}

fn replay_file<F: Forecaster>(
    args: &ForecastArgs,
    path: &Path,
    out: &mut impl Write,
    board: &mut Board,
) -> Result<(), Stopped> {
    let name = series_name(path);
    let mut reader = Reader::open(path, args.time_scale)?.peekable();
    let first = match reader.peek() {
        Some(Ok(reading)) => reading.t,
        Some(Err(_)) => 0.0,
        None => {
            return Err(Stopped::Bad(Problem {
                file: path.display().to_string(),
                line: None,
                what: "there is no row below the header; record at least a few hours".into(),
            }));
        }
    };
    let mut player = Player::<F>::new(&name, args);
    if let Some(history) = &args.history {
        prime(&mut player, history, args.time_scale, first)?;
    }
    for reading in reader {
        player.play(&reading?, out)?;
    }
    board.add(player.finish(out)?);
    Ok(())
}

/// Lets the player live through an earlier recording. If that is not all before `first`, it is moved so that it ends just before.
fn prime<F: Forecaster>(
    player: &mut Player<'_, F>,
    history: &Path,
    scale: f64,
    first: f64,
) -> Result<(), Stopped> {
    if history.as_os_str() == "-" {
        return Err(Stopped::Bad(Problem {
            file: "-".into(),
            line: None,
            what: "a history is read twice, so it must be a file".into(),
        }));
    }
    let (mut begin, mut end, mut readings) = (f64::INFINITY, f64::NEG_INFINITY, 0.0);
    for reading in Reader::open(history, scale)? {
        let t = reading?.t;
        (begin, end) = (begin.min(t), end.max(t));
        readings += 1.0;
    }
    if readings == 0.0 {
        return Ok(());
    }
    let spacing = ((end - begin) / readings).max(1e-3);
    let moved = end >= first;
    let shift = if moved { first - spacing - end } else { 0.0 };
    for reading in Reader::open(history, scale)? {
        let mut reading = reading?;
        reading.t += shift;
        player.remember(&reading);
    }
    player.begin(moved);
    Ok(())
}

/// The file's name without its ending: `x.csv.gz` is `x`.
fn series_name(path: &Path) -> String {
    if path.as_os_str() == "-" {
        return "stdin".into();
    }
    let name = path.file_name().unwrap_or(path.as_os_str());
    let name = name.to_string_lossy();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem.to_owned(),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests;
