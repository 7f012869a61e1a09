//! What an answer of Slack means for the work that waits.
use super::{
    call::{About, Answer, Ask, Call, DigestId, Marked},
    desk::{Desk, carded, told},
    digest,
    line::{Home, Line},
    picture::{self, Uploaded},
};
use crate::{
    domain::incident::{IncidentId, State},
    ports::Delivered,
    slack::api::{Mark, SlackError},
};
use std::{
    collections::HashMap,
    mem::{Discriminant, discriminant},
};
use tokio::time::Instant;

impl Desk {
    /// Takes an answer in.
    pub(super) fn finish(&mut self, call: Call, answer: Result<Answer, SlackError>, now: Instant) {
        self.release(&call, now);
        match answer {
            Ok(Answer::Found(marks)) => {
                self.limits.succeeded(call.method());
                self.found(&call, &marks, now);
            }
            Ok(Answer::Posted(ts)) => self.done(call, Some(ts)),
            Ok(Answer::Updated) => self.done(call, None),
            Ok(Answer::Uploaded(file)) => self.picture_arrived(&call, file, now),
            Err(error) if matches!(call.ask, Ask::Upload { .. }) => {
                self.picture_failed(&call, &error, now);
            }
            Err(error) => self.failed(call, error, now),
        }
    }

    fn release(&mut self, call: &Call, now: Instant) {
        match call.about {
            About::Card(id) | About::Note(id) | About::Thread(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.busy = false;
                    line.touched = now;
                }
            }
            About::Digest(id) => {
                if let Some(digest) = self.digests.get_mut(&id) {
                    digest.busy = false;
                }
            }
            About::Channel => {
                self.searching.remove(&call.channel);
            }
            About::Picture(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.picture.busy = false;
                }
            }
        }
        if matches!(call.ask, Ask::Post { .. }) {
            self.posting.remove(&call.channel);
        }
    }

    fn done(&mut self, call: Call, posted: Option<String>) {
        self.limits.succeeded(call.method());
        let updated = match &call.ask {
            Ask::Update { ts, .. } => Some(ts.clone()),
            _ => None,
        };
        let Some(ts) = posted.or(updated) else {
            return;
        };
        match call.about {
            About::Card(id) => self.card_shown(id, &call, ts),
            About::Note(id) => self.note_said(id, &ts),
            About::Digest(id) => self.digest_shown(id, &call, &ts),
            About::Channel | About::Thread(_) | About::Picture(_) => {}
        }
    }

    fn picture_arrived(&mut self, call: &Call, file: String, now: Instant) {
        self.limits.succeeded(call.method());
        let (About::Picture(id), Ask::Upload { outlook, .. }) = (call.about, &call.ask) else {
            return;
        };
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        let uploaded = Uploaded::new(file, outlook);
        self.out.push(Delivered::Kept {
            incident: id,
            slot: picture::SLOT.to_owned(),
            value: uploaded.to_slot(),
        });
        line.picture.arrived(uploaded);
        if !line.dirty {
            line.dirty = true;
            line.since = now;
        }
    }

    fn card_shown(&mut self, id: IncidentId, call: &Call, ts: String) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        if let Home::Digest(digest) = line.home
            && let Some(digest) = self.digests.get_mut(&digest)
        {
            digest.members.remove(&id);
            digest.dirty = true;
        }
        line.shown = Some(call.shows.clone());
        // The state may have moved on while the call was under way; then the next projection is urgent.
        line.shown_state = if line.dirty { None } else { Some(stage(line)) };
        line.home = Home::Own(ts.clone());
        if let Some(file) = &call.picture {
            line.picture.shown(file);
        }
        line.open = false;
        line.doubt = None;
        line.failures = 0;
        line.not_before = None;
        self.out.push(carded(id, &call.channel, &ts, &call.shows));
    }

    fn note_said(&mut self, id: IncidentId, ts: &str) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        line.failures = 0;
        line.not_before = None;
        if let Some(tell) = line.tells.pop_front() {
            if let Some(slot) = tell.note.slot() {
                line.slots.insert(slot.to_owned(), ts.to_owned());
            }
            self.out.extend(told(id, &tell, Some(ts)));
        }
    }

    fn digest_shown(&mut self, id: DigestId, call: &Call, ts: &str) {
        let Some(digest) = self.digests.get_mut(&id) else {
            return;
        };
        digest.ts = Some(ts.to_owned());
        digest.shown = Some(call.shows.clone());
        digest.doubt = None;
        for member in &call.members {
            if digest.told.insert(*member) && digest.members.contains(member) {
                self.out
                    .push(carded(*member, &call.channel, ts, digest::HASH));
            }
        }
    }

    /// What was found out about earlier posts.
    fn found(&mut self, call: &Call, marks: &[(String, Mark)], now: Instant) {
        let marks = marks
            .iter()
            .filter_map(|(ts, mark)| Some((ts, Marked::of(mark)?)));
        match call.about {
            About::Thread(id) => {
                let notes = marks.filter_map(|(ts, marked)| match marked {
                    Marked::Note { effect, slot } => Some((effect, slot, ts.as_str())),
                    _ => None,
                });
                self.found_notes(id, notes);
            }
            _ => self.found_posts(call, marks.collect(), now),
        }
    }

    fn found_notes<'a>(
        &mut self,
        id: IncidentId,
        notes: impl Iterator<Item = (u64, Option<String>, &'a str)>,
    ) {
        let Some(line) = self.lines.get_mut(&id) else {
            return;
        };
        line.thread_doubt = None;
        let mut said: HashMap<u64, &str> = HashMap::new();
        for (effect, slot, ts) in notes {
            said.insert(effect, ts);
            if let Some(slot) = slot {
                line.slots.insert(slot, ts.to_owned());
            }
        }
        let mut left = std::collections::VecDeque::new();
        for tell in line.tells.drain(..) {
            // A message for a slot is brought up to date anyway.
            let known = tell.effects.iter().find_map(|effect| said.get(effect));
            match known.filter(|_| tell.note.slot().is_none()) {
                Some(ts) => self.out.extend(told(id, &tell, Some(ts))),
                None => left.push_back(tell),
            }
        }
        line.tells = left;
    }

    fn found_posts(&mut self, call: &Call, marks: Vec<(&String, Marked)>, now: Instant) {
        let oldest = match &call.ask {
            Ask::Find { oldest, .. } => *oldest,
            _ => return,
        };
        let searched = |since: &jiff::Timestamp| *since >= oldest;
        for (ts, marked) in marks {
            match marked {
                Marked::Card(id) => {
                    let line = self.lines.get_mut(&id).filter(|line| {
                        !line.busy && line.home == Home::Nowhere && line.doubt.is_some()
                    });
                    if let Some(line) = line {
                        line.home = Home::Own(ts.clone());
                        line.dirty = true;
                        line.thread_doubt = line.doubt.take();
                        self.counts.push(("slack_posts_found", "card", 1));
                        // The hash is unknown: the update that follows will tell it.
                        self.out.push(carded(id, &call.channel, ts, ""));
                    }
                }
                Marked::Digest(ids) => self.found_digest(&call.channel, ts, &ids, now),
                Marked::Note { .. } => {}
            }
        }
        for line in self.lines.values_mut() {
            if line.channel == call.channel && line.doubt.as_ref().is_some_and(searched) {
                line.doubt = None;
            }
        }
        for digest in self.digests.values_mut() {
            if digest.channel == call.channel && digest.doubt.as_ref().is_some_and(searched) {
                digest.doubt = None;
            }
        }
    }

    fn found_digest(&mut self, channel: &str, ts: &str, ids: &[IncidentId], now: Instant) {
        // Our own attempt of this run, whose answer never came.
        let own = self.digests.values_mut().find(|digest| {
            digest.doubt.is_some() && ids.first().is_some_and(|id| digest.members.contains(id))
        });
        if let Some(digest) = own {
            digest.ts = Some(ts.to_owned());
            digest.doubt = None;
            digest.dirty = true;
            self.counts.push(("slack_posts_found", "digest", 1));
            return;
        }
        // An earlier run's, which was killed before it was on disk.
        for id in ids {
            let unplaced =
                |line: &&mut Line| !line.busy && line.home == Home::Nowhere && line.doubt.is_some();
            if self.lines.get_mut(id).filter(unplaced).is_none() {
                continue;
            }
            let digest = self.digest_at(channel, ts, now);
            digest.members.insert(*id);
            digest.told.insert(*id);
            let home = Home::Digest(digest.id);
            if let Some(line) = self.lines.get_mut(id) {
                line.home = home;
                line.doubt = None;
            }
            self.out.push(carded(*id, channel, ts, digest::HASH));
        }
    }
}

fn stage(line: &Line) -> Discriminant<State> {
    discriminant(&line.incident().state)
}
