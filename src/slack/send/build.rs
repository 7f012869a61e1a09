//! From what is to be done to the call that does it: here, and only here, messages are drawn.
use super::{
    call::{About, Ask, Call, DigestId, Marked},
    desk::Desk,
    digest,
    line::{Home, Line},
};
use crate::{
    domain::incident::{Incident, IncidentId},
    slack::render::{
        card::{Extras, card_with},
        digest::digest,
        forecast::wants_picture,
        note::note,
    },
};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tokio::time::Instant;

impl Desk {
    /// The call for a candidate; `None` when it turns out that nothing is to be done.
    pub(super) fn build(&mut self, about: About, now: Instant, wall: Timestamp) -> Option<Call> {
        match about {
            About::Card(id) => self.build_card(id, now, wall),
            About::Note(id) => self.build_note(id, wall),
            About::Digest(id) => self.build_digest(id, wall),
            About::Channel => self.build_survey(wall),
            About::Thread(id) => {
                let line = self.lines.get(&id)?;
                let Home::Own(thread) = &line.home else {
                    return None;
                };
                let ask = Ask::Find {
                    thread: Some(thread.clone()),
                    oldest: line.thread_doubt?,
                };
                Some(call(about, &line.channel, ask, wall))
            }
            About::Picture(id) => {
                let line = self.lines.get(&id)?;
                let Home::Own(thread) = &line.home else {
                    return None;
                };
                let ask = Ask::Upload {
                    thread: thread.clone(),
                    outlook: line.incident().forecast.clone()?,
                };
                Some(call(about, &line.channel, ask, wall))
            }
        }
    }

    fn build_survey(&self, wall: Timestamp) -> Option<Call> {
        let lines = self
            .lines
            .values()
            .filter(|line| !line.busy && line.home == Home::Nowhere);
        let lines = lines.filter_map(|line| Some((line.channel.as_str(), line.doubt?)));
        let digests = self.digests.values();
        let digests = digests.filter_map(|digest| Some((digest.channel.as_str(), digest.doubt?)));
        let mut oldest: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for (channel, since) in lines.chain(digests) {
            if !self.searching.contains(channel) {
                let entry = oldest.entry(channel).or_insert(since);
                *entry = since.min(*entry);
            }
        }
        let (channel, oldest) = oldest.into_iter().next()?;
        let ask = Ask::Find {
            thread: None,
            oldest,
        };
        Some(call(About::Channel, channel, ask, wall))
    }

    fn build_card(&mut self, id: IncidentId, now: Instant, wall: Timestamp) -> Option<Call> {
        let line = self.lines.get_mut(&id)?;
        line.dirty = false;
        line.picture.try_again(now);
        let own_card = matches!(line.home, Home::Own(_)) && wants_picture(line.incident());
        let picture = line.picture.on_card().filter(|_| own_card);
        let picture = picture.map(str::to_owned);
        let extras = Extras {
            paused: line.card.paused.as_deref(),
            picture: picture.as_deref(),
        };
        let drawn = card_with(line.incident(), extras, wall);
        let shows = drawn.fingerprint();
        let own = match &line.home {
            Home::Own(ts) => Some(ts.clone()),
            _ => None,
        };
        if line.refused.as_ref() == Some(&shows) {
            line.open = false;
            return None;
        }
        if own.is_some() && line.shown.as_ref() == Some(&shows) {
            line.shown_state = Some(std::mem::discriminant(&line.incident().state));
            return None;
        }
        let message = if line.text_only.as_ref() == Some(&shows) {
            digest::as_text(drawn)
        } else {
            drawn
        };
        if matches!(line.home, Home::Digest(_)) && !line.open {
            self.promoted.insert(line.channel.clone(), now);
        }
        let ask = match own {
            Some(ts) => Ask::Update { ts, message },
            None => Ask::Post {
                thread: None,
                broadcast: false,
                message,
                mark: Marked::Card(id).to_mark(None),
            },
        };
        let mut call = call(About::Card(id), &line.channel, ask, wall);
        call.shows = shows;
        call.picture = picture;
        Some(call)
    }

    fn build_note(&mut self, id: IncidentId, wall: Timestamp) -> Option<Call> {
        let line = self.lines.get(&id)?;
        let Home::Own(thread) = &line.home else {
            return None;
        };
        let tell = line.tells.front()?;
        let drawn = note(line.incident(), &tell.note);
        let shows = drawn.fingerprint();
        let message = if tell.text_only {
            digest::as_text(drawn)
        } else {
            drawn
        };
        let slot = tell.note.slot();
        let ask = match slot.and_then(|slot| line.slots.get(slot)) {
            Some(ts) => Ask::Update {
                ts: ts.clone(),
                message,
            },
            None => {
                let marked = Marked::Note {
                    effect: tell.effects.first().copied().unwrap_or_default(),
                    slot: slot.map(str::to_owned),
                };
                Ask::Post {
                    thread: Some(thread.clone()),
                    broadcast: tell.note.is_broadcast(),
                    message,
                    mark: marked.to_mark(Some(id)),
                }
            }
        };
        let mut call = call(About::Note(id), &line.channel, ask, wall);
        call.shows = shows;
        Some(call)
    }

    fn build_digest(&mut self, id: DigestId, wall: Timestamp) -> Option<Call> {
        let lines = &self.lines;
        let digest_ = self.digests.get_mut(&id)?;
        digest_.dirty = false;
        let members: Vec<IncidentId> = digest_.members.iter().copied().collect();
        let open: Vec<&Line> = members
            .iter()
            .filter_map(|id| lines.get(id))
            .filter(|line| !line.incident().is_closed())
            .collect();
        let shows: String = open.iter().map(|line| line.in_digest()).collect();
        if digest_.ts.is_none() && open.is_empty() {
            // Over before it was posted.
            self.digests.remove(&id);
            return None;
        }
        if digest_.shown.as_ref() == Some(&shows) {
            return None;
        }
        let incidents: Vec<&Incident> = open.iter().map(|line| line.incident()).collect();
        let drawn = if incidents.is_empty() {
            digest::over()
        } else {
            digest(&incidents, wall)
        };
        let message = if digest_.text_only {
            digest::as_text(drawn)
        } else {
            drawn
        };
        let ask = match &digest_.ts {
            Some(ts) => Ask::Update {
                ts: ts.clone(),
                message,
            },
            None => Ask::Post {
                thread: None,
                broadcast: false,
                message,
                mark: Marked::Digest(members.clone()).to_mark(None),
            },
        };
        let mut call = call(About::Digest(id), &digest_.channel, ask, wall);
        call.shows = shows;
        call.members = members;
        Some(call)
    }
}

fn call(about: About, channel: &str, ask: Ask, at: Timestamp) -> Call {
    Call {
        about,
        channel: channel.to_owned(),
        ask,
        shows: String::new(),
        picture: None,
        members: Vec::new(),
        at,
    }
}
