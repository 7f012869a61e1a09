//! What could be done next, how soon, and how much it is wanted.
use super::{
    call::{About, HISTORY, POST, REPLIES, UPDATE, UPLOAD},
    desk::Desk,
    digest::{Digest, STORM_FROM},
    line::{Home, Line, Tell},
};
use crate::{domain::diagnosis::Severity, slack::render::forecast};
use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap},
    time::Duration,
};
use tokio::time::Instant;

/// The same message is not changed more often than this.
const UPDATE_PAUSE: Duration = Duration::from_secs(3);
/// A card that shows another state than the incident's waits less: after a click its buttons have to go.
const URGENT_PAUSE: Duration = Duration::from_secs(1);
/// After a storm, cards follow at this pace.
const PROMOTION_PAUSE: Duration = Duration::from_secs(2);

/// How soon a thing is wanted, most wanted first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Search,
    NewDigest,
    Decision,
    DecisionNote,
    NewCard,
    DigestUpdate,
    Refresh,
    Promotion,
    Picture,
}

/// Something that could be done, and when.
pub(super) struct Candidate {
    pub(super) at: Instant,
    pub(super) rank: Rank,
    pub(super) severity: Reverse<Option<Severity>>,
    pub(super) since: Instant,
    pub(super) about: About,
}

impl Desk {
    /// Everything that could be done, now or later.
    pub(super) fn candidates(&self, now: Instant) -> Vec<Candidate> {
        let mut found = Vec::new();
        let mut surveys: BTreeSet<&str> = BTreeSet::new();
        let mut backlog: HashMap<&str, usize> = HashMap::new();
        for line in self.lines.values().filter(|line| line.wants_card()) {
            *backlog.entry(&line.channel).or_default() += 1;
        }
        for digest in self.digests.values() {
            if self.can_search && digest.doubt.is_some() && !digest.busy {
                surveys.insert(&digest.channel);
            } else {
                found.extend(self.digest_candidate(digest, now));
            }
        }
        if self.no_pictures.is_none() {
            let wanted = self.lines.values();
            found.extend(wanted.filter_map(|line| self.picture_candidate(line, now)));
        }
        for line in self.lines.values().filter(|line| !line.busy) {
            if self.can_search && line.doubt.is_some() && line.home == Home::Nowhere {
                if !line.is_quiet() {
                    surveys.insert(&line.channel);
                }
                continue;
            }
            let small = backlog.get(line.channel.as_str()).copied().unwrap_or(0) <= STORM_FROM;
            found.extend(self.line_candidates(line, small, now));
        }
        for channel in surveys {
            if !self.searching.contains(channel) {
                found.push(Candidate {
                    at: self.ready(HISTORY, channel, now),
                    rank: Rank::Search,
                    severity: Reverse(None),
                    since: now,
                    about: About::Channel,
                });
            }
        }
        found
    }

    /// A card of its own is there, and its forecast says more than the newest picture does.
    fn picture_candidate(&self, line: &Line, now: Instant) -> Option<Candidate> {
        let incident = line.incident();
        let outlook = incident.forecast.as_deref()?;
        if !matches!(line.home, Home::Own(_))
            || !forecast::is_ahead(incident)
            || incident.is_closed()
        {
            return None;
        }
        let due = line.picture.due(outlook, now)?;
        Some(Candidate {
            at: self.ready(UPLOAD, &line.channel, now).max(due),
            rank: Rank::Picture,
            severity: Reverse(line.severity()),
            since: line.since,
            about: About::Picture(incident.id),
        })
    }

    fn digest_candidate(&self, digest: &Digest, now: Instant) -> Option<Candidate> {
        if digest.busy || !digest.dirty {
            return None;
        }
        let (rank, at) = match digest.ts {
            None => (Rank::NewDigest, self.post_ready(&digest.channel, now)?),
            Some(_) => {
                let paced = digest.updated.map_or(now, |at| at + UPDATE_PAUSE);
                let at = self.ready(UPDATE, &digest.channel, now).max(paced);
                (Rank::DigestUpdate, at)
            }
        };
        Some(Candidate {
            at,
            rank,
            severity: Reverse(None),
            since: digest.born,
            about: About::Digest(digest.id),
        })
    }

    fn line_candidates(&self, line: &Line, small_backlog: bool, now: Instant) -> Vec<Candidate> {
        let id = line.card.incident.id;
        let earliest = line.not_before.unwrap_or(now);
        let candidate = |rank, at: Instant, about| Candidate {
            at: at.max(earliest),
            rank,
            severity: Reverse(line.severity()),
            since: line.since,
            about,
        };
        let mut found = Vec::new();
        match &line.home {
            Home::Nowhere if line.wants_card() => {
                let rank = if line.open {
                    Rank::Decision
                } else {
                    Rank::NewCard
                };
                let at = self.post_ready(&line.channel, now);
                found.extend(at.map(|at| candidate(rank, at, About::Card(id))));
            }
            Home::Nowhere => {}
            Home::Digest(digest) => {
                let Some(digest) = self.digests.get(digest) else {
                    return found;
                };
                let incident = line.incident();
                let offers = incident.proposal().is_some() && incident.muted.is_none();
                let at = self.post_ready(&line.channel, now);
                if line.open {
                    found.extend(at.map(|at| candidate(Rank::Decision, at, About::Card(id))));
                } else if offers
                    && small_backlog
                    && digest.ts.is_some()
                    && (line.refused.is_none() || line.dirty)
                {
                    let paced = self.promoted.get(&line.channel);
                    let paced = paced.map_or(now, |last| *last + PROMOTION_PAUSE);
                    let paced = paced.max(digest.quiet_at());
                    found.extend(
                        at.map(|at| candidate(Rank::Promotion, at.max(paced), About::Card(id))),
                    );
                }
            }
            Home::Own(_) => {
                if line.dirty {
                    let (rank, pause) = if line.is_urgent() {
                        (Rank::Decision, URGENT_PAUSE)
                    } else {
                        (Rank::Refresh, UPDATE_PAUSE)
                    };
                    let paced = line.updated.map_or(now, |at| at + pause);
                    let at = self.ready(UPDATE, &line.channel, now).max(paced);
                    found.push(candidate(rank, at, About::Card(id)));
                } else if let Some(at) = line.picture.retry_at() {
                    let at = self.ready(UPDATE, &line.channel, now).max(at);
                    found.push(candidate(Rank::Refresh, at, About::Card(id)));
                }
                if let Some(tell) = line.tells.front() {
                    found.extend(
                        self.tell_candidate(line, tell, now)
                            .map(|(rank, at, about)| candidate(rank, at, about)),
                    );
                }
            }
        }
        found
    }

    fn tell_candidate(
        &self,
        line: &Line,
        tell: &Tell,
        now: Instant,
    ) -> Option<(Rank, Instant, About)> {
        let id = line.card.incident.id;
        if self.can_search && line.thread_doubt.is_some() {
            let at = self.ready(REPLIES, &line.channel, now);
            return Some((Rank::Search, at, About::Thread(id)));
        }
        let Some(slot) = tell.note.slot() else {
            let at = self.post_ready(&line.channel, now)?;
            return Some((Rank::DecisionNote, at, About::Note(id)));
        };
        let at = if line.slots.contains_key(slot) {
            let paced = line.updated.map_or(now, |at| at + UPDATE_PAUSE);
            self.ready(UPDATE, &line.channel, now).max(paced)
        } else {
            self.post_ready(&line.channel, now)?
        };
        Some((Rank::Refresh, at, About::Note(id)))
    }

    fn ready(&self, method: &str, channel: &str, now: Instant) -> Instant {
        let channel = format!("channel:{channel}");
        self.limits.ready(&[method, &channel, "slack"], now)
    }

    /// When a message may be posted to the channel; not while another is on its way.
    fn post_ready(&self, channel: &str, now: Instant) -> Option<Instant> {
        (!self.posting.contains(channel)).then(|| {
            self.ready(POST, channel, now)
                .max(self.limits.post_ready(channel, now))
        })
    }
}
