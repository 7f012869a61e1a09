//! What was told and how it turned out: the rules by which forecasts are scored.
//!
//! A forecast is about one container of one workload: it names the replica that is nearest to its limit, and means whichever is
//! killed. It was right (hit) when a replica was killed at its limit within 6 h of the telling (or before the first upper
//! bound, if that was later), while it stood or within the interval told last, and at least 5 min after it was told. It was wrong (false) when the kill did not come by
//! then, or came after it was taken back. It is withdrawn when nobody can know: the run ended otherwise or unseen and no other was rising, the limit was changed, a fix was applied, the
//! figures stopped. A kill that was not told 5 min before is a row, too (miss).
//!
//! The first kill ends the forecast. As long as it is not taken back for the other replicas, what is told and who is killed
//! next continues its story: kills that were foreseen, and no forecasts of their own.
//!
//! Of a node the same holds; the kill is that its memory is used up, so that its kubelet evicts pods.
use super::{Calibration, Outcome, Outlook, Run, RunEnd, Score, told::Told};
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

/// When the kill of one replica was told, and the fix that was to prevent it.
type Story = (Timestamp, Option<(String, Timestamp)>);

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
        let (owner, container) = (&outlook.owner.uid, &outlook.container);
        // What was taken back and is told of another replica is another forecast.
        let same = |told: &&mut Told| {
            told.is_of(owner, container) && (told.cleared.is_none() || is_same(&told.run, &run))
        };
        let standing = self.standing.values_mut().filter(same);
        if let Some(told) = standing.min_by_key(|told| told.cleared) {
            if told.run.limit == run.limit {
                told.hear(outlook, now);
                self.changed.insert(told.id);
                return;
            }
            let id = told.id;
            self.end(id, Outcome::Withdrawn, now, None, "the limit was changed");
        }
        // What was told for too long without being true is not told anew before it was taken back.
        let spent = self.done.values().any(|told| {
            told.is_of(owner, container)
                && told.run.limit == run.limit
                && told.cleared.is_none()
                && is_false(told)
        });
        if !spent {
            let story = self.story(owner, container, now);
            let mut told = Told::new(self.next(), outlook, now);
            if let Some((since, acted)) = story {
                (told.continues, told.acted) = (Some(since), acted);
            }
            self.changed.insert(told.id);
            self.standing.insert(told.id, told);
        }
    }

    /// Nothing is to be expected of any replica of a container any more.
    fn cleared(&mut self, outlook: &Outlook, now: Timestamp) {
        let of = |told: &Told| {
            told.is_of(&outlook.owner.uid, &outlook.container) && told.cleared.is_none()
        };
        let mut over = Vec::new();
        let rows = self
            .standing
            .values_mut()
            .chain(self.done.values_mut().filter(|told| is_open(told)));
        for told in rows.filter(|told| of(told)) {
            told.cleared = Some(now);
            if let Some(ended) = &mut told.ended {
                ended.goes_on = false;
            }
            over.extend(told.over.clone().map(|why| (told.id, why)));
            self.changed.insert(told.id);
        }
        for (id, why) in over {
            self.end(id, Outcome::Withdrawn, now, None, why);
        }
    }

    /// The story that goes on after a kill: when that kill was told, and the fix. It is taken up once.
    fn story(&mut self, owner: &str, container: &str, at: Timestamp) -> Option<Story> {
        let times = self.times;
        let open = self.done.values_mut().rev().find(|told| {
            let ended = told.ended.as_ref();
            told.is_of(owner, container) && ended.is_some_and(|ended| ended.goes_on)
        })?;
        if at > times.deadline(open) {
            return None;
        }
        open.ended.as_mut()?.goes_on = false;
        self.changed.insert(open.id);
        Some((open.told_at_first()?, open.acted.clone()))
    }

    /// A run ended.
    pub fn run_ended(&mut self, end: &RunEnd, now: Timestamp) {
        let run = Run {
            pod: end.pod.clone(),
            container: end.container.clone(),
            number: end.run,
            limit: end.limit.unwrap_or(0),
        };
        if end.oom {
            self.killed(end, run.clone(), now);
        } else {
            self.ended_otherwise(end, &run, now);
        }
        // The next run may be told of, whatever was told of this one.
        for told in self.done.values_mut() {
            if is_false(told) && told.cleared.is_none() && is_same(&told.run, &run) {
                told.cleared = Some(now);
                self.changed.insert(told.id);
            }
        }
    }

    fn ended_otherwise(&mut self, end: &RunEnd, run: &Run, now: Timestamp) {
        let same = |told: &&mut Told| is_same(&told.run, run);
        let Some(told) = self.standing.values_mut().find(same) else {
            return;
        };
        let why = if told.acted.is_some() {
            "the fix replaced the pod"
        } else if end.unseen {
            "how the run ended was not seen"
        } else {
            "the run ended for another reason"
        };
        let id = told.id;
        if told.cleared.is_none() && told.others_rise() {
            // The forecast of the others stands.
            told.over = Some(why.to_owned());
            self.changed.insert(id);
        } else {
            self.end(id, Outcome::Withdrawn, now, None, why);
        }
    }

    fn killed(&mut self, end: &RunEnd, run: Run, now: Timestamp) {
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
        let mut meant = self.standing.values().filter(|told| {
            let other = told.is_of(&end.owner.uid, &end.container) && told.cleared.is_none();
            is_same(&told.run, &run) || (other && !short)
        });
        // The row of that very run, if there is one.
        let first = meant.next().map(|told| told.id);
        let exact = meant.find(|told| is_same(&told.run, &run));
        match exact.map(|told| told.id).or(first) {
            Some(id) => self.killed_as_told(id, end, run, now),
            None => self.killed_untold(end, run, short, now),
        }
    }

    /// A kill of what a standing forecast is about.
    fn killed_as_told(&mut self, id: u64, end: &RunEnd, run: Run, now: Timestamp) {
        let told = &self.standing[&id];
        let goes_on = told.others_rise() || !is_same(&told.run, &run);
        let since = told.since().unwrap_or(now);
        let mut lead = end.at.duration_since(since);
        // Too late of its own, but a further kill of a story that was told in time.
        if let Some(first) = told.continues.filter(|_| lead < self.times.least_lead) {
            lead = end.at.duration_since(first);
        }
        let late = lead < self.times.least_lead;
        let last = told.track.last();
        let stood = told.cleared.is_none()
            || last.is_some_and(|told| (told.when.earliest..=told.when.latest).contains(&end.at));
        if late || (end.at <= self.times.deadline(told) && stood) {
            let (outcome, why) = if late {
                let why = format!("told only {} before", text::duration(lead));
                (Outcome::Miss, why)
            } else {
                let why = format!("told {} before", text::duration(lead));
                (Outcome::Hit, why)
            };
            if let Some(told) = self.standing.get_mut(&id) {
                told.run = Run {
                    limit: told.run.limit,
                    ..run
                };
            }
            self.end(id, outcome, now, Some(end.at), why);
            if let Some(ended) = self.done.get_mut(&id).and_then(|told| told.ended.as_mut()) {
                (ended.goes_on, ended.lead) = (goes_on, Some(lead.as_secs()));
            }
            return;
        }
        let why = if stood {
            format!("told {} before, which is too early", text::duration(lead))
        } else {
            "the kill came after it was taken back".to_owned()
        };
        self.end(id, Outcome::False, now, Some(end.at), why.clone());
        let mut told = Told::killed(self.next(), &end.owner, run);
        told.end(Outcome::Miss, now, Some(end.at), why);
        self.keep(told);
    }

    /// A kill of what no standing forecast is about: one more of a story that goes on, or one that nobody told.
    fn killed_untold(&mut self, end: &RunEnd, run: Run, short: bool, now: Timestamp) {
        let mut told = Told::killed(self.next(), &end.owner, run);
        let story = match short {
            true => None,
            false => self.story(&end.owner.uid, &end.container, end.at),
        };
        let lead = story
            .as_ref()
            .map(|(since, _)| end.at.duration_since(*since));
        let lead = lead.filter(|lead| *lead >= self.times.least_lead);
        if let (Some((since, acted)), Some(lead)) = (story, lead) {
            (told.continues, told.acted) = (Some(since), acted);
            let why = format!("told {} before, of another replica", text::duration(lead));
            told.end(Outcome::Hit, now, Some(end.at), why);
        } else {
            let why = if short {
                "the run was too short to be foreseen"
            } else {
                "nobody had told it"
            };
            told.end(Outcome::Miss, now, Some(end.at), why);
        }
        if let Some(ended) = &mut told.ended {
            ended.counts = !short;
            ended.goes_on = told.continues.is_some();
            ended.lead = lead.map(|lead| lead.as_secs());
        }
        self.keep(told);
    }

    fn keep(&mut self, told: Told) {
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
            self.keep(told);
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
                    if told.continues.is_some() {
                        score.further += 1;
                    } else {
                        score.covered += u32::from(told.covered() == Some(true));
                    }
                }
                Outcome::Miss => score.misses += 1,
                Outcome::False => score.falses += 1,
                Outcome::Withdrawn => {
                    score.withdrawn += 1;
                    score.averted += u32::from(ended.averted_by.is_some());
                }
            }
        }
        score.made = score.right() + score.falses + score.withdrawn;
        score.leads.sort_unstable();
        score
    }

    /// What the outcomes of the last thirty days teach.
    fn calibration(&self, now: Timestamp) -> Calibration {
        let rows = self.done.values().filter(|told| is_recent(told, now));
        // A node fills by all its pods together: what became of it says nothing about containers.
        Calibration::of(rows.filter(|told| !told.is_of_node()))
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

/// Taking it back changes what comes next.
fn is_open(told: &Told) -> bool {
    is_false(told) || told.ended.as_ref().is_some_and(|ended| ended.goes_on)
}

fn is_recent(told: &Told, now: Timestamp) -> bool {
    told.ended
        .as_ref()
        .is_none_or(|ended| now.duration_since(ended.at) <= SCORED)
}

impl Times {
    /// Until when the kill may come and was foreseen.
    fn deadline(&self, told: &Told) -> Timestamp {
        let since = told.since().or(told.continues).unwrap_or(Timestamp::MIN);
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
        let heard = told.track.last().map(|last| last.at).or(told.since())?;
        if told.cleared.is_none() && since(heard) >= self.silent {
            return Some((Outcome::Withdrawn, "the figures stopped"));
        }
        if now < self.deadline(told) {
            return None;
        }
        let why = match (told.is_of_node(), told.cleared) {
            (false, Some(_)) => "the growth stopped, and no kill came",
            (false, None) => "no kill came in time",
            (true, Some(_)) => "the growth stopped, and the node evicted nothing",
            (true, None) => "the node evicted nothing in time",
        };
        Some((Outcome::False, why))
    }
}

#[cfg(test)]
mod tests;
