//! What the help says, and what command lines are read as.
use super::*;
use clap::{CommandFactory, error::ErrorKind};

fn run(line: &str) -> Result<Command, clap::Error> {
    Cli::try_parse_from(line.split(' ')).map(|cli| cli.command)
}

fn help(line: &str) -> String {
    run(line).unwrap_err().to_string()
}

#[test]
fn the_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn the_help_is_short_and_shows_examples() {
    insta::assert_snapshot!(help("heal --help"), @r#"
    Kubernetes incidents in Slack: a cause, one safe fix, and proof that it worked

    Usage: heal <COMMAND>

    Commands:
      run       Watch a cluster and post its incidents to Slack
      demo      Try it in the browser: a playground with its own Slack and its own cluster
      check     Check configuration, permissions and Slack, and say what to do about each problem
      audit     Show the audit log, or prove that nobody changed it
      forecast  Run the forecaster over recorded memory series: one JSON line per change, and the score
      bench     Measure how fast this build is on this machine, and how good its forecasts are

    Options:
      -h, --help     Print help
      -V, --version  Print version

    Exit codes:
      0  done
      1  something failed at run time
      2  the command line or the configuration is wrong
      3  `heal check` found problems
      4  `heal audit --verify` found a broken chain
    "#);
    insta::assert_snapshot!(help("heal run --help"), @r#"
    Watch a cluster and post its incidents to Slack

    Usage: heal run [OPTIONS]

    Options:
          --config <FILE>  Configuration file [env: HEAL_CONFIG] [default: heal.toml]
      -h, --help           Print help

    Examples:
      heal run --config /etc/heal/heal.toml
      SLACK_BOT_TOKEN=xoxb-… SLACK_SIGNING_SECRET=… heal run

    Stops in order on SIGTERM and SIGINT: an action that has begun is finished and written down.
    "#);
    insta::assert_snapshot!(help("heal demo --help"), @r#"
    Try it in the browser: a playground with its own Slack and its own cluster

    Usage: heal demo [OPTIONS]

    Options:
          --port <N>          Port of the page on 127.0.0.1; 0 takes a free one and prints it [default: 7070]
          --real-cluster      Use a real cluster in place of the simulated one: approved actions change it
          --context <C>       Context of the kubeconfig [default: the current one]
      -n, --namespace <N>...  Namespace of the real cluster to look at, may be repeated [default: all]
          --speed <X>         How much faster than real time the simulated world runs, from 0.1 to 100 [default: 1]
          --no-story          Start with a healthy cluster and break nothing by itself
      -h, --help              Print help

    Examples:
      heal demo
      heal demo --no-story --speed 10
      heal demo --real-cluster --context kind-kind --namespace shop

    Needs neither Slack nor a cluster, and listens on this machine only.
    "#);
    insta::assert_snapshot!(help("heal check --help"), @r#"
    Check configuration, permissions and Slack, and say what to do about each problem

    Usage: heal check [OPTIONS]

    Options:
          --config <FILE>  Configuration file [env: HEAL_CONFIG] [default: heal.toml]
          --json           Print JSON
      -h, --help           Print help

    Examples:
      heal check --config heal.toml
      heal check --json | jq '.findings[] | select(.ok | not)'

    Changes nothing and posts nothing.
    "#);
    insta::assert_snapshot!(help("heal audit --help"), @r#"
    Show the audit log, or prove that nobody changed it

    Usage: heal audit [OPTIONS]

    Options:
          --config <FILE>   Configuration file [env: HEAL_CONFIG] [default: heal.toml]
          --db <FILE>       Database file, in place of the one that the configuration names
          --verify          Check the chain of hashes; exit code 4 if it is broken
          --incident <H17>  Only this incident
          --json            Print one JSON object per line
      -h, --help            Print help

    Examples:
      heal audit --config heal.toml --incident H17
      heal audit --db /var/lib/heal/heal.db --verify
      heal audit --json | jq 'select(.what == "decision.approved")'

    Only reads, and may be used while Heal runs. Needs no secrets.
    "#);
    insta::assert_snapshot!(help("heal bench loop --help"), @r#"
    From a failing pod to the Slack request on the wire, and from a click to its acknowledgement

    Usage: heal bench loop [OPTIONS]

    Options:
          --kubeconfig <FILE>  Measure against the cluster of this kubeconfig [default: the simulated cluster]
          --pods <N>...        Numbers of pods to measure with [default: 1000 10000]
          --json               Print JSON
      -h, --help               Print help

    Examples:
      heal bench loop
      heal bench loop --pods 100 1000 10000 --json
    "#);
}

#[test]
fn the_help_about_forecasts_tells_the_input_and_the_output() {
    insta::assert_snapshot!(help("heal forecast --help"), @r#"
    Run the forecaster over recorded memory series: one JSON line per change, and the score

    Usage: heal forecast [OPTIONS] --replay <FILE>...

    Options:
          --replay <FILE>...    Recorded series, one per file: CSV or gzip of it, `-` for standard input
          --every <SECONDS>     Repeat the line each SECONDS while the tier is not clear
          --time-scale <X>      Multiply the times of all files: 60 reads half a second as half a minute [default: 1]
          --history <FILE>      An earlier recording of the same workload, known before the first row; moved to end there if it overlaps
          --owner <KIND>        Kind of the owner: Deployment, Job, CronJob, … [default: the column `owner`]
          --config-cap <BYTES>  What the program caps its heap or cache with, in bytes: -Xmx, GOMEMLIMIT, maxmemory
      -h, --help                Print help

    Examples:
      heal forecast --replay checkout.csv
      heal forecast --replay traces/*.csv.gz --time-scale 60 --every 600 | jq -c 'select(.tier == "page")'
      heal forecast --replay today.csv --history last-week.csv --owner Deployment

    Input: CSV with a header, columns in any order. Needed: t (seconds), limit and working_set (bytes). Used if there:
    active_file, rss, shmem, kmem, incarnation (number of the run), exit (OOMKilled, Completed or Error, on the last row of a
    run or on all), owner (kind), cpu (cores), nprocs (rows with 0 are no readings); and usage, inactive_file, oom_kill, cpu_ns
    as cgroups count them. Empty cells and NaN are missing values.

    Standard output: one JSON line when the tier changes. All its times are seconds of the series, that is of the file, times
    --time-scale. Standard error: the score, where the input tells how runs ended, and problems; after a problem with a file
    the others are still replayed, and the exit code is 2.
    "#);
    insta::assert_snapshot!(help("heal bench forecast --help"), @r#"
    How good the forecasts are, on containers whose fate is known, beside the usual alerting rules; and what they cost

    Usage: heal bench forecast [OPTIONS]

    Options:
          --seed <N>        Seed of the series: the same seed gives the same series on every machine; 1 to 8 are those that Heal learned from [default: 501]
          --per-class <N>   Series of each of the 33 classes; 0 leaves them out [default: 40]
          --cold            Only without the history of the workloads
          --warm            Only with the history of the workloads
          --no-priors       Without what a cluster knows of a workload: its owner's kind, and the cap of its heap
          --traces <DIR>    Also score the recordings of this folder, against its `labels.jsonl`
          --time-scale <X>  Multiply the times of the recordings: 60 reads half a second as half a minute [default: 60]
          --cost <N>        Containers to measure the cost with; 0 leaves it out [default: 100000]
          --json            Print JSON
          --fit             Measure nothing: learn anew what Heal's probabilities rest on, and print it as src/domain/forecast/trees.rs
      -h, --help            Print help

    Examples:
      heal bench forecast
      heal bench forecast --seed 7 --per-class 200 --warm --cost 0
      heal bench forecast --per-class 0 --traces recordings/ --json
    "#);
}

#[test]
fn every_example_is_accepted() {
    for command in [
        "run",
        "demo",
        "check",
        "audit",
        "forecast",
        "bench loop",
        "bench anomaly",
        "bench forecast",
    ] {
        let text = help(&format!("heal {command} --help"));
        let examples: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("  "))
            .filter_map(|line| Some(&line[line.find("heal ")?..]))
            .map(|line| line.split(" |").next().unwrap_or(line))
            .collect();
        assert!(!examples.is_empty(), "{command}");
        for example in examples {
            assert!(run(example).is_ok(), "{example}");
        }
    }
}

#[test]
fn arguments_reach_their_fields() {
    let Ok(Command::Demo(demo)) = run(
        "heal demo --port 0 --real-cluster --context c -n a b --namespace d --speed 2.5 --no-story",
    ) else {
        panic!("demo");
    };
    assert_eq!(
        demo,
        DemoArgs {
            port: 0,
            real_cluster: true,
            context: Some("c".into()),
            namespaces: ["a", "b", "d"].map(String::from).to_vec(),
            speed: 2.5,
            no_story: true,
        }
    );
    let Ok(Command::Audit(audit)) = run("heal audit --db x.db --verify --incident h17 --json")
    else {
        panic!("audit");
    };
    assert_eq!(
        (audit.incident, audit.db),
        (Some(IncidentId(17)), Some("x.db".into()))
    );
}

#[test]
fn wrong_command_lines_are_refused_with_the_code_for_usage() {
    for (line, kind) in [
        ("heal", ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand),
        ("heal demo --context c", ErrorKind::MissingRequiredArgument),
        ("heal demo --speed 0", ErrorKind::ValueValidation),
        ("heal demo --speed NaN", ErrorKind::ValueValidation),
        ("heal audit --incident X", ErrorKind::ValueValidation),
        ("heal bench loop --pods 0", ErrorKind::ValueValidation),
        ("heal forecast", ErrorKind::MissingRequiredArgument),
        (
            "heal forecast --replay x --every 0",
            ErrorKind::ValueValidation,
        ),
        (
            "heal forecast --replay x --time-scale inf",
            ErrorKind::ValueValidation,
        ),
        (
            "heal bench forecast --cold --warm",
            ErrorKind::ArgumentConflict,
        ),
        ("heal chek", ErrorKind::InvalidSubcommand),
    ] {
        let error = run(line).unwrap_err();
        assert_eq!(error.kind(), kind, "{line}");
        assert_eq!(error.exit_code(), Exit::Usage as i32, "{line}");
    }
    let version = run("heal --version").unwrap_err();
    assert_eq!(version.exit_code(), Exit::Ok as i32);
    assert_eq!(
        version.to_string(),
        format!("heal {}\n", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn the_help_tells_every_exit_code() {
    for exit in [
        Exit::Ok,
        Exit::Failed,
        Exit::Usage,
        Exit::Problems,
        Exit::AuditBroken,
    ] {
        assert!(EXIT_CODES.contains(&format!("\n  {}  ", exit as u8)));
    }
}
