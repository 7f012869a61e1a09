//! How good a method was: its alarms against the truth.
//!
//! - An alarm (clear → notice or page; for the page tier, anything lower → page) is **true** if the same run is killed at its
//!   limit within six hours, otherwise **false**: also when it came too early, and also on the one-shot ETL. Alarms on leaks beyond the horizon are
//!   counted apart, as are alarms in a leak whose recording ends within these six hours: nobody knows what they would have become.
//! - An alarm before a kill that nothing announces is a claim without grounds: it counts as false, and apart.
//! - A kill of a leak is **foreseen** if a true alarm came at least five minutes before. Kills of spikes are not asked for.
use super::{
    case::Case,
    class::{Class, Kind},
    drive::{Fire, Record},
};
use crate::domain::forecast::{Exit, Tier};
use std::collections::BTreeMap;

/// An alarm is true if the kill comes within this, in seconds.
pub const HORIZON: f64 = 6.0 * 3600.0;
/// A kill is foreseen if the alarm came so long before, in seconds.
pub const LEAD: f64 = 300.0;
/// What was told longer ago does not stand any more, in seconds: readings may be missing for as long.
const STALE: f64 = 1800.0;
const DAY: f64 = 86_400.0;
const BINS: usize = 10;

/// Sums over cases of one class (or of all).
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Series.
    pub series: u64,
    /// Healthy series, and those that were ever alarmed.
    pub healthy: u64,
    /// See `healthy`.
    pub alarmed: u64,
    /// Container-days.
    pub days: f64,
    /// Alarms that were followed by the kill.
    pub true_fires: u64,
    /// Alarms that were not.
    pub false_fires: u64,
    /// Of these: in a run that was killed more than six hours later.
    pub too_early: u64,
    /// Alarms that nobody can judge.
    pub open: u64,
    /// Kills that could be foreseen, and that were.
    pub kills: u64,
    /// See `kills`.
    pub foreseen: u64,
    /// Series with a spike, and those with an alarm in them.
    pub spikes: u64,
    /// See `spikes`.
    pub claimed: u64,
    /// Lead times in seconds, and shares of the run's life.
    pub leads: Vec<f64>,
    /// See `leads`.
    pub shares: Vec<f64>,
    /// Relative errors of the expected time, half-way between alarm and kill.
    pub errors: Vec<f64>,
    /// Foreseen kills where no expected time was told half-way.
    pub no_eta: u64,
    /// Intervals told half-way, and those that held the kill.
    pub intervals: u64,
    /// See `intervals`.
    pub covered: u64,
    /// Their widths divided by the actual time.
    pub widths: Vec<f64>,
    /// For each bin of the told probability (while at least 5 %): how many, their sum, and how often the kill came.
    pub bins: [(u64, f64, u64); BINS],
}

impl Tally {
    /// Adds what a method said about a case. `tier` is the tier that counts as an alarm.
    pub fn add(&mut self, case: &Case, record: &Record, tier: Tier) {
        self.series += 1;
        self.days += case.length / DAY;
        let mut first: BTreeMap<u32, f64> = BTreeMap::new();
        let mut fires = 0;
        for fire in alarms(record, tier) {
            fires += 1;
            match judge(case, fire) {
                Judged::True => {
                    self.true_fires += 1;
                    first.entry(fire.run).or_insert(fire.t);
                }
                Judged::False { early } => {
                    self.false_fires += 1;
                    self.too_early += u64::from(early);
                }
                Judged::Open => self.open += 1,
            }
        }
        match case.kind {
            Kind::Healthy => {
                self.healthy += 1;
                self.alarmed += u64::from(fires > 0);
            }
            Kind::Spike => {
                self.spikes += 1;
                self.claimed += u64::from(fires > 0);
            }
            Kind::Leak => {
                for end in case.ends.iter().filter(|end| end.exit == Exit::OomKilled) {
                    self.kills += 1;
                    if let Some(at) = first.get(&end.run) {
                        self.foresaw(record, end.run, *at, end.t);
                    }
                }
            }
            Kind::Censored => {}
        }
        for (t, run, p) in &record.chances {
            let killed = case.killed(*run).filter(|at| at > t);
            let unknown = killed.is_none() && open(case, *run, *t);
            if *p < 0.05 || unknown {
                continue;
            }
            let bin = &mut self.bins[((p * BINS as f64) as usize).min(BINS - 1)];
            bin.0 += 1;
            bin.1 += p;
            bin.2 += u64::from(killed.is_some_and(|at| at - t <= HORIZON));
        }
    }

    fn foresaw(&mut self, record: &Record, run: u32, at: f64, killed: f64) {
        let lead = killed - at;
        if lead < LEAD {
            return;
        }
        self.foreseen += 1;
        self.leads.push(lead);
        if let Some((_, began)) = record.began.iter().find(|(of, _)| *of == run) {
            self.shares.push(lead / (killed - began).max(lead));
        }
        // What was told last up to half-way, if it was still told then.
        let half = at + lead / 2.0;
        let told = record
            .told
            .iter()
            .rev()
            .find(|(t, of, _)| *of == run && *t <= half)
            .filter(|(t, _, _)| half - t <= STALE);
        let eta = told.and_then(|(t, _, verdict)| Some((killed - t, verdict, verdict.eta?)));
        let Some((actual, verdict, eta)) = eta else {
            self.no_eta += 1;
            return;
        };
        self.errors.push((eta - actual).abs() / actual);
        if let Some((low, high)) = verdict.interval {
            self.intervals += 1;
            self.covered += u64::from((low..=high).contains(&actual));
            self.widths.push((high - low) / actual);
        }
    }

    /// Adds the sums of another.
    pub fn merge(&mut self, other: &Tally) {
        self.series += other.series;
        self.healthy += other.healthy;
        self.alarmed += other.alarmed;
        self.days += other.days;
        self.true_fires += other.true_fires;
        self.false_fires += other.false_fires;
        self.too_early += other.too_early;
        self.open += other.open;
        self.kills += other.kills;
        self.foreseen += other.foreseen;
        self.spikes += other.spikes;
        self.claimed += other.claimed;
        self.no_eta += other.no_eta;
        self.intervals += other.intervals;
        self.covered += other.covered;
        for (mine, theirs) in [
            (&mut self.leads, &other.leads),
            (&mut self.shares, &other.shares),
            (&mut self.errors, &other.errors),
            (&mut self.widths, &other.widths),
        ] {
            mine.extend(theirs);
        }
        for (mine, theirs) in self.bins.iter_mut().zip(&other.bins) {
            mine.0 += theirs.0;
            mine.1 += theirs.1;
            mine.2 += theirs.2;
        }
    }

    /// The share of the alarms that were true.
    pub fn precision(&self) -> Option<f64> {
        share(self.true_fires, self.true_fires + self.false_fires)
    }

    /// The share of the kills that were foreseen.
    pub fn recall(&self) -> Option<f64> {
        share(self.foreseen, self.kills)
    }

    /// The share of the intervals that held the kill.
    pub fn coverage(&self) -> Option<f64> {
        share(self.covered, self.intervals)
    }

    /// False alarms per container-day.
    pub fn false_per_day(&self) -> f64 {
        if self.days > 0.0 {
            self.false_fires as f64 / self.days
        } else {
            0.0
        }
    }

    /// Expected calibration error of the told probabilities: the mean distance between what was told and what came, over the bins.
    pub fn calibration_error(&self) -> Option<f64> {
        let n: u64 = self.bins.iter().map(|bin| bin.0).sum();
        let sum: f64 = self
            .bins
            .iter()
            .map(|(_, told, came)| (told - *came as f64).abs())
            .sum();
        (n > 0).then(|| sum / n as f64)
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// The median; of an even number the mean of the two in the middle.
pub fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(sorted[n / 2]),
        _ => Some((sorted[n / 2 - 1] + sorted[n / 2]) / 2.0),
    }
}

/// The mean.
pub fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The alarms of a tier.
fn alarms(record: &Record, tier: Tier) -> impl Iterator<Item = &Fire> {
    record
        .fires
        .iter()
        .filter(move |fire| fire.from < tier && fire.to >= tier)
}

enum Judged {
    True,
    False { early: bool },
    Open,
}

fn judge(case: &Case, fire: &Fire) -> Judged {
    let killed = case.killed(fire.run).filter(|at| *at > fire.t);
    match (case.kind, killed) {
        (Kind::Spike, _) => Judged::False { early: false },
        (_, Some(at)) if at - fire.t <= HORIZON => Judged::True,
        (_, Some(_)) => Judged::False { early: true },
        (_, None) if open(case, fire.run, fire.t) => Judged::Open,
        (_, None) => Judged::False { early: false },
    }
}

/// Whether nobody can know if this run would have been killed within six hours: a leak, still running when the recording ended.
pub(super) fn open(case: &Case, run: u32, t: f64) -> bool {
    let running = !case.ends.iter().any(|end| end.run == run);
    match case.kind {
        Kind::Censored => true,
        Kind::Leak => running && case.length - t < HORIZON,
        Kind::Spike | Kind::Healthy => false,
    }
}

/// The sums of every class.
#[derive(Clone, Debug, Default)]
pub struct Table {
    /// By class; real recordings are under `None`.
    pub classes: BTreeMap<Option<Class>, Tally>,
}

impl Table {
    /// Adds what a method said about a case.
    pub fn add(&mut self, case: &Case, record: &Record, tier: Tier) {
        self.classes
            .entry(case.class)
            .or_default()
            .add(case, record, tier);
    }

    /// Adds another table.
    pub fn merge(&mut self, other: &Table) {
        for (class, tally) in &other.classes {
            self.classes.entry(*class).or_default().merge(tally);
        }
    }

    /// Everything together.
    pub fn total(&self) -> Tally {
        let mut total = Tally::default();
        for tally in self.classes.values() {
            total.merge(tally);
        }
        total
    }

    /// False alarms per container-day in an ordinary cluster, see [`Class::fleet_share`]; `None` without such classes.
    pub fn fleet_false_per_day(&self) -> Option<f64> {
        let parts: Vec<f64> = self
            .classes
            .iter()
            .filter_map(|(class, tally)| Some(((*class)?.fleet_share(), tally)))
            .filter(|(share, _)| *share > 0.0)
            .map(|(share, tally)| share * tally.false_per_day())
            .collect();
        (!parts.is_empty()).then(|| parts.iter().sum())
    }

    /// The lowest coverage of a class that has at least ten intervals, with its name.
    pub fn worst_coverage(&self) -> Option<(f64, &'static str)> {
        self.classes
            .iter()
            .filter(|(_, tally)| tally.intervals >= 10)
            .filter_map(|(class, tally)| Some((tally.coverage()?, (*class)?.name())))
            .min_by(|a, b| a.0.total_cmp(&b.0))
    }
}
