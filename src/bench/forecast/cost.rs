//! What it costs to follow many containers: all that happens at an interval, in the code that does it in a cluster. The readings come
//! in three answers of Prometheus, their pods are found, each line is assessed, what is usual is looked at, and what is new is written
//! to a database. Only network and TLS are not in it.
use super::{
    busy::busy,
    fleet::{Fleet, INTERVAL, Of, REPLICAS},
    report::Cost,
    rng::Rng,
};
use crate::{
    bench::Folder,
    domain::forecast::Source,
    forecaster::{Ledger, Options},
    ports::PodNews,
    store::Store,
    usage::prometheus::{Join, Labels},
};
use std::{hash::RandomState, time::Duration};

/// Intervals that warm up, and intervals that are measured: each line is stored twice within them.
const WARM: u32 = 3;
const ROUNDS: u32 = 40;

/// Processor time of what happens at an interval.
#[derive(Default)]
struct Spent {
    parse: Duration,
    observe: Duration,
    assess: Duration,
    store: Duration,
}

/// Follows so many containers for some intervals.
///
/// # Errors
/// When an answer or a row cannot be read, or no temporary file can be written.
pub fn measure(containers: u64) -> anyhow::Result<Cost> {
    // On a thread of its own, whose processor time is told apart, and which may wait for the database.
    std::thread::scope(|scope| scope.spawn(|| follow(containers)).join())
        .map_err(|_| anyhow::anyhow!("the measurement of the cost broke down"))?
}

fn follow(containers: u64) -> anyhow::Result<Cost> {
    let before = memory("VmRSS:");
    let options = Options {
        backfill: 0.0,
        ..Options::default()
    };
    let fleet = Fleet::of(containers, &options.tuning);
    let name = format!("heal-bench-cost-{}-{containers}", std::process::id());
    let folder = Folder::new(std::env::temp_dir().join(name))?;
    let store = Store::open(&folder.0.join("heal.db"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let mut ledger = Ledger::new(options, 0.0);
    for row in fleet.rows() {
        anyhow::ensure!(ledger.restore(row), "a stored row cannot be read");
    }
    for node in fleet.nodes() {
        ledger.news(PodNews::Node(node), 0.0);
    }
    for pod in fleet.pods() {
        ledger.news(PodNews::Pod(Box::new(pod)), 0.0);
    }
    ledger.news(PodNews::Listed, 0.0);
    let mut rng = Rng::new(&[containers]);
    let mut text = String::new();
    let (labels, keys) = (Labels::default(), RandomState::new());
    let (mut spent, mut answer_bytes) = (Spent::default(), 0u64);
    for round in 0..WARM + ROUNDS {
        if round == WARM {
            spent = Spent::default();
        }
        let now = f64::from(round + 1) * INTERVAL;
        let mut join = Join::new(labels.clone(), keys.clone());
        answer_bytes = 0;
        for of in [Of::Taken, Of::Used, Of::Cpu] {
            fleet.answer(of, &mut text, &labels, now, &mut rng);
            answer_bytes += text.len() as u64;
            let begun = busy();
            join = match of {
                Of::Taken => join.taken(text.as_bytes()),
                Of::Used => join.used(text.as_bytes()),
                Of::Cpu => join.cpu(text.as_bytes()),
            }?;
            spent.parse += busy().saturating_sub(begun);
        }
        let begun = busy();
        let readings = join.readings();
        let parsed = busy();
        for reading in &readings {
            ledger.reading(reading, Source::Prometheus, now);
        }
        let health = ledger.round(now, None);
        anyhow::ensure!(
            health.containers == containers,
            "{} of {containers} containers have a reading",
            health.containers
        );
        let observed = busy();
        for line in ledger.stirred() {
            ledger.assess(line, now);
        }
        ledger.look_for_the_unusual(now);
        let assessed = busy();
        spent.parse += parsed.saturating_sub(begun);
        spent.observe += observed.saturating_sub(parsed);
        spent.assess += assessed.saturating_sub(observed);
        spent.store += write(&mut ledger, &store, &runtime, now)?;
        drop(ledger.sightings());
    }
    let readings = f64::from(ROUNDS) * containers as f64;
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / readings.max(1.0);
    let (parse_us, observe_us, assess_us, store_us) = (
        each(spent.parse),
        each(spent.observe),
        each(spent.assess),
        each(spent.store),
    );
    Ok(Cost {
        containers,
        replicas: REPLICAS,
        interval_s: INTERVAL,
        answer_bytes,
        parse_us,
        observe_us,
        assess_us,
        store_us,
        core: (parse_us + observe_us + assess_us + store_us) * containers as f64 / 1e6 / INTERVAL,
        rss_mib: memory("VmRSS:"),
        rss_peak_mib: memory("VmHWM:"),
        rss_before_mib: before,
        stored_bytes: fleet.stored_bytes(),
    })
}

/// Writes what is new. Gives the processor time of this thread and of the one that writes.
fn write(
    ledger: &mut Ledger,
    store: &Store,
    runtime: &tokio::runtime::Runtime,
    now: f64,
) -> anyhow::Result<Duration> {
    let mut spent = Duration::ZERO;
    loop {
        let begun = busy();
        let rows = ledger.unsaved(now, false);
        let habits = ledger.unsaved_habits(now, false);
        spent += busy().saturating_sub(begun);
        if rows.is_empty() && habits.is_empty() {
            return Ok(spent);
        }
        // The store writes on a thread of its own, whose time counts as well; nobody works beside it meanwhile.
        let all = everybody();
        runtime.block_on(async {
            store.put_habits(habits, now).await?;
            store.put_series(rows, Vec::<(String, String)>::new()).await
        })?;
        spent += everybody().saturating_sub(all);
    }
}

/// Processor time of all threads of this process, to 10 ms.
fn everybody() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    Duration::from_millis(10 * crate::bench::heal::ticks(&stat).unwrap_or(0))
}

/// Memory of this process in MiB, where the system tells.
fn memory(field: &str) -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    crate::bench::heal::mebibytes(&status, field)
}
