//! Properties that must hold for every sequence of inputs, in any order, with wrong tokens, wrong answers and wrong people.
use super::super::{
    action::{Action, ActionKind, RevisionRef},
    diagnosis::Candidate,
    evidence::{Evidence, Revision},
    family::Family,
    forecast::{self, Outlook, RunEnd, Tier, When},
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

/// A random happening; numbers are taken modulo what is there.
#[derive(Clone, Debug)]
enum Happening {
    Signal(Family),
    LooksClear,
    Inspected {
        right: bool,
        ok: bool,
    },
    DryRan {
        right: bool,
        kind: u8,
    },
    Executed {
        right: bool,
        outcome: u8,
    },
    Observed {
        right: bool,
        clear: bool,
        gone: bool,
        on_new: bool,
        persisted: bool,
    },
    Approve {
        who: u8,
        right: bool,
    },
    Dismiss {
        who: u8,
        right: bool,
    },
    CheckAgain {
        who: u8,
    },
    Wake,
    Pause(bool),
    Forecast {
        tier: u8,
        other: u8,
        minutes: i64,
        anew: bool,
    },
    RunEnded {
        oom: bool,
        other: u8,
    },
}

fn happening() -> impl Strategy<Value = Happening> {
    let family = proptest::sample::select(Family::ALL.to_vec());
    prop_oneof![
        2 => family.prop_map(Happening::Signal),
        1 => Just(Happening::LooksClear),
        6 => (prop::bool::weighted(0.8), prop::bool::weighted(0.8)).prop_map(|(right, ok)| Happening::Inspected { right, ok }),
        6 => (prop::bool::weighted(0.8), 0u8..4).prop_map(|(right, kind)| Happening::DryRan { right, kind }),
        5 => (prop::bool::weighted(0.8), 0u8..8).prop_map(|(right, outcome)| Happening::Executed { right, outcome }),
        6 => (prop::bool::weighted(0.9), any::<bool>(), prop::bool::weighted(0.05), any::<bool>(), prop::bool::weighted(0.9))
            .prop_map(|(right, clear, gone, on_new, persisted)| Happening::Observed { right, clear, gone, on_new, persisted }),
        8 => (0u8..5, prop::bool::weighted(0.8)).prop_map(|(who, right)| Happening::Approve { who, right }),
        1 => (0u8..5, any::<bool>()).prop_map(|(who, right)| Happening::Dismiss { who, right }),
        1 => (0u8..5).prop_map(|who| Happening::CheckAgain { who }),
        6 => Just(Happening::Wake),
        1 => any::<bool>().prop_map(Happening::Pause),
        4 => (0u8..3, 0u8..3, 1i64..300, any::<bool>())
            .prop_map(|(tier, other, minutes, anew)| Happening::Forecast { tier, other, minutes, anew }),
        1 => (any::<bool>(), 0u8..3).prop_map(|(oom, other)| Happening::RunEnded { oom, other }),
    ]
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

fn input(happening: &Happening, incident: &Incident, now: Timestamp) -> Option<Input> {
    let request = |right: bool| {
        if right {
            incident.request
        } else {
            incident.request + 100
        }
    };
    let token = |right: bool| {
        if right {
            incident.token()
        } else {
            format!("{}.99.x", incident.id)
        }
    };
    let click = |who_: u8, right, kind| {
        Input::Click(Click {
            by: who(who_),
            token: token(right),
            kind,
        })
    };
    Some(match *happening {
        Happening::Signal(family) => Input::Signal(Signal {
            at: now,
            ..signal(family)
        }),
        Happening::LooksClear => Input::LooksClear,
        Happening::Inspected { right, ok } => Input::Inspected {
            request: request(right),
            result: if ok {
                Ok(Box::new(crash_evidence()))
            } else {
                Err("down".into())
            },
        },
        Happening::DryRan { right, kind } => Input::DryRan {
            request: request(right),
            result: match kind {
                0 => Err("down".into()),
                1 => Ok(DryRun {
                    generation: 4,
                    spec: None,
                    diff: vec![],
                    refusal: Some("quota".into()),
                }),
                _ => Ok(DryRun {
                    generation: 4,
                    spec: None,
                    diff: vec!["a".into()],
                    refusal: None,
                }),
            },
        },
        Happening::Executed { right, outcome } => Input::Executed {
            execution: match (right, incident.execution()) {
                (true, Some(execution)) => execution.id.clone(),
                _ => "H7-1-other".into(),
            },
            outcome: match outcome {
                0 => Outcome::Stale {
                    why: "generation".into(),
                },
                1 => Outcome::Healed,
                2 => Outcome::Refused {
                    why: "forbidden".into(),
                },
                3 => Outcome::Unknown {
                    why: "time-out".into(),
                },
                _ => Outcome::Applied {
                    generation: 5,
                    at: now,
                    available_before: 1,
                },
            },
        },
        Happening::Observed {
            right,
            clear,
            gone,
            on_new,
            persisted,
        } => Input::Observed {
            request: request(right),
            result: Ok(Box::new(Observation {
                at: now,
                target: (!gone).then_some(Target {
                    generation: 5,
                    complete: clear,
                    desired: 1,
                    available: i32::from(clear),
                    persisted: Some(persisted),
                }),
                symptom: (!clear).then(|| Remaining {
                    family: Family::Crash,
                    text: "exit 1".into(),
                    on_new_pod: on_new,
                }),
                restarts: 0,
                summary: "1 of 1".into(),
            })),
        },
        Happening::Approve { who, right } => click(who, right, ClickKind::Approve),
        Happening::Dismiss { who, right } => click(
            who,
            right,
            ClickKind::Dismiss {
                reason: DismissReason::Other,
                comment: String::new(),
            },
        ),
        Happening::CheckAgain { who } => click(who, true, ClickKind::CheckAgain),
        Happening::Wake => Input::Wake,
        Happening::Forecast {
            tier,
            other,
            minutes,
            anew,
        } => Input::Forecast(Box::new(foreseen(tier, other, minutes, anew, now))),
        Happening::RunEnded { oom, other } => {
            let told = foreseen(0, other, 60, false, now);
            Input::RunEnded(RunEnd {
                owner: told.owner,
                container: told.container,
                pod: told.pod,
                run: told.run,
                began: None,
                at: now,
                oom,
                limit: Some(told.limit),
            })
        }
        Happening::Pause(_) => return None,
    })
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

/// Runs the happenings and checks every property at every step. Gives the number of executions.
fn run(approvals: u8, happenings: &[(Happening, i64)]) -> Result<usize, TestCaseError> {
    let world = World::new(approvals);
    let incident = world.proposed();
    run_from(world, incident, approvals, happenings)
}

fn run_from(
    mut world: World,
    mut incident: Incident,
    approvals: u8,
    happenings: &[(Happening, i64)],
) -> Result<usize, TestCaseError> {
    let mut now = start();
    let (mut executions, mut lessons) = (Vec::new(), Vec::new());
    for (happening, seconds) in happenings {
        now = now
            .checked_add(SignedDuration::from_secs(*seconds))
            .unwrap();
        if let (Happening::Wake, Some(wake)) = (happening, incident.wake) {
            now = now.max(wake);
        }
        if let Happening::Pause(on) = happening {
            world.pause = on.then(|| Pause {
                by: "U1".into(),
                since: now,
                reason: String::new(),
            });
        }
        let Some(input) = input(happening, &incident, now) else {
            continue;
        };
        let before = incident.clone();
        let is_click = matches!(input, Input::Click(_));
        let step = world.step(incident, input.clone(), now);
        let after = &step.incident;

        prop_assert_eq!(
            is_click,
            step.reply.is_some(),
            "every click is answered, and only clicks are"
        );
        prop_assert_eq!(
            after.is_closed(),
            after.wake.is_none(),
            "whatever is not closed has an alarm: {:?}",
            after.state
        );
        if let Some(wake) = after.wake {
            let late = wake.duration_since(now);
            prop_assert!(
                late <= SignedDuration::from_hours(2),
                "the alarm is near: {late:?}"
            );
        }
        prop_assert!(
            before.family == Family::Forecast || after.family != Family::Forecast,
            "what is broken does not become a forecast again"
        );
        if before.is_closed() {
            prop_assert_eq!(&before.state, &after.state, "closed is closed");
        }
        let runs: Vec<&String> = step
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Execute { execution } => Some(execution),
                _ => None,
            })
            .collect();
        prop_assert!(runs.len() <= 1);
        if let Some(id) = runs.first() {
            let Input::Click(click) = &input else {
                return Err(TestCaseError::fail("executed without a click"));
            };
            let offer = before.proposal().expect("an offer was on the table");
            prop_assert_eq!(&click.kind, &ClickKind::Approve);
            prop_assert_eq!(&click.token, &offer.token);
            prop_assert!(
                click.by.standing == Standing::Member
                    && click.by.team == "T"
                    && click.by.id != "U3"
            );
            prop_assert!(now < offer.expires && world.pause.is_none());
            prop_assert!(
                before.family != Family::Forecast || before.clear_since.is_none(),
                "nothing is done about a growth that has stopped"
            );
            let approved = Approved::of(after).expect("the record proves the approval");
            prop_assert_eq!(approved.execution(), id.as_str());
            let mut people: Vec<&str> = after
                .execution()
                .unwrap()
                .proposal
                .approvals
                .iter()
                .map(|a| a.by.id.as_str())
                .collect();
            people.sort_unstable();
            people.dedup();
            prop_assert!(
                people.len() >= usize::from(approvals),
                "that many different people approved"
            );
            prop_assert!(!executions.contains(*id), "no execution is asked for twice");
            prop_assert!(
                step.audit
                    .iter()
                    .any(|entry| entry.what == "decision.approved")
            );
            executions.push((*id).clone());
        }
        if let Some(lesson) = &step.lesson {
            prop_assert!(
                matches!(before.state, State::Verifying { .. }),
                "only a followed recovery teaches"
            );
            prop_assert!(
                !lessons.contains(&lesson.execution),
                "an execution teaches once"
            );
            lessons.push(lesson.execution.clone());
        }
        if matches!(
            after.state,
            State::Closed {
                verdict: Verdict::Recovered,
                ..
            }
        ) && !before.is_closed()
        {
            prop_assert!(
                matches!(before.state, State::Verifying { .. }),
                "recovered only after a followed recovery"
            );
        }
        let reread: Incident =
            serde_json::from_str(&serde_json::to_string(after).unwrap()).unwrap();
        prop_assert_eq!(&reread, after, "what is stored is what comes back");
        incident = step.incident;
    }
    Ok(executions.len())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_sequence_of_inputs_breaks_an_invariant(
        happenings in prop::collection::vec((happening(), 0i64..400), 1..60),
        approvals in 1u8..=2,
    ) {
        run(approvals, &happenings)?;
    }

    #[test]
    fn nor_does_one_about_what_has_not_happened_yet(
        happenings in prop::collection::vec((happening(), 0i64..400), 1..60),
        approvals in 1u8..=2,
    ) {
        let world = World::new(approvals);
        let incident = world.foreseen();
        run_from(world, incident, approvals, &happenings)?;
    }
}

/// The property test would be worth nothing if its sequences never came to an execution and a verdict.
#[test]
fn the_plain_story_goes_through_the_machine() {
    let approve = (
        Happening::Approve {
            who: 0,
            right: true,
        },
        1,
    );
    let applied = (
        Happening::Executed {
            right: true,
            outcome: 4,
        },
        1,
    );
    let clear = Happening::Observed {
        right: true,
        clear: true,
        gone: false,
        on_new: false,
        persisted: true,
    };
    let story = [
        approve.clone(),
        approve.clone(),
        applied,
        (clear.clone(), 1),
        (Happening::Wake, 0),
        (clear, 130),
    ];
    assert_eq!(run(1, &story).unwrap(), 1, "the second click runs nothing");
    assert_eq!(run(2, &story).unwrap(), 0, "one person is not two");
    let second = (
        Happening::Approve {
            who: 1,
            right: true,
        },
        1,
    );
    assert_eq!(run(2, &[approve, second]).unwrap(), 1);
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
