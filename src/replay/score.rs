//! The score of a replay, where the files tell how runs ended.
use super::runs::Ended;
use crate::{
    bench::forecast::{
        case::{Case, End},
        class::Kind,
        drive::{Fire, Record},
        method::Verdict,
        score::{HORIZON, Tally, mean, median},
    },
    domain::forecast::{Exit, Priors, Tier},
};
use std::fmt::Write;

/// What happened in a series, and what was told about it. Bounded by the number of kills and alarms, not of rows.
#[derive(Debug, Default)]
pub struct Tale {
    truth: bool,
    begin: Option<f64>,
    end: f64,
    ends: Vec<End>,
    record: Record,
    /// What was told of the run that goes on, each minute, for the last hours.
    recent: Vec<(f64, u32, Verdict)>,
}

/// Kept longer than any alarm can be true.
const KEPT: f64 = 1.2 * HORIZON;
const MINUTE: f64 = 59.0;

impl Tale {
    /// A row.
    pub fn row(&mut self, t: f64, truth: bool) {
        self.truth |= truth;
        self.begin.get_or_insert(t);
        self.end = self.end.max(t);
    }

    /// A row that belongs to a run.
    pub fn reading(&mut self, run: u32, t: f64) {
        if self.record.began.last().is_none_or(|(of, _)| *of != run) {
            self.record.began.push((run, t));
        }
        self.record.samples += 1;
    }

    /// The tier rose.
    pub fn fire(&mut self, fire: Fire) {
        self.record.fires.push(fire);
    }

    /// What stands.
    pub fn told(&mut self, t: f64, run: u32, verdict: Verdict) {
        if self
            .recent
            .last()
            .is_some_and(|(last, _, _)| t - last < MINUTE)
        {
            return;
        }
        self.recent.push((t, run, verdict));
        // Seldom, so that it costs nothing.
        if self.recent.len() > 4096 {
            self.recent.retain(|(at, _, _)| t - at <= KEPT);
        }
    }

    /// A run ended.
    pub fn ended(&mut self, ended: Ended) {
        if ended.exit == Exit::OomKilled {
            let recent = self.recent.drain(..);
            let near = recent.filter(|(at, run, _)| *run == ended.run && ended.t - at <= KEPT);
            self.record.told.extend(near);
        } else {
            self.recent.clear();
        }
        self.ends.push(End {
            t: ended.t,
            run: ended.run,
            exit: ended.exit,
        });
    }

    /// The series is over.
    pub fn finish(mut self) -> Self {
        self.recent.clear();
        self
    }
}

/// The score of all series together.
#[derive(Debug, Default)]
pub struct Board {
    notice: Tally,
    page: Tally,
    without: u64,
}

impl Board {
    /// Adds a series.
    pub fn add(&mut self, tale: Tale) {
        let Some(begin) = tale.begin.filter(|_| tale.truth) else {
            self.without += 1;
            return;
        };
        let case = Case {
            name: String::new(),
            // What was written down shows no more than who was killed: every alarm is judged alike.
            kind: Kind::Leak,
            class: None,
            priors: Priors::default(),
            past: Vec::new(),
            rows: Vec::new(),
            ends: tale.ends,
            // Times of the file may begin anywhere; only the distance to the end counts.
            length: tale.end,
        };
        for (tally, tier) in [
            (&mut self.notice, Tier::Notice),
            (&mut self.page, Tier::Page),
        ] {
            tally.add(&case, &tale.record, tier);
            tally.days -= begin / 86_400.0;
        }
    }

    /// The table; empty without a truth.
    pub fn table(&self) -> String {
        let mut text = String::new();
        if self.notice.series == 0 {
            return text;
        }
        let mut line = |name: &str, of: &dyn Fn(&Tally) -> String| {
            let (notice, page) = (of(&self.notice), of(&self.page));
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:<34} {notice:>12} {page:>12}");
        };
        line(
            &format!(
                "{} series, {:.2} container-days",
                self.notice.series, self.notice.days
            ),
            &|tally| {
                if std::ptr::eq(tally, &self.page) {
                    "page".into()
                } else {
                    "notice".into()
                }
            },
        );
        line("alarms: the kill came within 6 h", &|t| {
            t.true_fires.to_string()
        });
        line("alarms: it did not", &|t| t.false_fires.to_string());
        line("alarms: the file ends before", &|t| t.open.to_string());
        line("precision", &|t| ratio(t.precision()));
        line("kills", &|t| t.kills.to_string());
        line("kills foreseen 5 min before", &|t| t.foreseen.to_string());
        line("recall", &|t| ratio(t.recall()));
        line("lead, median", &|t| {
            median(&t.leads).map_or("-".into(), |s| format!("{:.0} min", s / 60.0))
        });
        line("ETA error half-way, median", &|t| ratio(median(&t.errors)));
        line("ETA error half-way, mean", &|t| ratio(mean(&t.errors)));
        line("90 % interval holds the kill", &|t| ratio(t.coverage()));
        line("false alarms per container-day", &|t| {
            format!("{:.3}", t.false_per_day())
        });
        if self.without > 0 {
            let _ = writeln!(
                text,
                "not scored, because the file does not tell how runs ended: {}",
                self.without
            );
        }
        text
    }
}

fn ratio(value: Option<f64>) -> String {
    value.map_or("-".into(), |value| format!("{value:.3}"))
}
