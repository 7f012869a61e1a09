//! The figures, as they are printed and as JSON.
use super::{
    class::Class,
    score::{Table, Tally, mean, median},
};
use serde::Serialize;

/// How good a method was on a set of series. Figures are `None` where there is nothing to compute them from.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Which method.
    pub method: String,
    /// Alarms that were true, of all that can be judged.
    pub precision: Option<f64>,
    /// Kills that were foreseen at least five minutes before, of all that could be.
    pub recall: Option<f64>,
    /// How long before, in minutes: the median.
    pub lead_min: Option<f64>,
    /// The same as a share of the run's life.
    pub lead_share: Option<f64>,
    /// Relative error of the expected time half-way between alarm and kill: median and mean.
    pub eta_median: Option<f64>,
    /// See `eta_median`.
    pub eta_mean: Option<f64>,
    /// Foreseen kills without an expected time half-way.
    pub no_eta: u64,
    /// 90 % intervals that held the kill.
    pub coverage: Option<f64>,
    /// The same in the worst class with at least ten intervals, and which that is.
    pub worst_coverage: Option<f64>,
    /// See `worst_coverage`.
    pub worst_class: Option<&'static str>,
    /// Width of the interval by the actual time: the median.
    pub width: Option<f64>,
    /// False alarms per container-day over all series.
    pub false_per_day: f64,
    /// The same in the mix of an ordinary cluster.
    pub fleet_false_per_day: Option<f64>,
    /// Alarms: true, false, of these too early, and those that nobody can judge.
    pub true_alarms: u64,
    /// See `true_alarms`.
    pub false_alarms: u64,
    /// See `true_alarms`.
    pub too_early: u64,
    /// See `true_alarms`.
    pub open: u64,
    /// Kills that could be foreseen.
    pub kills: u64,
    /// Healthy series, and those with at least one alarm.
    pub healthy: u64,
    /// See `healthy`.
    pub alarmed: u64,
    /// Series with a spike, and those with an alarm.
    pub spikes: u64,
    /// See `spikes`.
    pub claimed: u64,
    /// Expected calibration error of the told probabilities.
    pub calibration_error: Option<f64>,
    /// Microseconds per reading.
    pub us_per_sample: f64,
    /// By class; empty for real traces.
    pub classes: Vec<ByClass>,
}

/// How good a method was on one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ByClass {
    /// Which.
    pub class: &'static str,
    /// See [`Figures::precision`].
    pub precision: Option<f64>,
    /// See [`Figures::recall`].
    pub recall: Option<f64>,
    /// False alarms per container-day.
    pub false_per_day: f64,
}

impl Figures {
    /// The figures of a table.
    pub fn of(method: &str, table: &Table, cost: f64) -> Self {
        let total = table.total();
        let worst = table.worst_coverage();
        Self {
            method: method.to_owned(),
            precision: total.precision(),
            recall: total.recall(),
            lead_min: median(&total.leads).map(|s| s / 60.0),
            lead_share: median(&total.shares),
            eta_median: median(&total.errors),
            eta_mean: mean(&total.errors),
            no_eta: total.no_eta,
            coverage: total.coverage(),
            worst_coverage: worst.map(|(coverage, _)| coverage),
            worst_class: worst.map(|(_, class)| class),
            width: median(&total.widths),
            false_per_day: total.false_per_day(),
            fleet_false_per_day: table.fleet_false_per_day(),
            true_alarms: total.true_fires,
            false_alarms: total.false_fires,
            too_early: total.too_early,
            open: total.open,
            kills: total.kills,
            healthy: total.healthy,
            alarmed: total.alarmed,
            spikes: total.spikes,
            claimed: total.claimed,
            calibration_error: total.calibration_error(),
            us_per_sample: cost,
            classes: table
                .classes
                .iter()
                .filter_map(|(class, tally)| {
                    Some(ByClass {
                        class: (*class)?.name(),
                        precision: tally.precision(),
                        recall: tally.recall(),
                        false_per_day: tally.false_per_day(),
                    })
                })
                .collect(),
        }
    }

    /// The class with the most false alarms per container-day, if there are any.
    pub fn loudest(&self) -> Option<&ByClass> {
        let loud = self.classes.iter().filter(|of| of.false_per_day > 0.0);
        loud.max_by(|a, b| a.false_per_day.total_cmp(&b.false_per_day))
    }
}

/// How Heal did on one class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassFigures {
    /// Which.
    pub class: &'static str,
    /// Series.
    pub series: u64,
    /// Container-days.
    pub days: f64,
    /// Kills, and those foreseen.
    pub kills: u64,
    /// See `kills`.
    pub foreseen: u64,
    /// Median lead in minutes.
    pub lead_min: Option<f64>,
    /// Median relative error of the expected time half-way.
    pub eta_median: Option<f64>,
    /// 90 % intervals that held the kill.
    pub coverage: Option<f64>,
    /// False alarms of the lower and of the upper tier.
    pub false_notices: u64,
    /// See `false_notices`.
    pub false_pages: u64,
    /// False alarms of the lower tier per container-day.
    pub false_per_day: f64,
    /// Alarms that nobody can judge.
    pub open: u64,
}

impl ClassFigures {
    /// The figures of a class, from the tables of both tiers.
    pub fn of(class: Class, notice: &Table, page: &Table) -> Option<Self> {
        let tally: &Tally = notice.classes.get(&Some(class))?;
        Some(Self {
            class: class.name(),
            series: tally.series,
            days: tally.days,
            kills: tally.kills,
            foreseen: tally.foreseen,
            lead_min: median(&tally.leads).map(|s| s / 60.0),
            eta_median: median(&tally.errors),
            coverage: tally.coverage(),
            false_notices: tally.false_fires,
            false_pages: page
                .classes
                .get(&Some(class))
                .map_or(0, |tally| tally.false_fires),
            false_per_day: tally.false_per_day(),
            open: tally.open,
        })
    }
}

/// A bin of told probabilities.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// What was told on average.
    pub told: f64,
    /// How often the kill came within six hours.
    pub came: f64,
    /// How many times it was told: every ten minutes of every series counts.
    pub n: u64,
}

impl Bin {
    /// The bins that are not empty.
    pub fn of(table: &Table) -> Vec<Self> {
        let total = table.total();
        total
            .bins
            .iter()
            .filter(|bin| bin.0 > 0)
            .map(|(n, told, came)| Self {
                told: told / *n as f64,
                came: *came as f64 / *n as f64,
                n: *n,
            })
            .collect()
    }
}

/// One set of series.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Part {
    /// Which: with history, without, or real.
    pub name: &'static str,
    /// Series, and container-days.
    pub series: u64,
    /// See `series`.
    pub days: f64,
    /// All methods; Heal's two tiers first.
    pub methods: Vec<Figures>,
    /// Heal by class; empty for real traces.
    pub classes: Vec<ClassFigures>,
    /// What Heal's probabilities are worth.
    pub reliability: Vec<Bin>,
    /// Real traces on which Heal was wrong, and how.
    pub wrong: Vec<String>,
}

/// What following many containers costs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Cost {
    /// Containers, one in each pod.
    pub containers: u64,
    /// Pods of a workload.
    pub replicas: u64,
    /// Seconds between two readings of each.
    pub interval_s: f64,
    /// Bytes of the three answers of Prometheus about all of them: memory, when it was taken, CPU.
    pub answer_bytes: u64,
    /// Microseconds per reading: reading the answers, taking the reading of a container that was found, the assessment and the look at
    /// what is usual, and writing down what is new.
    pub parse_us: f64,
    /// See `parse_us`.
    pub observe_us: f64,
    /// See `parse_us`.
    pub assess_us: f64,
    /// See `parse_us`.
    pub store_us: f64,
    /// Share of one core, all of it together.
    pub core: f64,
    /// Resident memory of the whole process in MiB at the end, the most that it was, and what it was before. The bench's own part is half
    /// a megabyte.
    pub rss_mib: Option<f64>,
    /// See `rss_mib`.
    pub rss_peak_mib: Option<f64>,
    /// See `rss_mib`.
    pub rss_before_mib: Option<f64>,
    /// Bytes of a container as they are stored.
    pub stored_bytes: u64,
}

/// Everything.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Seed of the series.
    pub seed: u64,
    /// Series per class.
    pub per_class: u64,
    /// The sets.
    pub parts: Vec<Part>,
    /// The cost, if it was measured.
    pub cost: Option<Cost>,
}
