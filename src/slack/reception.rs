//! What is done with what comes in, whichever way it came: it is pinned to our app and workspace, seen once, from a person who
//! may speak, and then for the engine to decide.
//!
//! Slack gives up after three seconds, so it is answered after two and a half in any case. The work goes on; how it ended is
//! told to the person when it has.
use super::{
    api::SlackApi,
    commands::{self, Request},
    inbound::{Inbound, Origin, Press, Submission, Typed},
    people::People,
    render::{
        Message, card,
        modal::{self, DismissTarget},
        reply,
    },
    whisper::{Whisper, answer, paragraph, response, whisper},
};
use crate::{
    domain::{
        command::Command,
        incident::{AuditEntry, Click, ClickKind, ClickReply, DismissReason, Incident},
        policy::Person,
        report::Report,
    },
    ports::{ChatJob, Intake, Meter, Pressed},
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, oneshot};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Slack waits three seconds.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// What a person reads whose click took longer than that.
const LATE: &str =
    "That took longer than usual, but your click counts: the card and its thread show how it goes.";
/// What a person reads when a dialog did not open.
const NO_DIALOG: &str =
    "Slack did not open the dialog. Nothing was changed; press the button again.";
/// What a person reads whose button belongs to another app or workspace.
const NOT_OURS: &str =
    "This comes from another workspace or app than Heal is set up for, so nothing was done.";

/// The answer to Slack's request, always with status 200.
#[derive(Clone, Debug, PartialEq)]
pub enum Ack {
    /// Taken.
    Empty,
    /// Taken, with something to show.
    Json(Value),
}

/// Our app and workspace. An empty one is not checked: only the demo and tests do that.
#[derive(Clone, Debug, Default)]
pub struct Pins {
    /// `A…`
    pub app: String,
    /// `T…`
    pub team: String,
}

/// What the reception is made of.
pub struct ReceptionParts {
    /// Slack.
    pub api: SlackApi,
    /// Who people are.
    pub people: People,
    /// The engine.
    pub intake: Arc<dyn Intake>,
    /// The sender: an incident that somebody asks for gets its own card.
    pub chat: mpsc::UnboundedSender<ChatJob>,
    /// Our app and workspace.
    pub pins: Pins,
    /// Where figures go.
    pub meter: Arc<dyn Meter>,
    /// Work that goes on after the answer; to be waited for at the end.
    pub tasks: TaskTracker,
}

/// The reception; clones are handles of the same one.
#[derive(Clone)]
pub struct Reception(Arc<ReceptionParts>);

/// The answer to Slack, which work in the background gives as soon as it can.
type Answering = oneshot::Sender<Ack>;

impl Reception {
    /// A reception.
    pub fn new(parts: ReceptionParts) -> Self {
        Self(Arc::new(parts))
    }

    /// Takes something in. `signature` is the hash of the request's signature, for the replay guard; what came by a way that
    /// needs no signature has none.
    pub async fn receive(&self, inbound: Inbound, signature: Option<String>) -> Ack {
        let (answering, mut answered) = oneshot::channel();
        let this = self.clone();
        let span = span_of(&inbound);
        let work = async move { this.work(inbound, signature, answering).await };
        self.0.tasks.spawn(work.instrument(span));
        match tokio::time::timeout(PATIENCE, &mut answered).await {
            Ok(ack) => ack.unwrap_or(Ack::Empty),
            Err(_) => {
                self.0.meter.add("slack_late_answers", "", 1);
                // It may have come in this very moment; after closing, the work knows that it is late.
                answered.close();
                answered.try_recv().unwrap_or(Ack::Empty)
            }
        }
    }

    async fn work(&self, inbound: Inbound, signature: Option<String>, answering: Answering) {
        let (origin, channel, response_url) = match &inbound {
            Inbound::Press(press) => (&press.origin, &press.channel, &press.response_url),
            Inbound::Submission(submission) => (&submission.origin, &String::new(), &None),
            Inbound::Command(typed) => (&typed.origin, &typed.channel, &typed.response_url),
            Inbound::Challenge(challenge) => {
                return drop(answering.send(Ack::Json(json!({"challenge": challenge}))));
            }
            // Dropping the sender answers.
            Inbound::SslCheck | Inbound::Nothing(_) => return,
        };
        let origin = origin.clone();
        let way = Way {
            user: origin.user.clone(),
            channel: channel.clone(),
            response_url: response_url.clone(),
            command: matches!(inbound, Inbound::Command(_)),
        };
        if let Some(reason) = self.foreign(&origin) {
            self.refuse(reason, &origin).await;
            return self
                .reply(answering, &way, &paragraph(NOT_OURS), false)
                .await;
        }
        if let Some(hash) = signature
            && !self.0.intake.first_sight(hash).await
        {
            return self.refuse("replay", &origin).await;
        }
        let person = self.0.people.person(&origin.user).await;
        if let Err(refusal) = self.0.people.policy().may_speak(&person) {
            self.refuse("outsider", &origin).await;
            let words = Message {
                text: reply::refusal(&refusal.to_string()).into_string(),
                blocks: json!([]),
            };
            return self.reply(answering, &way, &words, false).await;
        }
        match inbound {
            Inbound::Press(press) => self.pressed(press, person, &way, answering).await,
            Inbound::Submission(submission) => self.submitted(submission, person, answering).await,
            Inbound::Command(typed) => self.typed(typed, person, &way, answering).await,
            Inbound::Challenge(_) | Inbound::SslCheck | Inbound::Nothing(_) => {}
        }
    }

    /// Why this is not for us, if it is not.
    fn foreign(&self, origin: &Origin) -> Option<&'static str> {
        let Pins { app, team } = &self.0.pins;
        if !app.is_empty() && origin.app != *app {
            Some("other_app")
        } else if !team.is_empty() && origin.team != *team {
            Some("other_team")
        } else {
            None
        }
    }

    /// Counts a refusal and writes it down.
    async fn refuse(&self, reason: &'static str, origin: &Origin) {
        self.0.meter.add("slack_requests_refused", reason, 1);
        tracing::warn!(
            reason,
            user = origin.user,
            team = origin.team,
            app = origin.app,
            "slack.refused"
        );
        let entry = AuditEntry {
            actor: origin.user.clone(),
            what: format!("refused.{reason}"),
            detail: json!({"team": origin.team, "app": origin.app}),
        };
        self.0.intake.refused(entry).await;
    }

    async fn pressed(&self, press: Press, by: Person, way: &Way, answering: Answering) {
        let message = (press.channel.clone(), press.ts.clone());
        match press.action_id.as_str() {
            card::APPROVE => {
                let click = click(by, press.value, ClickKind::Approve);
                self.decide(Pressed { click, message }, way, answering)
                    .await;
            }
            card::CHECK_AGAIN => {
                let click = click(by, press.value, ClickKind::CheckAgain);
                self.decide(Pressed { click, message }, way, answering)
                    .await;
            }
            card::DISMISS => {
                drop(answering);
                let (channel, ts) = message;
                let target = DismissTarget {
                    token: press.value,
                    channel,
                    ts,
                };
                self.dialog(press.trigger, &modal::dismiss(&target), way)
                    .await;
            }
            card::MORE => match press.value.split_once('|') {
                Some((card::CHECK_AGAIN, token)) => {
                    let click = click(by, token.to_owned(), ClickKind::CheckAgain);
                    self.decide(Pressed { click, message }, way, answering)
                        .await;
                }
                Some(("details", token)) => {
                    drop(answering);
                    self.details(token.to_owned(), press.trigger, way).await;
                }
                Some((what, token)) if span(what).is_some() => {
                    let span = span(what).unwrap_or_default();
                    let report = self.0.intake.silence(token.to_owned(), by, span).await;
                    drop(answering);
                    self.tell(&report, way).await;
                }
                _ => self.0.meter.add("slack_requests_unknown", "option", 1),
            },
            // Buttons that are links send a press, too.
            _ => self.0.meter.add("slack_requests_unknown", "button", 1),
        }
    }

    /// Gives a decision to the engine. It is on disk when Slack is answered, unless that takes too long.
    async fn decide(&self, pressed: Pressed, way: &Way, answering: Answering) {
        let reply = self.0.intake.press(pressed).await;
        let late = answering.send(Ack::Empty).is_err();
        let words = match (reply::click(&reply), &reply) {
            (Some(words), _) => words.into_string(),
            (None, ClickReply::Accepted) if late => LATE.to_owned(),
            (None, _) => return,
        };
        let words = Message {
            text: words,
            blocks: json!([]),
        };
        whisper(&self.0.api, way.whisper(), &words).await;
    }

    async fn dialog(&self, trigger: Option<String>, view: &Value, way: &Way) {
        let opened = match trigger {
            Some(trigger) => self.0.api.open_view(&trigger, view).await,
            None => Err(super::api::SlackError::NotFound("trigger_id".to_owned())),
        };
        if let Err(error) = opened {
            tracing::warn!(%error, "slack.dialog");
            whisper(&self.0.api, way.whisper(), &paragraph(NO_DIALOG)).await;
        }
    }

    async fn details(&self, token: String, trigger: Option<String>, way: &Way) {
        let report = self.0.intake.details(token).await;
        if let (Report::Incident(incident, _), Some(trigger)) = (&report, trigger) {
            let view = modal::details_view(incident);
            match self.0.api.open_view(&trigger, &view).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "slack.dialog"),
            }
        }
        self.tell(&report, way).await;
    }

    async fn tell(&self, report: &Report, way: &Way) {
        let words = reply::report(report);
        let everybody = report.concerns_everybody();
        answer(&self.0.api, way.whisper(), &words, everybody).await;
    }

    async fn submitted(&self, submission: Submission, by: Person, answering: Answering) {
        let target = target_of(&submission);
        let Some(target) = target.filter(|_| submission.callback_id == modal::DISMISS_VIEW) else {
            return self.0.meter.add("slack_requests_unknown", "dialog", 1);
        };
        let reason = submission
            .value(modal::REASON)
            .and_then(DismissReason::parse);
        let way = Way {
            user: by.id.clone(),
            channel: target.channel.clone(),
            response_url: None,
            command: false,
        };
        let kind = ClickKind::Dismiss {
            reason: reason.unwrap_or(DismissReason::Other),
            comment: submission
                .value(modal::COMMENT)
                .unwrap_or_default()
                .to_owned(),
        };
        let pressed = Pressed {
            click: click(by, target.token, kind),
            message: (target.channel, target.ts),
        };
        self.decide(pressed, &way, answering).await;
    }

    async fn typed(&self, typed: Typed, by: Person, way: &Way, answering: Answering) {
        let (words, everybody) = match commands::parse(&typed.text) {
            Err(misunderstood) => (reply::misunderstood(&misunderstood), false),
            Ok(Request::Help) => (reply::help(), false),
            Ok(Request::Run(command)) => {
                let shows = matches!(command, Command::Show(_));
                let report = self.0.intake.command(command, by).await;
                if let (true, Report::Incident(incident, _)) = (shows, &report) {
                    // Without a sender there is no card to open; the answer is worth having all the same.
                    let _ = self.0.chat.send(ChatJob::Open(incident.id));
                }
                (reply::report(&report), report.concerns_everybody())
            }
        };
        self.reply(answering, way, &words, everybody).await;
    }

    /// Answers a command in Slack's own request; anything else, and what is late, by its response URL.
    async fn reply(&self, answering: Answering, way: &Way, words: &Message, everybody: bool) {
        if way.command {
            if answering
                .send(Ack::Json(response(words, everybody)))
                .is_ok()
            {
                return;
            }
        } else {
            drop(answering);
        }
        answer(&self.0.api, way.whisper(), words, everybody).await;
    }
}

/// The way back to a person.
struct Way {
    user: String,
    channel: String,
    response_url: Option<String>,
    /// The answer can go into Slack's own request.
    command: bool,
}

impl Way {
    fn whisper(&self) -> Whisper<'_> {
        Whisper {
            user: &self.user,
            channel: &self.channel,
            response_url: self.response_url.as_deref(),
        }
    }
}

fn click(by: Person, token: String, kind: ClickKind) -> Click {
    Click { by, token, kind }
}

/// Around everything that is said in the log of what came in: which incident the pressed card says it is of.
fn span_of(inbound: &Inbound) -> tracing::Span {
    let token = match inbound {
        // An option of the menu has its word before the token.
        Inbound::Press(press) => press.value.rsplit('|').next().map(str::to_owned),
        Inbound::Submission(submission) => target_of(submission).map(|target| target.token),
        _ => None,
    };
    match token.and_then(|token| Incident::named_by(&token)) {
        Some(id) => tracing::error_span!("receive", incident = %id),
        None => tracing::error_span!("receive"),
    }
}

/// The card that a dialog was opened from.
fn target_of(submission: &Submission) -> Option<DismissTarget> {
    serde_json::from_str(&submission.private_metadata).ok()
}

/// How long an option of the menu silences.
fn span(option: &str) -> Option<SignedDuration> {
    match option {
        "silence_1h" => Some(SignedDuration::from_hours(1)),
        "silence_4h" => Some(SignedDuration::from_hours(4)),
        "silence_1d" => Some(SignedDuration::from_hours(24)),
        _ => None,
    }
}
