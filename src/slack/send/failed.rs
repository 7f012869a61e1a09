//! What an error of Slack means for the work that waits.
use super::{
    NO_SCOPE,
    call::{About, Ask, Call},
    desk::{Desk, before, lost},
    limits::backoff,
    line::Home,
    picture::Picture,
};
use crate::{ports::Delivered, slack::api::SlackError};
use jiff::SignedDuration;
use std::time::Duration;
use tokio::time::Instant;

/// What only a person can mend is tried again this often.
const MISCONFIGURED: Duration = Duration::from_secs(60);
/// A card that is gone is posted again so often.
const REPOSTS: u32 = 3;

/// A refusal that a person has to mend, because it is not about this message.
fn is_misconfigured(code: &str) -> bool {
    is_about_token(code) || is_about_channel(code)
}

fn is_about_channel(code: &str) -> bool {
    matches!(
        code,
        "channel_not_found" | "not_in_channel" | "is_archived" | "restricted_action"
    )
}

fn is_about_token(code: &str) -> bool {
    matches!(
        code,
        "invalid_auth"
            | "not_authed"
            | "account_inactive"
            | "token_revoked"
            | "token_expired"
            | "missing_scope"
            | "not_allowed_token_type"
            | "team_access_not_granted"
            | "http_403"
            | "http_404"
    )
}

/// The workspace or the token takes no files, until somebody changes that and starts Heal anew.
fn is_about_uploads(code: &str) -> bool {
    matches!(
        code,
        "missing_scope"
            | "file_uploads_disabled"
            | "file_upload_size_restricted"
            | "storage_limit_reached"
    )
}

fn is_about_layout(code: &str) -> bool {
    matches!(
        code,
        "invalid_blocks" | "invalid_blocks_format" | "msg_blocks_too_long" | "block_mismatch"
    )
}

/// A message that cannot be changed any more: it is replaced.
fn is_gone(error: &SlackError) -> bool {
    matches!(error, SlackError::NotFound(_))
        || matches!(
            error.code(),
            Some("cant_update_message" | "edit_window_closed")
        )
}

impl Desk {
    /// Takes an error in: each is another decision.
    pub(super) fn failed(&mut self, call: Call, error: SlackError, now: Instant) {
        let method = call.method();
        match &error {
            SlackError::RateLimited(after) => {
                let pause = (*after).max(Duration::from_secs(1));
                self.counts.push(("slack_rate_limited", method, 1));
                self.limits.block(method, now + pause);
                if let Ok(pause) = SignedDuration::try_from(pause)
                    && let Ok(until) = call.at.checked_add(pause)
                {
                    self.out.push(Delivered::NotBefore {
                        key: method.to_owned(),
                        until,
                    });
                }
                return self.again(&call, now, false);
            }
            SlackError::Unsent(_) | SlackError::Ambiguous(_) => {
                tracing::warn!(method, %error, "slack.send.failed");
                self.counts.push(("slack_failures", method, 1));
                self.limits.failed(method, now);
                if matches!(error, SlackError::Ambiguous(_)) && matches!(call.ask, Ask::Post { .. })
                {
                    self.doubt(&call);
                }
                return self.again(&call, now, true);
            }
            SlackError::NotFound(_) | SlackError::Refused { .. } => {}
        }
        self.limits.succeeded(method);
        let code = error.code().unwrap_or_default();
        let search = matches!(call.ask, Ask::Find { .. });
        if search && (code == "missing_scope" || !is_misconfigured(code)) {
            tracing::warn!(method, %error, "slack.send.cannot_search");
            match call.about {
                // Only this thread is gone.
                About::Thread(id) if is_gone(&error) => {
                    if let Some(line) = self.lines.get_mut(&id) {
                        line.thread_doubt = None;
                    }
                }
                // Without the scope nothing can be found again: what is in doubt is posted again.
                _ => self.can_search = false,
            }
        } else if is_misconfigured(code) {
            tracing::error!(method, channel = call.channel, %error, "slack.send.misconfigured");
            self.counts.push(("slack_misconfigured", method, 1));
            let channel = format!("channel:{}", call.channel);
            let key = if is_about_channel(code) {
                &channel
            } else {
                "slack"
            };
            self.limits.block(key, now + MISCONFIGURED);
            self.again(&call, now, false);
        } else if is_gone(&error) {
            self.gone(&call, &error, now);
        } else {
            self.refused(&call, &error, now);
        }
    }

    /// A picture did not get there. Its card is complete without it, so nothing else waits for it.
    pub(super) fn picture_failed(&mut self, call: &Call, error: &SlackError, now: Instant) {
        let method = call.method();
        tracing::warn!(method, channel = call.channel, %error, "slack.picture.failed");
        let forbidden = error.code().is_some_and(is_about_uploads);
        self.counts.push(("slack_pictures_failed", method, 1));
        if let SlackError::RateLimited(after) = error {
            self.limits
                .block(method, now + (*after).max(Duration::from_secs(1)));
            return;
        }
        if forbidden {
            self.no_pictures = Some(match error.code() {
                Some("missing_scope") => NO_SCOPE.to_owned(),
                _ => {
                    format!("forecasts have no picture: {error}; their cards are complete without")
                }
            });
        }
        if let About::Picture(id) = call.about
            && let Some(line) = self.lines.get_mut(&id)
        {
            line.picture.failed(now);
        }
    }

    /// The same again, later.
    fn again(&mut self, call: &Call, now: Instant, own_pause: bool) {
        match call.about {
            About::Card(id) | About::Note(id) | About::Thread(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    if matches!(call.about, About::Card(_)) {
                        line.dirty = true;
                    }
                    if own_pause {
                        line.failures += 1;
                        line.not_before = Some(now + backoff(line.failures));
                    }
                }
            }
            About::Digest(id) => {
                if let Some(digest) = self.digests.get_mut(&id) {
                    digest.dirty = true;
                    digest.shown = None;
                }
            }
            About::Channel | About::Picture(_) => {}
        }
    }

    /// A post may be there without our knowing. Without a way to look, it is posted again: a message twice is better than none.
    fn doubt(&mut self, call: &Call) {
        let since = before(call.at);
        if !self.can_search {
            self.counts.push(("slack_posts_repeated", "", 1));
        }
        match call.about {
            About::Card(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.doubt = Some(since);
                    // The search looks for what is nowhere; a member of a digest leaves it for its own card.
                    if let Home::Digest(digest) = line.home {
                        line.home = Home::Nowhere;
                        line.open = true;
                        if let Some(digest) = self.digests.get_mut(&digest) {
                            digest.members.remove(&id);
                            digest.dirty = true;
                        }
                    }
                }
            }
            About::Note(id) => {
                if let Some(line) = self.lines.get_mut(&id) {
                    line.thread_doubt = Some(since);
                }
            }
            About::Digest(id) => {
                if let Some(digest) = self.digests.get_mut(&id) {
                    digest.doubt = Some(since);
                }
            }
            About::Channel | About::Thread(_) | About::Picture(_) => {}
        }
    }

    /// Somebody deleted the message.
    fn gone(&mut self, call: &Call, error: &SlackError, now: Instant) {
        self.counts.push(("slack_messages_gone", call.method(), 1));
        match call.about {
            About::Digest(id) => {
                if let Some(digest) = self.digests.get_mut(&id) {
                    digest.ts = None;
                    digest.shown = None;
                    digest.dirty = true;
                    digest.told.clear();
                }
            }
            About::Note(id) | About::Card(id) => {
                let Some(line) = self.lines.get_mut(&id) else {
                    return;
                };
                let for_slot =
                    matches!(call.about, About::Note(_)) && matches!(call.ask, Ask::Update { .. });
                if for_slot {
                    // Only the message of the slot is gone.
                    if let Some(slot) = line.tells.front().and_then(|tell| tell.note.slot()) {
                        line.slots.remove(slot);
                    }
                    return;
                }
                line.reposts += 1;
                if line.incident().is_closed() || line.reposts > REPOSTS {
                    line.shown = Some(call.shows.clone());
                    line.dirty = false;
                    let tells = line.tells.drain(..);
                    self.out
                        .extend(tells.flat_map(|tell| lost(&tell, &error.to_string())));
                    return;
                }
                line.home = Home::Nowhere;
                line.shown = None;
                line.slots.clear();
                // Its thread is gone, and with it the picture.
                line.picture = Picture::default();
                line.dirty = true;
                line.since = now;
                line.open = true;
            }
            About::Channel | About::Thread(_) | About::Picture(_) => {}
        }
    }

    /// Slack says no to this very message.
    fn refused(&mut self, call: &Call, error: &SlackError, now: Instant) {
        let layout = error.code().is_some_and(is_about_layout);
        tracing::error!(method = call.method(), %error, "slack.send.refused");
        let label = if layout { "layout" } else { "other" };
        self.counts.push(("slack_refused", label, 1));
        match call.about {
            About::Card(id) => {
                let Some(line) = self.lines.get_mut(&id) else {
                    return;
                };
                let shows = Some(call.shows.clone());
                // Right after its upload a file may not be known yet: the card does without, and tries again.
                if layout
                    && let Some(file) = &call.picture
                    && line.picture.refused(file, now)
                {
                    self.counts.push(("slack_pictures_held", call.method(), 1));
                    line.dirty = true;
                    line.updated = None;
                    return;
                }
                if layout && line.text_only != shows {
                    line.text_only = shows;
                    line.dirty = true;
                    line.updated = None;
                } else if matches!(line.home, Home::Own(_)) {
                    line.shown = shows;
                } else {
                    line.refused = shows;
                    line.open = false;
                }
            }
            About::Note(id) => {
                let Some(line) = self.lines.get_mut(&id) else {
                    return;
                };
                match line.tells.front_mut() {
                    Some(tell) if layout && !tell.text_only => tell.text_only = true,
                    _ => {
                        if let Some(tell) = line.tells.pop_front() {
                            self.out.extend(lost(&tell, &error.to_string()));
                        }
                    }
                }
            }
            About::Digest(id) => {
                let Some(digest) = self.digests.get_mut(&id) else {
                    return;
                };
                if layout && !digest.text_only {
                    digest.text_only = true;
                    digest.dirty = true;
                    digest.updated = None;
                } else if digest.ts.is_none() {
                    // No digest, then: cards, one by one.
                    let members = std::mem::take(&mut digest.members);
                    self.digests.remove(&id);
                    for member in members {
                        if let Some(line) = self.lines.get_mut(&member) {
                            line.home = Home::Nowhere;
                            line.open = true;
                            line.dirty = true;
                            line.since = now;
                        }
                    }
                }
            }
            About::Channel | About::Thread(_) | About::Picture(_) => {}
        }
    }
}
