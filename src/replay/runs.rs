//! Tells the runs of a container apart, and how they ended, as soon as the rows show it and not before.
use super::reader::Reading;
use crate::domain::forecast::Exit;

/// The end of a run.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ended {
    /// Number of the run, counted from 0.
    pub run: u32,
    /// When, as well as the rows tell: its last row, or the row whose counter shows the kill.
    pub t: f64,
    /// How.
    pub exit: Exit,
}

/// What is known of the runs so far.
#[derive(Debug, Default)]
pub struct Runs {
    run: u32,
    last: Option<Last>,
    /// The run is over, the next row begins another.
    over: bool,
    kills: Option<f64>,
}

#[derive(Debug)]
struct Last {
    t: f64,
    incarnation: Option<String>,
    exit: Option<Exit>,
    used: Option<f64>,
}

impl Runs {
    /// Takes a row: gives the run that ended before it, if one did, and the number of the run that it belongs to; `None` if it shows
    /// only what a kill left behind.
    pub fn next(&mut self, row: &Reading) -> (Option<Ended>, Option<u32>) {
        let killed = matches!((self.kills, row.kills), (Some(before), Some(now)) if now > before);
        self.kills = row.kills.or(self.kills);
        let other = self.last.as_ref().is_some_and(|last| {
            row.incarnation.is_some()
                && last.incarnation.is_some()
                && row.incarnation != last.incarnation
        });
        let mut ended = None;
        if let Some(last) = &self.last {
            // Without numbers of runs, a reason that only the last row told marks the end of the run.
            let told = row.incarnation.is_none() && last.exit.is_some() && row.exit != last.exit;
            if !self.over && (other || told) {
                let exit = if killed { Some(Exit::OomKilled) } else { None };
                ended = Some(Ended {
                    run: self.run,
                    t: last.t,
                    exit: last.exit.or(exit).unwrap_or(Exit::Unknown),
                });
                self.over = true;
            } else if !self.over && killed {
                ended = Some(Ended {
                    run: self.run,
                    t: row.t,
                    exit: Exit::OomKilled,
                });
                self.over = true;
                self.keep(row);
                return (ended, None);
            }
        }
        if row.empty || (!self.over && self.remains(row)) || (self.over && !other && killed) {
            self.keep(row);
            return (ended, None);
        }
        // What follows a kill under the same number is another run all the same.
        if self.over {
            self.run += 1;
            self.over = false;
            self.last = None;
        }
        self.keep(row);
        (ended, Some(self.run))
    }

    /// Whether this row only shows what is left of a run whose end it tells: its memory is gone.
    fn remains(&self, row: &Reading) -> bool {
        let before = self.last.as_ref().filter(|last| last.exit.is_none());
        let before = before.and_then(|last| last.used);
        row.exit.is_some() && before.zip(row.used).is_some_and(|(was, is)| is < 0.2 * was)
    }

    fn keep(&mut self, row: &Reading) {
        let before = self.last.take();
        // A reason that was told once holds to the end of a run that has a number.
        let told = before.as_ref().and_then(|last| last.exit);
        let told = told.filter(|_| row.incarnation.is_some());
        self.last = Some(Last {
            t: row.t,
            incarnation: row
                .incarnation
                .clone()
                .or(before.and_then(|last| last.incarnation)),
            exit: row.exit.or(told),
            used: row.used,
        });
    }

    /// When the last row was.
    pub fn last_time(&self) -> Option<f64> {
        self.last.as_ref().map(|last| last.t)
    }

    /// The file is at its end: the run that was going on, if its reason is known.
    pub fn finish(&self) -> Option<Ended> {
        let last = self.last.as_ref()?;
        (!self.over).then_some(Ended {
            run: self.run,
            t: last.t,
            exit: last.exit?,
        })
    }
}
