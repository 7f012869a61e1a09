//! A workspace, the router, and an engine that remembers what it was asked.
use crate::{
    domain::{
        action::ActionKind,
        command::Command,
        incident::{AuditEntry, ClickReply},
        policy::{Person, Policy, Rule},
        report::{Pause, Report},
    },
    http::{SlackParts, WebParts, router},
    ports::{ChatJob, Clock, Intake, Meter, Pressed},
    sim::slack::{SlackSim, SlackSimOptions, User, Usergroup, through},
    slack::{
        api::SlackApi,
        people::People,
        reception::{Pins, Reception, ReceptionParts},
        render::modal::DismissTarget,
    },
    wire,
};
use axum::Router;
use futures::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::task::TaskTracker;

pub const CHANNEL: &str = "C0OPS";

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000).unwrap() + self.0.elapsed()
    }
}

#[derive(Default)]
pub struct Counts(Mutex<HashMap<(String, String), u64>>);

impl Meter for Counts {
    fn add(&self, name: &'static str, label: &str, n: u64) {
        let key = (name.to_owned(), label.to_owned());
        *self.0.lock().unwrap().entry(key).or_default() += n;
    }
    fn observe(&self, _: &'static str, _: f64) {}
}

/// An engine that remembers.
#[derive(Default)]
pub struct Memo {
    pub pressed: Mutex<Vec<Pressed>>,
    pub silenced: Mutex<Vec<(String, SignedDuration)>>,
    pub commands: Mutex<Vec<Command>>,
    pub refused: Mutex<Vec<AuditEntry>>,
    pub seen: Mutex<HashSet<String>>,
    pub reply: Mutex<Option<ClickReply>>,
    pub report: Mutex<Option<Report>>,
    pub takes: Mutex<Duration>,
}

impl Memo {
    async fn work(&self) {
        let takes = *self.takes.lock().unwrap();
        tokio::time::sleep(takes).await;
    }

    fn report(&self) -> Report {
        let report = self.report.lock().unwrap().clone();
        report.unwrap_or_else(|| Report::Refused("no".into()))
    }
}

impl Intake for Memo {
    fn press(&self, pressed: Pressed) -> BoxFuture<'_, ClickReply> {
        Box::pin(async move {
            self.work().await;
            self.pressed.lock().unwrap().push(pressed);
            let reply = self.reply.lock().unwrap().clone();
            reply.unwrap_or(ClickReply::Accepted)
        })
    }
    fn silence(&self, token: String, _: Person, span: SignedDuration) -> BoxFuture<'_, Report> {
        self.silenced.lock().unwrap().push((token, span));
        Box::pin(async { self.report() })
    }
    fn details(&self, _: String) -> BoxFuture<'_, Report> {
        Box::pin(async { self.report() })
    }
    fn command(&self, command: Command, _: Person) -> BoxFuture<'_, Report> {
        Box::pin(async move {
            self.work().await;
            self.commands.lock().unwrap().push(command);
            self.report()
        })
    }
    fn first_sight(&self, hash: String) -> BoxFuture<'_, bool> {
        let new = self.seen.lock().unwrap().insert(hash);
        Box::pin(async move { new })
    }
    fn refused(&self, entry: AuditEntry) -> BoxFuture<'_, ()> {
        self.refused.lock().unwrap().push(entry);
        Box::pin(async {})
    }
}

pub struct Bench {
    pub sim: SlackSim,
    pub memo: Arc<Memo>,
    pub counts: Arc<Counts>,
    pub chat: mpsc::UnboundedReceiver<ChatJob>,
    pub router: Router,
    pub tasks: TaskTracker,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SlackSimOptions)) -> Self {
        let begun = Instant::now();
        let guest = User {
            is_restricted: true,
            ..User::new("U0GUEST", "guest")
        };
        let alien = User {
            is_stranger: true,
            team_id: Some("T0OTHER".into()),
            ..User::new("U0ALIEN", "alien")
        };
        let mut options = SlackSimOptions {
            users: vec![User::new("U0ALICE", "alice"), guest, alien],
            usergroups: vec![Usergroup::new("S1", "sre", &["U0ALICE"])],
            clock: Arc::new(move || TestClock(begun).now()),
            base_url: "http://slack.local".into(),
            ..SlackSimOptions::default()
        };
        change(&mut options);
        let sim = SlackSim::new(options);
        let api = SlackApi::new(
            wire::in_process(sim.router()),
            "http://slack.local/api".parse().unwrap(),
            &"xoxb-simulated".into(),
        );
        let policy = Policy {
            team: "T0HEAL".into(),
            rules: vec![Rule {
                actions: ActionKind::ALL.to_vec(),
                namespaces: vec!["*".into()],
                users: vec![],
                groups: vec!["S1".into()],
                approvals: 1,
            }],
        };
        let (chat_in, chat) = mpsc::unbounded_channel();
        let (memo, counts) = (Arc::new(Memo::default()), Arc::new(Counts::default()));
        let tasks = TaskTracker::new();
        let reception = Reception::new(ReceptionParts {
            people: People::new(api.clone(), policy),
            api,
            intake: memo.clone(),
            chat: chat_in,
            pins: Pins {
                app: "A0HEAL".into(),
                team: "T0HEAL".into(),
            },
            meter: counts.clone(),
            tasks: tasks.clone(),
        });
        let router = router(WebParts {
            slack: Some(SlackParts {
                reception,
                secrets: vec!["next".into(), "simulated-signing-secret".into()],
                clock: Arc::new(TestClock(begun)),
                meter: counts.clone(),
            }),
            ready: Arc::new(|| Err("pods are not listed yet".into())),
            metrics: Arc::new(|| "# EOF\n".into()),
        });
        sim.set_deliver(through(wire::in_process(router.clone())));
        Self {
            sim,
            memo,
            counts,
            chat,
            router,
            tasks,
        }
    }

    /// A card with all that can be pressed; its time stamp.
    pub async fn card(&self) -> String {
        let text = |text: &str| json!({"type": "plain_text", "text": text});
        let button = |id: &str| json!({"type": "button", "action_id": id, "value": "token", "text": text(id)});
        let option = |what: &str| json!({"text": text(what), "value": format!("{what}|token")});
        let menu = ["details", "silence_4h", "check_again", "nonsense"].map(option);
        let blocks = json!([{"type": "actions", "elements": [button("approve"), button("dismiss"), button("check_again"), button("link"),
            {"type": "overflow", "action_id": "more", "options": menu}]}]);
        let api = SlackApi::new(
            wire::in_process(self.sim.router()),
            "http://slack.local/api".parse().unwrap(),
            &"xoxb-simulated".into(),
        );
        let place = crate::slack::api::Place {
            channel: CHANNEL,
            ..Default::default()
        };
        let message = crate::slack::render::Message {
            text: "card".into(),
            blocks,
        };
        let mark = crate::slack::api::Mark {
            event_type: "heal_incident".into(),
            event_payload: json!({}),
        };
        api.post(place, &message, &mark).await.unwrap()
    }

    /// Lets what goes on in the background end.
    pub async fn settle(&self) {
        tokio::time::sleep(Duration::from_secs(10)).await;
        self.tasks.close();
        self.tasks.wait().await;
    }

    pub fn refusals(&self, reason: &str) -> u64 {
        let counts = self.counts.0.lock().unwrap();
        let key = ("slack_requests_refused".to_owned(), reason.to_owned());
        counts.get(&key).copied().unwrap_or_default()
    }

    pub fn audited(&self) -> Vec<(String, String)> {
        let refused = self.memo.refused.lock().unwrap();
        let entries = refused
            .iter()
            .map(|entry| (entry.actor.clone(), entry.what.clone()));
        entries.collect()
    }

    pub fn heard(&self, user: &str) -> Vec<String> {
        let heard = self.sim.ephemerals(user).into_iter();
        heard.map(|message| message.text).collect()
    }
}

pub fn paused() -> Report {
    Report::Paused(Pause {
        by: "U0ALICE".into(),
        since: Timestamp::from_second(1_800_000_000).unwrap(),
        reason: "freeze".into(),
    })
}

pub fn target(view: &Value) -> DismissTarget {
    serde_json::from_str(view["private_metadata"].as_str().unwrap()).unwrap()
}
