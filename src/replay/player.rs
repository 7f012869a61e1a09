//! Lets the forecaster live through the rows of one series, and writes a line when its mind changes.
use super::{
    Stopped,
    reader::{Reading, owner},
    runs::{Ended, Runs},
    score::Tale,
};
use crate::{
    bench::forecast::{drive::Fire, method::Verdict},
    cli::ForecastArgs,
    domain::forecast::{Cap, Estimate, Exit, Priors, Sample, Series, Tier, Tuning},
};
use serde::Serialize;
use std::io::Write;

/// A line of the output.
#[derive(Debug, Serialize)]
struct Line<'a> {
    t: f64,
    series: &'a str,
    tier: Tier,
    p: f64,
    eta_s: Option<f64>,
    eta_lo_s: Option<f64>,
    eta_hi_s: Option<f64>,
    why: &'a str,
}

/// Who forecasts: the product's [`Series`], or a test's script.
pub trait Forecaster {
    /// A forecaster that knows nothing but this.
    fn new(priors: Priors) -> Self;
    /// See [`Series::set_priors`].
    fn set_priors(&mut self, priors: Priors);
    /// See [`Series::observe`].
    fn observe(&mut self, replica: u64, sample: &Sample, tuning: &Tuning);
    /// See [`Series::ended`].
    fn ended(&mut self, replica: u64, t: f64, exit: Exit, tuning: &Tuning);
    /// See [`Series::assess`].
    fn assess(&mut self, replica: u64, now: f64, tuning: &Tuning) -> Estimate;
}

impl Forecaster for Series {
    fn new(priors: Priors) -> Self {
        Series::new(priors)
    }

    fn set_priors(&mut self, priors: Priors) {
        Series::set_priors(self, priors);
    }

    fn observe(&mut self, replica: u64, sample: &Sample, tuning: &Tuning) {
        Series::observe(self, replica, sample, tuning);
    }

    fn ended(&mut self, replica: u64, t: f64, exit: Exit, tuning: &Tuning) {
        Series::ended(self, replica, t, exit, tuning);
    }

    fn assess(&mut self, replica: u64, now: f64, tuning: &Tuning) -> Estimate {
        Series::assess(self, replica, now, tuning)
    }
}

/// The life of one series.
pub struct Player<'a, F> {
    name: &'a str,
    every: Option<f64>,
    owner: bool,
    priors: Priors,
    tuning: Tuning,
    series: F,
    runs: Runs,
    /// Number of the run that goes on, as the series knows it.
    run: Option<u32>,
    /// Runs of the history come before these.
    offset: u64,
    limit: Option<f64>,
    assessed: f64,
    tier: Tier,
    told: f64,
    tale: Tale,
}

/// Assessments are not closer than this, in seconds of the series: rows that come every 15 seconds are all assessed, whatever their jitter.
const EVERY: f64 = 12.0;

impl<'a, F: Forecaster> Player<'a, F> {
    /// A series that was never seen.
    pub fn new(name: &'a str, args: &ForecastArgs) -> Self {
        let priors = Priors {
            owner: args.owner.as_deref().map(owner).unwrap_or_default(),
            cap: args.config_cap.map(|bytes| Cap {
                bytes,
                written: format!("--config-cap {bytes}"),
            }),
        };
        Self {
            name,
            every: args.every,
            owner: args.owner.is_some(),
            series: F::new(priors.clone()),
            priors,
            // Until a column shows it.
            tuning: Tuning {
                restarts_told: false,
                ..Tuning::default()
            },
            runs: Runs::default(),
            run: None,
            offset: 0,
            limit: None,
            assessed: f64::NEG_INFINITY,
            tier: Tier::Clear,
            told: f64::NEG_INFINITY,
            tale: Tale::default(),
        }
    }

    /// Takes a row of the history: nothing is decided.
    pub fn remember(&mut self, row: &Reading) {
        self.take(row);
    }

    /// The history is over. What it ended with goes on, or ended at a time that nobody knows.
    pub fn begin(&mut self, moved: bool) {
        let last = self.runs.finish();
        if moved || last.is_some() {
            if let Some(run) = self.run {
                let exit = last.map_or(Exit::Unknown, |end| end.exit);
                let t = self.runs.last_time().unwrap_or_default();
                self.series.ended(self.replica(run), t, exit, &self.tuning);
                self.offset = self.replica(run) + 1;
            }
            self.runs = Runs::default();
            self.run = None;
        }
    }

    /// Takes a row, decides, and tells what changed.
    ///
    /// # Errors
    /// When the line cannot be written.
    pub fn play(&mut self, row: &Reading, out: &mut impl Write) -> Result<(), Stopped> {
        self.tale.row(row.t, row.truth);
        let (ended, sample) = self.take(row);
        if let Some(ended) = ended {
            self.tale.ended(ended);
            self.close(row.t, ended.exit, out)?;
        }
        let (Some(run), Some(sample)) = (self.run, sample) else {
            return Ok(());
        };
        self.tale.reading(run, row.t);
        if row.t - self.assessed < EVERY {
            return Ok(());
        }
        self.assessed = row.t;
        let estimate = self
            .series
            .assess(self.replica(run), sample.t, &self.tuning);
        if estimate.tier > self.tier {
            self.tale.fire(Fire {
                t: row.t,
                run,
                from: self.tier,
                to: estimate.tier,
                p: estimate.p,
            });
        }
        if estimate.tier != Tier::Clear {
            self.tale.told(row.t, run, Verdict::from(&estimate));
        }
        let repeat = estimate.tier != Tier::Clear
            && self.every.is_some_and(|every| row.t - self.told >= every);
        if estimate.tier != self.tier || repeat {
            self.tier = estimate.tier;
            self.told = row.t;
            self.write(row.t, &estimate, out)?;
        }
        Ok(())
    }

    /// The file is at its end.
    ///
    /// # Errors
    /// When a line cannot be written.
    pub fn finish(mut self, out: &mut impl Write) -> Result<Tale, Stopped> {
        if let Some(ended) = self.runs.finish() {
            self.tale.ended(ended);
            self.close(ended.t, ended.exit, out)?;
        }
        Ok(self.tale.finish())
    }

    fn replica(&self, run: u32) -> u64 {
        self.offset + u64::from(run)
    }

    /// What a row says, given to the series.
    fn take(&mut self, row: &Reading) -> (Option<Ended>, Option<Sample>) {
        if let Some(owner) = row
            .owner
            .filter(|owner| !self.owner && *owner != self.priors.owner)
        {
            self.priors.owner = owner;
            self.series.set_priors(self.priors.clone());
        }
        self.tuning.restarts_told |=
            row.incarnation.is_some() || row.exit.is_some() || row.kills.is_some();
        let (ended, run) = self.runs.next(row);
        if let Some(ended) = ended {
            self.series
                .ended(self.replica(ended.run), ended.t, ended.exit, &self.tuning);
            self.assessed = f64::NEG_INFINITY;
        }
        self.run = run;
        // A limit that is missing is the last that was known.
        self.limit = row.limit.or(self.limit);
        let (Some(run), Some(used), Some(limit)) = (run, row.used, self.limit) else {
            return (ended, None);
        };
        let sample = Sample {
            t: row.t,
            used,
            limit,
            cpu: row.cpu,
        };
        self.series
            .observe(self.replica(run), &sample, &self.tuning);
        (ended, Some(sample))
    }

    /// A run ended: nothing stands any more.
    fn close(&mut self, t: f64, exit: Exit, out: &mut impl Write) -> Result<(), Stopped> {
        if self.tier == Tier::Clear {
            return Ok(());
        }
        self.tier = Tier::Clear;
        let why = match exit {
            Exit::OomKilled => "it was killed at its memory limit",
            Exit::Completed => "it completed",
            Exit::Error => "it ended with an error",
            Exit::Unknown => "it was replaced, or ended for a reason that is not known",
        };
        let estimate = Estimate {
            why: why.into(),
            ..Estimate::default()
        };
        self.write(t, &estimate, out)
    }

    fn write(&self, t: f64, estimate: &Estimate, out: &mut impl Write) -> Result<(), Stopped> {
        let line = Line {
            t: rounded(t, 1e3),
            series: self.name,
            tier: estimate.tier,
            p: rounded(estimate.p, 1e4),
            eta_s: estimate.eta_s.map(|s| rounded(s, 10.0)),
            eta_lo_s: estimate.eta_lo_s.map(|s| rounded(s, 10.0)),
            eta_hi_s: estimate.eta_hi_s.map(|s| rounded(s, 10.0)),
            why: &estimate.why,
        };
        let text = serde_json::to_string(&line)
            .map_err(|error| Stopped::Output(std::io::Error::other(error)))?;
        // At once: somebody may be following a pipe.
        writeln!(out, "{text}")
            .and_then(|()| out.flush())
            .map_err(Stopped::Output)
    }
}

fn rounded(value: f64, per: f64) -> f64 {
    (value * per).round() / per
}
