//! What people do: buttons, menus, commands. Their answers go out after the commit.
use super::{Engine, handle::Ask, state::PAUSE, turn::Turn};
use crate::domain::{
    command::Command,
    incident::{AuditEntry, ClickReply, Incident, IncidentId, Input, State as Stage},
    policy::Person,
    recovery::later,
    report::{Pause, Report},
    silence::{Scope, Silence},
    text,
};
use crate::ports::Pressed;
use jiff::SignedDuration;
use serde_json::json;
use tokio::sync::oneshot;

impl Turn {
    /// Answers after the commit.
    fn reply<T: Send + 'static>(&mut self, to: oneshot::Sender<T>, answer: T) {
        // Nobody listens any more when the request timed out: the card shows the outcome all the same.
        self.answers.push(Box::new(move || drop(to.send(answer))));
    }

    fn note_down(
        &mut self,
        incident: Option<IncidentId>,
        actor: &str,
        what: &str,
        detail: serde_json::Value,
    ) {
        self.batch.audit.push((
            incident,
            AuditEntry {
                actor: actor.to_owned(),
                what: what.to_owned(),
                detail,
            },
        ));
    }
}

impl Engine {
    pub(super) fn person(&mut self, ask: Ask, turn: &mut Turn) {
        match ask {
            Ask::Press(pressed, reply) => {
                let answer = self.press(pressed, turn);
                turn.reply(reply, answer);
            }
            Ask::Silence {
                token,
                by,
                span,
                reply,
            } => {
                let answer = match self
                    .by_token(&token)
                    .map(|incident| Scope::of(&incident.owner))
                {
                    Some(scope) => self.silence(scope, span, &by, turn),
                    None => {
                        let detail = json!({"command": "silence", "why": UNKNOWN_CARD});
                        turn.note_down(None, &by.id, "command.refused", detail);
                        Report::Refused(UNKNOWN_CARD.to_owned())
                    }
                };
                turn.reply(reply, answer);
            }
            Ask::Details(token, reply) => {
                let answer = self.by_token(&token).map(|incident| self.show(incident));
                turn.reply(
                    reply,
                    answer.unwrap_or_else(|| Report::Refused(UNKNOWN_CARD.to_owned())),
                );
            }
            Ask::Command(command, by, reply) => self.command(command, &by, reply, turn),
            Ask::FirstSight(hash, reply) => {
                let new = self.state.replays.insert(hash.clone());
                if new {
                    turn.batch.replays.push(hash);
                }
                turn.reply(reply, new);
            }
            Ask::Refused(entry, reply) => {
                turn.batch.audit.push((None, entry));
                turn.reply(reply, ());
            }
        }
    }

    /// The incident that a card's token names, if the token is genuine.
    fn by_token(&self, token: &str) -> Option<&Incident> {
        let seed = token.split('.').nth(2)?;
        self.state
            .incidents
            .get(&Incident::named_by(token)?)
            .filter(|incident| incident.seed == seed)
    }

    fn press(&mut self, pressed: Pressed, turn: &mut Turn) -> ClickReply {
        let by = pressed.click.by.id.clone();
        let Some(id) = self
            .by_token(&pressed.click.token)
            .map(|incident| incident.id)
        else {
            turn.note_down(None, &by, "click.refused", json!({"why": UNKNOWN_CARD}));
            return ClickReply::Refused(UNKNOWN_CARD.to_owned());
        };
        // A button works only on the message that Heal knows as the card.
        let elsewhere = self.state.cards.get(&id).is_some_and(|card| {
            (card.channel.as_str(), card.ts.as_str())
                != (pressed.message.0.as_str(), pressed.message.1.as_str())
        });
        if elsewhere {
            let why =
                "This is not the current card of that incident. Use the newest one.".to_owned();
            turn.note_down(
                Some(id),
                &by,
                "click.refused",
                json!({"why": why, "message": pressed.message.1}),
            );
            return ClickReply::Refused(why);
        }
        self.apply(id, Input::Click(pressed.click), turn)
            .unwrap_or_else(|| ClickReply::Refused(UNKNOWN_CARD.to_owned()))
    }

    fn command(
        &mut self,
        command: Command,
        by: &Person,
        reply: oneshot::Sender<Report>,
        turn: &mut Turn,
    ) {
        if let Err(refusal) = self.parts.policy.may_speak(by) {
            turn.note_down(
                None,
                &by.id,
                "command.refused",
                json!({"why": refusal.to_string()}),
            );
            return turn.reply(reply, Report::Refused(refusal.to_string()));
        }
        let answer = match command {
            Command::Status => Report::Status(Box::new(self.status(turn.now))),
            Command::Forecast(scope) => Report::Forecast(Box::new(self.foresight(scope, turn.now))),
            Command::Memory => Report::Memory(self.state.memory.entries()),
            Command::Show(id) => match self.state.incidents.get(&id) {
                Some(incident) => self.show(incident),
                None => return self.show_old(id, reply),
            },
            Command::Silence { scope, span } => self.silence(scope, span, by, turn),
            Command::Unsilence(id) => self.unsilence(id, by, turn),
            Command::Pause { reason } => self.pause_actions(reason, by, turn),
            Command::Resume => self.resume_actions(by, turn),
        };
        turn.reply(reply, answer);
    }

    fn show(&self, incident: &Incident) -> Report {
        let card = self
            .state
            .cards
            .get(&incident.id)
            .map(|card| (card.channel.clone(), card.ts.clone()));
        Report::Incident(Box::new(incident.clone()), card)
    }

    /// An incident of long ago: from the store, without holding the engine up.
    fn show_old(&self, id: IncidentId, reply: oneshot::Sender<Report>) {
        let store = self.parts.store.clone();
        tokio::spawn(async move {
            let answer = match store.incident(id).await {
                Ok(Some(incident)) => Report::Incident(Box::new(incident), None),
                Ok(None) => Report::Refused(format!(
                    "There is no incident {id}. `/heal status` lists the open ones."
                )),
                Err(error) => Report::Refused(format!("The database could not be read: {error}")),
            };
            drop(reply.send(answer));
        });
    }

    fn silence(
        &mut self,
        scope: Scope,
        span: SignedDuration,
        by: &Person,
        turn: &mut Turn,
    ) -> Report {
        if let Err(refusal) = self.operator(by, "silence", turn) {
            return refusal;
        }
        let id = self
            .state
            .silences
            .keys()
            .max()
            .copied()
            .unwrap_or(0)
            .max(self.state.last_silence)
            + 1;
        self.state.last_silence = id;
        let mut silence = Silence {
            id,
            scope,
            by: by.id.clone(),
            from: turn.now,
            until: later(turn.now, span),
            muted: 0,
        };
        let covered: Vec<IncidentId> = self
            .state
            .open()
            .filter(|incident| {
                incident.muted.is_none() && silence.scope.covers(&incident.owner, incident.family)
            })
            .map(|incident| incident.id)
            .collect();
        silence.muted = covered.len() as u32;
        for incident in covered {
            self.apply(incident, Input::Muted(Some(id)), turn);
        }
        let detail =
            json!({"silence": id, "scope": silence.scope.to_string(), "until": silence.until});
        turn.note_down(None, &by.id, "silence.set", detail);
        turn.batch.silences.push(silence.clone());
        self.state.silences.insert(id, silence.clone());
        Report::Silenced(silence)
    }

    fn unsilence(&mut self, id: u32, by: &Person, turn: &mut Turn) -> Report {
        if let Err(refusal) = self.operator(by, "unsilence", turn) {
            return refusal;
        }
        match self.lift(id, &by.id, turn) {
            Some(silence) => Report::Unsilenced(silence),
            None => Report::Refused(format!(
                "There is no silence {id}. `/heal status` lists them."
            )),
        }
    }

    fn lift(&mut self, id: u32, by: &str, turn: &mut Turn) -> Option<Silence> {
        let silence = self.state.silences.remove(&id)?;
        turn.batch.silences.retain(|other| other.id != id);
        turn.batch.unsilenced.push(id);
        turn.note_down(
            None,
            by,
            "silence.lifted",
            json!({"silence": id, "scope": silence.scope.to_string()}),
        );
        let muted: Vec<IncidentId> = self
            .state
            .open()
            .filter(|incident| incident.muted == Some(id))
            .map(|incident| incident.id)
            .collect();
        for incident in muted {
            self.apply(incident, Input::Muted(None), turn);
        }
        Some(silence)
    }

    /// Lifts the silences that have run out.
    pub(super) fn end_silences(&mut self, turn: &mut Turn) {
        let over: Vec<u32> = self
            .state
            .silences
            .values()
            .filter(|silence| silence.until <= turn.now)
            .map(|silence| silence.id)
            .collect();
        for id in over {
            self.lift(id, "heal", turn);
        }
    }

    fn pause_actions(&mut self, reason: String, by: &Person, turn: &mut Turn) -> Report {
        if let Err(refusal) = self.operator(by, "pause", turn) {
            return refusal;
        }
        if let Some(pause) = &self.state.pause {
            return Report::Refused(format!("Actions are already paused by <@{}>.", pause.by));
        }
        let pause = Pause {
            by: by.id.clone(),
            since: turn.now,
            reason,
        };
        turn.note_down(
            None,
            &by.id,
            "actions.paused",
            json!({"reason": pause.reason}),
        );
        self.set_pause(Some(pause.clone()), turn);
        Report::Paused(pause)
    }

    fn resume_actions(&mut self, by: &Person, turn: &mut Turn) -> Report {
        if let Err(refusal) = self.operator(by, "resume", turn) {
            return refusal;
        }
        let Some(was) = self.state.pause.take() else {
            return Report::Refused("Actions are not paused.".to_owned());
        };
        turn.note_down(
            None,
            &by.id,
            "actions.resumed",
            json!({
                "paused_by": was.by, "for": text::duration(turn.now.duration_since(was.since)),
            }),
        );
        self.set_pause(None, turn);
        Report::Resumed {
            by: by.id.clone(),
            was,
        }
    }

    fn set_pause(&mut self, pause: Option<Pause>, turn: &mut Turn) {
        // A pause is plain data: it always serialises.
        let value = pause
            .as_ref()
            .and_then(|pause| serde_json::to_string(pause).ok());
        turn.batch.facts.push((PAUSE.to_owned(), value));
        self.state.pause = pause;
        let offers = self
            .state
            .open()
            .filter(|incident| matches!(incident.state, Stage::Proposed { .. }));
        turn.touched.extend(offers.map(|incident| incident.id));
    }

    fn operator(&self, by: &Person, what: &str, turn: &mut Turn) -> Result<(), Report> {
        if self.parts.policy.is_operator(by) {
            return Ok(());
        }
        turn.note_down(
            None,
            &by.id,
            "command.refused",
            json!({"command": what, "why": "not an approver"}),
        );
        Err(Report::Refused(format!(
            "Only people whom an [[approvers]] rule names may use `{what}`."
        )))
    }
}

const UNKNOWN_CARD: &str =
    "Heal does not know this card. It may be older than a day; `/heal status` shows what is open.";
