//! The property that hostile text stays harmless, wherever it stands.
use super::super::{card, digest::digest, limits::problems, modal, note::note, reply, sample};
use crate::domain::{
    diagnosis::Proof,
    incident::{ClickReply, DismissReason, Incident, Note, State, Why},
    memory::TrackRecord,
    object::ObjectRef,
    policy::Person,
    recovery::Verdict,
    report::{Pause, Report},
    view::GitOps,
};
use jiff::SignedDuration;
use proptest::prelude::*;

/// An incident with this text in every place where foreign text can be.
fn infested(mut incident: Incident, text: &str) -> Incident {
    let object = || ObjectRef::new(text, text, text, text);
    incident.owner = object();
    incident.cluster = text.into();
    incident.latest.subject = object();
    incident.latest.message = text.into();
    incident.latest.reason = text.into();
    incident.latest.container = Some(text.into());
    incident.managed_by = Some(GitOps {
        tool: text.into(),
        name: Some(text.into()),
    });
    if let Some(outlook) = &mut incident.forecast {
        outlook.owner = object();
        outlook.pod = object();
        outlook.container = text.into();
        outlook.why = text.into();
    }
    if let Some(diagnosis) = &mut incident.diagnosis {
        diagnosis.cause = text.into();
        diagnosis.headline = text.into();
        diagnosis.signature = text.into();
        diagnosis.advice = Some(text.into());
        diagnosis.details = vec![text.into(); 40];
        diagnosis.proof = vec![Proof::Fact { text: text.into() }; 8];
        diagnosis.proof.extend(vec![
            Proof::Log {
                title: text.into(),
                lines: vec![text.into(); 8]
            };
            4
        ]);
    }
    match &mut incident.state {
        State::Proposed { proposal } => infest(proposal, text),
        State::Executing { execution } | State::Verifying { execution, .. } => {
            infest(&mut execution.proposal, text)
        }
        State::Closed {
            detail, execution, ..
        } => {
            *detail = text.into();
            if let Some(execution) = execution {
                infest(&mut execution.proposal, text);
                execution.id = text.into();
            }
        }
        State::Waiting { why } => match why {
            Why::Blind { error: words }
            | Why::Refused { refusal: words, .. }
            | Why::NeedsHuman { detail: words } => *words = text.into(),
            Why::Dismissed { comment, .. } => *comment = text.into(),
            _ => {}
        },
        _ => {}
    }
    incident
}

fn infest(proposal: &mut crate::domain::proposal::Proposal, text: &str) {
    use crate::domain::action::Action;
    let object = || ObjectRef::new(text, text, text, text);
    match &mut proposal.action {
        Action::SetMemoryLimit {
            target, container, ..
        } => {
            *target = object();
            *container = text.into();
        }
        Action::RolloutUndo { target, .. } => *target = object(),
        _ => {}
    }
    proposal.reason = text.into();
    proposal.warnings = vec![text.into(); 8];
    proposal.dry_run.diff = vec![text.into(); 20];
}

fn notes(text: &str) -> Vec<Note> {
    let action = sample::raise();
    vec![
        Note::NotDone {
            action: action.clone(),
            why: text.into(),
        },
        Note::Progress {
            execution: text.into(),
            summary: text.into(),
            clear: None,
        },
        Note::Verdict {
            verdict: Verdict::Ineffective,
            detail: text.into(),
            took: SignedDuration::from_secs(9),
            action: Some(action),
            record: Some(TrackRecord::default()),
        },
        Note::Dismissed {
            by: sample::ana(),
            reason: DismissReason::Other,
            comment: text.into(),
        },
        Note::NewCause {
            headline: text.into(),
            cause: text.into(),
        },
        Note::FirstApproval {
            by: Person {
                id: text.into(),
                ..sample::ana()
            },
            needed: 2,
        },
    ]
}

/// Text as bad as it gets: markup, escapes, invisible characters, nothing, and very long.
fn hostile() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("<!channel>".to_owned()),
        Just("<@UEVIL>".to_owned()),
        Just("<https://evil|click>".to_owned()),
        Just("```".to_owned()),
        Just("`*_~".to_owned()),
        Just("&lt;!here&gt;".to_owned()),
        Just("&".to_owned()),
        Just("\u{202e}\u{200b}\r\n\t".to_owned()),
        Just("\u{1b}[31m".to_owned()),
        Just("<!date^1^{time}|".to_owned()),
        "\\PC{0,8}",
        "[a-z.-]{0,30}",
    ];
    (
        prop::collection::vec(piece, 0..12),
        prop_oneof![Just(1usize), Just(1), Just(8), Just(40)],
    )
        .prop_map(|(pieces, times)| pieces.concat().repeat(times))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, failure_persistence: None, ..ProptestConfig::default() })]
    #[test]
    fn no_foreign_text_comes_alive_or_makes_a_message_that_slack_refuses(text in hostile()) {
        for incident in sample::every_state() {
            let incident = infested(incident, &text);
            for paused in [None, Some("U0BEN")] {
                let extras = card::Extras {
                    paused,
                    picture: Some("F0PIC"),
                };
                let card = card::card_with(&incident, extras, sample::at(0));
                prop_assert_eq!(problems(&card), Vec::<String>::new());
            }
            prop_assert_eq!(problems(&modal::details(&incident, None)), Vec::<String>::new());
        }
        let incident = infested(sample::proposed(sample::proposal()), &text);
        for said in notes(&text) {
            prop_assert_eq!(problems(&note(&incident, &said)), Vec::<String>::new());
        }
        let many = vec![&incident; 150];
        prop_assert_eq!(problems(&digest(&many, sample::at(0))), Vec::<String>::new());
        let pause = Pause { by: text.clone(), since: sample::at(0), reason: text.clone() };
        for report in [Report::Paused(pause), Report::Refused(format!("{text} <@U0ANA>")), Report::Incident(Box::new(incident), Some(("C1".into(), text.clone())))] {
            let message = reply::report(&report);
            // A refusal keeps real mentions alive: it is made of Heal's own words.
            let found: Vec<String> = problems(&message).into_iter().filter(|p| !p.contains("<@UEVIL>")).collect();
            prop_assert_eq!(found, Vec::<String>::new());
        }
        let answer = reply::click(&ClickReply::Refused(text)).unwrap();
        prop_assert!(!answer.as_str().contains("<!"));
    }
}
