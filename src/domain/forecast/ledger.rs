//! What was told and how it turned out: the rules by which forecasts are scored.
//!
//! A forecast is about one run of one container. It was right (hit) when that run was killed at its limit within 6 h of the
//! telling (or before the first upper bound, if that was later), while it stood or within the interval told last, and at least
//! 5 min after it was told. It was wrong (false) when the kill did not come by then, or came after it was taken back. It is
//! withdrawn when nobody can know: the run ended otherwise, the limit was changed, a fix was applied, the figures stopped.
//! A kill that was not told 5 min before is a row, too (miss).
use super::{Boundary, Calibration, Outcome, Outlook, Run, RunEnd, Score, told::Told};
use crate::domain::text;
use jiff::{SignedDuration, Timestamp};
use std::collections::{BTreeMap, BTreeSet};

/// A kill within this time of the telling was foreseen.
const WITHIN: SignedDuration = SignedDuration::from_hours(6);
/// A forecast that comes later than this before the kill helps nobody.
pub const LEAST_LEAD: SignedDuration = SignedDuration::from_mins(5);
/// A forecast that stands is brought up to date every few minutes. After this long without, its figures have stopped.
const SILENT: SignedDuration = SignedDuration::from_hours(2);
/// After a fix, the old run has gone by then.
const REPLACED: SignedDuration = SignedDuration::from_mins(30);
/// The score is of this span.
pub const SCORED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// All rows that matter: those without an outcome, and those of the last thirty days.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Ledger {
    standing: BTreeMap<u64, Told>,
    done: BTreeMap<u64, Told>,
    last: u64,
    changed: BTreeSet<u64>,
    times: Times,
}

/// The times of the rules.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Times {
    within: SignedDuration,
    least_lead: SignedDuration,
    silent: SignedDuration,
    replaced: SignedDuration,
}

impl Times {
    fn at(pace: f64) -> Self {
        let paced = |time: SignedDuration| time.mul_f64(pace);
        Self {
            within: paced(WITHIN),
            least_lead: paced(LEAST_LEAD),
            silent: paced(SILENT),
            replaced: paced(REPLACED),
        }
    }
}

impl Default for Times {
    fn default() -> Self {
        Self::at(1.0)
    }
}

impl Ledger {
    /// The rows as they were stored.
    pub fn load(rows: impl IntoIterator<Item = Told>) -> Self {
        let mut ledger = Self::default();
        for told in rows {
            ledger.last = ledger.last.max(told.id);
            let of = match told.ended {
                None => &mut ledger.standing,
                Some(_) => &mut ledger.done,
            };
            of.insert(told.id, told);
        }
        ledger
    }

    /// The number of the newest row, also of those that are not here any more.
    pub fn numbered_from(mut self, last: u64) -> Self {
        self.last = self.last.max(last);
        self
    }

    /// With every time of the rules multiplied by the [pace](super::Tuning::pace) at which forecasts are made: what judges a leak
    /// of minutes as production judges one of hours is scored as production is.
    pub fn paced(mut self, pace: f64) -> Self {
        self.times = Times::at(pace);
        self
    }

    /// Rows without an outcome, oldest first.
    pub fn standing(&self) -> impl Iterator<Item = &Told> {
        self.standing.values()
    }

    /// Rows that changed since they were last asked for, to be stored.
    pub fn take_changed(&mut self) -> Vec<Told> {
        std::mem::take(&mut self.changed)
            .into_iter()
            .filter_map(|id| self.standing.get(&id).or_else(|| self.done.get(&id)))
            .cloned()
            .collect()
    }

    /// A forecast came in.
    pub fn heard(&mut self, outlook: &Outlook, now: Timestamp) {
        if !outlook.stands() {
            return self.cleared(outlook, now);
        }
        let run = outlook.about();
        let same = |told: &&mut Told| is_same(&told.run, &run);
        if let Some(told) = self.standing.values_mut().find(same) {
            if told.run.limit == run.limit {
                told.hear(outlook, now);
                self.changed.insert(told.id);
                return;
            }
            let id = told.id;
            self.end(id, Outcome::Withdrawn, now, None, "the limit was changed");
        }
        // What was told for too long without being true is not told anew before it was taken back.
        let spent = self
            .done
            .values()
            .any(|told| is_same(&told.run, &run) && told.cleared.is_none() && is_false(told));
        if !spent {
            let told = Told::new(self.next(), outlook, now);
            self.changed.insert(told.id);
            self.standing.insert(told.id, told);
        }
    }

    fn cleared(&mut self, outlook: &Outlook, now: Timestamp) {
        let of = |told: &Told| {
            told.owner.uid == outlook.owner.uid
                && told.run.container == outlook.container
                && told.cleared.is_none()
        };
        let rows = self
            .standing
            .values_mut()
            .chain(self.done.values_mut().filter(|told| is_false(told)));
        for told in rows.filter(|told| of(told)) {
            told.cleared = Some(now);
            self.changed.insert(told.id);
        }
    }

    /// A run ended.
    pub fn run_ended(&mut self, end: &RunEnd, now: Timestamp) {
        let run = Run {
            pod: end.pod.clone(),
            container: end.container.clone(),
            number: end.run,
            limit: end.limit.unwrap_or(0),
        };
        let told = self.standing.values().find(|told| is_same(&told.run, &run));
        match (told.map(|told| told.id), end.oom) {
            (Some(id), false) => {
                let why = if self.standing[&id].acted.is_some() {
                    "the fix replaced the pod"
                } else {
                    "the run ended for another reason"
                };
                self.end(id, Outcome::Withdrawn, now, None, why);
            }
            (Some(id), true) => self.killed(id, end, now),
            (None, true) => self.missed(end, run, now, "nobody had told it"),
            (None, false) => {}
        }
    }

    fn killed(&mut self, id: u64, end: &RunEnd, now: Timestamp) {
        let told = &self.standing[&id];
        let since = told.since().unwrap_or(now);
        let lead = end.at.duration_since(since);
        if lead < self.times.least_lead {
            let why = format!("told only {} before", text::duration(lead));
            return self.end(id, Outcome::Miss, now, Some(end.at), why);
        }
        let last = told.track.last();
        let stood = told.cleared.is_none()
            || last.is_some_and(|told| (told.when.earliest..=told.when.latest).contains(&end.at));
        if end.at <= self.times.deadline(told) && stood {
            let why = format!("told {} before", text::duration(lead));
            return self.end(id, Outcome::Hit, now, Some(end.at), why);
        }
        let why = if stood {
            format!("told {} before, which is too early", text::duration(lead))
        } else {
            "the kill came after it was taken back".to_owned()
        };
        let run = told.run.clone();
        self.end(id, Outcome::False, now, Some(end.at), why.clone());
        self.missed(end, run, now, &why);
    }

    fn missed(&mut self, end: &RunEnd, run: Run, now: Timestamp, why: &str) {
        let known = self.done.values().any(|told| {
            let outcome = told.ended.as_ref().map(|ended| ended.outcome);
            is_same(&told.run, &run) && matches!(outcome, Some(Outcome::Hit | Outcome::Miss))
        });
        if known {
            return;
        }
        let short = end
            .began
            .is_some_and(|began| end.at.duration_since(began) < self.times.least_lead);
        let mut told = Told {
            id: self.next(),
            owner: end.owner.clone(),
            run,
            notice: None,
            page: None,
            p: 0.0,
            shift: 0.0,
            track: Vec::new(),
            latest: None,
            cleared: None,
            acted: None,
            called_false_by: None,
            ended: None,
        };
        let why = if short {
            "the run was too short to be foreseen"
        } else {
            why
        };
        told.end(Outcome::Miss, now, Some(end.at), why);
        if let Some(ended) = &mut told.ended {
            ended.counts = !short;
        }
        self.changed.insert(told.id);
        self.done.insert(told.id, told);
    }

    /// A fix changed a workload.
    pub fn acted(&mut self, uid: &str, execution: &str, at: Timestamp) {
        for told in self.standing.values_mut() {
            if told.owner.uid == uid && told.acted.is_none() {
                told.acted = Some((execution.to_owned(), at));
                self.changed.insert(told.id);
            }
        }
    }

    /// Somebody dismissed the forecast of a workload as a false alarm.
    pub fn called_false(&mut self, uid: &str, by: &str) {
        for told in self.standing.values_mut() {
            if told.owner.uid == uid && told.page.is_some() {
                told.called_false_by = Some(by.to_owned());
                self.changed.insert(told.id);
            }
        }
    }

    /// Gives the outcomes that time alone decides, and forgets what is too old for the score.
    pub fn due(&mut self, now: Timestamp) {
        let due: Vec<(u64, Outcome, &str)> = self
            .standing
            .values()
            .filter_map(|told| {
                let outcome = self.times.outcome(told, now);
                outcome.map(|(outcome, why)| (told.id, outcome, why))
            })
            .collect();
        for (id, outcome, why) in due {
            self.end(id, outcome, now, None, why);
        }
        self.done.retain(|_, told| is_recent(told, now));
    }

    fn end(
        &mut self,
        id: u64,
        outcome: Outcome,
        now: Timestamp,
        kill: Option<Timestamp>,
        why: impl Into<String>,
    ) {
        if let Some(mut told) = self.standing.remove(&id) {
            told.end(outcome, now, kill, why);
            self.changed.insert(id);
            self.done.insert(id, told);
        }
    }

    fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// How good the forecasts of the last thirty days were.
    pub fn score(&self, now: Timestamp) -> Score {
        let mut score = Score {
            standing: self
                .standing
                .values()
                .filter(|told| told.cleared.is_none())
                .count()
                .try_into()
                .unwrap_or(u32::MAX),
            calibration: self.calibration(now),
            ..Score::default()
        };
        for told in self.done.values().filter(|told| is_recent(told, now)) {
            let Some(ended) = told.ended.as_ref().filter(|ended| ended.counts) else {
                continue;
            };
            match ended.outcome {
                Outcome::Hit => {
                    score.hits += 1;
                    score.leads.extend(told.lead());
                    score.covered += u32::from(told.covered() == Some(true));
                }
                Outcome::Miss => score.misses += 1,
                Outcome::False => score.falses += 1,
                Outcome::Withdrawn => {
                    score.withdrawn += 1;
                    score.averted += u32::from(ended.averted_by.is_some());
                }
            }
        }
        score.made = score.hits + score.falses + score.withdrawn;
        score.leads.sort_unstable();
        score
    }

    /// What the outcomes of the last thirty days teach.
    fn calibration(&self, now: Timestamp) -> Calibration {
        Calibration::of(self.done.values().filter(|told| is_recent(told, now)))
    }
}

fn is_same(a: &Run, b: &Run) -> bool {
    a.pod.uid == b.pod.uid && a.container == b.container && a.number == b.number
}

fn is_false(told: &Told) -> bool {
    told.ended
        .as_ref()
        .is_some_and(|ended| ended.outcome == Outcome::False)
}

fn is_recent(told: &Told, now: Timestamp) -> bool {
    told.ended
        .as_ref()
        .is_none_or(|ended| now.duration_since(ended.at) <= SCORED)
}

impl Times {
    /// Until when the kill may come and was foreseen.
    fn deadline(&self, told: &Told) -> Timestamp {
        let since = told.since().unwrap_or(Timestamp::MIN);
        let by_rule = since.checked_add(self.within).unwrap_or(Timestamp::MAX);
        told.track
            .first()
            .map_or(by_rule, |first| by_rule.max(first.when.latest))
    }

    /// The outcome that time alone decides, if it does.
    fn outcome(&self, told: &Told, now: Timestamp) -> Option<(Outcome, &'static str)> {
        let since = |at: Timestamp| now.duration_since(at);
        if let Some((_, at)) = &told.acted
            && since(*at) >= self.replaced
        {
            return Some((Outcome::Withdrawn, "a fix was made"));
        }
        // Whether a node evicts is not told by the end of a run.
        let of_node = told
            .latest
            .as_ref()
            .is_some_and(|latest| latest.boundary == Boundary::Node);
        if of_node && told.cleared.is_some() {
            return Some((Outcome::Withdrawn, "evictions of nodes are not scored"));
        }
        let heard = told.track.last().map(|last| last.at).or(told.since())?;
        if told.cleared.is_none() && since(heard) >= self.silent {
            return Some((Outcome::Withdrawn, "the figures stopped"));
        }
        if now < self.deadline(told) {
            return None;
        }
        if of_node {
            return Some((Outcome::Withdrawn, "evictions of nodes are not scored"));
        }
        Some(match told.cleared {
            Some(_) => (Outcome::False, "the growth stopped, and no kill came"),
            None => (Outcome::False, "no kill came in time"),
        })
    }
}

#[cfg(test)]
mod tests;
