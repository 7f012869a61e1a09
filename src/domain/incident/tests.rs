//! The state machine, alone: a world that a step needs, and what must be so at single steps.
mod blind;
mod happening;
mod properties;

use super::super::{
    action::{Action, ActionKind, RevisionRef},
    diagnosis::Candidate,
    evidence::{Evidence, Revision},
    family::Family,
    forecast::{self, Boundary, Outlook, RunEnd, Tier, When},
    memory::Memory,
    object::ObjectRef,
    policy::{Approved, Person, Policy, Rule, Standing},
    proposal::DryRun,
    recovery::{Observation, Remaining, Target},
    report::Pause,
    signal::Signal,
    view::{ContainerState, ContainerView, PodView, Terminated, WorkloadView},
    waits::Waits,
};
use super::*;
use happening::{Happening, input};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use std::collections::HashMap;

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn owner() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout", "u-checkout")
}

fn signal(family: Family) -> Signal {
    Signal {
        cluster: "test".into(),
        key: "k".into(),
        at: start(),
        owner: owner(),
        subject: ObjectRef::new("Pod", "shop", "checkout-1", "u-pod"),
        run: None,
        family,
        container: Some("app".into()),
        reason: "CrashLoopBackOff".into(),
        message: String::new(),
        from_start: false,
    }
}

fn person(id: &str, standing: Standing) -> Person {
    Person {
        id: id.into(),
        team: "T".into(),
        groups: vec![],
        standing,
    }
}

fn policy(approvals: u8) -> Policy {
    let rule = Rule {
        actions: ActionKind::ALL.to_vec(),
        namespaces: vec!["*".into()],
        users: vec!["U1".into(), "U2".into(), "U-guest".into()],
        groups: vec![],
        approvals,
    };
    Policy {
        rules: vec![rule],
        team: "T".into(),
    }
}

/// Everything that a step needs, owned.
struct World {
    waits: Waits,
    policy: Policy,
    memory: Memory,
    pause: Option<Pause>,
    executions: HashMap<String, Vec<Timestamp>>,
    healthy: HashMap<(String, String), Timestamp>,
}

impl World {
    fn new(approvals: u8) -> Self {
        Self {
            waits: Waits::default(),
            policy: policy(approvals),
            memory: Memory::default(),
            pause: None,
            executions: HashMap::new(),
            healthy: HashMap::new(),
        }
    }

    fn context(&self) -> Context<'_> {
        Context {
            waits: &self.waits,
            pace: 1.0,
            policy: &self.policy,
            memory: &self.memory,
            paused: self.pause.as_ref(),
            executions: &self.executions,
            allowed: &ActionKind::ALL,
            healthy: &self.healthy,
        }
    }

    fn open(&self) -> Incident {
        let opening = Opening {
            id: IncidentId(7),
            seed: "5eed5eed5eed".into(),
            muted: None,
            before: vec![],
            forecast: None,
        };
        open(opening, &signal(Family::Crash), start(), &self.context()).incident
    }

    fn step(&self, incident: Incident, input: Input, now: Timestamp) -> Step {
        step(incident, input, now, &self.context())
    }

    /// An incident about a forecast with an offer on the table.
    fn foreseen(&self) -> Incident {
        let opening = Opening {
            id: IncidentId(7),
            seed: "5eed5eed5eed".into(),
            muted: None,
            before: vec![],
            forecast: Some(Box::new(foreseen(2, 0, 110, false, start()))),
        };
        let told = foreseen(2, 0, 110, false, start());
        let signal = forecast_signal("test", &told);
        self.offered(open(opening, &signal, start(), &self.context()).incident)
    }

    /// An incident with an offer on the table.
    fn proposed(&self) -> Incident {
        self.offered(self.open())
    }

    fn offered(&self, mut incident: Incident) -> Incident {
        let candidate = Candidate {
            action: undo(),
            reason: String::new(),
            warnings: vec![],
        };
        incident.state = State::Preparing {
            candidates: vec![candidate],
            since: start(),
            attempts: 0,
        };
        let request = incident.request;
        let dry = Ok(DryRun {
            generation: 4,
            spec: None,
            diff: vec![],
            refusal: None,
        });
        self.step(
            incident,
            Input::DryRan {
                request,
                result: dry,
            },
            start(),
        )
        .incident
    }
}

fn undo() -> Action {
    let rev = |number: i64| RevisionRef {
        number,
        name: format!("checkout-{number}"),
    };
    Action::RolloutUndo {
        target: owner(),
        to: rev(1),
        from: rev(2),
    }
}

fn crash_evidence() -> Evidence {
    let mut evidence = Evidence::empty(start());
    let end = Terminated {
        reason: "Error".into(),
        exit_code: 1,
        message: String::new(),
        started: Some(start()),
        finished: Some(start()),
    };
    let container = ContainerView {
        name: "app".into(),
        init: false,
        image: "busybox:1.36".into(),
        ready: false,
        restarts: 3,
        state: ContainerState::Waiting {
            reason: "CrashLoopBackOff".into(),
            message: String::new(),
        },
        last: Some(end),
        memory_limit: None,
        cpu_limit: None,
        probed: false,
    };
    evidence.pods = vec![PodView {
        namespace: "shop".into(),
        name: "checkout-1".into(),
        uid: "u-pod".into(),
        owner: None,
        template_hash: Some("2".into()),
        node: None,
        phase: "Running".into(),
        reason: None,
        message: None,
        created: start(),
        deleting: false,
        ready: false,
        ready_changed: None,
        unschedulable: None,
        disruption: None,
        containers: vec![container],
    }];
    evidence.workload = Some(WorkloadView {
        object: owner(),
        resource_version: "1".into(),
        generation: 4,
        observed_generation: 4,
        created: start(),
        desired: 1,
        replicas: 2,
        updated: 1,
        ready: 1,
        available: 1,
        paused: false,
        strategy: "RollingUpdate".into(),
        conditions: vec![],
        containers: vec![],
        owner: None,
        revision: Some(2),
        managed_by: None,
        last_execution: None,
        service_account: None,
        node_selector: Default::default(),
        job: None,
        max_unavailable: Some(0),
    });
    let revision = |number: i64, current, available| Revision {
        number,
        name: format!("checkout-{number}"),
        hash: number.to_string(),
        created: start(),
        current,
        available,
        seen_healthy: None,
        images: vec![],
        diff: vec!["containers.app.command: a → b".into()],
    };
    evidence.revisions = vec![revision(2, true, 0), revision(1, false, 1)];
    evidence
}

fn who(number: u8) -> Person {
    match number {
        0 => person("U1", Standing::Member),
        1 => person("U2", Standing::Member),
        2 => person("U3", Standing::Member),
        3 => person("U-guest", Standing::Guest),
        _ => Person {
            team: "T-other".into(),
            ..person("U1", Standing::Member)
        },
    }
}

#[test]
fn a_forecast_without_figures_ends_after_two_hours_at_the_pace_of_production() {
    let world = World::new(1);
    let incident = world.foreseen();
    let closes = |pace: f64, minutes: i64| {
        let seen = Input::Observed {
            request: incident.request,
            result: Ok(Box::new(Observation {
                at: start(),
                target: Some(Target {
                    generation: 4,
                    complete: true,
                    desired: 1,
                    available: 1,
                    persisted: None,
                }),
                symptom: None,
                restarts: 0,
                summary: "1 of 1".into(),
            })),
        };
        let context = Context {
            pace,
            ..world.context()
        };
        let now = start() + SignedDuration::from_mins(minutes);
        step(incident.clone(), seen, now, &context)
            .incident
            .is_closed()
    };
    assert!(!closes(1.0, 119) && closes(1.0, 120));
    assert!(!closes(0.1, 11) && closes(0.1, 12));
}

/// A forecast of this tier for one of three runs in two containers.
fn foreseen(tier: u8, other: u8, minutes: i64, anew: bool, now: Timestamp) -> Outlook {
    let mut outlook = forecast::testkit::outlook("app", 3600);
    let later = |minutes: i64| now + SignedDuration::from_mins(minutes);
    outlook.at = now;
    outlook.owner = owner();
    outlook.tier = [Tier::Clear, Tier::Notice, Tier::Page][usize::from(tier)];
    outlook.when = (tier > 0).then(|| When {
        earliest: later(minutes / 2),
        median: later(minutes),
        latest: later(minutes * 2),
    });
    outlook.rising_since = if anew { now } else { later(-300) };
    outlook.run = u32::from(other == 1);
    if other == 2 {
        outlook.container = "sidecar".into();
    }
    outlook
}

#[test]
fn a_recovered_incident_is_closed_with_a_lesson() {
    let world = World::new(1);
    let token = world.proposed().token();
    let click = Click {
        by: who(0),
        token,
        kind: ClickKind::Approve,
    };
    let step = world.step(world.proposed(), Input::Click(click), start());
    let id = step.incident.execution().unwrap().id.clone();
    let outcome = Outcome::Applied {
        generation: 5,
        at: start(),
        available_before: 1,
        after: Vec::new(),
    };
    let mut incident = world
        .step(
            step.incident,
            Input::Executed {
                execution: id,
                outcome,
            },
            start(),
        )
        .incident;
    let mut lesson = None;
    for seconds in (5..=130).step_by(5) {
        let now = start()
            .checked_add(SignedDuration::from_secs(seconds))
            .unwrap();
        let clear = Happening::Observed {
            right: true,
            clear: true,
            gone: false,
            on_new: false,
            persisted: true,
        };
        let look = input(&clear, &incident, now).unwrap();
        let step = world.step(incident, look, now);
        lesson = lesson.or(step.lesson);
        incident = step.incident;
    }
    assert!(matches!(
        incident.state,
        State::Closed {
            verdict: Verdict::Recovered,
            ..
        }
    ));
    // Without a diagnosis there is no signature to learn about; with one there is.
    assert_eq!(lesson.is_some(), incident.diagnosis.is_some());
}

#[test]
fn the_kill_switch_and_the_budget_stop_an_approval_with_a_reason() {
    let mut world = World::new(1);
    let click = || {
        Input::Click(Click {
            by: who(0),
            token: world_token(),
            kind: ClickKind::Approve,
        })
    };
    fn world_token() -> String {
        World::new(1).proposed().token()
    }
    world.pause = Some(Pause {
        by: "U2".into(),
        since: start(),
        reason: String::new(),
    });
    let refused = |world: &World| match world.step(world.proposed(), click(), start()).reply {
        Some(ClickReply::Refused(why)) => why,
        other => panic!("expected a refusal, got {other:?}"),
    };
    insta::assert_snapshot!(refused(&world), @"Actions are paused by <@U2>. `/heal resume` lets them run again.");
    world.pause = None;
    let five_min_ago = start().checked_sub(SignedDuration::from_mins(5)).unwrap();
    world.executions.insert(owner().uid, vec![five_min_ago]);
    insta::assert_snapshot!(refused(&world), @"Deployment shop/checkout was changed 5 min ago. Heal waits 10 min between two changes of one object; try again in 5 min.");
    let hours_ago = |h| start().checked_sub(SignedDuration::from_hours(h)).unwrap();
    world
        .executions
        .insert(owner().uid, vec![hours_ago(1), hours_ago(2), hours_ago(3)]);
    insta::assert_snapshot!(refused(&world), @"Deployment shop/checkout was changed 3 times in 24 h, which is the limit. A person should look at the cause.");
}

#[test]
fn a_node_that_evicts_as_foreseen_stays_one_incident_whichever_watch_says_it_first() {
    let bench = World::new(1);
    let told = bench.foreseen().forecast.unwrap();
    let short = Input::Signal(Signal {
        reason: "MemoryPressure".into(),
        container: None,
        ..signal(Family::Node)
    });
    let ended = Input::RunEnded(RunEnd {
        owner: told.owner.clone(),
        container: told.container.clone(),
        pod: told.pod.clone(),
        run: told.run,
        began: None,
        at: start(),
        oom: true,
        unseen: false,
        limit: Some(told.limit),
    });
    for inputs in [[&short, &ended], [&ended, &short]] {
        let mut incident = bench.foreseen();
        if let Some(told) = &mut incident.forecast {
            told.boundary = Boundary::Node;
        }
        let mut said = 0;
        for input in inputs {
            let step = bench.step(incident, input.clone(), start());
            let came = |effect: &&Effect| {
                matches!(
                    effect,
                    Effect::Tell {
                        note: Note::KillCame { .. }
                    }
                )
            };
            said += step.effects.iter().filter(came).count();
            incident = step.incident;
            assert_eq!(
                (incident.family, incident.latest.reason.as_str()),
                (Family::Node, "MemoryPressure")
            );
        }
        assert_eq!(said, 1);
    }
}

#[test]
fn another_trouble_of_a_node_is_not_what_was_foreseen() {
    let bench = World::new(1);
    let mut incident = bench.foreseen();
    if let Some(told) = &mut incident.forecast {
        told.boundary = Boundary::Node;
    }
    let full_disk = Signal {
        reason: "DiskPressure".into(),
        ..signal(Family::Node)
    };
    assert!(!came_true(&incident, &full_disk));
    assert!(!came_true(&incident, &signal(Family::Oom)));
}
