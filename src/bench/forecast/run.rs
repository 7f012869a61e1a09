//! Runs what was asked for and prints it.
use super::{
    anchors::CONTESTANTS,
    class::{Class, Kind},
    cost, fit,
    generate::Options,
    report::{Bin, ClassFigures, Figures, Part, Report},
    score::{HORIZON, Table},
    suite::{self, Standing},
    table, traces,
};
use crate::{
    bench::machine,
    cli::{Exit, ForecastBenchArgs},
    domain::forecast::Tier,
};
use std::path::Path;

/// Measures, and prints tables or JSON. Progress goes to standard error.
///
/// # Errors
/// When the real traces cannot be read.
pub fn run(args: &ForecastBenchArgs) -> anyhow::Result<Exit> {
    if args.fit {
        tell("looks at the series of the training seeds, then 750 trees: a quarter of an hour");
        print!("{}", fit::learn());
        return Ok(Exit::Ok);
    }
    let report = measure(args)?;
    if args.json {
        println!("{}", serde_json::to_string(&report)?);
    } else {
        print!(
            "{}",
            table::table(&report, &machine::machine(), &machine::build())
        );
    }
    Ok(Exit::Ok)
}

fn measure(args: &ForecastBenchArgs) -> anyhow::Result<Report> {
    // First: what the series below leave behind in the allocator would count as memory of the containers.
    let cost = if args.cost > 0 {
        tell("cost");
        Some(cost::measure(args.cost)?)
    } else {
        None
    };
    let mut parts = Vec::new();
    for (history, wanted, name) in [
        (true, !args.cold, "with the history of the workload"),
        (false, !args.warm, "without a history"),
    ] {
        if wanted && args.per_class > 0 {
            tell(name);
            let options = Options {
                history,
                priors: !args.no_priors,
            };
            let results = suite::run(args.seed, args.per_class, options, CONTESTANTS);
            parts.push(part(name, &results, Vec::new()));
        }
    }
    if let Some(folder) = &args.traces {
        tell("real traces");
        parts.push(real(folder, args.time_scale)?);
    }
    Ok(Report {
        seed: args.seed,
        per_class: args.per_class,
        parts,
        cost,
    })
}

fn part(name: &'static str, results: &[Standing], wrong: Vec<String>) -> Part {
    let mut methods = Vec::new();
    for (contestant, result) in CONTESTANTS.iter().zip(results) {
        let tiers = contestant.name == HEAL;
        let first = if tiers {
            "Heal, notice"
        } else {
            contestant.name
        };
        methods.push(Figures::of(first, &result.notice, result.cost()));
        if tiers {
            methods.push(Figures::of("Heal, page", &result.page, result.cost()));
        }
    }
    let none = Standing::default();
    let heal = results.first().unwrap_or(&none);
    let total = heal.notice.total();
    Part {
        name,
        series: total.series,
        days: total.days,
        methods,
        classes: Class::ALL
            .iter()
            .filter_map(|class| ClassFigures::of(*class, &heal.notice, &heal.page))
            .collect(),
        reliability: Bin::of(&heal.notice),
        wrong,
    }
}

/// The name of the contestant that has two tiers.
const HEAL: &str = "Heal";

fn real(folder: &Path, scale: f64) -> anyhow::Result<Part> {
    let cases = traces::read(folder, scale)?;
    let mut results = vec![Standing::default(); CONTESTANTS.len()];
    let mut wrong = Vec::new();
    for case in &cases {
        for (contestant, result) in CONTESTANTS.iter().zip(&mut results) {
            let record = suite::live(case, contestant, result);
            if contestant.name != HEAL {
                continue;
            }
            let mut alone = Table::default();
            alone.add(case, &record, Tier::Notice);
            let tally = alone.total();
            let fires: Vec<String> = record
                .fires
                .iter()
                .filter(|fire| fire.from < Tier::Notice)
                .filter(|fire| {
                    let killed = case.killed(fire.run);
                    case.kind == Kind::Spike
                        || killed.is_none_or(|at| at < fire.t || at - fire.t > HORIZON)
                })
                .map(|fire| format!("{:.0} min", fire.t / 60.0))
                .collect();
            if tally.false_fires + tally.open > 0 {
                let what = if tally.open > 0 { "open" } else { "false" };
                wrong.push(format!("{what:<6} {} at {}", case.name, fires.join(", ")));
            }
            if tally.foreseen < tally.kills {
                wrong.push(format!(
                    "missed {} {} of {} kills",
                    case.name,
                    tally.kills - tally.foreseen,
                    tally.kills
                ));
            }
        }
    }
    Ok(part("real traces, without a history", &results, wrong))
}

fn tell(what: &str) {
    eprintln!("measuring: {what} …");
}
