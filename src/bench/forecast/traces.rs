//! Recordings of real programs, with the truth beside them.
use super::{
    case::{Case, End, Row},
    class::Kind,
};
use crate::{domain::forecast::Exit, domain::forecast::Priors, replay::Reader};
use anyhow::Context;
use serde::Deserialize;
use std::{fs, path::Path};

/// A line of `labels.jsonl`.
#[derive(Debug, Deserialize)]
struct Label {
    name: String,
    kind: String,
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    t: f64,
    ev: String,
    #[serde(default)]
    inc: u32,
}

/// All recordings of a folder that have a label, in the order of the labels; their times are multiplied by `scale`.
///
/// # Errors
/// When the labels or a recording cannot be read.
pub fn read(folder: &Path, scale: f64) -> anyhow::Result<Vec<Case>> {
    let path = folder.join("labels.jsonl");
    let labels = fs::read_to_string(&path)
        .with_context(|| format!("cannot read the truth, {}", path.display()))?;
    let mut cases = Vec::new();
    for (number, line) in labels.lines().enumerate() {
        if line.trim().is_empty() {
            continue;
        }
        let label: Label = serde_json::from_str(line)
            .with_context(|| format!("{}, line {}", path.display(), number + 1))?;
        let file = folder.join(format!("{}.csv.gz", label.name));
        if file.exists() {
            cases.push(case(&file, label, scale)?);
        }
    }
    anyhow::ensure!(
        !cases.is_empty(),
        "{} names no recording that is there",
        path.display()
    );
    Ok(cases)
}

fn case(file: &Path, label: Label, scale: f64) -> anyhow::Result<Case> {
    let ends: Vec<End> = label
        .events
        .iter()
        .filter_map(|event| {
            let exit = match event.ev.as_str() {
                "oom_kill" => Exit::OomKilled,
                "exit_0" => Exit::Completed,
                // The recording ends, the program does not.
                "start" | "end_of_trace" => return None,
                other if other.starts_with("exit_") => Exit::Error,
                _ => Exit::Unknown,
            };
            Some(End {
                t: event.t * scale,
                run: event.inc,
                exit,
            })
        })
        .collect();
    let mut rows = Vec::new();
    for reading in Reader::open(file, scale).map_err(|problem| anyhow::anyhow!("{problem}"))? {
        let reading = reading.map_err(|problem| anyhow::anyhow!("{problem}"))?;
        let run = reading
            .incarnation
            .as_deref()
            .and_then(|number| number.parse().ok())
            .unwrap_or(0);
        let over = ends
            .iter()
            .any(|end| end.run == run && end.t <= reading.t + 0.01 * scale);
        let (Some(used), Some(limit)) = (reading.used, reading.limit) else {
            continue;
        };
        // What is left after a kill is not a reading.
        if over || reading.empty {
            continue;
        }
        rows.push(Row {
            t: reading.t,
            run,
            used,
            working_set: reading.working_set.unwrap_or(used),
            limit,
            cpu: reading.cpu,
        });
    }
    let kind = match label.kind.as_str() {
        "positive" => Kind::Leak,
        "healthy" => Kind::Healthy,
        "unpredictable" => Kind::Spike,
        // Nobody can know how these would have gone on.
        _ => Kind::Censored,
    };
    Ok(Case {
        name: label.name,
        kind,
        class: None,
        priors: Priors::default(),
        past: Vec::new(),
        length: rows.last().map_or(0.0, |row| row.t),
        rows,
        ends,
    })
}
