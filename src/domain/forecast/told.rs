//! One forecast that was told, from the telling to its outcome; or a kill that nobody had told. One row of the database each.
use super::{Correction, Outcome, Outlook, Run, Tier, When};
use crate::domain::object::{Kind, ObjectRef};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// Intervals that are kept of one forecast. When there are more, every second one goes: half-way stays known well enough.
const TRACK: usize = 64;

/// A row.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Its number.
    pub id: u64,
    /// The workload, or the node.
    pub owner: ObjectRef,
    /// The run that it is about.
    pub run: Run,
    /// When it was first told as a notice.
    pub notice: Option<Timestamp>,
    /// When it was first told as a page.
    pub page: Option<Timestamp>,
    /// The probability that was told first.
    pub p: f64,
    /// What earlier outcomes had added to its log-odds.
    #[serde(default)]
    pub shift: f64,
    /// The intervals that were told, oldest first.
    pub track: Vec<Told90>,
    /// The newest forecast, without what to draw; none for a kill that nobody told.
    pub latest: Option<Box<Outlook>>,
    /// Since when nothing is to be expected any more.
    pub cleared: Option<Timestamp>,
    /// Why nobody can know what would have become of the run that was meant last: it ended, and others were rising, too, of which
    /// the next forecast tells. None while it runs.
    #[serde(default)]
    pub over: Option<String>,
    /// The kill of another replica had ended the forecast before, and it was not taken back: since when that was told. Both are one
    /// story, which people saw as one forecast.
    #[serde(default)]
    pub continues: Option<Timestamp>,
    /// The execution that was to prevent the kill, and when it changed the workload.
    pub acted: Option<(String, Timestamp)>,
    /// Who dismissed it as a false alarm: an opinion, which decides nothing here.
    pub called_false_by: Option<String>,
    /// How it turned out.
    pub ended: Option<Ended>,
}

/// The 90 % interval that was told at one time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told90 {
    /// When it was told.
    pub at: Timestamp,
    /// What was told.
    pub when: When,
    /// By which power earlier outcomes had widened it.
    #[serde(default = "as_computed")]
    pub widening: f64,
}

fn as_computed() -> f64 {
    Correction::default().widening
}

/// How a forecast turned out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ended {
    /// In one word.
    pub outcome: Outcome,
    /// When that was known.
    pub at: Timestamp,
    /// When the kill came, if it did.
    pub kill: Option<Timestamp>,
    /// Why this outcome, in words.
    pub why: String,
    /// The execution that prevented the kill.
    pub averted_by: Option<String>,
    /// It counts in the score. A kill of a run that was too short to be foreseen is a row, and does not; nor does it that no further
    /// replica was killed.
    pub counts: bool,
    /// The forecast of the container was not taken back yet: what is told or killed next belongs to the same story.
    #[serde(default)]
    pub goes_on: bool,
    /// From the telling that the kill is held against to the kill, in seconds; none where that is the row's own.
    #[serde(default)]
    pub lead: Option<i64>,
}

impl Told {
    /// A forecast that is told now for the first time.
    pub(super) fn new(id: u64, outlook: &Outlook, now: Timestamp) -> Self {
        let mut told = Self {
            p: outlook.p,
            shift: outlook.correction.shift,
            ..Self::killed(id, &outlook.owner, outlook.about())
        };
        told.hear(outlook, now);
        told
    }

    /// A kill of this run: nothing of it was told so far.
    pub(super) fn killed(id: u64, owner: &ObjectRef, run: Run) -> Self {
        Self {
            id,
            owner: owner.clone(),
            run,
            notice: None,
            page: None,
            p: 0.0,
            shift: 0.0,
            track: Vec::new(),
            latest: None,
            cleared: None,
            over: None,
            continues: None,
            acted: None,
            called_false_by: None,
            ended: None,
        }
    }

    /// The same forecast is told again, maybe of another replica that is nearer to its limit now.
    pub(super) fn hear(&mut self, outlook: &Outlook, now: Timestamp) {
        match outlook.tier {
            Tier::Clear => {}
            Tier::Notice => drop(self.notice.get_or_insert(now)),
            Tier::Page => drop(self.page.get_or_insert(now)),
        }
        self.run = outlook.about();
        (self.cleared, self.over) = (None, None);
        if let Some(when) = outlook.when {
            if self.track.len() >= TRACK {
                let mut keep = false;
                self.track.retain(|_| {
                    keep = !keep;
                    keep
                });
            }
            self.track.push(Told90 {
                at: now,
                when,
                widening: outlook.correction.widening,
            });
        }
        let mut latest = outlook.clone();
        latest.chart = Default::default();
        self.latest = Some(Box::new(latest));
    }

    /// When it was told first.
    pub fn since(&self) -> Option<Timestamp> {
        [self.notice, self.page].into_iter().flatten().min()
    }

    /// Whether it is about this container of this workload, whichever the replica.
    pub(super) fn is_of(&self, owner: &str, container: &str) -> bool {
        self.owner.uid == owner && self.run.container == container
    }

    /// Whether it is about the memory of a node.
    pub(super) fn is_of_node(&self) -> bool {
        self.owner.kind == Kind::Node
    }

    /// Whether replicas other than the one that was meant were told to rise.
    pub(super) fn others_rise(&self) -> bool {
        let latest = self.latest.as_ref();
        latest.is_some_and(|latest| latest.rising > 1)
    }

    /// From the telling to the kill, in seconds, if it was told and came.
    pub fn lead(&self) -> Option<i64> {
        let ended = self.ended.as_ref()?;
        let kill = ended.kill?;
        let own = || Some(kill.duration_since(self.since()?).as_secs());
        ended.lead.or_else(own)
    }

    /// The telling that the kill is held against.
    pub(super) fn told_at_first(&self) -> Option<Timestamp> {
        let kill = self.ended.as_ref()?.kill?;
        let lead = SignedDuration::from_secs(self.lead()?);
        kill.checked_sub(lead).ok()
    }

    /// What was told last at or before this time.
    pub(super) fn told_at(&self, at: Timestamp) -> Option<&Told90> {
        let before = self.track.iter().rev().find(|told| told.at <= at);
        before.or(self.track.first())
    }

    /// Whether the kill came within the interval that was told half-way to it; nothing when there was no interval.
    pub fn covered(&self) -> Option<bool> {
        let (kill, told) = self.half_way()?;
        Some((told.when.earliest..=told.when.latest).contains(&kill))
    }

    /// The kill, and the interval that was told half-way to it.
    pub(super) fn half_way(&self) -> Option<(Timestamp, &Told90)> {
        let kill = self.ended.as_ref()?.kill?;
        let since = self.since()?;
        let half = kill.duration_since(since) / 2;
        Some((kill, self.told_at(since.checked_add(half).ok()?)?))
    }

    pub(super) fn end(
        &mut self,
        outcome: Outcome,
        at: Timestamp,
        kill: Option<Timestamp>,
        why: impl Into<String>,
    ) {
        let averted_by = match outcome {
            Outcome::Withdrawn => self.acted.as_ref().map(|(execution, _)| execution.clone()),
            _ => None,
        };
        self.ended = Some(Ended {
            outcome,
            at,
            kill,
            why: why.into(),
            averted_by,
            // A story whose kill came was right, however it goes on.
            counts: self.continues.is_none() || matches!(outcome, Outcome::Hit | Outcome::Miss),
            goes_on: false,
            lead: None,
        });
    }
}
