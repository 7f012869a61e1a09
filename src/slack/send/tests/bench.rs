//! A workspace, a sender and the engine's end of both channels.
use super::super::{Sender, SenderParts};
use crate::{
    domain::{
        action::{Action, Risk},
        diagnosis::{Diagnosis, Severity},
        family::Family,
        incident::{Incident, IncidentId, Latest, Note, State, Why},
        memory::TrackRecord,
        object::ObjectRef,
        proposal::{DryRun, Proposal},
        recovery::Verdict,
    },
    ports::{Backlog, CardState, ChatJob, Clock, Delivered, Meter, Posted},
    sim::slack::{Message, SlackSim, SlackSimOptions},
    slack::api::SlackApi,
    wire::in_process,
};
use jiff::Timestamp;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

pub const CHANNEL: &str = "C0OPS";
const START: i64 = 1_800_000_000;

/// Wall time that passes with tokio's clock.
#[derive(Clone)]
pub struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        at(0) + self.0.elapsed()
    }
}

pub fn at(second: i64) -> Timestamp {
    Timestamp::from_second(START + second).unwrap()
}

#[derive(Default)]
pub struct Counts(pub Mutex<HashMap<(String, String), u64>>);

impl Meter for Counts {
    fn add(&self, name: &'static str, label: &str, n: u64) {
        let key = (name.to_owned(), label.to_owned());
        *self.0.lock().unwrap().entry(key).or_default() += n;
    }
    fn observe(&self, _: &'static str, _: f64) {}
}

pub struct Bench {
    pub sim: SlackSim,
    pub clock: TestClock,
    pub counts: Arc<Counts>,
    pub jobs: Option<mpsc::UnboundedSender<ChatJob>>,
    delivered: mpsc::UnboundedReceiver<Delivered>,
    /// Everything that was reported, in order.
    pub log: Vec<Delivered>,
    running: Option<tokio::task::JoinHandle<()>>,
    pub can_search: bool,
    pub not_before: Vec<(String, Timestamp)>,
    pub slots: Vec<(IncidentId, String, String)>,
    pub trouble: Option<tokio::sync::watch::Receiver<Option<String>>>,
    waiting: Option<tokio::sync::watch::Receiver<Backlog>>,
}

impl Bench {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    pub fn with(change: impl FnOnce(&mut SlackSimOptions)) -> Self {
        let clock = TestClock(Instant::now());
        let sim_clock = clock.clone();
        let mut options = SlackSimOptions {
            clock: Arc::new(move || sim_clock.now()),
            rate_limits: true,
            base_url: "http://slack.local".to_owned(),
            ..SlackSimOptions::default()
        };
        change(&mut options);
        let (_, delivered) = mpsc::unbounded_channel();
        let mut bench = Self {
            sim: SlackSim::new(options),
            clock,
            counts: Arc::default(),
            jobs: None,
            delivered,
            log: Vec::new(),
            running: None,
            can_search: true,
            not_before: Vec::new(),
            slots: Vec::new(),
            trouble: None,
            waiting: None,
        };
        bench.start();
        bench
    }

    /// Starts a sender, as after a restart if there was one before.
    pub fn start(&mut self) {
        let (jobs, inbox) = mpsc::unbounded_channel();
        let (out, delivered) = mpsc::unbounded_channel();
        let api = SlackApi::new(
            in_process(self.sim.router()),
            "http://slack.local/api".parse().unwrap(),
            &"xoxb-simulated".into(),
        );
        let sender = Sender::new(SenderParts {
            api,
            route: Arc::new(|_| CHANNEL.to_owned()),
            can_search: self.can_search,
            can_upload: true,
            not_before: self.not_before.clone(),
            slots: self.slots.clone(),
            clock: Arc::new(self.clock.clone()),
            meter: self.counts.clone(),
            jobs: inbox,
            delivered: out,
            stop: CancellationToken::new(),
        });
        self.trouble = Some(sender.trouble());
        self.waiting = Some(sender.waiting());
        self.jobs = Some(jobs);
        self.delivered = delivered;
        self.running = Some(tokio::spawn(sender.run()));
    }

    /// Kills the sender where it stands.
    pub async fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.abort();
            let _ = running.await;
        }
        self.collect();
    }

    pub fn send(&self, job: ChatJob) {
        self.jobs.as_ref().unwrap().send(job).unwrap();
    }

    pub fn card(&self, incident: &Incident) {
        self.card_at(incident, None);
    }

    pub fn card_at(&self, incident: &Incident, posted: Option<Posted>) {
        self.send(ChatJob::Card(Arc::new(CardState {
            incident: incident.clone(),
            posted,
            paused: None,
        })));
    }

    pub fn tell(&self, incident: u64, effect: u64, note: Note) {
        self.send(ChatJob::Tell {
            effect,
            incident: IncidentId(incident),
            note,
        });
    }

    /// Lets this much time pass.
    pub async fn pass(&mut self, seconds: f64) {
        tokio::time::sleep(Duration::from_secs_f64(seconds)).await;
        self.collect();
    }

    fn collect(&mut self) {
        while let Ok(delivered) = self.delivered.try_recv() {
            self.log.push(delivered);
        }
    }

    /// Messages in the channel that are no replies.
    pub fn top(&self) -> Vec<Message> {
        let mut messages = self.sim.messages(CHANNEL);
        messages.retain(|message| message.thread_ts.is_none());
        messages
    }

    pub fn replies(&self, ts: &str) -> Vec<Message> {
        self.sim.thread(CHANNEL, ts).split_off(1)
    }

    pub fn calls(&self, method: &str) -> usize {
        let calls = self.sim.calls();
        calls.iter().filter(|call| call.method == method).count()
    }

    pub fn count(&self, name: &str, label: &str) -> u64 {
        let counts = self.counts.0.lock().unwrap();
        let key = (name.to_owned(), label.to_owned());
        counts.get(&key).copied().unwrap_or_default()
    }

    /// Where the engine believes the card to be.
    pub fn posted(&self, incident: u64) -> Option<Posted> {
        self.log.iter().rev().find_map(|delivered| match delivered {
            Delivered::Card {
                incident: IncidentId(id),
                posted,
            } if *id == incident => Some(posted.clone()),
            _ => None,
        })
    }

    /// What waits, as the engine is told.
    pub fn waiting(&self) -> Backlog {
        *self.waiting.as_ref().unwrap().borrow()
    }

    /// The effects that were confirmed.
    pub fn said(&self) -> Vec<u64> {
        let said = self.log.iter().filter_map(|delivered| match delivered {
            Delivered::Note { effect, .. } => Some(*effect),
            _ => None,
        });
        said.collect()
    }
}

/// An incident of the workload `app-N` that needs a person.
pub fn incident(id: u64) -> Incident {
    let owner = ObjectRef::new(
        "Deployment",
        "shop",
        &format!("app-{id}"),
        &format!("u{id}"),
    );
    Incident {
        id: IncidentId(id),
        cluster: "c".into(),
        owner: owner.clone(),
        family: Family::Crash,
        opened: at(1),
        latest: Latest {
            at: at(1),
            subject: owner,
            container: Some("app".into()),
            reason: "BackOff".into(),
            message: "back-off".into(),
        },
        signals: 1,
        runs: None,
        state: State::Waiting { why: Why::Unknown },
        diagnosis: None,
        managed_by: None,
        forecast: None,
        tries: vec![],
        muted: None,
        clear_since: None,
        request: 1,
        proposals: 0,
        wake: None,
        seed: "seed".into(),
        before: vec![],
    }
}

/// The same with an action on offer.
pub fn proposed(id: u64, severity: Severity) -> Incident {
    let mut incident = incident(id);
    incident.diagnosis = Some(Diagnosis {
        signature: "s".into(),
        family: Family::Crash,
        headline: "is crash-looping".into(),
        cause: "It exits.".into(),
        proof: vec![],
        severity,
        confidence: 0.9,
        candidates: vec![],
        advice: None,
        time_to_failure: None,
        details: vec![],
    });
    let action = restart(&incident);
    incident.state = State::Proposed {
        proposal: Proposal {
            number: 1,
            token: "token".into(),
            risk: Risk::Low,
            action,
            reason: "It helps.".into(),
            dry_run: DryRun {
                generation: 1,
                spec: None,
                diff: vec![],
                refusal: None,
            },
            record: TrackRecord::default(),
            warnings: vec![],
            expires: at(3_600),
            approvals: vec![],
            approvals_needed: 1,
        },
    };
    incident
}

pub fn restart(incident: &Incident) -> Action {
    Action::RolloutRestart {
        target: incident.owner.clone(),
    }
}

pub fn closed(id: u64, verdict: Verdict) -> Incident {
    let mut incident = incident(id);
    incident.state = State::Closed {
        verdict,
        detail: "clear".into(),
        at: at(60),
        execution: None,
    };
    incident
}

pub fn progress(summary: &str) -> Note {
    Note::Progress {
        execution: "e1".into(),
        summary: summary.into(),
        clear: None,
    }
}

pub fn new_cause(text: &str) -> Note {
    Note::NewCause {
        headline: "is failing".into(),
        cause: text.into(),
    }
}
