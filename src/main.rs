//! The `heal` command: installs the one crypto provider, reads the command line, runs the command, gives its exit code.
use heal::{
    audit, bench,
    cli::{self, Bench, Command, Exit},
    demo, probe, replay, run,
};
use std::process::ExitCode;

fn main() -> ExitCode {
    let cli = cli::parse();
    if rustls::crypto::ring::default_provider()
        .install_default()
        .is_err()
    {
        eprintln!("heal: a crypto provider is already installed");
        return Exit::Failed.into();
    }
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("heal: no threads can be started: {error}");
            return Exit::Failed.into();
        }
    };
    let result = runtime.block_on(async {
        match &cli.command {
            Command::Run(args) => run::run(args).await,
            Command::Demo(args) => demo::run(args).await,
            Command::Check(args) => probe::run(args).await,
            Command::Audit(args) => audit::run(args),
            Command::Forecast(args) => replay::run(args),
            Command::Bench(args) => match &args.what {
                Bench::Loop(args) => bench::run(args).await,
                Bench::Forecast(args) => bench::forecast::run(args),
                Bench::Anomaly(args) => bench::anomaly::run(args),
            },
        }
    });
    match result {
        Ok(exit) => exit.into(),
        Err(error) => {
            // The whole chain in one line: what was tried, and why it did not work.
            eprintln!("heal: {error:#}");
            Exit::Failed.into()
        }
    }
}
