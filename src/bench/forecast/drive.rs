//! Lets a method live through a case and notes what it says.
use super::{
    case::Case,
    method::{Method, Verdict},
};
use crate::domain::forecast::{Exit, Tier};

/// An alarm: the tier rose.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Fire {
    /// When.
    pub t: f64,
    /// In which run.
    pub run: u32,
    /// From which tier.
    pub from: Tier,
    /// To which.
    pub to: Tier,
    /// With which probability.
    pub p: f64,
}

/// What a method said about a case.
#[derive(Clone, Debug, Default)]
pub struct Record {
    /// Rises of the tier, in order of time. A new run begins with a clear tier.
    pub fires: Vec<Fire>,
    /// What it said while it warned, once a minute, with time and run.
    pub told: Vec<(f64, u32, Verdict)>,
    /// Its probability each ten minutes, with time and run.
    pub chances: Vec<(f64, u32, f64)>,
    /// When the first reading of each run was.
    pub began: Vec<(u32, f64)>,
    /// Readings that it was given.
    pub samples: u64,
}

/// Seconds between two assessments.
const EVERY: f64 = 60.0;
const CHANCES_EVERY: f64 = 600.0;

/// Lets a method live through a case.
pub fn drive(case: &Case, method: &mut dyn Method) -> Record {
    let mut record = Record::default();
    let mut ends = case.ends.iter().peekable();
    let mut told_end = |until: f64, run: u32, method: &mut dyn Method| {
        while let Some(end) = ends.next_if(|end| end.t <= until || end.run < run) {
            // What is recorded of the past does not tell how runs ended.
            let exit = if end.t <= 0.0 {
                Exit::Unknown
            } else {
                end.exit
            };
            method.ended(end.run, end.t, exit);
        }
    };
    for (run, past) in &case.past {
        told_end(past.t - past.span, *run, method);
        method.remember(*run, past);
    }
    let (mut tier, mut run) = (Tier::Clear, None);
    let (mut assessed, mut noted) = (f64::NEG_INFINITY, f64::NEG_INFINITY);
    for row in &case.rows {
        told_end(row.t, row.run, method);
        if run != Some(row.run) {
            (run, tier) = (Some(row.run), Tier::Clear);
            record.began.push((row.run, row.t));
        }
        method.observe(row);
        record.samples += 1;
        // Half a second earlier or later is still a minute.
        if row.t - assessed < EVERY - 1.0 {
            continue;
        }
        assessed = row.t;
        let verdict = method.assess(row.run, row.t);
        if verdict.tier > tier {
            record.fires.push(Fire {
                t: row.t,
                run: row.run,
                from: tier,
                to: verdict.tier,
                p: verdict.p,
            });
        }
        tier = verdict.tier;
        if tier != Tier::Clear {
            record.told.push((row.t, row.run, verdict));
        }
        if row.t - noted >= CHANCES_EVERY - 1.0 {
            noted = row.t;
            record.chances.push((row.t, row.run, verdict.p));
        }
    }
    told_end(f64::INFINITY, 0, method);
    record
}
