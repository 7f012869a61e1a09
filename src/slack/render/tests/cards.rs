//! The card in every state.
use super::super::{Message, card::card, limits::seen, sample::*};
use crate::domain::{
    diagnosis::{Proof, Severity},
    incident::{Incident, IncidentId, State, Why},
    memory::{Tally, TrackRecord},
    object::ObjectRef,
    proposal::Proposal,
    recovery::{Tracking, Verdict},
    view::GitOps,
};

fn shown(incident: &Incident) -> Message {
    card(incident, None, at(100))
}

#[test]
fn an_offer_says_all_that_is_needed_to_decide() {
    insta::assert_snapshot!(seen(&shown(&proposed(proposal()))), @"");
}

#[test]
fn an_offer_that_needs_two_people_shows_who_approved_and_what_to_know() {
    let incident = Incident {
        managed_by: Some(GitOps {
            tool: "Argo CD".into(),
            name: Some("shop-prod".into()),
        }),
        before: vec![IncidentId(12), IncidentId(9)],
        ..proposed(risky())
    };
    insta::assert_snapshot!(seen(&shown(&incident)), @"");
}

#[test]
fn while_actions_are_paused_nothing_can_be_approved_and_the_card_says_who_paused() {
    let message = card(&proposed(proposal()), Some("U0BEN"), at(100));
    insta::assert_snapshot!(end(&message), @"");
}

#[test]
fn an_offer_that_has_run_out_cannot_be_approved() {
    let message = card(&proposed(proposal()), None, at(3_600));
    insta::assert_snapshot!(end(&message), @"");
}

/// From the line on which the decision begins.
fn end(message: &Message) -> String {
    let all = seen(message);
    all[all.find("*Risk").unwrap()..].to_owned()
}

#[test]
fn an_incident_without_a_diagnosis_says_what_heal_is_doing() {
    let inspecting = Incident {
        diagnosis: None,
        signals: 1,
        ..incident(State::Inspecting {
            since: at(0),
            attempts: 0,
            undo: None,
        })
    };
    let preparing = incident(State::Preparing {
        candidates: vec![],
        since: at(1),
        attempts: 0,
    });
    insta::assert_snapshot!(seen(&shown(&inspecting)), @"");
    insta::assert_snapshot!(seen(&shown(&preparing)), @"");
}

#[test]
fn without_an_offer_the_card_says_why_and_what_a_person_can_do() {
    let mut incident = incident(State::Waiting {
        why: Why::NothingSafe,
    });
    incident.diagnosis.as_mut().unwrap().advice = Some("Add DATABASE_URL to the Deployment".into());
    incident.diagnosis.as_mut().unwrap().severity = Severity::Warning;
    incident.tries = vec![tried(Verdict::Ineffective)];
    incident.muted = Some(3);
    insta::assert_snapshot!(seen(&shown(&incident)), @"");
}

#[test]
fn every_reason_not_to_offer_a_fix_is_in_plain_words() {
    let reasons: Vec<String> = every_why()
        .into_iter()
        .map(|why| {
            let message = shown(&incident(State::Waiting { why }));
            message.blocks[4]["text"]["text"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
                + "\n"
                + message.blocks[5]["text"]["text"]
                    .as_str()
                    .unwrap_or_default()
        })
        .collect();
    insta::assert_snapshot!(reasons.join("\n"), @"");
}

#[test]
fn after_the_decision_the_card_says_who_and_how_far() {
    let execution = execution();
    let executing = incident(State::Executing {
        execution: execution.clone(),
    });
    let clear = incident(State::Verifying {
        execution: execution.clone(),
        tracking: tracking(),
    });
    let relapsed = Tracking {
        clear_since: None,
        relapses: 2,
        summary: "2 of 3 pods ready, 1 starting".into(),
        ..tracking()
    };
    let not_clear = incident(State::Verifying {
        execution,
        tracking: relapsed,
    });
    insta::assert_snapshot!(seen(&shown(&executing)), @"");
    insta::assert_snapshot!(seen(&shown(&clear)), @"");
    insta::assert_snapshot!(seen(&shown(&not_clear)), @"");
}

#[test]
fn a_recovered_card_is_green_and_short() {
    insta::assert_snapshot!(seen(&shown(&closed(Verdict::Recovered, "clear for 2 min"))), @"");
}

#[test]
fn every_other_end_is_in_plain_words() {
    let detail = |verdict| match verdict {
        Verdict::Ineffective => "exit code 1 on a pod of revision 41",
        Verdict::Failed => "deployments.apps \"checkout\" is forbidden",
        Verdict::Regressed => "no pod is available now",
        Verdict::Reverted => "the change is no longer there: somebody or something took it back",
        Verdict::RecoveredByItself => "clear for 2 min",
        Verdict::TargetGone => "the object is gone",
        Verdict::Inconclusive => "the cluster could not be watched long enough to tell",
        Verdict::Recovered => "clear for 2 min",
    };
    let mut lines = Vec::new();
    for verdict in Verdict::ALL {
        for with in [true, false] {
            let mut incident = closed(verdict, detail(verdict));
            if let (State::Closed { execution, .. }, false) = (&mut incident.state, with) {
                *execution = None;
            }
            let message = shown(&incident);
            let text = |index: usize| {
                message.blocks[index]["text"]["text"]
                    .as_str()
                    .unwrap()
                    .to_owned()
            };
            lines.push(format!("{}\n  {}", text(0), text(1)));
        }
    }
    insta::assert_snapshot!(lines.join("\n"), @"");
}

#[test]
fn a_closed_card_lists_what_was_tried_before() {
    let mut incident = closed(Verdict::Recovered, "clear for 2 min");
    incident.tries = vec![tried(Verdict::Ineffective), tried(Verdict::Recovered)];
    incident.before = vec![IncidentId(12)];
    let message = shown(&incident);
    insta::assert_snapshot!(message.blocks[2]["elements"][0]["text"].as_str().unwrap(), @"");
}

#[test]
fn the_record_of_a_fix_is_told_with_its_number_of_tries() {
    let tally = |successes, failures| Tally {
        successes,
        failures,
    };
    let records = [
        TrackRecord {
            here: tally(4, 1),
            anywhere: tally(9, 2),
        },
        TrackRecord {
            here: tally(1, 0),
            anywhere: tally(1, 0),
        },
        TrackRecord {
            here: tally(0, 0),
            anywhere: tally(3, 1),
        },
        TrackRecord::default(),
    ];
    let lines: Vec<String> = records
        .iter()
        .map(|record| super::super::words::record(record).into_string())
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @"");
}

#[test]
fn names_of_any_length_leave_room_for_what_is_wrong() {
    let mut incident = proposed(proposal());
    incident.owner = ObjectRef::new(
        "Deployment",
        &"n".repeat(63),
        &format!("{}-tail", "x".repeat(240)),
        "u",
    );
    let header = shown(&incident).blocks[0]["text"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    insta::assert_snapshot!(header, @"");
}

#[test]
fn the_look_of_the_card_does_not_depend_on_the_time_until_the_offer_runs_out() {
    let incident = proposed(proposal());
    let at_time = |seconds| card(&incident, None, at(seconds)).fingerprint();
    assert_eq!(at_time(0), at_time(3_599));
    assert_ne!(at_time(3_599), at_time(3_600));
}

#[test]
fn buttons_carry_the_token_of_the_offer_and_otherwise_that_of_the_incident() {
    let offer = shown(&proposed(proposal())).blocks.to_string();
    assert!(
        offer.contains(r#""value":"tok-1""#) && offer.contains(r#""value":"silence_4h|tok-1""#)
    );
    let waiting = shown(&incident(State::Waiting { why: Why::Unknown }))
        .blocks
        .to_string();
    assert!(
        waiting.contains(r#""value":"H17.1.seed""#)
            && waiting.contains(r#""value":"details|H17.1.seed""#)
    );
}

#[test]
fn the_json_of_an_offer_is_what_slack_expects() {
    let mut incident = proposed(Proposal {
        warnings: vec!["w".into()],
        ..proposal()
    });
    incident.diagnosis.as_mut().unwrap().proof = vec![Proof::Log {
        title: "log".into(),
        lines: vec!["<x>".into()],
    }];
    insta::assert_json_snapshot!(shown(&incident).blocks, @"");
}
