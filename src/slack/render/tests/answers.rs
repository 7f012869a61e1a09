//! Notes, answers, dialogs and the digest.
use super::super::{
    Message, digest::digest, limits, limits::seen, modal, note::note, reply, sample::*,
};
use crate::{
    domain::{
        action::ActionKind,
        diagnosis::Severity,
        family::Family,
        incident::{ClickReply, DismissReason, Incident, IncidentId, Note, State, Why},
        memory::{Entry, Tally, TrackRecord},
        object::ObjectRef,
        recovery::Verdict,
        report::{Brief, Pause, Report, Stage, Status, WatchHealth},
        silence::{Scope, Silence},
    },
    slack::commands,
};
use jiff::SignedDuration;

fn seconds(seconds: i64) -> SignedDuration {
    SignedDuration::from_secs(seconds)
}

#[test]
fn notes_are_short_and_say_who_did_what() {
    let ben = crate::domain::policy::Person {
        id: "U0BEN".into(),
        ..ana()
    };
    let record = TrackRecord {
        here: Tally {
            successes: 5,
            failures: 1,
        },
        ..TrackRecord::default()
    };
    let verdict = |verdict, detail: &str, action| Note::Verdict {
        verdict,
        detail: detail.into(),
        took: seconds(180),
        action,
        record: Some(record),
    };
    let notes = [
        Note::FirstApproval {
            by: ana(),
            needed: 2,
        },
        Note::Approved {
            by: vec![ana(), ben],
            action: undo(),
        },
        Note::Approved {
            by: vec![],
            action: undo(),
        },
        Note::Applied {
            action: raise(),
            soak: seconds(120),
        },
        Note::NotDone {
            action: undo(),
            why: "revision 43 was rolled out since the diagnosis".into(),
        },
        Note::Unclear {
            action: undo(),
            why: "no answer within 15 s".into(),
        },
        Note::Progress {
            execution: "x".into(),
            summary: "2 of 3 pods ready, 1 starting".into(),
            clear: None,
        },
        Note::Progress {
            execution: "x".into(),
            summary: "3 of 3 pods ready".into(),
            clear: Some((at(122), seconds(120))),
        },
        verdict(Verdict::Recovered, "clear for 2 min", Some(undo())),
        verdict(Verdict::RecoveredByItself, "clear for 2 min", None),
        verdict(
            Verdict::Ineffective,
            "exit code 1 on a new pod",
            Some(undo()),
        ),
        verdict(Verdict::Regressed, "no pod is available now", Some(undo())),
        verdict(Verdict::Failed, "forbidden", Some(undo())),
        verdict(
            Verdict::Reverted,
            "the change is no longer there",
            Some(undo()),
        ),
        verdict(Verdict::TargetGone, "the object is gone", None),
        verdict(
            Verdict::Inconclusive,
            "the cluster could not be watched",
            Some(undo()),
        ),
        Note::Dismissed {
            by: ana(),
            reason: DismissReason::ByHand,
            comment: "on it".into(),
        },
        Note::Dismissed {
            by: ana(),
            reason: DismissReason::FalseAlarm,
            comment: String::new(),
        },
        Note::Expired { action: undo() },
        Note::NewCause {
            headline: "runs out of memory".into(),
            cause: "app was killed at its limit of 256Mi".into(),
        },
    ];
    let incident = proposed(proposal());
    let lines: Vec<String> = notes
        .iter()
        .map(|said| note(&incident, said).text)
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    👥 <@U0ANA> approved. It needs 2 people: one more has to approve.
    👍 <@U0ANA> and <@U0BEN> approved “Roll back to revision 41”. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.
    👍 A rule approved “Roll back to revision 41”. Puts the template of revision 41 back in place of revision 42 of Deployment shop/checkout; its pods are replaced.
    🔧 Done: raised the memory limit of app to 512Mi. Now it has to stay clear for 2 min before Heal calls it recovered.
    ✋ Not done: “Roll back to revision 41”. Revision 43 was rolled out since the diagnosis. Nothing was changed.
    ❔ The cluster did not answer, so it is not known whether the change was made: “Roll back to revision 41”. No answer within 15 s. Heal looks at it again.
    ⏳ 2 of 3 pods ready, 1 starting.
    ⏳ 3 of 3 pods ready. Clear since <!date^1795230842^{time}|03:14 UTC>. It counts as recovered if it stays clear until <!date^1795230962^{time}|03:16 UTC>.
    ✅ Recovered in 3 min: shop/checkout. Clear for 2 min. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    ✅ Cleared by itself after 3 min: shop/checkout. Clear for 2 min.
    ❌ The fix did not help: shop/checkout. Exit code 1 on a new pod. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    🔻 Worse after the fix: shop/checkout. No pod is available now. What was done: rolled back to revision 41. Remembered: it worked 5 of 6 times here — confidence 0.83, at least 0.44.
    ❌ The fix could not be made: shop/checkout. Forbidden.
    🔄 The fix was taken back: shop/checkout. The change is no longer there. What was done: rolled back to revision 41.
    ⚪ The object is gone: shop/checkout.
    ❔ Cannot tell whether it helped: shop/checkout. The cluster could not be watched. What was done: rolled back to revision 41.
    🚫 <@U0ANA> dismissed the fix: handled by hand. “on it” Nothing was changed.
    🚫 <@U0ANA> dismissed the fix: false alarm. Nothing was changed.
    ⌛ Nobody decided in time, so the offer “Roll back to revision 41” ran out. Nothing was changed. Check again on the card makes a fresh offer.
    🔎 Heal looked again, and the cause is another one: shop/checkout runs out of memory. app was killed at its limit of 256Mi.
    ");
}

fn brief(id: u64, name: &str, headline: &str, stage: Stage) -> Brief {
    Brief {
        id: IncidentId(id),
        owner: ObjectRef::new("Deployment", "shop", name, "u"),
        family: Family::Crash,
        headline: headline.into(),
        opened: at(0),
        stage,
        card: Some(("C1".into(), "1.2".into())),
    }
}

fn silence() -> Silence {
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

fn watch(kind: &str) -> WatchHealth {
    WatchHealth {
        kind: kind.into(),
        synced: true,
        last: Some(at(90)),
        error: None,
    }
}

fn quiet() -> Status {
    Status {
        source: None,
        cluster: "prod-eu".into(),
        now: at(100),
        version: "0.1.0".into(),
        open: vec![],
        muted: vec![],
        memory: (0, 0, 0),
        suppressed: vec![],
        silences: vec![],
        watches: vec![watch("pods"), watch("deployments")],
        slack: None,
        paused: None,
        outbox: (0, seconds(0)),
    }
}

fn pause() -> Pause {
    Pause {
        by: "U0BEN".into(),
        since: at(50),
        reason: "deploy freeze".into(),
    }
}

fn status(status: Status) -> Message {
    reply::report(&Report::Status(Box::new(status)))
}

#[test]
fn a_quiet_status_is_short_and_only_claims_quiet_when_heal_can_see() {
    insta::assert_snapshot!(seen(&status(quiet())), @r"
    # ✅ All quiet
    Nothing is open on prod-eu, and every watch works.
    (Watching pods, deployments.
    Heal remembers no fixes yet.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    Nothing is open on prod-eu, and every watch works.
    ");
    let blind = Status {
        watches: vec![
            watch("pods"),
            WatchHealth {
                kind: "nodes".into(),
                synced: false,
                last: None,
                error: Some("nodes is forbidden".into()),
            },
        ],
        ..quiet()
    };
    insta::assert_snapshot!(seen(&status(blind)), @r"
    # ⚠ Heal cannot see everything
    Nothing is open on prod-eu, but that says little now: ⚠️ *1 of 2 watches do not work*: Heal may miss things.
    ⚠️ *Watches that do not work*
    • nodes, never worked: nodes is forbidden.
    (Watching pods.
    Heal remembers no fixes yet.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    Nothing is open on prod-eu, but that says little now: ⚠️ 1 of 2 watches do not work: Heal may miss things.
    ");
    let young = Status {
        watches: vec![],
        ..quiet()
    };
    insta::assert_snapshot!(status(young).text, @"Nothing is open on prod-eu, but that says little now: ⚠️ No watch has started yet.");
    let silenced = Status {
        muted: vec![brief(15, "loadtest", "runs out of memory", Stage::Decision)],
        ..quiet()
    };
    insta::assert_snapshot!(status(silenced).text, @"No decision is needed on prod-eu: what is wrong there is silenced.");
}

pub(super) fn busy() -> Message {
    status(Status {
        open: vec![
            brief(17, "checkout", "is crash-looping", Stage::Decision),
            brief(18, "cart", "runs out of memory", Stage::Verifying),
            brief(19, "search", "fits on no node", Stage::Person),
            brief(20, "mail", "cannot pull its image", Stage::Diagnosing),
            brief(21, "web", "cannot start", Stage::Executing),
        ],
        muted: vec![brief(15, "loadtest", "runs out of memory", Stage::Decision)],
        memory: (3, 9, 2),
        suppressed: vec![("event older than the last start".into(), 12)],
        silences: vec![silence()],
        paused: Some(pause()),
        outbox: (3, seconds(40)),
        ..quiet()
    })
}

#[test]
fn a_busy_status_begins_with_what_needs_a_decision() {
    let message = busy();
    assert_eq!(limits::problems(&message), Vec::<String>::new());
    insta::assert_snapshot!(seen(&message), @r"
    # 🖐 A decision is needed
    *1 incident needs a decision* on prod-eu; 5 open.
    ⏸️ *Actions are paused* by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    🖐 *Needs a decision* (1)
    • *H17* shop/checkout is crash-looping · <!date^1795230720^{ago}|since 03:12 UTC>
    👤 *Needs a person – no safe fix* (1)
    • *H19* shop/search fits on no node · <!date^1795230720^{ago}|since 03:12 UTC>
    ⏳ *Running a fix* (1)
    • *H21* shop/web cannot start · <!date^1795230720^{ago}|since 03:12 UTC>
    ⏳ *Checking whether the fix helped* (1)
    • *H18* shop/cart runs out of memory · <!date^1795230720^{ago}|since 03:12 UTC>
    🔎 *Being diagnosed* (1)
    • *H20* shop/mail cannot pull its image · <!date^1795230720^{ago}|since 03:12 UTC>
    🔕 *Silenced, and still wrong* (1)
    • *H15* shop/loadtest runs out of memory · <!date^1795230720^{ago}|since 03:12 UTC>
    🔕 *Silences*
    • 3: `load/* (oom)` until <!date^1795245120^{date_short_pretty}, {time}|2026-11-21 07:12 UTC>, by <@U0ANA>, kept 4 incidents quiet · `/heal unsilence 3`
    🧹 *Not shown, and why*
    • 12 × event older than the last start
    (`/heal show H17` opens one.
    Waiting to be sent to Slack: 3 messages, the oldest for 40 s.
    Watching pods, deployments.
    Fixes remembered: 9 worked, 2 did not. `/heal memory` lists them.
    Heal 0.1.0 · prod-eu · as of <!date^1795230820^{time}|03:13 UTC>)
    =
    1 incident needs a decision on prod-eu; 5 open. H17 shop/checkout is crash-looping. H19 shop/search fits on no node. ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ");
}

#[test]
fn the_first_sentence_of_a_status_fits_what_is_open() {
    let with = |stages: &[Stage]| {
        let open = stages
            .iter()
            .map(|stage| brief(1, "a", "fails", *stage))
            .collect();
        let message = status(Status { open, ..quiet() });
        format!(
            "{} | {}",
            message.blocks[0]["text"]["text"].as_str().unwrap(),
            message.blocks[1]["text"]["text"].as_str().unwrap()
        )
    };
    let lines = [
        with(&[Stage::Decision]),
        with(&[Stage::Decision, Stage::Decision, Stage::Person]),
        with(&[Stage::Person]),
        with(&[Stage::Verifying]),
    ];
    insta::assert_snapshot!(lines.join("\n"), @r"
    🖐 A decision is needed | *1 incident needs a decision* on prod-eu; 1 open.
    🖐 A decision is needed | *2 incidents need a decision* on prod-eu; 3 open.
    👤 A person is needed | Nothing to approve on prod-eu, but for 1 of 1 open Heal has no safe fix.
    ⏳ Heal is at work | No decision is needed on prod-eu. 1 incident open.
    ");
}

#[test]
fn a_status_with_very_much_in_it_is_still_a_message_that_slack_takes() {
    let long = "long words ".repeat(60);
    let crowded = Status {
        open: (0..400)
            .map(|id| {
                brief(
                    id,
                    &"n".repeat(200),
                    &long,
                    if id % 2 == 0 {
                        Stage::Decision
                    } else {
                        Stage::Person
                    },
                )
            })
            .collect(),
        muted: (0..400)
            .map(|id| brief(id, &"n".repeat(200), &long, Stage::Person))
            .collect(),
        suppressed: vec![(long.clone(), u64::MAX); 100],
        silences: vec![silence(); 100],
        watches: vec![
            WatchHealth {
                kind: long.clone(),
                synced: false,
                last: None,
                error: Some(long)
            };
            50
        ],
        paused: Some(pause()),
        ..quiet()
    };
    assert_eq!(limits::problems(&status(crowded)), Vec::<String>::new());
}

#[test]
fn answers_to_commands_say_what_is_so_now_and_how_to_take_it_back() {
    let answers = [
        Report::Silenced(silence()),
        Report::Unsilenced(silence()),
        Report::Paused(pause()),
        Report::Paused(Pause { reason: String::new(), ..pause() }),
        Report::Resumed { by: "U0ANA".into(), was: pause() },
        Report::Refused("You may not approve RolloutUndo in namespace shop. These may: <@U0BEN>, <!subteam^S1>.".into()),
        Report::Memory(vec![]),
    ];
    let lines: Vec<String> = answers
        .iter()
        .map(|answer| reply::report(answer).text)
        .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    🔕 <@U0ANA> silenced `load/* (oom)` until <!date^1795245120^{date_short_pretty}, {time}|2026-11-21 07:12 UTC>. Heal goes on watching, and `/heal status` shows what stays quiet. `/heal unsilence 3` lifts it.
    🔔 Silence 3 on `load/* (oom)` is lifted. It kept 4 incidents quiet; what is still wrong gets its card now.
    ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>: deploy freeze. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ⏸️ Actions are paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>. Heal goes on watching and diagnosing. `/heal resume` ends the pause.
    ▶️ Actions can be approved again, thanks to <@U0ANA>. They were paused by <@U0BEN> since <!date^1795230770^{date_short_pretty}, {time}|2026-11-21 03:12 UTC>.
    ✋ You may not approve RolloutUndo in namespace shop. These may: <@U0BEN>, <!subteam^S1>.
    🧠 Heal remembers nothing yet. It learns from every fix that it could verify.
    ");
}

#[test]
fn the_memory_is_listed_with_shares_and_certainty() {
    let entry = |name: &str, successes, failures| Entry {
        signature: "oom.container".into(),
        action: ActionKind::SetMemoryLimit,
        workload: format!("prod-eu/Deployment/shop/{name}"),
        tally: Tally {
            successes,
            failures,
        },
    };
    insta::assert_snapshot!(seen(&reply::report(&Report::Memory(vec![entry("cart", 4, 1), entry("web", 0, 1)]))), @r"
    # 🧠 Which fixes worked
    • SetMemoryLimit for oom.container on prod-eu/Deployment/shop/cart: worked 4 of 5 times — confidence 0.80, at least 0.38
    • SetMemoryLimit for oom.container on prod-eu/Deployment/shop/web: worked 0 of 1 time — confidence 0.00, at least 0.00
    (“At least” is what the share is with 95 % certainty, given how few tries there were.)
    =
    Which fixes worked: 2 combinations remembered. SetMemoryLimit for oom.container on prod-eu/Deployment/shop/cart: worked 4 of 5 times — confidence 0.80, at least 0.38. SetMemoryLimit for oom.container on prod-eu/Deployment/shop/web: worked 0 of 1 time — confidence 0.00, at least 0.00.
    ");
    let many = reply::report(&Report::Memory(vec![entry(&"x".repeat(250), 1, 1); 500]));
    assert_eq!(limits::problems(&many), Vec::<String>::new());
    assert!(many.blocks.to_string().contains("470 more"));
}

#[test]
fn help_and_misunderstandings_say_what_to_write() {
    insta::assert_snapshot!(reply::help().text, @r"
    What you can write
    • `/heal status` – what is open, what needs you, and how Heal is
    • `/heal show H17` – one incident with all its details
    • `/heal memory` – which fixes worked where
    • `/heal forecast` – what is running out of memory and when, and how good such forecasts were
    • `/heal silence shop/checkout 4h` – keep one workload quiet; `shop/*` is a whole namespace, `node/worker-1` a node; `oom` or another kind of trouble may follow
    • `/heal unsilence 3` – lift a silence
    • `/heal pause deploy freeze` – nobody can approve actions until resumed; a reason is welcome
    • `/heal resume` – actions can be approved again
    • `/heal help` – this list
    Times are like `30m`, `4h` or `1d`, seven days at most. A name may end in `*`.
    ");
    let wrong = |text: &str| reply::misunderstood(&commands::parse(text).unwrap_err()).text;
    insta::assert_snapshot!([wrong("sttaus"), wrong("silence shop/checkout"), wrong("<!channel> `x`")].join("\n"), @r"
    🤔 “sttaus” is not a command. Did you mean status?
    Write `/heal status`
    These exist: `/heal status`, `/heal show H17`, `/heal memory`, `/heal forecast`, `/heal silence shop/checkout 4h`, `/heal unsilence 3`, `/heal pause deploy freeze`, `/heal resume`, `/heal help`
    🤔 For how long? Seven days at most.
    Write `/heal silence shop/checkout 4h`
    🤔 “&lt;!channel&gt;” is not a command.
    Write `/heal help`
    These exist: `/heal status`, `/heal show H17`, `/heal memory`, `/heal forecast`, `/heal silence shop/checkout 4h`, `/heal unsilence 3`, `/heal pause deploy freeze`, `/heal resume`, `/heal help`
    ");
}

#[test]
fn every_click_that_needs_words_gets_them() {
    assert_eq!(reply::click(&ClickReply::Accepted), None);
    let lines: Vec<String> = [
        ClickReply::NeedsAnother,
        ClickReply::Refused("This offer has run out. <@U0BEN> may & <x>".into()),
    ]
    .iter()
    .filter_map(reply::click)
    .map(super::super::mrkdwn::Markup::into_string)
    .collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    👍 Your approval counts. One more person has to approve before anything happens.
    ✋ This offer has run out. <@U0BEN> may &amp; &lt;x&gt;
    ");
}

#[test]
fn the_dismiss_dialog_asks_why_and_remembers_which_card() {
    let target = modal::DismissTarget {
        token: "tok-1".into(),
        channel: "C1".into(),
        ts: "1.2".into(),
    };
    let view = modal::dismiss(&target);
    let back: modal::DismissTarget =
        serde_json::from_str(view["private_metadata"].as_str().unwrap()).unwrap();
    assert_eq!(back, target);
    assert_eq!(
        limits::of_blocks(&view["blocks"], 100),
        Vec::<String>::new()
    );
    insta::assert_json_snapshot!(view, @r#"
    {
      "blocks": [
        {
          "block_id": "reason",
          "element": {
            "action_id": "reason",
            "initial_option": {
              "text": {
                "emoji": true,
                "text": "False alarm",
                "type": "plain_text"
              },
              "value": "false_alarm"
            },
            "options": [
              {
                "text": {
                  "emoji": true,
                  "text": "False alarm",
                  "type": "plain_text"
                },
                "value": "false_alarm"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Wrong fix",
                  "type": "plain_text"
                },
                "value": "wrong_fix"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Handled by hand",
                  "type": "plain_text"
                },
                "value": "by_hand"
              },
              {
                "text": {
                  "emoji": true,
                  "text": "Other",
                  "type": "plain_text"
                },
                "value": "other"
              }
            ],
            "type": "radio_buttons"
          },
          "label": {
            "emoji": true,
            "text": "Why?",
            "type": "plain_text"
          },
          "type": "input"
        },
        {
          "block_id": "comment",
          "element": {
            "action_id": "comment",
            "max_length": 500,
            "multiline": true,
            "type": "plain_text_input"
          },
          "hint": {
            "emoji": true,
            "text": "Shown in the thread. Heal changes nothing and keeps watching.",
            "type": "plain_text"
          },
          "label": {
            "emoji": true,
            "text": "What should the others know?",
            "type": "plain_text"
          },
          "optional": true,
          "type": "input"
        }
      ],
      "callback_id": "dismiss",
      "close": {
        "emoji": true,
        "text": "Keep the offer",
        "type": "plain_text"
      },
      "private_metadata": "{\"channel\":\"C1\",\"token\":\"tok-1\",\"ts\":\"1.2\"}",
      "submit": {
        "emoji": true,
        "text": "Dismiss",
        "type": "plain_text"
      },
      "title": {
        "emoji": true,
        "text": "Dismiss this fix",
        "type": "plain_text"
      },
      "type": "modal"
    }
    "#);
}

#[test]
fn details_show_everything_and_the_commands_to_look_for_oneself() {
    let mut incident = proposed(proposal());
    incident.tries = vec![tried(Verdict::Ineffective)];
    insta::assert_snapshot!(seen(&modal::details(&incident, Some(&("C1".into(), "1.2".into())))), @r"
    # H17 · needs a decision: shop/checkout is crash-looping
    (Cluster *prod-eu* · Deployment `shop/checkout` · since <!date^1795230720^{time} ({ago})|03:12 UTC> · seen 7 times)
    *Cause:* Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    • exit code 1, 4 times in 6 min
    • 2 pods of revision 41 are available now
    Last lines of app before it ended:
      | INFO  starting checkout 2.4.0
      | ERROR KeyError: 'DATABASE_URL' <!channel> ``` *boom*
    • Image of revision 42: registry.example/shop/checkout:2.4.0
    The fix:
      | kubectl rollout undo deployment/checkout -n shop --to-revision=41
    What it changes (now → then):
      | spec.template.spec.containers[app].image: checkout:2.4.0 → checkout:2.3.9
      | spec.template.spec.containers[app].env: – → DATABASE_URL
    *Tried so far:*
    • <!date^1795231020^{date_short_pretty}, {time}|2026-11-21 03:17 UTC>: rolled back to revision 41 – the fix did not help
    Look for yourself:
      | kubectl describe deployment checkout -n shop
      | kubectl describe pod checkout-7d9f-x2k4q -n shop
      | kubectl logs checkout-7d9f-x2k4q -n shop -c app --previous --tail=50
      | kubectl rollout history deployment/checkout -n shop
      | kubectl get events -n shop --sort-by=.lastTimestamp
    (Its card is in <#C1>.
    🔴 Critical · signature `crash.exit_code` · family crash · sure of it: 95 %
    uid `uid-1`)
    =
    H17, needs a decision: Deployment shop/checkout is crash-looping (cluster prod-eu, since 03:12 UTC, seen 7 times). Revision 42 does not find the variable DATABASE_URL and exits with code 1.
    ");
    let view = modal::details_view(&incident);
    assert_eq!(view["title"]["text"], "Details of H17");
    assert_eq!(
        limits::of_blocks(&view["blocks"], 100),
        Vec::<String>::new()
    );
}

#[test]
fn details_of_a_node_have_the_commands_for_nodes_and_quote_what_a_shell_would_read() {
    let mut incident = incident(State::Waiting { why: Why::Unknown });
    incident.owner = ObjectRef::new("Node", "", "worker-1; rm -rf /", "u");
    let message = modal::details(&incident, None);
    let all = seen(&message);
    let from = all.find("Look for yourself").unwrap();
    insta::assert_snapshot!(all[from..].lines().take(3).collect::<Vec<_>>().join("\n"), @r"
    Look for yourself:
      | kubectl describe node 'worker-1; rm -rf /'
      | kubectl get pods -A -o wide --field-selector spec.nodeName='worker-1; rm -rf /'
    ");
}

fn member(id: u64, name: &str, family: Family, severity: Option<Severity>) -> Incident {
    let mut incident = proposed(proposal());
    incident.id = IncidentId(id);
    incident.owner.name = name.into();
    incident.family = family;
    match severity {
        Some(severity) => incident.diagnosis.as_mut().unwrap().severity = severity,
        None => incident.diagnosis = None,
    }
    incident
}

#[test]
fn a_digest_names_every_owner_worst_first() {
    let all = [
        member(17, "checkout", Family::Crash, Some(Severity::Warning)),
        member(18, "cart", Family::Oom, Some(Severity::Critical)),
        member(19, "search", Family::Oom, Some(Severity::Critical)),
        member(20, "mail", Family::Image, None),
    ];
    let message = digest(&all.iter().collect::<Vec<_>>(), at(100));
    insta::assert_snapshot!(seen(&message), @r"
    # 🌩 4 problems at once
    *🔴 Critical – runs out of memory* (2)
    shop/cart *H18* · shop/search *H19*
    *🟡 Warning – is crash-looping* (1)
    shop/checkout *H17*
    *⚪ Not diagnosed yet – cannot pull its image* (1)
    shop/mail *H20*
    (As of <!date^1795230820^{time}|03:13 UTC>. `/heal show H17` opens one.)
    =
    4 problems at once, as of 03:13 UTC. 🔴 Critical – runs out of memory: 2. 🟡 Warning – is crash-looping: 1. ⚪ Not diagnosed yet – cannot pull its image: 1. `/heal show H17` opens one.
    ");
}

#[test]
fn a_digest_of_a_storm_fits_and_counts_what_it_leaves_out() {
    let all: Vec<Incident> = (0..2_000)
        .map(|n| {
            member(
                n,
                &format!("workload-{n}"),
                if n % 3 == 0 {
                    Family::Oom
                } else {
                    Family::Crash
                },
                Some(Severity::Major),
            )
        })
        .collect();
    let message = digest(&all.iter().collect::<Vec<_>>(), at(100));
    assert_eq!(limits::problems(&message), Vec::<String>::new());
    let shown = message.blocks.to_string().matches("shop/workload-").count();
    let end = message
        .blocks
        .as_array()
        .unwrap()
        .iter()
        .rev()
        .nth(1)
        .unwrap()["text"]["text"]
        .as_str()
        .unwrap()
        .to_owned();
    insta::assert_snapshot!(format!("{shown} shown. {end}"), @"386 shown. *Not listed for want of room:* 281 × 🟠 Major – runs out of memory, 1333 × 🟠 Major – is crash-looping. `/heal status` lists the most urgent.");
    // A hundred owners, as a bad rollout of a whole namespace brings them, are all named.
    let hundred = digest(&all.iter().take(100).collect::<Vec<_>>(), at(100));
    assert_eq!(
        hundred.blocks.to_string().matches("shop/workload-").count(),
        100
    );
}
