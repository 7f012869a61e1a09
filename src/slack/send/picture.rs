//! The picture of a forecast on its way: when a new one is made, where the newest is, and whether Slack takes it on the card.
//!
//! The card never waits for it. It is posted in words, the picture is uploaded into its thread, and then the card is brought up
//! to date with the picture in it. Older pictures stay in the thread, so that one can see how the forecast went; the card shows
//! the newest. Right after the upload Slack may not know the file yet: then the card is tried again without holding up anything.
use super::limits::backoff;
use crate::domain::forecast::Outlook;
use jiff::{SignedDuration, Timestamp};
use std::time::Duration;
use tokio::time::Instant;

/// The slot under which the newest picture of an incident is stored.
pub(super) const SLOT: &str = "picture";

/// A new picture replaces one that is not younger than this ...
const PACE: SignedDuration = SignedDuration::from_mins(10);
/// ... and not before this share of the time that was left has passed: a long wait needs few pictures.
const SHARE: i64 = 4;
/// When the expected time moved by more than this share of the time that was left, a new one comes sooner ...
const MOVED: i64 = 5;
/// ... but not sooner than this.
const AT_LEAST: SignedDuration = SignedDuration::from_mins(2);
/// After so many attempts it has rest.
const ATTEMPTS: u32 = 6;
/// How long.
const REST: Duration = Duration::from_secs(600);

/// A picture that is in Slack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Uploaded {
    /// Its file's id.
    pub(super) file: String,
    /// The time of what it shows.
    pub(super) at: Timestamp,
    /// When it expects the kill.
    pub(super) median: Option<Timestamp>,
}

impl Uploaded {
    pub(super) fn new(file: String, outlook: &Outlook) -> Self {
        Self {
            file,
            at: outlook.at,
            median: outlook.when.map(|when| when.median),
        }
    }

    /// As one word of text, to be stored.
    pub(super) fn to_slot(&self) -> String {
        let median = self.median.map_or(0, Timestamp::as_second);
        format!("{} {} {median}", self.file, self.at.as_second())
    }

    pub(super) fn from_slot(text: &str) -> Option<Self> {
        let mut parts = text.split(' ');
        let file = parts.next().filter(|file| !file.is_empty())?;
        let mut second = || parts.next()?.parse::<i64>().ok();
        let (at, median) = (second()?, second()?);
        let median = Some(median).filter(|second| *second != 0);
        Some(Self {
            file: file.to_owned(),
            at: Timestamp::from_second(at).ok()?,
            median: median.and_then(|second| Timestamp::from_second(second).ok()),
        })
    }

    /// Whether this outlook says so much more that it is worth another picture.
    fn is_outdated_by(&self, outlook: &Outlook) -> bool {
        let age = outlook.at.duration_since(self.at);
        let left = self.median.map(|median| median.duration_since(self.at));
        let left = left.filter(|left| left.is_positive());
        let moved = match (self.median, outlook.when) {
            (Some(then), Some(now)) => left.is_some_and(|left| {
                now.median.duration_since(then).abs().as_secs() * MOVED > left.as_secs()
            }),
            (then, now) => then.is_some() != now.is_some(),
        };
        let pace = left.map_or(PACE, |left| PACE.max(left / SHARE as i32));
        age >= pace || (moved && age >= AT_LEAST)
    }
}

/// The picture of one incident.
#[derive(Debug, Default)]
pub(super) struct Picture {
    /// The newest in Slack.
    pub(super) newest: Option<Uploaded>,
    /// The one before it, for the card while Slack does not take the newest.
    before: Option<String>,
    /// An upload is under way.
    pub(super) busy: bool,
    /// Uploads that failed in a row.
    failures: u32,
    not_before: Option<Instant>,
    /// Cards with the newest picture that Slack refused in a row, and when the next is tried.
    refusals: u32,
    held: Option<Instant>,
    /// Slack does not take the newest at all.
    given_up: bool,
}

impl Picture {
    /// As it was stored.
    pub(super) fn stored(slot: Option<&str>) -> Self {
        Self {
            newest: slot.and_then(Uploaded::from_slot),
            ..Self::default()
        }
    }

    /// When an upload of this outlook may begin; `None` when none is wanted.
    pub(super) fn due(&self, outlook: &Outlook, now: Instant) -> Option<Instant> {
        let wanted = !self.busy
            && !outlook.chart.past.is_empty()
            && match &self.newest {
                // Of a growth that has stopped no first picture is made.
                None => outlook.when.is_some(),
                Some(newest) => newest.is_outdated_by(outlook),
            };
        wanted.then(|| self.not_before.unwrap_or(now))
    }

    /// It is in Slack.
    pub(super) fn arrived(&mut self, uploaded: Uploaded) {
        self.before = self.on_card().map(str::to_owned);
        *self = Self {
            newest: Some(uploaded),
            before: self.before.take(),
            ..Self::default()
        };
    }

    /// The upload failed.
    pub(super) fn failed(&mut self, now: Instant) {
        self.failures += 1;
        let rests = self.failures.is_multiple_of(ATTEMPTS);
        let pause = if rests {
            REST
        } else {
            backoff(self.failures % ATTEMPTS)
        };
        self.not_before = Some(now + pause);
    }

    /// The file that the card shows now.
    pub(super) fn on_card(&self) -> Option<&str> {
        if self.held.is_some() || self.given_up {
            return self.before.as_deref();
        }
        self.newest.as_ref().map(|newest| newest.file.as_str())
    }

    /// When the card should be tried with the newest picture again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.held
    }

    /// The card is being drawn: if its time has come, with the newest picture.
    pub(super) fn try_again(&mut self, now: Instant) {
        if self.held.is_some_and(|at| at <= now) {
            self.held = None;
        }
    }

    /// Slack refused the card with this picture. False when it is not the newest, so that something else must be wrong with it.
    pub(super) fn refused(&mut self, file: &str, now: Instant) -> bool {
        if self.before.as_deref() == Some(file) {
            self.before = None;
            return true;
        }
        if self
            .newest
            .as_ref()
            .is_none_or(|newest| newest.file != file)
        {
            return false;
        }
        self.refusals += 1;
        if self.refusals >= ATTEMPTS {
            self.given_up = true;
            self.held = None;
        } else {
            self.held = Some(now + backoff(self.refusals + 1));
        }
        true
    }

    /// Slack took the card with this picture.
    pub(super) fn shown(&mut self, file: &str) {
        if self
            .newest
            .as_ref()
            .is_some_and(|newest| newest.file == file)
        {
            self.refusals = 0;
            self.before = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::forecast::When;
    use crate::slack::render::sample;

    fn at(minutes: i64) -> Timestamp {
        sample::at(60 * minutes)
    }

    /// Assessed after so many minutes, with the kill expected at that minute.
    fn outlook(minute: i64, kill: Option<i64>) -> Outlook {
        Outlook {
            at: at(minute),
            when: kill.map(|kill| When {
                earliest: at(kill - 30),
                median: at(kill),
                latest: at(kill + 60),
            }),
            ..sample::outlook()
        }
    }

    #[test]
    fn a_picture_is_renewed_when_the_forecast_moved_or_a_quarter_of_the_wait_is_over() {
        let first = Uploaded::new("F1".into(), &outlook(0, Some(100)));
        let wants = |minute, kill| first.is_outdated_by(&outlook(minute, kill));
        assert!(!wants(9, Some(100)));
        assert!(!wants(24, Some(100)));
        assert!(wants(25, Some(100)), "a quarter of 100 minutes");
        assert!(!wants(3, Some(120)), "moved by a fifth and no more");
        assert!(wants(3, Some(121)));
        assert!(!wants(1, Some(200)), "but not within two minutes");
        assert!(wants(3, None), "the growth stopped");
        let late = Uploaded::new("F1".into(), &outlook(80, Some(100)));
        assert!(!late.is_outdated_by(&outlook(89, Some(100))));
        assert!(late.is_outdated_by(&outlook(90, Some(100))));
    }

    #[test]
    fn what_is_stored_comes_back_and_what_is_not_one_is_none() {
        for kill in [Some(100), None] {
            let uploaded = Uploaded::new("F0AB".into(), &outlook(0, kill));
            assert_eq!(Uploaded::from_slot(&uploaded.to_slot()), Some(uploaded));
        }
        for odd in [
            "",
            "F1",
            "F1 x y",
            "F1 99999999999999999 0",
            "1795230720.000100",
        ] {
            assert_eq!(Uploaded::from_slot(odd), None, "{odd}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn while_slack_does_not_take_the_newest_the_card_shows_the_one_before() {
        let now = Instant::now();
        let mut picture = Picture::default();
        picture.arrived(Uploaded::new("F1".into(), &outlook(0, Some(100))));
        picture.shown("F1");
        picture.arrived(Uploaded::new("F2".into(), &outlook(30, Some(100))));
        assert_eq!(picture.on_card(), Some("F2"));
        assert!(picture.refused("F2", now));
        assert_eq!(picture.on_card(), Some("F1"));
        let retry = picture.retry_at().unwrap();
        picture.try_again(retry);
        assert_eq!(picture.on_card(), Some("F2"));
        for _ in 0..ATTEMPTS {
            picture.refused("F2", now);
        }
        assert_eq!((picture.on_card(), picture.retry_at()), (Some("F1"), None));
        assert!(picture.refused("F1", now), "that one is gone, too");
        assert_eq!(picture.on_card(), None);
        assert!(!picture.refused("F9", now));
    }
}
