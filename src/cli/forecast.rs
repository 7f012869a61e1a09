//! The command lines about forecasts.
use clap::Args;
use std::path::PathBuf;

/// `heal forecast`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct ForecastArgs {
    /// Recorded series, one per file: CSV or gzip of it, `-` for standard input
    #[arg(long, value_name = "FILE", num_args = 1.., required = true)]
    pub replay: Vec<PathBuf>,
    /// Repeat the line each SECONDS while the tier is not clear
    #[arg(long, value_name = "SECONDS", value_parser = positive)]
    pub every: Option<f64>,
    /// Multiply the times of all files: 60 reads half a second as half a minute
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = positive)]
    pub time_scale: f64,
    /// An earlier recording of the same workload, known before the first row; moved to end there if it overlaps
    #[arg(long, value_name = "FILE")]
    pub history: Option<PathBuf>,
    /// Kind of the owner: Deployment, Job, CronJob, … [default: the column `owner`]
    #[arg(long, value_name = "KIND")]
    pub owner: Option<String>,
    /// What the program caps its heap or cache with, in bytes: -Xmx, GOMEMLIMIT, maxmemory
    #[arg(long, value_name = "BYTES", value_parser = positive)]
    pub config_cap: Option<f64>,
}

/// `heal bench forecast`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct ForecastBenchArgs {
    /// Seed of the series: the same seed gives the same series on every machine; 1 to 8 are those that Heal learned from
    #[arg(long, value_name = "N", default_value_t = 501)]
    pub seed: u64,
    /// Series of each of the 33 classes; 0 leaves them out
    #[arg(long, value_name = "N", default_value_t = 40)]
    pub per_class: u64,
    /// Only without the history of the workloads
    #[arg(long, conflicts_with = "warm")]
    pub cold: bool,
    /// Only with the history of the workloads
    #[arg(long)]
    pub warm: bool,
    /// Without what a cluster knows of a workload: its owner's kind, and the cap of its heap
    #[arg(long)]
    pub no_priors: bool,
    /// Also score the recordings of this folder, against its `labels.jsonl`
    #[arg(long, value_name = "DIR")]
    pub traces: Option<PathBuf>,
    /// Multiply the times of the recordings: 60 reads half a second as half a minute
    #[arg(long, value_name = "X", default_value_t = 60.0, value_parser = positive)]
    pub time_scale: f64,
    /// Containers to measure the cost with; 0 leaves it out
    #[arg(long, value_name = "N", default_value_t = 100_000, value_parser = clap::value_parser!(u64).range(..=1_000_000))]
    pub cost: u64,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Measure nothing: learn anew what Heal's probabilities rest on, and print it as src/domain/forecast/trees.rs
    #[arg(long)]
    pub fit: bool,
}

/// `heal bench anomaly`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct AnomalyBenchArgs {
    /// Seed of the series: the same seed gives the same series on every machine
    #[arg(long, value_name = "N", default_value_t = 42)]
    pub seed: u64,
    /// Number of series
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = number::<1, 100_000>)]
    pub series: usize,
    /// Days of each series
    #[arg(long, value_name = "N", default_value_t = 7, value_parser = number::<5, 365>)]
    pub days: usize,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn number<const LEAST: usize, const MOST: usize>(text: &str) -> Result<usize, String> {
    text.parse()
        .ok()
        .filter(|number| (LEAST..=MOST).contains(number))
        .ok_or_else(|| format!("a number from {LEAST} to {MOST}"))
}

/// Below the options of `heal forecast --help`.
pub(super) const REPLAY_HELP: &str = "\
Examples:
  heal forecast --replay checkout.csv
  heal forecast --replay traces/*.csv.gz --time-scale 60 --every 600 | jq -c 'select(.tier == \"page\")'
  heal forecast --replay today.csv --history last-week.csv --owner Deployment

Input: CSV with a header, columns in any order. Needed: t (seconds), limit and working_set (bytes). Used if there:
active_file, rss, shmem, kmem, incarnation (number of the run), exit (OOMKilled, Completed or Error, on the last row of a
run or on all), owner (kind), cpu (cores), nprocs (rows with 0 are no readings); and usage, inactive_file, oom_kill, cpu_ns
as cgroups count them. Empty cells and NaN are missing values.

Standard output: one JSON line when the tier changes. All its times are seconds of the series, that is of the file, times
--time-scale. Standard error: the score, where the input tells how runs ended, and problems; after a problem with a file
the others are still replayed, and the exit code is 2.";

fn positive(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|number: &f64| number.is_finite() && *number > 0.0)
        .ok_or_else(|| "a number above 0".to_owned())
}
