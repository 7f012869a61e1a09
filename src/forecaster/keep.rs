//! What is stored of a line, so that a restart loses no history.
use super::{
    ledger::Ledger,
    line::{Line, Run},
};
use crate::{
    domain::{
        forecast::{Boundary, Cap, Outlook, OwnerKind, Priors, Series},
        object::ObjectRef,
    },
    store::{ROWS, SeriesRow},
};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A line with news is stored after this long at the latest, in seconds.
const LATEST: f64 = 600.0;

/// What a row is about. New fields need a default: rows of older versions do not have them.
#[derive(Serialize, Deserialize)]
struct About {
    owner: Arc<ObjectRef>,
    boundary: Boundary,
    #[serde(default)]
    job: bool,
    #[serde(default)]
    cap: Option<(f64, String)>,
    #[serde(default)]
    lacks_past: bool,
    #[serde(default)]
    runs: Vec<Option<Run>>,
    #[serde(default)]
    standing: Option<Box<Outlook>>,
}

/// A line as a row.
fn row(line: &Line) -> Option<SeriesRow> {
    let about = About {
        owner: line.owner.clone(),
        boundary: line.boundary,
        job: line.priors.owner == OwnerKind::Job,
        cap: line
            .priors
            .cap
            .as_ref()
            .map(|cap| (cap.bytes, cap.written.clone())),
        lacks_past: line.lacks_past,
        runs: line.runs.clone(),
        standing: line.standing.clone(),
    };
    Some(SeriesRow {
        owner: line.key.0.clone(),
        container: line.key.1.clone(),
        seen: line.seen,
        // Nothing in it can fail to be written, and a row that could would be worth nothing.
        about: serde_json::to_string(&about).ok()?,
        state: line.series.to_bytes(),
    })
}

/// A row as a line; `None` when it is damaged or of another version.
fn line(row: SeriesRow) -> Option<Line> {
    let about: About = serde_json::from_str(&row.about).ok()?;
    let priors = Priors {
        owner: if about.job {
            OwnerKind::Job
        } else {
            OwnerKind::Service
        },
        cap: about.cap.map(|(bytes, written)| Cap { bytes, written }),
    };
    let series = Series::from_bytes(&row.state, priors.clone())?;
    let key = (row.owner, row.container);
    let mut line = Line::new(key, about.owner, about.boundary, priors);
    line.series = series;
    line.runs = about.runs;
    line.lacks_past = about.lacks_past;
    line.standing = about.standing;
    (line.seen, line.known_until) = (row.seen, row.seen);
    Some(line)
}

impl Ledger {
    /// Takes a stored row in; false when it cannot be read.
    pub fn restore(&mut self, row: SeriesRow) -> bool {
        let Some(mut line) = line(row) else {
            return false;
        };
        let refs = &mut self.pods.refs;
        line.owner = refs.share(&line.owner);
        for run in line.runs.iter_mut().flatten() {
            run.pod = refs.share(&run.pod);
        }
        self.insert(line);
        true
    }

    /// Rows that are to be stored now, [`ROWS`] at most; all that have news when `all`. They count as stored.
    pub fn unsaved(&mut self, now: f64, all: bool) -> Vec<SeriesRow> {
        let mut rows = Vec::new();
        for (at, line) in self.lines.iter_mut().enumerate() {
            let Some(line) = line else { continue };
            // Samples that wait for the past are in no state yet.
            let Some(dirty) = line.dirty.filter(|_| all || !line.expects_past()) else {
                continue;
            };
            // Spread over time, each line always at the same distance, so that the disk has a little to do at all times.
            let wait = LATEST * (0.5 + 0.5 * (at as f64 * 0.618_034).fract());
            if all || now - dirty >= wait {
                line.dirty = None;
                rows.extend(row(line));
            }
            if rows.len() == ROWS {
                break;
            }
        }
        rows
    }
}
