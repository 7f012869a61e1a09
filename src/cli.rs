//! The command line: what can be asked for, and how a run can end. What the commands do stands elsewhere.
mod exit;
mod forecast;

pub use exit::Exit;
pub use forecast::{AnomalyBenchArgs, ForecastArgs, ForecastBenchArgs};

use crate::domain::incident::IncidentId;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  something failed at run time
  2  the command line or the configuration is wrong
  3  `heal check` found problems
  4  `heal audit --verify` found a broken chain";

/// Kubernetes incidents in Slack: a cause, one safe fix, and proof that it worked.
#[derive(Clone, Debug, PartialEq, Parser)]
#[command(
    name = "heal",
    version,
    after_help = EXIT_CODES,
    arg_required_else_help = true,
    disable_help_subcommand = true
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Command {
    /// Watch a cluster and post its incidents to Slack
    #[command(after_help = "\
Examples:
  heal run --config /etc/heal/heal.toml
  SLACK_BOT_TOKEN=xoxb-… SLACK_SIGNING_SECRET=… heal run

Stops in order on SIGTERM and SIGINT: an action that has begun is finished and written down.")]
    Run(RunArgs),
    /// Try it in the browser: a playground with its own Slack and its own cluster
    #[command(after_help = "\
Examples:
  heal demo
  heal demo --no-story --speed 10
  heal demo --real-cluster --context kind-kind --namespace shop

Needs neither Slack nor a cluster, and listens on this machine only.")]
    Demo(DemoArgs),
    /// Check configuration, permissions and Slack, and say what to do about each problem
    #[command(after_help = "\
Examples:
  heal check --config heal.toml
  heal check --json | jq '.findings[] | select(.ok | not)'

Changes nothing and posts nothing.")]
    Check(CheckArgs),
    /// Show the audit log, or prove that nobody changed it
    #[command(after_help = "\
Examples:
  heal audit --config heal.toml --incident H17
  heal audit --db /var/lib/heal/heal.db --verify
  heal audit --json | jq 'select(.what == \"decision.approved\")'

Only reads, and may be used while Heal runs. Needs no secrets.")]
    Audit(AuditArgs),
    /// Run the forecaster over recorded memory series: one JSON line per change, and the score
    #[command(after_help = forecast::REPLAY_HELP)]
    Forecast(ForecastArgs),
    /// Measure how fast this build is on this machine, and how good its forecasts are
    Bench(BenchArgs),
}

/// The configuration file.
#[derive(Clone, Debug, PartialEq, Args)]
pub struct ConfigArg {
    /// Configuration file
    #[arg(
        long,
        value_name = "FILE",
        env = "HEAL_CONFIG",
        hide_env_values = true,
        default_value = "heal.toml"
    )]
    pub config: PathBuf,
}

/// `heal run`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct RunArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArg,
}

/// `heal demo`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct DemoArgs {
    /// Port of the page on 127.0.0.1; 0 takes a free one and prints it
    #[arg(long, value_name = "N", default_value_t = 7070)]
    pub port: u16,
    /// Use a real cluster in place of the simulated one: approved actions change it
    #[arg(long)]
    pub real_cluster: bool,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "C", requires = "real_cluster")]
    pub context: Option<String>,
    /// Namespace of the real cluster to look at, may be repeated [default: all]
    #[arg(
        long = "namespace",
        short = 'n',
        value_name = "N",
        num_args = 1..,
        requires = "real_cluster"
    )]
    pub namespaces: Vec<String>,
    /// How much faster than real time the simulated world runs, from 0.1 to 100
    #[arg(long, value_name = "X", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Start with a healthy cluster and break nothing by itself
    #[arg(long)]
    pub no_story: bool,
}

/// `heal check`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct CheckArgs {
    /// Where the configuration is.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// `heal audit`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct AuditArgs {
    /// Where the configuration is; of it only `store.path` is read.
    #[command(flatten)]
    pub config: ConfigArg,
    /// Database file, in place of the one that the configuration names
    #[arg(long, value_name = "FILE")]
    pub db: Option<PathBuf>,
    /// Check the chain of hashes; exit code 4 if it is broken
    #[arg(long)]
    pub verify: bool,
    /// Only this incident
    #[arg(long, value_name = "H17")]
    pub incident: Option<IncidentId>,
    /// Print one JSON object per line
    #[arg(long)]
    pub json: bool,
}

/// `heal bench`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct BenchArgs {
    /// What to measure.
    #[command(subcommand)]
    pub what: Bench,
}

/// What can be measured.
#[derive(Clone, Debug, PartialEq, Subcommand)]
pub enum Bench {
    /// From a failing pod to the Slack request on the wire, and from a click to its acknowledgement
    #[command(after_help = "\
Examples:
  heal bench loop
  heal bench loop --pods 100 1000 10000 --json")]
    Loop(LoopArgs),
    /// How good the forecasts are, on containers whose fate is known, beside the usual alerting rules; and what they cost
    #[command(after_help = "\
Examples:
  heal bench forecast
  heal bench forecast --seed 7 --per-class 200 --warm --cost 0
  heal bench forecast --per-class 0 --traces recordings/ --json")]
    Forecast(ForecastBenchArgs),
    /// How well unusual CPU is found, on series with events whose truth is known, beside simpler rules
    #[command(after_help = "\
Examples:
  heal bench anomaly
  heal bench anomaly --seed 7 --series 400
  heal bench anomaly --days 21 --json")]
    Anomaly(AnomalyBenchArgs),
}

/// `heal bench loop`
#[derive(Clone, Debug, PartialEq, Args)]
pub struct LoopArgs {
    /// Measure against the cluster of this kubeconfig [default: the simulated cluster]
    #[arg(long, value_name = "FILE")]
    pub kubeconfig: Option<PathBuf>,
    /// Numbers of pods to measure with
    #[arg(long, value_name = "N", num_args = 1.., default_values_t = [1000, 10_000], value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub pods: Vec<u32>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Reads the command line of the process. Help and version are printed and end it with 0; a wrong command line ends it
/// with [`Exit::Usage`].
pub fn parse() -> Cli {
    Cli::parse()
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse()
        .ok()
        .filter(|speed| (0.1..=100.0).contains(speed))
        .ok_or_else(|| "a number from 0.1 to 100".to_owned())
}

#[cfg(test)]
mod tests;
