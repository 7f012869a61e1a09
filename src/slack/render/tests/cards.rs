//! The card in every state.
use super::super::{Message, card::card, sample::*, seen::seen};
use crate::domain::{
    diagnosis::Proof,
    incident::{Incident, IncidentId, State, Why},
    memory::{Tally, TrackRecord},
    object::ObjectRef,
    proposal::Proposal,
    recovery::Tracking,
    view::GitOps,
};

pub(super) fn shown(incident: &Incident) -> Message {
    card(incident, None, at(100))
}

#[test]
fn an_offer_says_all_that_is_needed_to_decide() {
    insta::assert_snapshot!(seen(&shown(&proposed(proposal()))), @r"
    # 🔴 Critical: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    ---
    *Proposed: Roll back to revision 41*
    It came with revision 42; revision 41 works beside it.
      | kubectl rollout undo deployment/checkout -n shop --to-revision=41
    Dry run – this would change (now → then):
      | containers[app].image: checkout:2.4.0 → checkout:2.3.9
      | containers[app].env: – → DATABASE_URL
    *Risk: low* – it can be taken back.
    *Track record:* it worked 4 of 5 times here — confidence 0.80, at least 0.38.
    [Roll back to revision 41 (primary)]?{Roll back to revision 41? / Cluster prod-eu. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced. / Roll back to revision 41 / Not now} [Dismiss] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day, Check again]
    (*H17* · offer ends at <!date^1795234320^{time}|04:12 UTC>)
    =
    🔴 Critical: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. Proposed: Roll back to revision 41. Command: kubectl rollout undo deployment/checkout -n shop --to-revision=41
    Risk: low. A decision is needed by 04:12 UTC: Roll back to revision 41 or Dismiss. H17
    ");
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
    insta::assert_snapshot!(seen(&shown(&incident)), @r"
    # 🔴 Critical: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times · managed by Argo CD (shop-prod)
    Third time in 24 h, after H12, H9)
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    ---
    *Proposed: Raise limit to 512Mi*
    The container was killed at its limit of 256Mi.
      | kubectl set resources deployment/checkout -n shop -c app --limits=memory=512Mi
    Dry run – this would change (now → then):
      | containers[app].image: checkout:2.4.0 → checkout:2.3.9
      | containers[app].env: – → DATABASE_URL
    *Risk: medium* – pods are replaced or capacity changes. It can be taken back.
    *Track record:* never tried here.
    ⚠️ Argo CD manages this Deployment and may put the old limit back.
    👥 *1 of 2 approvals:* <@U0ANA> at <!date^1795230840^{time}|03:14 UTC>. One more person has to approve.
    [Raise limit to 512Mi (danger)]?{Raise limit to 512Mi? / Cluster prod-eu. Sets the memory limit of container app of Deployment shop/checkout from 256Mi to 512Mi; its pods are replaced. / Raise limit to 512Mi / Not now} [Dismiss] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day, Check again]
    (*H17* · offer ends at <!date^1795234320^{time}|04:12 UTC>)
    =
    🔴 Critical: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. Proposed: Raise limit to 512Mi. Command: kubectl set resources deployment/checkout -n shop -c app --limits=memory=512Mi
    Risk: medium. A decision is needed by 04:12 UTC: Raise limit to 512Mi or Dismiss. H17
    ");
}

#[test]
fn while_actions_are_paused_nothing_can_be_approved_and_the_card_says_who_paused() {
    let message = card(&proposed(proposal()), Some("U0BEN"), at(100));
    insta::assert_snapshot!(end(&message), @r"
    *Risk: low* – it can be taken back.
    *Track record:* it worked 4 of 5 times here — confidence 0.80, at least 0.38.
    ⏸️ *Actions are paused* by <@U0BEN>. Nothing can be approved until somebody writes `/heal resume`.
    [Dismiss] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day, Check again]
    (*H17* · offer ends at <!date^1795234320^{time}|04:12 UTC>)
    =
    🔴 Critical: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. Proposed: Roll back to revision 41. Command: kubectl rollout undo deployment/checkout -n shop --to-revision=41
    Risk: low. Actions are paused by <@U0BEN>, so nothing can be approved now. H17
    ");
}

#[test]
fn an_offer_that_has_run_out_cannot_be_approved() {
    let message = card(&proposed(proposal()), None, at(3_600));
    insta::assert_snapshot!(end(&message), @r"
    *Risk: low* – it can be taken back.
    *Track record:* it worked 4 of 5 times here — confidence 0.80, at least 0.38.
    ⌛ *This offer has run out.* More → Check again makes a fresh one.
    [Dismiss] [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day, Check again]
    (*H17* · the offer has run out)
    =
    🔴 Critical: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Cause: Revision 42 does not find the variable DATABASE_URL and exits with code 1. Proposed: Roll back to revision 41. Command: kubectl rollout undo deployment/checkout -n shop --to-revision=41
    Risk: low. The offer has run out; Check again makes a fresh one. H17
    ");
}

/// From the line on which the decision begins.
fn end(message: &Message) -> String {
    let all = seen(message);
    all[all.find("*Risk").unwrap()..].to_owned()
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
    insta::assert_snapshot!(seen(&shown(&executing)), @r"
    # ⏳ Running the fix: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Rolling back to revision 41*
    Approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
      | kubectl rollout undo deployment/checkout -n shop --to-revision=41
    (*H17*)
    =
    Running the fix: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Rolling back to revision 41, approved by <@U0ANA>. Command: kubectl rollout undo deployment/checkout -n shop --to-revision=41
    No decision is needed. H17
    ");
    insta::assert_snapshot!(seen(&shown(&clear)), @r"
    # ⏳ Checking the fix: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Rolled back to revision 41*, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>.
    Now: 3 of 3 pods ready.
    Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (*H17*)
    =
    Checking the fix: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Rolled back to revision 41, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>. Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>. No decision is needed. H17
    ");
    insta::assert_snapshot!(seen(&shown(&not_clear)), @r"
    # ⏳ Checking the fix: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Rolled back to revision 41*, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>.
    Now: 2 of 3 pods ready, 1 starting.
    Not clear yet. Heal gives it until <!date^1795231382^{time}|03:23 UTC>.
    It was clear and broke again 2 times.
    [⋯ Details, Silence for 1 hour, Silence for 4 hours, Silence for 1 day]
    (*H17*)
    =
    Checking the fix: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Rolled back to revision 41, approved by <@U0ANA> at <!date^1795230780^{time}|03:13 UTC>. Not clear yet. Heal gives it until <!date^1795231382^{time}|03:23 UTC>.
    It was clear and broke again 2 times. No decision is needed. H17
    ");
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
    insta::assert_snapshot!(lines.join("\n"), @r"
    it worked 4 of 5 times here — confidence 0.80, at least 0.38.
    it worked 1 of 1 time here — confidence 1.00, at least 0.21.
    never tried here. Elsewhere it worked 3 of 4 times — confidence 0.75, at least 0.30.
    never tried here.
    ");
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
    insta::assert_snapshot!(header, @"🔴 Critical: nnnnnnnnnnnnnnnn…nnnnnnnnnnnnnnn/xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…xxxxxxxxxxxxxxxxxxxxxxxxxx-tail is crash-looping");
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
    insta::assert_json_snapshot!(shown(&incident).blocks, @r#"
    [
      {
        "block_id": "0.f977df9d2665",
        "text": {
          "emoji": true,
          "text": "🔴 Critical: shop/checkout is crash-looping",
          "type": "plain_text"
        },
        "type": "header"
      },
      {
        "block_id": "1.2dab47c6aae3",
        "elements": [
          {
            "text": "Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times",
            "type": "mrkdwn",
            "verbatim": true
          }
        ],
        "type": "context"
      },
      {
        "block_id": "2.c266244d7004",
        "text": {
          "text": "*Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.",
          "type": "mrkdwn",
          "verbatim": true
        },
        "type": "section"
      },
      {
        "block_id": "3.aa5cd348ab08",
        "elements": [
          {
            "elements": [
              {
                "text": "Log:",
                "type": "text"
              }
            ],
            "type": "rich_text_section"
          },
          {
            "elements": [
              {
                "text": "<x>",
                "type": "text"
              }
            ],
            "type": "rich_text_preformatted"
          }
        ],
        "type": "rich_text"
      },
      {
        "block_id": "4.de21484af7e2",
        "type": "divider"
      },
      {
        "block_id": "5.20fcf5e341b6",
        "text": {
          "text": "*Proposed: Roll back to revision 41*\nIt came with revision 42; revision 41 works beside it.",
          "type": "mrkdwn",
          "verbatim": true
        },
        "type": "section"
      },
      {
        "block_id": "6.4f7414dd15a6",
        "elements": [
          {
            "elements": [
              {
                "text": "kubectl rollout undo deployment/checkout -n shop --to-revision=41",
                "type": "text"
              }
            ],
            "type": "rich_text_preformatted"
          }
        ],
        "type": "rich_text"
      },
      {
        "block_id": "7.df60689361b0",
        "elements": [
          {
            "elements": [
              {
                "text": "Dry run – this would change (now → then):",
                "type": "text"
              }
            ],
            "type": "rich_text_section"
          },
          {
            "elements": [
              {
                "text": "containers[app].image: checkout:2.4.0 → checkout:2.3.9\ncontainers[app].env: – → DATABASE_URL",
                "type": "text"
              }
            ],
            "type": "rich_text_preformatted"
          }
        ],
        "type": "rich_text"
      },
      {
        "block_id": "8.2c7e197b0416",
        "text": {
          "text": "*Risk: low* – it can be taken back.\n*Track record:* it worked 4 of 5 times here — confidence 0.80, at least 0.38.\n⚠️ w.",
          "type": "mrkdwn",
          "verbatim": true
        },
        "type": "section"
      },
      {
        "block_id": "9.b5528a0b2410",
        "elements": [
          {
            "action_id": "approve",
            "confirm": {
              "confirm": {
                "emoji": true,
                "text": "Roll back to revision 41",
                "type": "plain_text"
              },
              "deny": {
                "emoji": true,
                "text": "Not now",
                "type": "plain_text"
              },
              "text": {
                "emoji": true,
                "text": "Cluster prod-eu. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.",
                "type": "plain_text"
              },
              "title": {
                "emoji": true,
                "text": "Roll back to revision 41?",
                "type": "plain_text"
              }
            },
            "style": "primary",
            "text": {
              "emoji": true,
              "text": "Roll back to revision 41",
              "type": "plain_text"
            },
            "type": "button",
            "value": "tok-1"
          },
          {
            "action_id": "dismiss",
            "text": {
              "emoji": true,
              "text": "Dismiss",
              "type": "plain_text"
            },
            "type": "button",
            "value": "tok-1"
          },
          {
            "action_id": "more",
            "options": [
              {
                "text": {
                  "emoji": true,
                  "text": "Details",
                  "type": "plain_text"
                },
                "value": "details|tok-1"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Silence for 1 hour",
                  "type": "plain_text"
                },
                "value": "silence_1h|tok-1"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Silence for 4 hours",
                  "type": "plain_text"
                },
                "value": "silence_4h|tok-1"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Silence for 1 day",
                  "type": "plain_text"
                },
                "value": "silence_1d|tok-1"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Check again",
                  "type": "plain_text"
                },
                "value": "check_again|tok-1"
              }
            ],
            "type": "overflow"
          }
        ],
        "type": "actions"
      },
      {
        "block_id": "10.8f1418cbd4ea",
        "elements": [
          {
            "text": "*H17* · offer ends at <!date^1795234320^{time}|04:12 UTC>",
            "type": "mrkdwn",
            "verbatim": true
          }
        ],
        "type": "context"
      }
    ]
    "#);
}
