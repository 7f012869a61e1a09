//! Which run a forecast is about, and whether a newer forecast says something else.
use super::{Outlook, Tier};
use crate::domain::object::ObjectRef;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The estimate has moved when it moved by this share of the time that was left.
const MOVED: f64 = 0.1;
/// And by this much at least: nobody decides on less.
const MOVED_AT_LEAST: SignedDuration = SignedDuration::from_secs(60);
/// A probability that changed by less says the same.
const SURER: f64 = 0.05;

/// One run of one container: what a forecast is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// The pod, or the node itself.
    pub pod: ObjectRef,
    /// The container; empty for a node.
    pub container: String,
    /// Restarts of the pod's container before it.
    pub number: u32,
    /// The memory limit in bytes.
    pub limit: u64,
}

impl Outlook {
    /// The run that is meant.
    pub fn about(&self) -> Run {
        Run {
            pod: self.pod.clone(),
            container: self.container.clone(),
            number: self.run,
            limit: self.limit,
        }
    }

    /// Whether it is told to anybody.
    pub fn stands(&self) -> bool {
        self.tier != Tier::Clear
    }

    /// Whether it concerns this pod's run.
    pub fn is_about(&self, pod: &ObjectRef, container: &str, run: u32) -> bool {
        self.pod.uid == pod.uid && self.container == container && self.run == run
    }

    /// Whether a newer forecast says something that people should see: another run, tier, limit or probability, or an estimate
    /// that moved by more than a tenth of the time that was left.
    pub fn differs(&self, newer: &Outlook) -> bool {
        if self.about() != newer.about() || self.tier != newer.tier {
            return true;
        }
        let moved = match (self.when, newer.when) {
            (None, None) => false,
            (Some(old), Some(new)) => {
                let left = newer_left(old.median, newer.at);
                let by = new.median.duration_since(old.median).abs();
                by >= MOVED_AT_LEAST && by.as_secs_f64() > MOVED * left
            }
            _ => true,
        };
        moved || (self.p - newer.p).abs() >= SURER
    }

    /// The more urgent one first.
    pub fn by_urgency(&self, other: &Outlook) -> std::cmp::Ordering {
        let later = other.is_more_urgent_than(self);
        later.cmp(&self.is_more_urgent_than(other))
    }

    /// Whether it is more urgent than another: a higher tier, or the same and earlier.
    pub fn is_more_urgent_than(&self, other: &Outlook) -> bool {
        let when = |of: &Outlook| of.when.map_or(Timestamp::MAX, |when| when.median);
        (self.tier, std::cmp::Reverse(when(self))) > (other.tier, std::cmp::Reverse(when(other)))
    }
}

/// Seconds that were left until the old estimate.
fn newer_left(median: Timestamp, now: Timestamp) -> f64 {
    median.duration_since(now).as_secs_f64().max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::testkit::outlook;
    use super::*;

    #[test]
    fn an_estimate_that_wavers_is_no_news_and_one_that_moves_is() {
        let old = outlook("app", 7200);
        let mut wavering = outlook("app", 7500);
        wavering.p += 0.02;
        assert!(!old.differs(&wavering));
        assert!(old.differs(&outlook("app", 6000)));
        let mut quieter = old.clone();
        quieter.tier = Tier::Notice;
        assert!(old.differs(&quieter));
        let mut restarted = old.clone();
        restarted.run += 1;
        assert!(old.differs(&restarted));
    }

    #[test]
    fn the_earlier_of_two_pages_is_the_more_urgent_one() {
        let (soon, late) = (outlook("app", 3600), outlook("sidecar", 7200));
        assert!(soon.is_more_urgent_than(&late) && !late.is_more_urgent_than(&soon));
        let mut notice = soon.clone();
        notice.tier = Tier::Notice;
        assert!(late.is_more_urgent_than(&notice));
    }
}
