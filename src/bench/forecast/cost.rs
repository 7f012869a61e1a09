//! What it costs to follow many containers: the readings of one interval come in three answers of Prometheus,
//! and are read by the code that reads them in a cluster.
use super::{busy::busy, report::Cost, rng::Rng};
use crate::{
    domain::forecast::{Past, Priors, Sample, Series, Tuning},
    usage::prometheus::{Join, Labels},
};
use std::{collections::HashMap, fmt::Write, hash::RandomState, time::Duration};

const INTERVAL: f64 = 30.0;
/// A week in steps of five minutes, as the back-fill brings it.
const PAST: u32 = 7 * 288;
const STEP: f64 = 300.0;
/// So many different pasts; the containers take turns with them.
const PASTS: u64 = 200;
/// Rounds that warm up, and rounds that are measured.
const WARM: u32 = 3;
const ROUNDS: u32 = 10;
const LIMIT: f64 = 512.0 * 1024.0 * 1024.0;

/// Follows so many containers for some intervals.
///
/// # Errors
/// When the answer cannot be read: a defect.
pub fn measure(containers: u64) -> anyhow::Result<Cost> {
    let tuning = Tuning::default();
    let before = resident();
    let mut pasts: Vec<Series> = (0..PASTS.min(containers))
        .map(|k| lived(k, &tuning))
        .collect();
    let stored = pasts.iter().map(|series| series.to_bytes().len() as u64);
    let stored_bytes = stored.sum::<u64>() / pasts.len().max(1) as u64;
    let mut known: Vec<Series> = Vec::with_capacity(containers as usize);
    let mut places: HashMap<(String, String, String), usize> = HashMap::new();
    for number in 0..containers {
        let pod = pod(number);
        places.insert((namespace(number), pod, "main".to_owned()), known.len());
        known.push(pasts[(number % pasts.len() as u64) as usize].clone());
    }
    pasts.clear();
    let (mut parse, mut observe, mut assess) = (Duration::ZERO, Duration::ZERO, Duration::ZERO);
    let mut rng = Rng::new(&[containers]);
    let mut text = String::new();
    let (labels, keys) = (Labels::default(), RandomState::new());
    let (mut told, mut answer_bytes) = (0u64, 0u64);
    for round in 0..WARM + ROUNDS {
        let now = f64::from(round + 1) * INTERVAL;
        let mut join = Join::new(labels.clone(), keys.clone());
        let mut parsing = Duration::ZERO;
        answer_bytes = 0;
        for of in [Of::Taken, Of::Used, Of::Cpu] {
            of.answer(&mut text, &labels, containers, now, &mut rng);
            answer_bytes += text.len() as u64;
            let begun = busy();
            join = match of {
                Of::Taken => join.taken(text.as_bytes()),
                Of::Used => join.used(text.as_bytes()),
                Of::Cpu => join.cpu(text.as_bytes()),
            }?;
            parsing += busy().saturating_sub(begun);
        }
        let begun = busy();
        let readings = join.readings();
        let mut samples = Vec::with_capacity(readings.len());
        for reading in readings {
            let key = (reading.namespace, reading.pod, reading.container);
            if let Some(place) = places.get(&key) {
                samples.push((
                    *place,
                    Sample {
                        t: reading.at,
                        used: reading.used,
                        limit: LIMIT,
                        cpu: reading.cpu,
                    },
                ));
            }
        }
        anyhow::ensure!(
            samples.len() as u64 == containers,
            "{} of {containers} containers were found in the answers",
            samples.len()
        );
        let parsed = busy();
        parsing += parsed.saturating_sub(begun);
        for (place, sample) in &samples {
            known[*place].observe(0, sample, &tuning);
        }
        let observed = busy();
        for (place, sample) in &samples {
            told += u64::from(known[*place].assess(0, sample.t, &tuning).p > 0.5);
        }
        if round >= WARM {
            parse += parsing;
            observe += observed.saturating_sub(parsed);
            assess += busy().saturating_sub(observed);
        }
    }
    std::hint::black_box(told);
    let readings = f64::from(ROUNDS) * containers as f64;
    let each = |spent: Duration| spent.as_secs_f64() * 1e6 / readings.max(1.0);
    let (parse_us, observe_us, assess_us) = (each(parse), each(observe), each(assess));
    Ok(Cost {
        containers,
        interval_s: INTERVAL,
        answer_bytes,
        parse_us,
        observe_us,
        assess_us,
        core: (parse_us + observe_us + assess_us) * containers as f64 / 1e6 / INTERVAL,
        rss_mib: resident(),
        rss_before_mib: before,
        stored_bytes,
    })
}

/// A container that has lived for a week, and was then watched for two hours.
fn lived(number: u64, tuning: &Tuning) -> Series {
    let mut rng = Rng::new(&[number]);
    let mut series = Series::new(Priors::default());
    let level = rng.between(0.1, 0.9);
    let end = -2.0 * 3600.0;
    for step in 0..PAST {
        let mean = LIMIT * (level + 0.01 * rng.normal());
        series.remember(
            0,
            &Past {
                t: end - STEP * f64::from(PAST - 1 - step),
                span: STEP,
                mean,
                max: mean * 1.01,
                limit: LIMIT,
            },
            tuning,
        );
    }
    let mut t = end + INTERVAL;
    while t <= 0.0 {
        let used = LIMIT * (level + 0.01 * rng.normal());
        series.observe(
            0,
            &Sample {
                t,
                used,
                limit: LIMIT,
                cpu: None,
            },
            tuning,
        );
        t += INTERVAL;
    }
    series
}

/// What is asked for in one interval.
#[derive(Clone, Copy)]
enum Of {
    /// When memory was taken.
    Taken,
    /// Memory.
    Used,
    /// CPU.
    Cpu,
}

impl Of {
    /// What Prometheus answers about all containers, with the labels that Heal asks for.
    fn answer(self, text: &mut String, labels: &Labels, containers: u64, now: f64, rng: &mut Rng) {
        text.clear();
        text.push_str(r#"{"status":"success","data":{"resultType":"vector","result":["#);
        for number in 0..containers {
            let comma = if number == 0 { "" } else { "," };
            let value = match self {
                Of::Taken => ((now - rng.between(0.0, INTERVAL)) * 1e3).round() / 1e3,
                Of::Used => {
                    // About where the past of this container left off.
                    let level = Rng::new(&[number % PASTS.min(containers)]).between(0.1, 0.9);
                    (LIMIT * (level + 0.01 * rng.normal())).round()
                }
                Of::Cpu => rng.between(0.0, 1.0),
            };
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                r#"{comma}{{"metric":{{"{}":"{}","{}":"{}","{}":"main","{}":"{}"}},"value":[{now},"{value}"]}}"#,
                labels.namespace,
                namespace(number),
                labels.pod,
                pod(number),
                labels.container,
                labels.run,
                run(number)
            );
        }
        text.push_str("]}}");
    }
}

/// The runtime's id of a container.
fn run(number: u64) -> String {
    format!("{number:064x}")
}

fn namespace(number: u64) -> String {
    format!("team-{:03}", number % 400)
}

fn pod(number: u64) -> String {
    format!("service-{number:06}-7d9c5b8f6d-x2k4p")
}

/// Resident memory of this process in MiB, where the system tells.
fn resident() -> Option<f64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: f64 = line.trim().trim_end_matches("kB").trim().parse().ok()?;
    Some(kibibytes / 1024.0)
}
