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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
        cluster: "prod-eu".into(),
        now: at(100),
        version: "0.1.0".into(),
        open: vec![],
        muted: vec![],
        memory: (0, 0, 0),
        suppressed: vec![],
        silences: vec![],
        watches: vec![watch("pods"), watch("deployments")],
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
    insta::assert_snapshot!(seen(&status(quiet())), @"");
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
    insta::assert_snapshot!(seen(&status(blind)), @"");
    let young = Status {
        watches: vec![],
        ..quiet()
    };
    insta::assert_snapshot!(status(young).text, @"");
}

#[test]
fn a_busy_status_begins_with_what_needs_a_decision() {
    let busy = Status {
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
    };
    let message = status(busy);
    assert_eq!(limits::problems(&message), Vec::<String>::new());
    insta::assert_snapshot!(seen(&message), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_snapshot!(seen(&reply::report(&Report::Memory(vec![entry("cart", 4, 1), entry("web", 0, 1)]))), @"");
    let many = reply::report(&Report::Memory(vec![entry(&"x".repeat(250), 1, 1); 500]));
    assert_eq!(limits::problems(&many), Vec::<String>::new());
    assert!(many.blocks.to_string().contains("470 more"));
}

#[test]
fn help_and_misunderstandings_say_what_to_write() {
    insta::assert_snapshot!(reply::help().text, @"");
    let wrong = |text: &str| reply::misunderstood(&commands::parse(text).unwrap_err()).text;
    insta::assert_snapshot!([wrong("sttaus"), wrong("silence shop/checkout"), wrong("<!channel> `x`")].join("\n"), @"");
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
    insta::assert_snapshot!(lines.join("\n"), @"");
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
    insta::assert_json_snapshot!(view, @"");
}

#[test]
fn details_show_everything_and_the_commands_to_look_for_oneself() {
    let mut incident = proposed(proposal());
    incident.tries = vec![tried(Verdict::Ineffective)];
    insta::assert_snapshot!(seen(&modal::details(&incident, Some(&("C1".into(), "1.2".into())))), @"");
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
    insta::assert_snapshot!(all[from..].lines().take(3).collect::<Vec<_>>().join("\n"), @"");
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
    insta::assert_snapshot!(seen(&message), @"");
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
    insta::assert_snapshot!(format!("{shown} shown. {end}"), @"");
    // A hundred owners, as a bad rollout of a whole namespace brings them, are all named.
    let hundred = digest(&all.iter().take(100).collect::<Vec<_>>(), at(100));
    assert_eq!(
        hundred.blocks.to_string().matches("shop/workload-").count(),
        100
    );
}
