//! What can happen to an incident, at random, as inputs.
use super::*;

/// A random happening; numbers are taken modulo what is there.
#[derive(Clone, Debug)]
pub enum Happening {
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

pub fn happening() -> impl Strategy<Value = Happening> {
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

pub fn input(happening: &Happening, incident: &Incident, now: Timestamp) -> Option<Input> {
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
                    after: Vec::new(),
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
                unseen: false,
                limit: Some(told.limit),
            })
        }
        Happening::Pause(_) => return None,
    })
}
