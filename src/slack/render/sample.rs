//! Incidents for the tests of the renderer.
use crate::domain::{
    action::{Action, RevisionRef},
    diagnosis::{Candidate, Diagnosis, Proof, Severity},
    family::Family,
    forecast::{Chart, ChartPoint, FanPoint, Outlook, When, testkit},
    incident::{DismissReason, Execution, Incident, IncidentId, Latest, State, Try, Why},
    memory::{Tally, TrackRecord},
    object::ObjectRef,
    policy::Person,
    proposal::{Approval, DryRun, Proposal},
    recovery::{Tracking, Verdict},
    report::Pause,
    silence::{Scope, Silence},
};
use jiff::{SignedDuration, Timestamp};

/// 03:12 in the night, and so many seconds.
pub fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_795_230_720 + seconds).unwrap()
}

pub fn ana() -> Person {
    Person {
        id: "U0ANA".into(),
        team: "T1".into(),
        ..Person::default()
    }
}

pub fn owner() -> ObjectRef {
    ObjectRef::new("Deployment", "shop", "checkout", "uid-1")
}

pub fn undo() -> Action {
    let revision = |number: i64| RevisionRef {
        number,
        name: format!("checkout-{number}"),
    };
    Action::RolloutUndo {
        target: owner(),
        to: revision(41),
        from: revision(42),
    }
}

pub fn raise() -> Action {
    Action::SetMemoryLimit {
        target: owner(),
        container: "app".into(),
        from: 256 << 20,
        to: 512 << 20,
        request: None,
    }
}

pub fn diagnosis() -> Diagnosis {
    Diagnosis {
        signature: "crash.exit_code".into(),
        family: Family::Crash,
        headline: "is crash-looping".into(),
        cause: "Revision 42 does not find the variable DATABASE_URL and exits with code 1".into(),
        proof: vec![
            Proof::Fact {
                text: "exit code 1, 4 times in 6 min".into(),
            },
            Proof::Fact {
                text: "2 pods of revision 41 are available now".into(),
            },
            Proof::Log {
                title: "last lines of app before it ended".into(),
                lines: vec![
                    "INFO  starting checkout 2.4.0".into(),
                    "\u{1b}[31mERROR\u{1b}[0m KeyError: 'DATABASE_URL' <!channel> ``` *boom*"
                        .into(),
                ],
            },
        ],
        severity: Severity::Critical,
        confidence: 0.95,
        candidates: vec![],
        advice: None,
        time_to_failure: Some(SignedDuration::from_secs(3)),
        details: vec!["Image of revision 42: registry.example/shop/checkout:2.4.0".into()],
    }
}

pub fn proposal() -> Proposal {
    Proposal {
        number: 1,
        token: "tok-1".into(),
        action: undo(),
        reason: "It came with revision 42; revision 41 works beside it".into(),
        risk: undo().kind().risk(),
        dry_run: DryRun {
            generation: 7,
            spec: None,
            diff: vec![
                "spec.template.spec.containers[app].image: checkout:2.4.0 → checkout:2.3.9".into(),
                "spec.template.spec.containers[app].env: – → DATABASE_URL".into(),
            ],
            refusal: None,
        },
        record: TrackRecord {
            here: Tally {
                successes: 4,
                failures: 1,
            },
            anywhere: Tally {
                successes: 9,
                failures: 2,
            },
        },
        warnings: vec![],
        expires: at(3_600),
        approvals: vec![],
        approvals_needed: 1,
    }
}

/// The proposal to raise a memory limit, which asks two people and has warnings.
pub fn risky() -> Proposal {
    Proposal {
        action: raise(),
        reason: "The container was killed at its limit of 256Mi".into(),
        risk: raise().kind().risk(),
        record: TrackRecord::default(),
        warnings: vec!["Argo CD manages this Deployment and may put the old limit back".into()],
        approvals: vec![Approval {
            by: ana(),
            at: at(120),
        }],
        approvals_needed: 2,
        ..proposal()
    }
}

pub fn execution() -> Execution {
    Execution {
        id: "x-1".into(),
        proposal: Proposal {
            approvals: vec![Approval {
                by: ana(),
                at: at(60),
            }],
            ..proposal()
        },
        decided: at(60),
        applied: Some(at(62)),
    }
}

pub fn tracking() -> Tracking {
    Tracking {
        since: at(62),
        generation: 8,
        available_before: 1,
        soak: SignedDuration::from_secs(120),
        clear_since: Some(at(122)),
        restarts: 0,
        deadline: at(662),
        extended: false,
        last_look: Some(at(130)),
        summary: "3 of 3 pods ready".into(),
        relapses: 0,
    }
}

pub fn tried(verdict: Verdict) -> Try {
    Try {
        action: undo(),
        verdict,
        at: at(300),
    }
}

pub fn incident(state: State) -> Incident {
    Incident {
        id: IncidentId(17),
        cluster: "prod-eu".into(),
        owner: owner(),
        family: Family::Crash,
        opened: at(0),
        latest: Latest {
            at: at(30),
            subject: ObjectRef::new("Pod", "shop", "checkout-7d9f-x2k4q", "uid-2"),
            container: Some("app".into()),
            reason: "CrashLoopBackOff".into(),
            message: "back-off 40s restarting failed container".into(),
        },
        signals: 7,
        runs: None,
        state,
        diagnosis: Some(diagnosis()),
        managed_by: None,
        forecast: None,
        tries: vec![],
        muted: None,
        clear_since: None,
        request: 1,
        proposals: 1,
        wake: None,
        seed: "seed".into(),
        before: vec![],
    }
}

pub fn proposed(proposal: Proposal) -> Incident {
    incident(State::Proposed { proposal })
}

pub fn closed(verdict: Verdict, detail: &str) -> Incident {
    incident(State::Closed {
        verdict,
        detail: detail.into(),
        at: at(242),
        execution: Some(execution()),
    })
}

/// `checkout` leaks: the kill is expected in 1 h 50 min.
pub fn outlook() -> Outlook {
    const MIB: u64 = 1 << 20;
    let point = |minutes: i64, mib: u64| ChartPoint {
        t: at(60 * minutes).as_second(),
        mean: mib * MIB,
        max: (mib + 8) * MIB,
    };
    let fan = |minutes: i64, low: u64, median: u64, high: u64| FanPoint {
        t: at(60 * minutes).as_second(),
        low: low * MIB,
        median: median * MIB,
        high: high * MIB,
    };
    Outlook {
        at: at(0),
        owner: owner(),
        pod: ObjectRef::new("Pod", "shop", "checkout-7d9f-x2k4q", "uid-2"),
        rising: 3,
        when: Some(When {
            earliest: at(70 * 60),
            median: at(110 * 60),
            latest: at(170 * 60),
        }),
        used: 439 * MIB,
        rate: 0.66 * MIB as f64 / 60.0,
        rising_since: at(-200 * 60),
        survived: Some(364 * MIB),
        known_since: at(-7 * 86_400),
        leak_proved: true,
        why: "It rises steadily".into(),
        chart: Chart {
            past: (0..=24)
                .map(|n| point(-10 * (24 - n), 300 + 139 * n as u64 / 24))
                .collect(),
            fan: (1..=6)
                .map(|n| {
                    fan(
                        30 * n,
                        439 + 12 * n as u64,
                        439 + 20 * n as u64,
                        439 + 31 * n as u64,
                    )
                })
                .collect(),
        },
        ..testkit::outlook("app", 110 * 60)
    }
}

/// An incident about that forecast.
pub fn forecast(state: State) -> Incident {
    Incident {
        family: Family::Forecast,
        forecast: Some(Box::new(outlook())),
        diagnosis: Some(leak()),
        ..incident(state)
    }
}

/// What is found out about it.
pub fn leak() -> Diagnosis {
    Diagnosis {
        signature: "forecast.leak".into(),
        family: Family::Forecast,
        headline: "is running out of memory".into(),
        cause: "app leaks memory: all its pods fill up towards its memory limit of 512Mi and give nothing back".into(),
        proof: vec![
            Proof::Fact {
                text: "“It rises steadily”".into(),
            },
            Proof::Fact {
                text: "rises in 3 of 3 pods".into(),
            },
        ],
        severity: Severity::Major,
        ..diagnosis()
    }
}

/// Every reason not to offer anything.
pub fn every_why() -> Vec<Why> {
    vec![
        Why::NothingSafe,
        Why::Unknown,
        Why::Blind {
            error: "the cluster did not answer: connection refused".into(),
        },
        Why::Refused {
            action: raise(),
            refusal: "exceeded quota: compute, requested: limits.memory=512Mi".into(),
        },
        Why::Dismissed {
            by: ana(),
            at: at(90),
            reason: DismissReason::WrongFix,
            comment: "The database moved; I fix the secret".into(),
        },
        Why::Expired {
            action: undo(),
            at: at(3_600),
        },
        Why::NeedsHuman {
            detail: "two fixes did not help".into(),
        },
    ]
}

/// An incident in every state there is.
pub fn every_state() -> Vec<Incident> {
    let mut all = vec![
        incident(State::Inspecting {
            since: at(0),
            attempts: 0,
            undo: None,
        }),
        incident(State::Preparing {
            candidates: vec![Candidate {
                action: undo(),
                reason: String::new(),
                warnings: vec![],
            }],
            since: at(1),
            attempts: 0,
        }),
        proposed(proposal()),
        proposed(risky()),
        incident(State::Executing {
            execution: execution(),
        }),
        incident(State::Verifying {
            execution: execution(),
            tracking: tracking(),
        }),
        incident(State::Verifying {
            execution: execution(),
            tracking: Tracking {
                clear_since: None,
                relapses: 2,
                ..tracking()
            },
        }),
    ];
    all[0].diagnosis = None;
    let ahead: Vec<Incident> = all
        .iter()
        .map(|incident| forecast(incident.state.clone()))
        .collect();
    all.extend(ahead);
    all.extend(
        every_why()
            .into_iter()
            .map(|why| incident(State::Waiting { why })),
    );
    all.extend(Verdict::ALL.map(|verdict| closed(verdict, "detail")));
    all.extend(Verdict::ALL.map(|verdict| {
        let mut without = closed(verdict, "detail");
        if let State::Closed { execution, .. } = &mut without.state {
            *execution = None;
        }
        without
    }));
    for incident in &mut all {
        if incident.is_closed() {
            incident.tries = vec![tried(Verdict::Ineffective), tried(Verdict::Recovered)];
        }
    }
    all
}

/// A silence on one kind of trouble in a namespace.
pub fn silence() -> Silence {
    Silence {
        id: 3,
        scope: Scope {
            namespace: Some("load".into()),
            name: None,
            family: Some(Family::Oom),
        },
        by: "U0ANA".into(),
        from: at(0),
        until: at(14_400),
        muted: 4,
    }
}

/// The kill switch is on.
pub fn pause() -> Pause {
    Pause {
        by: "U0BEN".into(),
        since: at(50),
        reason: "deploy freeze".into(),
    }
}
